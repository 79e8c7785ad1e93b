/* Tests of common/cluster_config.c: what all nodes of a cluster agree on. */
#include "common/cluster_config.h"

#include "common/ipc/message.h"
#include "tests/lib/test.h"

static void
put(struct buf *items, uint16_t number, uint64_t value)
{
	config_item_put(items, &(struct config_item){ .number = number, .value = value });
}

static struct cluster_config
taken(const struct buf *items)
{
	struct cluster_config config;

	cluster_config_init(&config);
	assert_int_equal(cluster_config_take(&config, buf_slice(items)), ERR_NONE);
	return config;
}

/* Logs and directories hold these numbers; the values of logs that do not say them. */
TEST(numbers_and_defaults_are_those_of_the_format)
{
	static const struct {
		uint16_t number;
		uint64_t initial;
		const char *json;
	} rows[] = { { 1, 9, "activeSize" }, { 2, 1800000, "removeDelay" },
		{ 3, 5000, "syncInterval" }, { 4, 128, "maxKeyNames" },
		{ 5, 16384, "maxKeyBytes" }, { 6, 16777216, "historyBytes" },
		{ 7, 1000, "historyEvents" },
		{ 8, CONFIG_NO, "strictMembers" } };
	struct cluster_config config;

	cluster_config_init(&config);
	assert_int_equal(CONFIG_ROWS, ARRAY_COUNT(rows));
	for (size_t i = 0; i < CONFIG_ROWS; i++) {
		assert_int_equal(config_rows[i].number, rows[i].number);
		assert_true(cluster_config_value(&config, &config_rows[i]) == rows[i].initial);
		assert_string_equal(config_rows[i].json, rows[i].json);
	}
}

TEST(what_is_put_is_taken_again)
{
	struct buf items = BUF_INIT, again = BUF_INIT;
	struct cluster_config config;

	put(&items, 6, 2 * MIB);
	put(&items, 1, 5);
	put(&items, 4, 1024);
	config = taken(&items);
	assert_true(config.history_bytes == 2 * MIB);
	assert_true(config.active_size == 5);
	assert_true(config.max_key_names == 1024);
	assert_true(config.max_key_bytes == KEY_BYTES_DEFAULT);
	buf_clear(&items);
	cluster_config_put(&config, &items);
	config = taken(&items);
	cluster_config_put(&config, &again);
	assert_true(slice_equal(buf_slice(&items), buf_slice(&again)));
	buf_free(&items);
	buf_free(&again);
}

TEST(a_value_out_of_bounds_becomes_the_nearest)
{
	for (size_t i = 0; i < CONFIG_ROWS; i++) {
		const struct config_row *row = &config_rows[i];
		const struct {
			uint64_t given, kept;
		} values[] = { { 0, row->min }, { row->min - 1, row->min }, { row->min, row->min },
			{ row->max, row->max }, { row->max + 1, row->max },
			{ UINT64_MAX, row->max } };

		for (size_t j = 0; j < ARRAY_COUNT(values); j++) {
			struct buf items = BUF_INIT;
			struct cluster_config config;

			cluster_config_put_item(&items, row, values[j].given);
			config = taken(&items);
			assert_true(cluster_config_value(&config, row) == values[j].kept);
			buf_free(&items);
		}
	}
}

TEST(of_a_number_that_is_there_twice_the_last_counts)
{
	struct buf items = BUF_INIT;
	struct cluster_config config;

	put(&items, 1, 5);
	put(&items, 900, 1);
	put(&items, 1, 7);
	put(&items, 900, 2);
	config = taken(&items);
	assert_true(config.active_size == 7);
	assert_int_equal(config.unknown_count, 1);
	assert_true(config.unknown[0].value == 2);
	buf_free(&items);
}

TEST(values_of_newer_programs_are_kept_in_order_and_not_without_end)
{
	struct buf items = BUF_INIT, kept = BUF_INIT;
	struct cluster_config config, again;

	for (uint16_t i = 0; i < 2 * CONFIG_UNKNOWN_MAX; i++)
		put(&items, (uint16_t)(1000 - i), i);
	config = taken(&items);
	assert_int_equal(config.unknown_count, CONFIG_UNKNOWN_MAX);
	for (size_t i = 0; i < CONFIG_UNKNOWN_MAX; i++) {
		assert_int_equal(config.unknown[i].number, 1000 - 2 * CONFIG_UNKNOWN_MAX + 1 + i);
		assert_true(config.unknown[i].value == 1000u - config.unknown[i].number);
	}
	cluster_config_put(&config, &kept);
	again = taken(&kept);
	assert_int_equal(again.unknown_count, CONFIG_UNKNOWN_MAX);
	assert_memory_equal(again.unknown, config.unknown, sizeof(config.unknown));
	buf_free(&items);
	buf_free(&kept);
}

TEST(a_list_that_is_cut_changes_nothing)
{
	struct buf items = BUF_INIT;
	struct cluster_config config;

	put(&items, 1, 5);
	put(&items, 3, 7000);
	for (size_t size = 1; size < items.size; size++) {
		if (size % (items.size / 2) == 0)
			continue;
		cluster_config_init(&config);
		assert_int_equal(cluster_config_take(&config, slice_of(items.data, size)),
		    ERR_MALFORMED);
		assert_true(config.active_size == ACTIVE_SIZE_DEFAULT);
		assert_true(config.sync_interval_ms == SYNC_INTERVAL_MS_DEFAULT);
	}
	buf_free(&items);
}
