/*
 * json_write_test.c - answers as the gateway writes them: every byte is that of a recorded one.
 */
#include "httpd/v3/json.h"

#include "httpd/v3/protobuf.h"

#include "tests/lib/test.h"

#include <stdlib.h>

static struct arena arena;

static void
expect(const struct v3_type *type, const void *message, const char *wanted)
{
	struct buf out = BUF_INIT;
	struct json_put json = json_put_into(&out);

	assert_true(v3_json_put(&json, NULL, type, message));
	buf_append_byte(&out, '\0');
	assert_string_equal((const char *)out.data, wanted);
	buf_free(&out);
}

static struct slice
stored(const struct v3_key_value *key_value)
{
	struct buf out = BUF_INIT;
	struct slice wire;

	v3_protobuf_put(&out, v3_key_value_type(), key_value);
	wire = arena_copy(&arena, buf_slice(&out));
	buf_free(&out);
	return wire;
}

/* The header of the recorded answers, and how it is written. */
static const struct v3_response_header header = { UINT64_C(9627490253116797998),
	UINT64_C(5578409137899998529), 17119, 2 };
#define H \
	"\"header\":{\"cluster_id\":\"9627490253116797998\"," \
	"\"member_id\":\"5578409137899998529\",\"revision\":\"17119\",\"raft_term\":\"2\"}"

/* ---- recorded ---------------------------------------------------------- */

TEST(a_put)
{
	struct v3_put_response answer = { .header = &header };
	struct v3_key_value before = { .key = SLICE_LITERAL("foo"), .create_revision = 17118,
		.mod_revision = 17118, .version = 1, .value = SLICE_LITERAL("bar") };

	expect(v3_put_response_type(), &answer, "{" H "}");
	answer.prev_kv = stored(&before);
	expect(v3_put_response_type(), &answer, "{" H ",\"prev_kv\":{\"key\":\"Zm9v\","
	    "\"create_revision\":\"17118\",\"mod_revision\":\"17118\",\"version\":\"1\","
	    "\"value\":\"YmFy\"}}");
}

TEST(a_range)
{
	/* As it is stored: the value comes last in the bytes, and before the lease in JSON. */
	struct slice kvs[] = {
		SLICE_LITERAL("\x0a\x03" "foo\x10\xde\x85\x01\x18\xdf\x85\x01\x20\x02"
			      "\x2a\x03" "bar"),
		SLICE_LITERAL("\x0a\x01k\x30\x07\x2a\x01v") };
	struct v3_range_response answer = { .header = &header, .kvs = { kvs, 1 }, .count = 1 };
	struct v3_range_response none = { .header = &header };

	expect(v3_range_response_type(), &answer, "{" H ",\"kvs\":[{\"key\":\"Zm9v\","
	    "\"create_revision\":\"17118\",\"mod_revision\":\"17119\",\"version\":\"2\","
	    "\"value\":\"YmFy\"}],\"count\":\"1\"}");
	expect(v3_range_response_type(), &none, "{" H "}");
	answer.kvs.items = kvs + 1;
	answer.more = true;
	expect(v3_range_response_type(), &answer, "{" H ",\"kvs\":[{\"key\":\"aw==\","
	    "\"value\":\"dg==\",\"lease\":\"7\"}],\"more\":true,\"count\":\"1\"}");
}

TEST(a_transaction_that_did_not_succeed)
{
	struct v3_response_header inside = { .revision = 17119 };
	struct v3_range_response range = { .header = &inside, .count = 1 };
	struct v3_response_op op = { .which = V3_IS_response_range, .response_range = &range };
	struct v3_txn_response answer = { .header = &header, .responses = { &op, 1 } };

	expect(v3_txn_response_type(), &answer, "{" H ",\"responses\":[{\"response_range\":"
	    "{\"header\":{\"revision\":\"17119\"},\"count\":\"1\"}}]}");
}

TEST(a_keepalive_of_an_unknown_lease)
{
	struct v3_lease_keep_alive_response answer = { .header = &header, .ID = 77 };

	expect(v3_lease_keep_alive_response_type(), &answer, "{" H ",\"ID\":\"77\"}");
}

