/*
 * json_read_test.c - every rule of what the gateway takes, and each limit.
 */
#include "httpd/v3/json.h"

#include "common/limits.h"
#include "httpd/v3/protobuf.h"

#include "tests/lib/test.h"

#include <inttypes.h>
#include <stdio.h>

static struct arena arena;
static struct v3_status refusal;

static void
expect_read(const struct v3_type *type, const char *text, void *message)
{
	if (v3_json_read(type, slice_text(text), &arena, message, &refusal) != ERR_NONE)
		fail_msg("%s: %s", text, refusal.text);
}

static void
expect_refused(const struct v3_type *type, const char *text, const char *wanted)
{
	void *message = arena_alloc(&arena, type->size);

	assert_int_equal(
	    v3_json_read(type, slice_text(text), &arena, message, &refusal), ERR_MALFORMED);
	assert_int_equal(refusal.code, V3_INVALID_ARGUMENT);
	assert_string_equal(refusal.text, wanted);
}

#define PUT(text, wanted) expect_refused(v3_put_request_type(), text, wanted)
#define RANGE(text, wanted) expect_refused(v3_range_request_type(), text, wanted)

/* ---- documents --------------------------------------------------------- */

TEST(an_empty_body_is_an_empty_message)
{
	static const char *const empty[] = { "", " \r\n\t", "{}", " { } \n" };
	struct v3_put_request put;

	for (size_t i = 0; i < ARRAY_COUNT(empty); i++) {
		memset(&put, 0xff, sizeof(put));
		expect_read(v3_put_request_type(), empty[i], &put);
		assert_int_equal(put.key.size, 0);
		assert_int_equal(put.lease, 0);
	}
}

TEST(what_is_no_json_is_refused_with_its_place)
{
	PUT("key=a", "the request is no JSON, near byte 1");
	PUT("{\"key\":}", "the request is no JSON, near byte 8");
	PUT("{\"key\":\"a", "the JSON of the request ends too early");
	PUT("{", "the JSON of the request ends too early");
	PUT("{} x", "something stands behind the request's JSON");
	PUT("{}{}", "something stands behind the request's JSON");
	PUT("[]", "the request is no JSON object");
	PUT("[{}]", "the request is no JSON object");
	PUT("5 ", "the request is no JSON object");
	PUT("null", "the request is no JSON object");
	PUT("true", "the request is no JSON object");
	PUT("\"a\"", "the request is no JSON object");
}

TEST(documents_of_a_stream_stand_one_after_the_other)
{
	struct slice text = SLICE_LITERAL(" {\"create_request\":{\"key\":\"YQ==\"}}\n"
					  "{\"cancel_request\":{\"watch_id\":\"5\"}}{} \n");
	struct v3_watch_request request;

#define NEXT v3_json_read_next(v3_watch_request_type(), &text, &arena, &request, &refusal)
	assert_int_equal(NEXT, ERR_NONE);
	assert_int_equal(request.which, V3_IS_create_request);
	assert_true(slice_equal(request.create_request->key, SLICE_LITERAL("a")));
	assert_int_equal(NEXT, ERR_NONE);
	assert_int_equal(request.which, V3_IS_cancel_request);
	assert_int_equal(request.cancel_request->watch_id, 5);
	assert_int_equal(NEXT, ERR_NONE);
	assert_int_equal(request.which, V3_NO_watch_request);
	assert_int_equal(NEXT, ERR_CLOSED);
	assert_int_equal(text.size, 0);
	assert_int_equal(NEXT, ERR_CLOSED);

	text = SLICE_LITERAL("{} nonsense");
	assert_int_equal(NEXT, ERR_NONE);
	assert_int_equal(NEXT, ERR_MALFORMED);
	assert_int_equal(refusal.code, V3_UNKNOWN);
	text = SLICE_LITERAL("{\"create_request\":5}");
	assert_int_equal(NEXT, ERR_MALFORMED);
	assert_int_equal(refusal.code, V3_UNKNOWN);
#undef NEXT
}

