/*
 * option_test.c - values of options: each kind, its bounds, its messages, and
 * the way through settings.
 */
#include "common/option.h"

#include "common/xmem.h"
#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

static void
assert_problem(enum option_id id, const char *text, const char *expected)
{
	struct config config;
	char *problem = NULL;

	config_init(&config);
	assert_int_equal(config_set(&config, id, text, &problem), ERR_INVALID);
	assert_string_equal(problem, expected);
	free(problem);
	config_free(&config);
}

static char *
set_and_print(enum option_id id, const char *text)
{
	struct buf out = BUF_INIT;
	struct config config;
	char *problem, *printed;

	config_init(&config);
	assert_int_equal(config_set(&config, id, text, &problem), ERR_NONE);
	config_print(&config, id, &out);
	printed = xasprintf("%.*s", (int)out.size, out.size == 0 ? "" : (const char *)out.data);
	buf_free(&out);
	config_free(&config);
	return printed;
}

static void
assert_printed(enum option_id id, const char *text, const char *expected)
{
	char *printed = set_and_print(id, text);

	assert_string_equal(printed, expected);
	free(printed);
}

TEST(defaults_are_those_of_the_table)
{
	struct config config;

	config_init(&config);
	assert_string_equal(config.addr, "127.0.0.1:4001");
	assert_string_equal(config.peer_addr, "127.0.0.1:7001");
	assert_string_equal(config.name, "");
	assert_true(config.snapshot);
	assert_int_equal(config.snapshot_count, 10000);
	assert_int_equal(config.http_read_timeout, 300000);
	assert_int_equal(config.max_header_bytes, 65536);
	assert_int_equal(config.max_body_bytes, 10485760);
	assert_int_equal(config.peer_election_timeout, 200);
	config_free(&config);
}

TEST(every_default_prints_to_what_sets_it_again)
{
	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		const struct option_row *row = &option_rows[id];
		char *printed, *again;

		if (row->initial[0] == '\0')
			continue;
		printed = set_and_print(id, row->initial);
		again = set_and_print(id, printed);
		assert_string_equal(printed, again);
		free(printed);
		free(again);
	}
}

TEST(numbers_outside_their_bounds_name_the_bound)
{
	assert_problem(OPTION_snapshot_count, "-5", "-5 is below the minimum 1");
	assert_problem(OPTION_snapshot_count, "0", "0 is below the minimum 1");
	assert_problem(OPTION_peer_heartbeat_interval, "10001", "10001 is above the maximum 10000");
	assert_problem(OPTION_max_connections, "99999999999999999999999",
	    "99999999999999999999999 is above the maximum 1000000");
	assert_problem(OPTION_request_timeout, "0.05", "0.05 is below the minimum 0.1");
	assert_problem(OPTION_max_body_bytes, "11M", "11M is above the maximum 10485760");
}

TEST(what_is_no_number_is_quoted)
{
	assert_problem(OPTION_snapshot_count, "x", "\"x\" is not a whole number");
	assert_problem(OPTION_snapshot_count, "1.5", "\"1.5\" is not a whole number");
	assert_problem(OPTION_snapshot_count, "1 ", "\"1 \" is not a whole number");
	assert_problem(OPTION_snapshot_count, "", "\"\" is not a whole number");
	assert_problem(OPTION_idle_timeout, "1.", "\"1.\" is not a number of seconds");
	assert_problem(OPTION_storage_cache, "1X",
	    "\"1X\" is not a size; write a number, or one with K, M or G");
	assert_problem(OPTION_snapshot, "yes", "\"yes\" is neither true nor false");
}

TEST(seconds_take_a_fraction_and_sizes_a_suffix)
{
	assert_printed(OPTION_retry_interval, "2.5", "2.5");
	assert_printed(OPTION_retry_interval, "0.0125", "0.012");
	assert_printed(OPTION_retry_interval, "10", "10");
	assert_printed(OPTION_storage_cache, "8M", "8388608");
	assert_printed(OPTION_storage_cache, "64k", "65536");
	assert_printed(OPTION_storage_cache, "1G", "1073741824");
}