TEST(a_watch)
{
	struct v3_key_value kv = { .key = SLICE_LITERAL("foo"), .create_revision = 17120,
		.mod_revision = 17120, .version = 1, .value = SLICE_LITERAL("bar") };
	struct v3_key_value gone = { .key = SLICE_LITERAL("foo"), .mod_revision = 17121 };
	struct v3_event put = { .type = V3_EVENT_PUT, .kv = stored(&kv) };
	struct v3_event deleted = { .type = V3_EVENT_DELETE, .kv = stored(&gone) };
	struct v3_response_header no_revision = { .cluster_id = 1, .member_id = 2, .raft_term = 2 };
	struct v3_watch_response created = { .header = &header, .created = true };
	struct v3_watch_response events = { .header = &header, .events = { &put, 1 } };
	struct v3_watch_response compacted = { .header = &no_revision, .canceled = true,
		.compact_revision = 16651 };
	struct v3_watch_response empty = { .header = &header, .watch_id = -1, .created = true,
		.canceled = true, .cancel_reason = SLICE_LITERAL("mvcc: watcher range is empty") };
	struct v3_event both[] = { put, deleted };

	expect(v3_watch_response_type(), &created, "{" H ",\"created\":true}");
	expect(v3_watch_response_type(), &events, "{" H ",\"events\":[{\"kv\":{\"key\":\"Zm9v\","
	    "\"create_revision\":\"17120\",\"mod_revision\":\"17120\",\"version\":\"1\","
	    "\"value\":\"YmFy\"}}]}");
	events.events.items = &deleted;
	expect(v3_watch_response_type(), &events, "{" H ",\"events\":[{\"type\":\"DELETE\","
	    "\"kv\":{\"key\":\"Zm9v\",\"mod_revision\":\"17121\"}}]}");
	events.events.items = both;
	events.events.count = 2;
	expect(v3_watch_response_type(), &events, "{" H ",\"events\":[{\"kv\":{\"key\":\"Zm9v\","
	    "\"create_revision\":\"17120\",\"mod_revision\":\"17120\",\"version\":\"1\","
	    "\"value\":\"YmFy\"}},{\"type\":\"DELETE\",\"kv\":{\"key\":\"Zm9v\","
	    "\"mod_revision\":\"17121\"}}]}");
	expect(v3_watch_response_type(), &compacted, "{\"header\":{\"cluster_id\":\"1\","
	    "\"member_id\":\"2\",\"raft_term\":\"2\"},\"canceled\":true,"
	    "\"compact_revision\":\"16651\"}");
	expect(v3_watch_response_type(), &empty, "{" H ",\"watch_id\":\"-1\",\"created\":true,"
	    "\"canceled\":true,\"cancel_reason\":\"mvcc: watcher range is empty\"}");
}

TEST(the_status_and_the_hash_of_a_member)
{
	struct v3_status_response status = { .header = &header, .version = SLICE_LITERAL("3.4.23"),
		.dbSize = 63041536, .leader = UINT64_C(5578409137899998529), .raftIndex = 22724,
		.raftTerm = 2, .raftAppliedIndex = 22724, .dbSizeInUse = 19427328 };
	struct v3_hash_response hash = { .header = &header, .hash = 985779403 };

	expect(v3_status_response_type(), &status, "{" H ",\"version\":\"3.4.23\","
	    "\"dbSize\":\"63041536\",\"leader\":\"5578409137899998529\",\"raftIndex\":\"22724\","
	    "\"raftTerm\":\"2\",\"raftAppliedIndex\":\"22724\",\"dbSizeInUse\":\"19427328\"}");
	expect(v3_hash_response_type(), &hash, "{" H ",\"hash\":985779403}");
}

TEST(answers_with_nothing_in_them)
{
	struct v3_alarm_response alarm = { 0 };
	struct v3_defragment_response defragment = { 0 };

	expect(v3_alarm_response_type(), &alarm, "{}");
	expect(v3_defragment_response_type(), &defragment, "{}");
}