/* ---- names ------------------------------------------------------------- */

TEST(a_field_has_two_spellings)
{
	struct v3_range_request range;
	struct v3_lease_grant_request grant;
	struct v3_alarm_request alarm;

	expect_read(v3_range_request_type(),
	    "{\"rangeEnd\":\"Yg==\",\"keysOnly\":true,\"max_create_revision\":\"7\"}", &range);
	assert_true(slice_equal(range.range_end, SLICE_LITERAL("b")));
	assert_true(range.keys_only);
	assert_int_equal(range.max_create_revision, 7);
	expect_read(v3_range_request_type(), "{\"maxCreateRevision\":8}", &range);
	assert_int_equal(range.max_create_revision, 8);
	expect_read(v3_lease_grant_request_type(), "{\"TTL\":30,\"ID\":\"4\"}", &grant);
	assert_int_equal(grant.TTL, 30);
	assert_int_equal(grant.ID, 4);
	expect_read(v3_alarm_request_type(), "{\"memberID\":5}", &alarm);
	assert_int_equal(alarm.memberID, 5);
}

TEST(other_names_are_unknown_and_passed_by)
{
	struct v3_range_request range;

	expect_read(v3_range_request_type(),
	    "{\"RangeEnd\":\"Yg==\",\"range_End\":\"Yg==\",\"\":1,\"nonsense\":[1,{\"key\":[[]]},"
	    "null,\"\"],\"ke\":{\"key\":5},\"keyy\":1,\"limit\":3}", &range);
	assert_int_equal(range.range_end.size, 0);
	assert_int_equal(range.key.size, 0);
	assert_int_equal(range.limit, 3);
}

TEST(null_is_as_if_absent)
{
	struct v3_txn_request txn;
	struct v3_txn_compare compare;

	expect_read(v3_txn_request_type(),
	    "{\"compare\":null,\"success\":[{\"request_put\":null,"
	    "\"request_range\":{\"key\":null}}]}", &txn);
	assert_int_equal(txn.compare.count, 0);
	assert_int_equal(txn.success.items[0].which, V3_IS_request_range);
	expect_read(v3_txn_compare_type(), "{\"version\":null,\"value\":\"\",\"target\":null}",
	    &compare);
	assert_int_equal(compare.which, V3_IS_value);
	expect_refused(v3_txn_request_type(), "{\"success\":[null]}",
	    "field \"success\" of etcdserverpb.TxnRequest has an item that is null");
}

TEST(a_field_stands_once)
{
	PUT("{\"key\":\"YQ==\",\"key\":\"YQ==\"}",
	    "field \"key\" of etcdserverpb.PutRequest stands twice");
	RANGE("{\"range_end\":\"YQ==\",\"rangeEnd\":\"YQ==\"}",
	    "field \"range_end\" of etcdserverpb.RangeRequest stands twice");
	expect_refused(v3_txn_request_type(), "{\"compare\":[],\"compare\":[]}",
	    "field \"compare\" of etcdserverpb.TxnRequest stands twice");
	expect_refused(v3_txn_compare_type(), "{\"version\":\"1\",\"lease\":\"2\"}",
	    "field \"lease\" of etcdserverpb.Compare stands beside another member of the same "
	    "oneof");
	expect_refused(v3_request_op_type(), "{\"request_put\":{},\"requestRange\":{}}",
	    "field \"request_range\" of etcdserverpb.RequestOp stands beside another member of the "
	    "same oneof");
}

/* ---- values ------------------------------------------------------------ */