TEST(addresses_have_host_and_port)
{
	assert_printed(OPTION_addr, "[::1]:4001", "[::1]:4001");
	assert_printed(OPTION_addr, "machine1:0", "machine1:0");
	assert_problem(OPTION_addr, "127.0.0.1", "\"127.0.0.1\": no port; write host:port");
	assert_problem(OPTION_addr, ":4001", "\":4001\": no host; write host:port");
	assert_problem(OPTION_addr, "[]:4001", "\"[]:4001\": no host; write host:port");
	assert_problem(OPTION_addr, "http://127.0.0.1:4001",
	    "\"http://127.0.0.1:4001\": no scheme here; write 127.0.0.1:4001");
	assert_problem(OPTION_addr, "::1:4001",
	    "\"::1:4001\": an IPv6 address needs brackets; write [address]:port");
	assert_problem(OPTION_addr, "a:65536", "\"a:65536\": \"65536\" is not a port");
	assert_problem(OPTION_addr, "a:", "\"a:\": \"\" is not a port");
	assert_problem(OPTION_addr, "a/b:1", "\"a/b:1\": a host cannot have \"/\" in it");
}

TEST(lists_lose_blanks_and_empty_items)
{
	assert_printed(OPTION_peers, " a:1 ,, b:2,", "a:1,b:2");
	assert_printed(OPTION_peers, "", "");
	assert_printed(OPTION_peers, ",", "");
}

TEST(a_wrong_value_changes_nothing)
{
	struct config config;
	char *problem;

	config_init(&config);
	assert_int_equal(config_set(&config, OPTION_addr, "nowhere", &problem), ERR_INVALID);
	free(problem);
	assert_string_equal(config.addr, "127.0.0.1:4001");
	config_free(&config);
}

TEST(flags_have_aliases_and_old_names)
{
	assert_string_equal(option_by_flag("addr")->name, "addr");
	assert_string_equal(option_by_flag("address")->name, "addr");
	assert_false(option_flag_deprecated("address"));
	assert_string_equal(option_by_flag("sl")->name, "peer_bind_addr");
	assert_true(option_flag_deprecated("sl"));
	assert_null(option_by_flag("nothing"));
	assert_null(option_by_flag("client_url"));
	assert_string_equal(option_by_environment("ETCD_PEER_ADDR")->name, "peer_addr");
	assert_string_equal(option_by_environment("ETCD_SNAPSHOTCOUNT")->name, "snapshot_count");
	assert_null(option_by_environment("ETCD_NOTHING"));
}

TEST(a_typing_mistake_finds_its_option)
{
	assert_string_equal(option_nearest("peer-adr"), "peer-addr");
	assert_string_equal(option_nearest("snapshotcount"), "snapshot-count");
	assert_null(option_nearest("zzzzzz"));
}

TEST(settings_carry_every_option)
{
	struct config from, to;
	struct buf first = BUF_INIT, second = BUF_INIT;
	char *problem;

	config_init(&from);
	config_init(&to);
	assert_int_equal(config_set(&from, OPTION_name, "machine1", &problem), ERR_NONE);
	assert_int_equal(config_set(&from, OPTION_client_url, "http://a:1", &problem), ERR_NONE);
	assert_int_equal(config_set(&from, OPTION_retry_interval, "3.217", &problem), ERR_NONE);
	assert_int_equal(config_set(&from, OPTION_no_fsync, "true", &problem), ERR_NONE);
	config_to_settings(&from, &first);
	assert_int_equal(config_from_settings(&to, buf_slice(&first)), ERR_NONE);
	assert_string_equal(to.name, "machine1");
	assert_string_equal(to.client_url, "http://a:1");
	assert_int_equal(to.retry_interval, 3217);
	assert_true(to.no_fsync);
	config_to_settings(&to, &second);
	assert_true(slice_equal(buf_slice(&first), buf_slice(&second)));
	buf_free(&first);
	buf_free(&second);
	config_free(&from);
	config_free(&to);
}

