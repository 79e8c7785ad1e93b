/*
 * admin_test.c - what the peer port answers to people, joiners and scripts.
 */
#include "httpd/admin.h"
#include "httpd/peer/peer.h"

#include "common/limits.h"

#include "tests/unit/httpd/peer/fixture.h"

static const char *
ask(struct fixture *fixture, const char *method, const char *path,
    void (*handle)(struct request *request))
{
	fixture_ask(fixture, method, path, "", NULL, handle);
	return (const char *)fixture->body.data;
}

static struct fixture *
member(void)
{
	struct fixture *fixture = fixture_new();

	fixture_status(fixture, PHASE_MEMBER, "http://127.0.0.1:7002");
	return fixture;
}

TEST(the_internal_version_is_2)
{
	struct fixture *fixture = member();

	assert_string_equal(ask(fixture, "GET", "/version", peer_version_handle), "2");
	assert_int_equal(fixture->status, 200);
	assert_string_equal(ask(fixture, "GET", "/version/2/check", peer_version_check_handle),
	    "");
	assert_int_equal(fixture->status, 200);
	ask(fixture, "GET", "/version/1/check", peer_version_check_handle);
	assert_int_equal(fixture->status, 403);
	ask(fixture, "GET", "/version/check", peer_version_check_handle);
	assert_int_equal(fixture->status, 404);
	ask(fixture, "GET", "/version/2", peer_version_check_handle);
	assert_int_equal(fixture->status, 404);
	fixture_free(&fixture);
}

TEST(name_and_client_url_are_texts)
{
	struct fixture *fixture = member();

	assert_string_equal(ask(fixture, "GET", "/name", peer_name_handle), "local");
	assert_string_equal(ask(fixture, "GET", "/etcdURL", peer_client_url_handle),
	    "http://127.0.0.1:4001");
	fixture_free(&fixture);
}

TEST(machines_are_sorted_by_name)
{
	struct fixture *fixture = member();

	assert_string_equal(ask(fixture, "GET", "/v2/admin/machines", peer_machines_handle),
	    "[{\"name\":\"distant\",\"state\":\"leader\",\"clientURL\":\"http://127.0.0.1:4002\","
	    "\"peerURL\":\"http://127.0.0.1:7002\"},{\"name\":\"local\",\"state\":\"follower\","
	    "\"clientURL\":\"http://127.0.0.1:4001\",\"peerURL\":\"http://127.0.0.1:7001\"}]\n");
	fixture_free(&fixture);
}

TEST(a_machine_is_found_by_name)
{
	struct fixture *fixture = member();

	assert_string_equal(ask(fixture, "GET", "/v2/admin/machines/local",
	    peer_machine_handle), "{\"name\":\"local\",\"state\":\"follower\",\"clientURL\":"
	    "\"http://127.0.0.1:4001\",\"peerURL\":\"http://127.0.0.1:7001\"}\n");
	assert_string_equal(ask(fixture, "GET", "/v2/admin/machines/nobody",
	    peer_machine_handle), "null\n");
	assert_int_equal(fixture->status, 404);
	fixture_free(&fixture);
}

/* It passes: a script must not take it for "no such machine". */
TEST(who_knows_no_members_yet_does_not_say_that_one_is_unknown)
{
	struct fixture *fixture = fixture_new();

	assert_string_equal(ask(fixture, "GET", "/v2/admin/machines/local",
	    peer_machine_handle), "{\"errorCode\":300,\"message\":\"Raft Internal Error\","
	    "\"cause\":\"recovering\",\"index\":0}\n");
	assert_int_equal(fixture->status, 500);
	fixture_free(&fixture);
}

TEST(the_status_has_what_scripts_look_for)
{
	struct fixture *fixture = member();
	const char *text = ask(fixture, "GET", "/v2/admin/status", peer_status_handle);

	assert_non_null(strstr(text, "{\"name\":\"local\",\"id\":\"00000000000000a1\","
	    "\"clusterId\":\"00000000000000c3\","
	    "\"phase\":\"member\",\"state\":\"follower\",\"term\":3,"));
	assert_non_null(strstr(text, "\"storeIndex\":17,\"leader\":\"distant\","
	    "\"protocol\":{\"min\":8,\"max\":8},\"members\":[{\"id\":\"00000000000000a1\""));
	fixture_free(&fixture);
}