TEST(bytes_are_base64_with_padding)
{
	struct v3_put_request put;

	expect_read(v3_put_request_type(), "{\"key\":\"AP/+\",\"value\":\"\"}", &put);
	assert_true(slice_equal(put.key, SLICE_LITERAL("\x00\xff\xfe")));
	assert_int_equal(put.value.size, 0);
	expect_read(v3_put_request_type(), "{\"key\":\"YQ==\",\"value\":\"YW\\u0049=\"}", &put);
	assert_true(slice_equal(put.key, SLICE_LITERAL("a")));
	assert_true(slice_equal(put.value, SLICE_LITERAL("ab")));
#define WRONG(shown) \
	"field \"key\" of etcdserverpb.PutRequest is " shown \
	": base64 of the standard alphabet with padding is wanted"
	PUT("{\"key\":\"%%%\"}", WRONG("\"%%%\""));
	PUT("{\"key\":\"YQ\"}", WRONG("\"YQ\""));
	PUT("{\"key\":\"_-8=\"}", WRONG("\"_-8=\""));
	PUT("{\"key\":\"YQ= \"}", WRONG("\"YQ= \""));
	PUT("{\"key\":\"YQ==YQ==\"}", WRONG("\"YQ==YQ==\""));
	PUT("{\"key\":\"Y===\"}", WRONG("\"Y===\""));
	PUT("{\"key\":\"\\u0007\\n!!\"}", WRONG("\"\\x07\\x0a!!\""));
	PUT("{\"key\":5}", WRONG("\"5\""));
	PUT("{\"key\":true}", WRONG("\"true\""));
#undef WRONG
	PUT("{\"key\":[\"a\"]}", "field \"key\" of etcdserverpb.PutRequest is no list");
	PUT("{\"key\":{}}", "field \"key\" of etcdserverpb.PutRequest is no object");
}

TEST(a_value_that_is_refused_is_shown_as_far_as_it_may_be)
{
	char text[200] = "{\"key\":\"", wanted[200];

	memset(text + strlen(text), '!', 68);
	strcat(text, "\"}");
	snprintf(wanted, sizeof(wanted),
	    "field \"key\" of etcdserverpb.PutRequest is \"%.64s...\": "
	    "base64 of the standard alphabet with padding is wanted", text + strlen("{\"key\":\""));
	PUT(text, wanted);
	expect_refused(v3_authenticate_request_type(), "{\"password\":12345}",
	    "field \"password\" of etcdserverpb.AuthenticateRequest "
	    "is not a string of UTF-8, as is wanted");
}

TEST(integers_are_numbers_or_strings_of_their_range)
{
	static const struct {
		const char *text;
		int64_t number;
	} good[] = { { "0", 0 }, { "\"0\"", 0 }, { "-0", 0 }, { "5", 5 }, { "\"-5\"", -5 },
		{ "9223372036854775807", INT64_MAX }, { "\"9223372036854775807\"", INT64_MAX },
		{ "-9223372036854775808", INT64_MIN }, { "\"-9223372036854775808\"", INT64_MIN } };
	static const char *const bad[] = { "9223372036854775808", "\"9223372036854775808\"",
		"-9223372036854775809", "18446744073709551616", "99999999999999999999999", "1.0",
		"1e3", "\"\"", "\"-\"", "\"x\"", "\"+1\"", "\" 1\"", "\"01\"", "\"0x1\"" };
	struct v3_range_request range;
	char text[100], wanted[200];

	for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
		snprintf(text, sizeof(text), "{\"limit\":%s}", good[i].text);
		expect_read(v3_range_request_type(), text, &range);
		assert_true(range.limit == good[i].number);
	}
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		bool is_string = bad[i][0] == '"';

		snprintf(text, sizeof(text), "{\"limit\":%s}", bad[i]);
		snprintf(wanted, sizeof(wanted), "field \"limit\" of etcdserverpb.RangeRequest is "
		    "%s%s%s: an integer of 64 bits is wanted", is_string ? "" : "\"", bad[i],
		    is_string ? "" : "\"");
		RANGE(text, wanted);
	}
	RANGE("{\"limit\":true}",
	    "field \"limit\" of etcdserverpb.RangeRequest is \"true\": an integer of 64 bits is "
	    "wanted");
}