TEST(settings_cut_anywhere_are_refused)
{
	struct buf settings = BUF_INIT;
	struct config config;
	size_t refused = 0;

	config_init(&config);
	config_to_settings(&config, &settings);
	for (size_t size = 1; size < settings.size; size++) {
		struct config other;

		config_init(&other);
		/* A cut between two records leaves a shorter list, which is one. */
		if (config_from_settings(&other, slice_of(settings.data, size)) != ERR_NONE)
			refused++;
		config_free(&other);
	}
	assert_true(refused == settings.size - 1 - (OPTION_COUNT - 1));
	buf_free(&settings);
	config_free(&config);
}

TEST(every_file_key_is_found_and_the_nearest_one_to_a_wrong_one)
{
	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		const struct option_row *row = &option_rows[id];

		if (row->file_key != NULL)
			assert_ptr_equal(option_by_file_key(row->file_key), row);
	}
	assert_ptr_equal(option_by_file_key("max_cluster_size"),
	    &option_rows[OPTION_cluster_active_size]);
	assert_null(option_by_file_key("peer"));
	assert_null(option_by_file_key("peer_addr"));
	assert_string_equal(option_nearest_file_key("peer.adr"), "peer.addr");
	assert_string_equal(option_nearest_file_key("peer_addr"), "peer.addr");
	assert_string_equal(option_nearest_file_key("workers"), "server.workers");
	assert_null(option_nearest_file_key("qqqqqqqq"));
}

TEST(file_keys_follow_from_the_flags)
{
	static const char *const tables[] = { "peer", "cluster", "server", "log", "limits",
	    "storage", "v3" };

	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		const char *key = option_rows[id].file_key;
		bool known = key == NULL || strchr(key, '.') == NULL;

		for (size_t i = 0; i < ARRAY_COUNT(tables) && !known; i++)
			known = strncmp(key, tables[i], strlen(tables[i])) == 0 &&
			    key[strlen(tables[i])] == '.';
		assert_true(known);
		if (option_rows[id].env != NULL)
			assert_memory_equal(option_rows[id].env, "ETCD_", 5);
	}
}

TEST(limits_can_be_reloaded_and_places_cannot)
{
	static const enum option_id fixed[] = { OPTION_name, OPTION_data_dir, OPTION_addr,
		OPTION_peer_addr, OPTION_bind_addr, OPTION_run_dir, OPTION_user, OPTION_sandbox,
		OPTION_peer_election_timeout, OPTION_snapshot_count, OPTION_client_url };

	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		const char *key = option_rows[id].file_key;

		if (key != NULL && strncmp(key, "limits.", 7) == 0 && id != OPTION_ipc_max_frame)
			assert_true(option_reloadable(id));
	}
	for (size_t i = 0; i < ARRAY_COUNT(fixed); i++)
		assert_false(option_reloadable(fixed[i]));
}

TEST(a_copied_field_is_the_copys_own)
{
	struct config from, config;
	char *problem;

	config_init(&from);
	config_init(&config);
	assert_int_equal(config_set(&from, OPTION_cors, "http://a", &problem), ERR_NONE);
	assert_int_equal(config_set(&from, OPTION_snapshot, "false", &problem), ERR_NONE);
	assert_int_equal(config_set(&from, OPTION_idle_timeout, "7", &problem), ERR_NONE);
	config_copy(&config, &from, OPTION_cors);
	config_copy(&config, &from, OPTION_snapshot);
	config_copy(&config, &from, OPTION_idle_timeout);
	config_free(&from);
	assert_string_equal(config.cors, "http://a");
	assert_false(config.snapshot);
	assert_int_equal(config.idle_timeout, 7000);
	assert_int_equal(config.header_timeout, 10000);
	config_free(&config);
}