TEST(the_old_raft_protocol_is_declined_in_words)
{
	struct fixture *fixture = member();

	assert_string_equal(ask(fixture, "POST", "/vote", peer_goraft_handle),
	    "this cluster does not speak the 0.4 raft protocol\n");
	assert_int_equal(fixture->status, 501);
	fixture_free(&fixture);
}

TEST(a_removal_is_answered_with_its_index)
{
	static const char *const paths[] = { "/v2/admin/machines/distant", "/remove/distant" };
	struct fixture *fixture = member();

	for (size_t i = 0; i < ARRAY_COUNT(paths); i++) {
		ask(fixture, "DELETE", paths[i], peer_machine_handle);
		assert_int_equal(fixture->raftd.change.op, MEMBER_REMOVE);
		assert_true(slice_equal(fixture->raftd.change.name, SLICE_LITERAL("distant")));
		fixture_outcome(fixture, ERR_NONE, "");
		assert_int_equal(fixture->status, 200);
		assert_string_equal((const char *)fixture->body.data,
		    "{\"removed\":\"distant\",\"index\":9}\n");
	}
	ask(fixture, "DELETE", "/remove/distant?a=b&forget=true", peer_machine_handle);
	assert_int_equal(fixture->raftd.change.op, MEMBER_FORGET);
	fixture_outcome(fixture, ERR_NONE, "");
	ask(fixture, "DELETE", "/remove/distant?forget=false", peer_machine_handle);
	assert_int_equal(fixture->raftd.change.op, MEMBER_REMOVE);
	fixture_outcome(fixture, ERR_NONE, "");
	assert_string_equal(ask(fixture, "DELETE", "/remove/distant?forget=yes",
	    peer_machine_handle), "forget is \"yes\", it can be true or false\n");
	assert_int_equal(fixture->status, 400);
	ask(fixture, "DELETE", "/remove/nobody", peer_machine_handle);
	fixture_outcome(fixture, ERR_KEY_NOT_FOUND, "nobody");
	assert_int_equal(fixture->status, 404);
	assert_string_equal((const char *)fixture->body.data, "{\"errorCode\":100,"
	    "\"message\":\"Key not found\",\"cause\":\"nobody\",\"index\":9}\n");
	ask(fixture, "DELETE", "/remove/", peer_machine_handle);
	assert_int_equal(fixture->status, 404);
	fixture_free(&fixture);
}

static void
join(struct fixture *fixture, const char *body)
{
	fixture_ask(fixture, "PUT", "/join", "", body, peer_join_handle);
}

#define JOINER "{\"protocol\":{\"min\":1,\"max\":8},\"id\":\"d4\",\"name\":\"third\"," \
	"\"peerURL\":\"http://127.0.0.1:7003\",\"clientURL\":\"http://127.0.0.1:4003\"}"

TEST(a_join_becomes_a_member_change_and_its_answer_the_members)
{
	struct fixture *fixture = member();

	join(fixture, JOINER);
	assert_int_equal(fixture->raftd.change.op, MEMBER_JOIN);
	assert_true(fixture->raftd.change.id == 0xd4);
	assert_true(slice_equal(fixture->raftd.change.name, SLICE_LITERAL("third")));
	fixture_outcome(fixture, ERR_NONE, "");
	assert_int_equal(fixture->status, 200);
	assert_string_equal((const char *)fixture->body.data,
	    "{\"clusterId\":\"00000000000000c3\",\"members\":["
	    "{\"id\":\"00000000000000a1\",\"name\":\"local\","
	    "\"peerURL\":\"http://127.0.0.1:7001\","
	    "\"clientURL\":\"http://127.0.0.1:4001\",\"role\":\"voter\"},"
	    "{\"id\":\"00000000000000b2\",\"name\":\"distant\","
	    "\"peerURL\":\"http://127.0.0.1:7002\","
	    "\"clientURL\":\"http://127.0.0.1:4002\",\"role\":\"voter\"}]}\n");
	fixture_free(&fixture);
}