TEST(integers_without_sign_and_of_32_bits_have_their_own_range)
{
	struct v3_alarm_request alarm;
	struct v3_hash_response hash;

	expect_read(v3_alarm_request_type(), "{\"memberID\":\"18446744073709551615\"}", &alarm);
	assert_true(alarm.memberID == UINT64_MAX);
	expect_refused(v3_alarm_request_type(), "{\"memberID\":\"18446744073709551616\"}",
	    "field \"memberID\" of etcdserverpb.AlarmRequest is \"18446744073709551616\": "
	    "an integer of 64 bits from 0 on is wanted");
	expect_refused(v3_alarm_request_type(), "{\"memberID\":-1}",
	    "field \"memberID\" of etcdserverpb.AlarmRequest is \"-1\": "
	    "an integer of 64 bits from 0 on is wanted");
	expect_read(v3_hash_response_type(), "{\"hash\":4294967295}", &hash);
	assert_true(hash.hash == UINT32_MAX);
	expect_refused(v3_hash_response_type(), "{\"hash\":4294967296}",
	    "field \"hash\" of etcdserverpb.HashResponse is \"4294967296\": "
	    "an integer of 32 bits from 0 on is wanted");
}

TEST(a_boolean_is_true_or_false)
{
	struct v3_range_request range;

	expect_read(v3_range_request_type(), "{\"serializable\":true,\"keys_only\":false}", &range);
	assert_true(range.serializable);
	assert_false(range.keys_only);
	RANGE("{\"serializable\":1}",
	    "field \"serializable\" of etcdserverpb.RangeRequest is \"1\": true or false is "
	    "wanted");
	RANGE("{\"serializable\":\"true\"}",
	    "field \"serializable\" of etcdserverpb.RangeRequest is \"true\": true or false is "
	    "wanted");
}

TEST(an_enum_is_a_name_or_a_number)
{
	struct v3_range_request range;

	expect_read(v3_range_request_type(), "{\"sort_order\":\"DESCEND\",\"sortTarget\":3}",
	    &range);
	assert_int_equal(range.sort_order, V3_SORT_DESCEND);
	assert_int_equal(range.sort_target, V3_SORT_MOD);
	/* Who has the handler says what an unknown number is. */
	expect_read(v3_range_request_type(),
	    "{\"sort_order\":2147483647,\"sort_target\":-2147483648}", &range);
	assert_int_equal(range.sort_order, INT32_MAX);
	assert_int_equal(range.sort_target, INT32_MIN);
	RANGE("{\"sort_order\":2147483648}", "field \"sort_order\" of etcdserverpb.RangeRequest is "
	    "\"2147483648\": a name or an integer of 32 bits is wanted");
	RANGE("{\"sort_order\":1.5}",
	    "field \"sort_order\" of etcdserverpb.RangeRequest is \"1.5\": "
	    "a name or an integer of 32 bits is wanted");
	/* The sentence of the original, to the letter. */
	RANGE("{\"sort_order\":\"UP\"}",
	    "unknown value \"UP\" for enum etcdserverpb.RangeRequest_SortOrder");
	RANGE("{\"sort_order\":\"2\"}",
	    "unknown value \"2\" for enum etcdserverpb.RangeRequest_SortOrder");
	RANGE("{\"sort_target\":\"\"}",
	    "unknown value \"\" for enum etcdserverpb.RangeRequest_SortTarget");
	expect_refused(v3_auth_role_grant_permission_request_type(),
	    "{\"perm\":{\"permType\":\"ALL\"}}", "unknown value \"ALL\" for enum "
	    "authpb.Permission_Type");
}

TEST(a_string_is_utf_8)
{
	struct v3_authenticate_request authenticate;

	expect_read(v3_authenticate_request_type(),
	    "{\"name\":\"gr\xc3\xbc\\u00df\\n\",\"password\":\"\\u0000\"}", &authenticate);
	assert_true(slice_equal(authenticate.name, SLICE_LITERAL("gr\xc3\xbc\xc3\x9f\n")));
	assert_true(slice_equal(authenticate.password, SLICE_LITERAL("\0")));
	assert_int_equal(v3_json_read(v3_authenticate_request_type(),
	    SLICE_LITERAL("{\"name\":\"\xc0\x80\"}"), &arena, &authenticate, &refusal),
	    ERR_MALFORMED);
	assert_int_equal(v3_json_read(v3_authenticate_request_type(),
	    SLICE_LITERAL("{\"name\":\"\xff\"}"), &arena, &authenticate, &refusal), ERR_MALFORMED);
}