TEST(the_members)
{
	struct v3_response_header no_revision = { .cluster_id = 1, .member_id = 2, .raft_term = 2 };
	struct slice peer = SLICE_LITERAL("http://127.0.0.1:33101");
	struct slice client = SLICE_LITERAL("http://127.0.0.1:33001");
	struct v3_member member = { .ID = UINT64_C(5578409137899998529), .name = SLICE_LITERAL("a"),
		.peerURLs = { &peer, 1 }, .clientURLs = { &client, 1 } };
	struct v3_member_list_response answer = { .header = &no_revision,
		.members = { &member, 1 } };

	expect(v3_member_list_response_type(), &answer, "{\"header\":{\"cluster_id\":\"1\","
	    "\"member_id\":\"2\",\"raft_term\":\"2\"},\"members\":[{\"ID\":\"5578409137899998529\","
	    "\"name\":\"a\",\"peerURLs\":[\"http://127.0.0.1:33101\"],"
	    "\"clientURLs\":[\"http://127.0.0.1:33001\"]}]}");
}

/* ---- rules ------------------------------------------------------------- */

TEST(a_part_that_is_there_is_written_even_if_it_is_empty)
{
	struct v3_response_header nothing = { 0 };
	struct v3_txn_response inside = { .header = &nothing };
	struct v3_response_op op = { .which = V3_IS_response_txn, .response_txn = &inside };
	struct v3_txn_response answer = { .succeeded = true, .responses = { &op, 1 } };
	struct v3_response_op none = { 0 };
	struct v3_put_response empty = { .prev_kv = slice_of("", 0) };

	expect(v3_txn_response_type(), &answer,
	    "{\"succeeded\":true,\"responses\":[{\"response_txn\":{\"header\":{}}}]}");
	answer.responses.items = &none;
	expect(v3_txn_response_type(), &answer, "{\"succeeded\":true,\"responses\":[{}]}");
	expect(v3_put_response_type(), &empty, "{\"prev_kv\":{}}");
}

TEST(a_member_of_a_oneof_is_written_even_if_it_is_zero)
{
	struct v3_txn_compare compare = { .which = V3_IS_version };

	expect(v3_txn_compare_type(), &compare, "{\"version\":\"0\"}");
	compare.which = V3_IS_value;
	compare.value = SLICE_EMPTY;
	expect(v3_txn_compare_type(), &compare, "{\"value\":\"\"}");
}

TEST(numbers_at_their_ends)
{
	struct v3_lease_grant_request grant = { .TTL = INT64_MIN, .ID = INT64_MAX };
	struct v3_member_remove_request remove = { .ID = UINT64_MAX };
	struct v3_hash_response hash = { .hash = UINT32_MAX };

	expect(v3_lease_grant_request_type(), &grant,
	    "{\"TTL\":\"-9223372036854775808\",\"ID\":\"9223372036854775807\"}");
	expect(v3_member_remove_request_type(), &remove, "{\"ID\":\"18446744073709551615\"}");
	expect(v3_hash_response_type(), &hash, "{\"hash\":4294967295}");
}

TEST(an_enum_is_its_name_and_a_number_without_one_itself)
{
	int32_t filters[] = { V3_FILTER_NOPUT, V3_FILTER_NODELETE, -7 };
	struct v3_watch_create_request create = { .filters = { filters, 3 } };
	struct v3_permission read = { .permType = V3_PERMISSION_READ, .key = SLICE_LITERAL("a") };
	struct v3_permission both = { .permType = V3_PERMISSION_READWRITE };
	struct v3_permission strange = { .permType = INT32_MIN };

	expect(v3_watch_create_request_type(), &create,
	    "{\"filters\":[\"NOPUT\",\"NODELETE\",-7]}");
	expect(v3_permission_type(), &read, "{\"key\":\"YQ==\"}");
	expect(v3_permission_type(), &both, "{\"permType\":\"READWRITE\"}");
	expect(v3_permission_type(), &strange, "{\"permType\":-2147483648}");
}