TEST(a_join_that_a_guard_refuses_is_answered_with_its_error)
{
	struct fixture *fixture = member();

	join(fixture, JOINER);
	fixture_outcome(fixture, ERR_PEER_ADDRESS_EXISTS, "http://127.0.0.1:7003");
	assert_int_equal(fixture->status, 400);
	assert_string_equal((const char *)fixture->body.data, "{\"errorCode\":109,"
	    "\"message\":\"Peer address has existed\",\"cause\":\"http://127.0.0.1:7003\","
	    "\"index\":9}\n");
	fixture_free(&fixture);
}

TEST(a_join_body_that_is_wrong_is_refused_in_one_sentence)
{
	struct fixture *fixture = member();

	join(fixture, "");
	assert_int_equal(fixture->status, 400);
	join(fixture, "{\"id\":");
	assert_int_equal(fixture->status, 400);
	join(fixture, "{\"minVersion\":2,\"maxVersion\":2,\"name\":\"m\","
	    "\"raftURL\":\"http://h:7001\",\"etcdURL\":\"http://h:4001\"}");
	assert_int_equal(fixture->status, 501);
	join(fixture, "{\"protocol\":{\"min\":9,\"max\":10},\"id\":\"d4\",\"name\":\"third\","
	    "\"peerURL\":\"http://127.0.0.1:7003\",\"clientURL\":\"http://127.0.0.1:4003\"}");
	assert_int_equal(fixture->status, 412);
	assert_non_null(strstr((const char *)fixture->body.data, "9-10"));
	assert_non_null(strstr((const char *)fixture->body.data, "8-8"));
	assert_int_equal(fixture->raftd.changes, 0);
	fixture_free(&fixture);
}

TEST(a_node_that_is_joining_itself_lets_a_joiner_ask_again)
{
	struct fixture *fixture = fixture_new();

	fixture_status(fixture, PHASE_JOINING, NULL);
	join(fixture, JOINER);
	assert_int_equal(fixture->status, 500);
	assert_string_equal((const char *)fixture->body.data, "{\"errorCode\":300,"
	    "\"message\":\"Raft Internal Error\",\"cause\":\"joining\",\"index\":0}\n");
	fixture_free(&fixture);
}

TEST(a_joiner_that_goes_away_is_not_waited_for)
{
	struct fixture *fixture = member();

	join(fixture, JOINER);
	assert_int_equal(fixture->status, 0);
	fixture_hang_up(fixture);
	/* It is made all the same, and there is nobody to tell. */
	fixture_outcome(fixture, ERR_NONE, "");
	assert_int_equal(server_connections(fixture->worker.server), 0);
	/* A connection that is cut takes its request along. */
	join(fixture, JOINER);
	server_free(&fixture->worker.server);
	fixture_hang_up(fixture);
	fixture_outcome(fixture, ERR_NONE, "");
	fixture_free(&fixture);
}

static const char *
put_config(struct fixture *fixture, const char *body)
{
	buf_clear(&fixture->raftd.config_items);
	fixture_ask(fixture, "PUT", "/v2/admin/config", "", body, admin_config_handle);
	return (const char *)fixture->body.data;
}

/* What raftd was asked for under that number of the table; 0: not asked. */
static uint64_t
asked(struct fixture *fixture, size_t row)
{
	struct reader in = reader_of(buf_slice(&fixture->raftd.config_items));
	struct config_item item;

	while (!reader_done(&in)) {
		assert_true(config_item_get(&in, &item));
		if (item.number == config_rows[row].number)
			return item.value;
	}
	return 0;
}