TEST(lists_are_arrays)
{
	struct v3_watch_create_request create;
	struct v3_member_add_request add;

	expect_read(v3_watch_create_request_type(), "{\"filters\":[\"NOPUT\",1,\"NODELETE\"]}",
	    &create);
	assert_int_equal(create.filters.count, 3);
	assert_int_equal(create.filters.items[0], V3_FILTER_NOPUT);
	assert_int_equal(create.filters.items[2], V3_FILTER_NODELETE);
	expect_read(v3_watch_create_request_type(), "{\"filters\":[]}", &create);
	assert_int_equal(create.filters.count, 0);
	expect_read(v3_member_add_request_type(),
	    "{\"peerURLs\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"\",\"g\",\"h\",\"i\"]}", &add);
	assert_int_equal(add.peerURLs.count, 9);
	assert_true(slice_equal(add.peerURLs.items[0], SLICE_LITERAL("a")));
	assert_true(slice_equal(add.peerURLs.items[8], SLICE_LITERAL("i")));
	expect_refused(v3_watch_create_request_type(), "{\"filters\":\"NOPUT\"}",
	    "field \"filters\" of etcdserverpb.WatchCreateRequest is a list");
	expect_refused(v3_watch_create_request_type(), "{\"filters\":[[]]}",
	    "field \"filters\" of etcdserverpb.WatchCreateRequest has a list in its list");
	expect_refused(v3_txn_request_type(), "{\"compare\":{}}",
	    "field \"compare\" of etcdserverpb.TxnRequest is a list");
	expect_refused(v3_txn_request_type(), "{\"compare\":[5]}",
	    "field \"compare\" of etcdserverpb.TxnRequest is \"5\": an object is wanted");
	expect_refused(v3_txn_request_type(), "{\"compare\":[\"x\"]}",
	    "field \"compare\" of etcdserverpb.TxnRequest is \"x\": an object is wanted");
}

TEST(a_transaction_is_read_with_all_that_is_in_it)
{
	struct v3_txn_request txn;
	const struct v3_put_request *put;

	expect_read(v3_txn_request_type(),
	    "{\"compare\":[{\"key\":\"Zm9v\",\"target\":\"CREATE\",\"create_revision\":0},"
	    "{\"target\":\"MOD\",\"modRevision\":\"9\",\"result\":\"LESS\"}],"
	    "\"success\":[{\"requestPut\":{\"key\":\"Zm9v\",\"lease\":\"-3\"}},"
	    "{\"request_txn\":{\"failure\":[{\"request_delete_range\":{}}]}}]}", &txn);
	assert_int_equal(txn.compare.count, 2);
	assert_int_equal(txn.compare.items[0].which, V3_IS_create_revision);
	assert_int_equal(txn.compare.items[0].create_revision, 0);
	assert_int_equal(txn.compare.items[1].mod_revision, 9);
	assert_int_equal(txn.compare.items[1].result, V3_LESS);
	assert_int_equal(txn.success.count, 2);
	put = txn.success.items[0].request_put;
	assert_true(slice_equal(put->key, SLICE_LITERAL("foo")));
	assert_int_equal(put->lease, -3);
	assert_int_equal(txn.success.items[1].request_txn->failure.items[0].which,
	    V3_IS_request_delete_range);
}

