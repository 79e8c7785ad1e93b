/*
 * config_state_test.c - the configuration of the cluster in the log and in the
 * applied state, in the forms of today and of before.
 */
#include "raftd/node_priv.h"

#include "raftd/replica/config_state.h"
#include "raftd/replica/state.h"
#include "tests/lib/test.h"
#include "tests/unit/raftd/world.h"

static const uint8_t config_key[] = { STATE_CONFIG };

/* What the record of effects says; a record of the applied state has to be STATE_CONFIG's. */
static enum err
load(struct cluster_config *config, const struct buf *value)
{
	return config_state_load(config, slice_of(config_key, sizeof(config_key)),
	    buf_slice(value));
}

TEST(a_record_of_before_has_the_defaults_for_what_it_does_not_say)
{
	struct buf value = BUF_INIT;
	struct cluster_config config;

	config_state_put(&value, &(struct config_state){ .format = 1, .active_size = 5,
	    .remove_delay_ms = 9000, .sync_interval_ms = 4000 });
	assert_int_equal(load(&config, &value), ERR_NONE);
	assert_true(config.active_size == 5);
	assert_true(config.remove_delay_ms == 9000);
	assert_true(config.sync_interval_ms == 4000);
	assert_true(config.max_key_names == KEY_NAMES_DEFAULT);
	assert_true(config.max_key_bytes == KEY_BYTES_DEFAULT);
	assert_true(config.history_bytes == HISTORY_BYTES_DEFAULT);
	assert_true(config.history_events == HISTORY_EVENTS_DEFAULT);
	buf_free(&value);
}

TEST(a_record_is_loaded_as_it_was_saved)
{
	struct buf effects = BUF_INIT, items = BUF_INIT;
	struct cluster_config config, loaded;
	struct state_record record;
	struct reader in;

	cluster_config_init(&config);
	config.max_key_names = 7;
	config.history_bytes = 3 * MIB;
	config.history_events = 5000;
	config_item_put(&items, &(struct config_item){ .number = 700, .value = 8 });
	assert_int_equal(cluster_config_take(&config, buf_slice(&items)), ERR_NONE);
	config_state_save(&config, &effects);
	in = reader_of(buf_slice(&effects));
	assert_true(state_record_get(&in, &record) && reader_done(&in));
	assert_int_equal(config_state_load(&loaded, record.key, record.value), ERR_NONE);
	assert_memory_equal(&loaded, &config, sizeof(config));
	buf_free(&effects);
	buf_free(&items);
}

TEST(a_damaged_record_is_none)
{
	struct buf value = BUF_INIT;
	struct cluster_config config;

	assert_int_equal(load(&config, &value), ERR_CORRUPT);
	for (uint8_t format = 0; format < 4; format++) {
		buf_clear(&value);
		config_items_state_put(&value, &(struct config_items_state){ .format = format,
		    .items = SLICE_LITERAL("123") });
		assert_int_equal(load(&config, &value), ERR_CORRUPT);
	}
	buf_free(&value);
}

/* The log holds all values, so that no default of another program counts. */
TEST(a_new_cluster_writes_all_values_down)
{
	struct world *w = world_leading();
	struct cluster_config config;
	struct msg_status status;

	node_status(w->node, &status);
	cluster_config_init(&config);
	assert_int_equal(cluster_config_take(&config, status.config), ERR_NONE);
	assert_memory_equal(&config, &w->node->replica->config, sizeof(config));
	world_free(w);
}

static void
apply(struct world *w, enum command_kind kind, void (*put)(struct buf *, const void *),
    const void *body)
{
	struct command_head head = { .kind = (uint8_t)kind };
	struct raft_entry entry = { .term = 1, .time_ns = w->now.wall_ns,
		.type = RAFT_ENTRY_COMMAND };
	struct buf bytes = BUF_INIT;

	entry.index = w->node->applied.index + 1;
	command_head_put(&bytes, &head);
	put(&bytes, body);
	entry.payload = blob_new(buf_slice(&bytes));
	node_apply(w->node, &entry);
	blob_unref(&entry.payload);
	buf_free(&bytes);
}

static void
put_old(struct buf *out, const void *body)
{
	command_config_put(out, body);
}

static void
put_items(struct buf *out, const void *body)
{
	command_config_items_put(out, body);
}

TEST(commands_of_both_forms_are_applied)
{
	struct world *w = world_leading();
	const struct cluster_config *config = &w->node->replica->config;
	struct buf items = BUF_INIT;

	apply(w, COMMAND_CONFIG, put_old, &(struct command_config){ .active_size = 1,
	    .sync_interval_ms = 2500 });
	assert_true(config->active_size == ACTIVE_SIZE_MIN);
	assert_true(config->remove_delay_ms == REMOVE_DELAY_MS_DEFAULT);
	assert_true(config->sync_interval_ms == 2500);
	cluster_config_put_item(&items, &config_rows[CONFIG_ROW_max_key_bytes], UINT64_MAX);
	apply(w, COMMAND_CONFIG_ITEMS, put_items,
	    &(struct command_config_items){ .items = buf_slice(&items) });
	assert_true(config->max_key_bytes == KEY_BYTES_MAX);
	assert_true(config->sync_interval_ms == 2500);
	buf_append_byte(&items, 1);
	apply(w, COMMAND_CONFIG_ITEMS, put_items,
	    &(struct command_config_items){ .items = buf_slice(&items) });
	assert_true(config->active_size == ACTIVE_SIZE_MIN);
	buf_free(&items);
	world_free(w);
}

/* A log from before, from its first entry on. */
TEST(a_cluster_of_before_begins_with_its_three_numbers_and_the_defaults)
{
	struct world *w = world_new(true, WORLD_TRIM_ENTRIES);
	const struct cluster_config *config = &w->node->replica->config;
	struct command_head head = { .kind = COMMAND_CREATE };
	struct command_create create = { .id = 0xa1, .cluster_id = 7,
		.name = SLICE_LITERAL("one"), .peer_url = SLICE_LITERAL("http://127.0.0.1:7001"),
		.client_url = SLICE_LITERAL("http://127.0.0.1:4001"), .active_size = 5,
		.remove_delay_ms = 3000 };
	struct raft_entry entry = { .index = 1, .term = 1, .time_ns = w->now.wall_ns,
		.type = RAFT_ENTRY_CONF, .conf_op = RAFT_CONF_ADD_VOTER, .conf_peer = 0xa1 };
	struct buf bytes = BUF_INIT;

	command_head_put(&bytes, &head);
	command_create_put(&bytes, &create);
	entry.payload = blob_new(buf_slice(&bytes));
	node_apply(w->node, &entry);
	assert_true(config->active_size == 5);
	assert_true(config->remove_delay_ms == 3000);
	assert_true(config->sync_interval_ms == SYNC_INTERVAL_MS_DEFAULT);
	assert_true(config->max_key_names == KEY_NAMES_DEFAULT);
	assert_int_equal(w->node->replica->members.count, 1);
	blob_unref(&entry.payload);
	buf_free(&bytes);
	world_free(w);
}