TEST(the_configuration_of_the_cluster_is_shown_and_changed)
{
	struct fixture *fixture = member();

	assert_string_equal(ask(fixture, "GET", "/v2/admin/config", admin_config_handle),
	    "{\"activeSize\":9,\"removeDelay\":1800,\"syncInterval\":1.5,"
	    "\"maxKeyNames\":128,\"maxKeyBytes\":16384,\"historyBytes\":16777216,"
	    "\"historyEvents\":1000,\"strictMembers\":false}\n");
	put_config(fixture, "{\"activeSize\":5,\"removeDelay\":2.25}");
	assert_true(asked(fixture, CONFIG_ROW_active_size) == 5);
	assert_true(asked(fixture, CONFIG_ROW_remove_delay_ms) == 2250);
	assert_true(asked(fixture, CONFIG_ROW_sync_interval_ms) == 0);
	fixture_outcome(fixture, ERR_NONE, "");
	assert_int_equal(fixture->status, 200);
	put_config(fixture, "{\"activeSize\":-4,\"removeDelay\":0,\"syncInterval\":1e300}");
	assert_true(asked(fixture, CONFIG_ROW_active_size) == 1);
	assert_true(asked(fixture, CONFIG_ROW_remove_delay_ms) == 1);
	assert_true(asked(fixture, CONFIG_ROW_sync_interval_ms) == CLUSTER_TIME_MS_MAX);
	fixture_outcome(fixture, ERR_NONE, "");
	put_config(fixture,
	    "{\"maxKeyNames\":1024,\"maxKeyBytes\":49152,\"historyBytes\":1048576,"
	    "\"historyEvents\":1000000}");
	assert_true(asked(fixture, CONFIG_ROW_max_key_names) == 1024);
	assert_true(asked(fixture, CONFIG_ROW_max_key_bytes) == 49152);
	assert_true(asked(fixture, CONFIG_ROW_history_bytes) == 1048576);
	assert_true(asked(fixture, CONFIG_ROW_history_events) == 1000000);
	assert_true(asked(fixture, CONFIG_ROW_active_size) == 0);
	fixture_outcome(fixture, ERR_RAFT_INTERNAL, "no leader");
	assert_int_equal(fixture->status, 500);
	put_config(fixture, "{\"strictMembers\":true}");
	assert_true(asked(fixture, CONFIG_ROW_strict_members) == CONFIG_YES);
	fixture_outcome(fixture, ERR_NONE, "");
	put_config(fixture, "{\"strictMembers\":false}");
	assert_true(asked(fixture, CONFIG_ROW_strict_members) == CONFIG_NO);
	fixture_outcome(fixture, ERR_NONE, "");
	fixture_free(&fixture);
}

TEST(a_configuration_that_is_wrong_is_refused_in_one_sentence)
{
	static const char *const bodies[][2] = {
		{ "", "it is not JSON" },
		{ "{", "it is not JSON" },
		{ "[]", "it is not an object" },
		{ "{\"activeSize\":5,\"unknown\":[1]}",
		    "\"unknown\" is not known; GET shows what is" },
		{ "{\"activSize\":5}",
		    "\"activSize\" is not known; did you mean \"activeSize\"?" },
		{ "{\"activeSize\":\"3\"}", "\"activeSize\" is not a whole number" },
		{ "{\"activeSize\":3.5}", "\"activeSize\" is not a whole number" },
		{ "{\"activeSize\":32}", "\"activeSize\" is above the maximum 31" },
		{ "{\"removeDelay\":null}", "\"removeDelay\" is not a number of seconds" },
		{ "{\"syncInterval\":true}", "\"syncInterval\" is not a number of seconds" },
		{ "{\"activeSize\":3,\"activeSize\":4}", "a key stands twice in an object" },
		{ "{\"maxKeyNames\":1025}", "\"maxKeyNames\" is above the maximum 1024" },
		{ "{\"maxKeyBytes\":49153}", "\"maxKeyBytes\" is above the maximum 49152" },
		{ "{\"maxKeyBytes\":\"16K\"}", "\"maxKeyBytes\" is not a whole number" },
		{ "{\"historyBytes\":1073741825}",
		    "\"historyBytes\" is above the maximum 1073741824" },
		{ "{\"historyEvents\":1000001}",
		    "\"historyEvents\" is above the maximum 1000000" },
		{ "{\"strictMembers\":1}", "\"strictMembers\" is not true or false" },
		{ "{\"historyBytes\":1e99}", "\"historyBytes\" is not a whole number" },
	};
	struct fixture *fixture = member();

	for (size_t i = 0; i < ARRAY_COUNT(bodies); i++) {
		assert_non_null(strstr(put_config(fixture, bodies[i][0]), bodies[i][1]));
		assert_int_equal(fixture->status, 400);
		assert_true(fixture->raftd.change_id == 0);
	}
	fixture_free(&fixture);
}