TEST(strings_are_escaped_and_what_is_no_utf_8_is_replaced)
{
	struct v3_watch_response answer = {
		.cancel_reason = SLICE_LITERAL("a\"\\<\n\xff\xc3\xbc\x01") };
	struct v3_authenticate_response token = { .token = SLICE_LITERAL("abc.9") };

	expect(v3_watch_response_type(), &answer,
	    "{\"cancel_reason\":\"a\\\"\\\\\\u003c\\n\\ufffd\xc3\xbc\\u0001\"}");
	expect(v3_authenticate_response_type(), &token, "{\"token\":\"abc.9\"}");
}

TEST(lists_of_bytes)
{
	struct slice keys[] = { SLICE_LITERAL("a"), SLICE_EMPTY, SLICE_LITERAL("\xff\xff") };
	struct v3_lease_time_to_live_response answer = { .keys = { keys, 3 } };

	expect(v3_lease_time_to_live_response_type(), &answer,
	    "{\"keys\":[\"YQ==\",\"\",\"//8=\"]}");
}

TEST(an_answer_of_a_stream_is_a_line)
{
	struct v3_lease_keep_alive_response answer = { .header = &header, .ID = 77 };
	struct buf out = BUF_INIT;

	assert_true(v3_json_put_line(&out, v3_lease_keep_alive_response_type(), &answer));
	assert_true(v3_json_put_line(&out, v3_lease_keep_alive_response_type(), &answer));
	assert_true(slice_equal(buf_slice(&out), SLICE_LITERAL(
	    "{\"result\":{" H ",\"ID\":\"77\"}}\n{\"result\":{" H ",\"ID\":\"77\"}}\n")));
	buf_free(&out);
}

TEST(members_may_be_added_to_by_who_writes_the_object)
{
	struct v3_watch_response answer = { .watch_id = 3 };
	struct buf out = BUF_INIT;
	struct json_put json = json_put_into(&out);

	json_put_open(&json, NULL, '{');
	json_put_open(&json, "result", '{');
	assert_true(v3_json_put_members(&json, v3_watch_response_type(), &answer));
	json_put_raw(&json, "events", "[{}]");
	json_put_close(&json, '}');
	json_put_close(&json, '}');
	assert_true(slice_equal(buf_slice(&out),
	    SLICE_LITERAL("{\"result\":{\"watch_id\":\"3\",\"events\":[{}]}}")));
	buf_free(&out);
}

TEST(a_long_range_is_written_in_pieces)
{
	struct v3_response_header header_of_piece = { .revision = 5 };
	struct v3_range_response first = { .header = &header_of_piece };
	struct v3_range_response last = { .more = true, .count = 9 };
	struct buf out = BUF_INIT;
	struct json_put json = json_put_into(&out);

	json_put_open(&json, NULL, '{');
	assert_true(v3_json_put_members(&json, v3_range_response_type(), &first));
	json_put_open(&json, "kvs", '[');
	assert_true(v3_json_put_key_value(&json, NULL, SLICE_LITERAL("\x0a\x01" "a")));
	assert_true(v3_json_put_key_value(&json, NULL, SLICE_LITERAL("\x0a\x01" "b")));
	json_put_close(&json, ']');
	assert_true(v3_json_put_members(&json, v3_range_response_type(), &last));
	json_put_close(&json, '}');
	assert_true(slice_equal(buf_slice(&out),
	    SLICE_LITERAL("{\"header\":{\"revision\":\"5\"},\"kvs\":[{\"key\":\"YQ==\"},"
			  "{\"key\":\"Yg==\"}],\"more\":true,\"count\":\"9\"}")));
	buf_free(&out);
}

TEST(a_stored_key_value_that_is_malformed_is_told)
{
	struct slice kvs[] = { SLICE_LITERAL("\x0a\x01k"), SLICE_LITERAL("\x0a\x05k") };
	struct v3_range_response range = { .kvs = { kvs, 2 } };
	struct v3_put_response put = { .prev_kv = kvs[1] };
	struct buf out = BUF_INIT;
	struct json_put json = json_put_into(&out);

	assert_false(v3_json_put(&json, NULL, v3_range_response_type(), &range));
	assert_false(v3_json_put(&json, NULL, v3_put_response_type(), &put));
	buf_free(&out);
	arena_free(&arena);
}