TEST(a_key_value_becomes_its_wire_form)
{
	struct v3_put_response answer;
	struct v3_key_value kv;

	expect_read(v3_put_response_type(), "{\"prev_kv\":{\"key\":\"aw==\",\"version\":\"2\"}}",
	    &answer);
	assert_true(v3_key_value_read(answer.prev_kv, &kv));
	assert_true(slice_equal(kv.key, SLICE_LITERAL("k")));
	assert_int_equal(kv.version, 2);
	expect_read(v3_put_response_type(), "{\"prev_kv\":{}}", &answer);
	assert_non_null(answer.prev_kv.data);
	assert_int_equal(answer.prev_kv.size, 0);
}

/* ---- limits ------------------------------------------------------------ */

static void
put_times(struct buf *out, const char *text, size_t times)
{
	for (size_t i = 0; i < times; i++)
		buf_append_text(out, text);
}

static enum err
read_levels(size_t levels, const char *inside)
{
	struct buf text = BUF_INIT;
	struct v3_txn_request txn;
	enum err err;

	put_times(&text, "{\"success\":[{\"request_txn\":", levels - 1);
	buf_append_text(&text, inside);
	put_times(&text, "}]}", levels - 1);
	err = v3_json_read(v3_txn_request_type(), buf_slice(&text), &arena, &txn, &refusal);
	buf_free(&text);
	return err;
}

TEST(json_nests_as_deep_as_a_transaction_may_and_no_deeper)
{
	size_t levels = V3_NESTED_MAX / 2;

	assert_int_equal(read_levels(levels, "{\"success\":[{}]}"), ERR_NONE);
	assert_int_equal(read_levels(levels, "{\"success\":[{\"request_put\":{}}]}"), ERR_TOO_BIG);
	assert_int_equal(refusal.code, V3_INVALID_ARGUMENT);
	assert_string_equal(refusal.text, "etcdserver: too many operations in txn request");
	assert_int_equal(read_levels(30000, "{}"), ERR_TOO_BIG);
}

TEST(what_is_passed_by_nests_no_deeper_either)
{
	struct buf text = BUF_INIT;
	struct v3_put_request put;

	for (size_t over = 0; over < 2; over++) {
		buf_clear(&text);
		buf_append_text(&text, "{\"nonsense\":");
		put_times(&text, "[", V3_NESTED_MAX + over);
		put_times(&text, "]", V3_NESTED_MAX + over);
		buf_append_text(&text, "}");
		assert_int_equal(v3_json_read(v3_put_request_type(), buf_slice(&text), &arena, &put,
		    &refusal), over == 0 ? ERR_NONE : ERR_TOO_BIG);
	}
	assert_string_equal(refusal.text, "the request is nested too deeply");
	buf_free(&text);
}

TEST(parts_of_json_take_no_more_than_they_may)
{
	struct buf text = BUF_INIT;
	struct v3_member_add_request add;
	struct v3_txn_request txn;

	buf_append_text(&text, "{\"compare\":[{}");
	put_times(&text, ",{}", V3_DECODED_BYTES_MAX / sizeof(struct v3_txn_compare));
	buf_append_text(&text, "]}");
	assert_int_equal(v3_json_read(v3_txn_request_type(), buf_slice(&text), &arena, &txn,
	    &refusal), ERR_TOO_BIG);
	assert_string_equal(refusal.text, "etcdserver: too many operations in txn request");
	buf_clear(&text);

	/* A list grows by doubling: 4 + 8 + ... items, as often as they fit. */
	buf_append_text(&text, "{\"peerURLs\":[\"\"");
	put_times(&text, ",\"\"", V3_DECODED_BYTES_MAX / sizeof(struct slice) / 2 - 1);
	buf_append_text(&text, "]}");
	assert_int_equal(v3_json_read(v3_member_add_request_type(), buf_slice(&text), &arena, &add,
	    &refusal), ERR_NONE);
	text.size -= 2;
	buf_append_text(&text, ",\"\"]}");
	assert_int_equal(v3_json_read(v3_member_add_request_type(), buf_slice(&text), &arena, &add,
	    &refusal), ERR_TOO_BIG);
	assert_string_equal(refusal.text, "the request has too many parts");
	buf_free(&text);
	arena_free(&arena);
}
