/*
 * ask_test.c - requests of the KV service: what is refused, in which order, and what raftd is
 * asked.
 */
#include "httpd/v3/ask.h"

#include "common/ipc/v3.h"
#include "common/limits.h"
#include "httpd/v3/json.h"
#include "raftd/replica/mvcc/request.h"
#include "tests/lib/test.h"

#include <stdio.h>

#define PATH_OPS 128

static struct arena arena;
static size_t most = PATH_OPS;		/* operations on a path */

union asked {
	struct v3_range_request range;
	struct v3_put_request put;
	struct v3_delete_range_request delete_range;
	struct v3_txn_request txn;
};

/* raftd closes the channel of a worker that sends what it would not take. */
static void
expect_taken(const struct v3_ask *made)
{
	struct mvcc_request *request;

	assert_int_equal(mvcc_request_new(buf_slice(&made->compares), buf_slice(&made->ops),
	    NULL, &request), V3_NONE);
	assert_int_equal(mvcc_request_writes(request), made->writes);
	mvcc_request_free(&request);
}

static struct v3_status
ask(enum v3_method_tag method, struct slice json, struct v3_ask *made)
{
	struct v3_status refusal;
	union asked *message = arena_zalloc(&arena, sizeof(*message));

	*made = (struct v3_ask){ .writes = false };
	if (v3_json_read(v3_method(method)->request(), json, &arena, message,
	    &refusal) != ERR_NONE)
		fail_msg("%.*s: %s", SLICE_ARGS(json), refusal.text);
	refusal = v3_ask_make(method, message, most, &arena, made);
	if (refusal.code == V3_OK)
		expect_taken(made);
	return refusal;
}

static void
expect(enum v3_method_tag method, const char *json, const char *wanted)
{
	struct v3_ask made;
	struct v3_status status = ask(method, slice_text(json), &made);

	if (strcmp(status.text, wanted) != 0)
		fail_msg("%s: %s", json, status.text);
	assert_int_equal(status.code, wanted[0] == '\0' ? V3_OK : V3_INVALID_ARGUMENT);
	v3_ask_free(&made);
}

#define TXN(json, wanted) expect(V3_METHOD_txn, json, wanted)
#define EMPTY "etcdserver: key is not provided"
#define NOT_FOUND "etcdserver: key not found"
#define VALUE "etcdserver: value is provided"
#define LEASE "etcdserver: lease is provided"
#define SORT "etcdserver: invalid sort option"
#define COMPARE "etcdserver: invalid compare option"
#define MANY "etcdserver: too many operations in txn request"
#define DUPLICATE "etcdserver: duplicate key given in txn request"

/* ---- one operation ------------------------------ */

TEST(what_no_state_makes_right_is_refused)
{
	expect(V3_METHOD_range, "{}", EMPTY);
	expect(V3_METHOD_range, "{\"key\":\"YQ==\",\"sort_order\":2,\"sort_target\":4}", "");
	expect(V3_METHOD_range, "{\"key\":\"YQ==\",\"sort_order\":3}", SORT);
	expect(V3_METHOD_range, "{\"key\":\"YQ==\",\"sort_order\":-1}", SORT);
	expect(V3_METHOD_range, "{\"key\":\"YQ==\",\"sort_target\":5}", SORT);
	expect(V3_METHOD_put, "{\"value\":\"YQ==\"}", EMPTY);
	expect(V3_METHOD_put, "{\"ignore_value\":true,\"value\":\"YQ==\"}", EMPTY);
	expect(V3_METHOD_put, "{\"key\":\"YQ==\",\"ignore_value\":true,\"value\":\"YQ==\","
	    "\"ignore_lease\":true,\"lease\":1}", VALUE);
	expect(V3_METHOD_put, "{\"key\":\"YQ==\",\"ignore_lease\":true,\"lease\":1}", LEASE);
	expect(V3_METHOD_delete_range, "{}", EMPTY);
	expect(V3_METHOD_delete_range, "{\"key\":\"YQ==\"}", "");
}

/* The only operation that was made. */
static struct v3_op
op_of(const struct v3_ask *made)
{
	struct reader in = reader_of(buf_slice(&made->ops));
	struct v3_op op;

	assert_true(v3_op_get(&in, &op) && reader_done(&in));
	return op;
}

TEST(all_of_a_range_is_asked_for)
{
	struct v3_ask made;
	struct v3_range range;
	struct reader in;

	assert_int_equal(ask(V3_METHOD_range, SLICE_LITERAL("{\"key\":\"YQ==\","
	    "\"range_end\":\"Yg==\",\"limit\":1,\"revision\":-2,\"sort_order\":\"DESCEND\","
	    "\"sort_target\":\"MOD\",\"keys_only\":true,\"count_only\":true,"
	    "\"min_mod_revision\":3,\"max_mod_revision\":4,\"min_create_revision\":5,"
	    "\"max_create_revision\":6,\"serializable\":true}"), &made).code, V3_OK);
	assert_true(made.serializable && !made.writes);
	assert_int_equal(op_of(&made).kind, V3_OP_RANGE);
	in = reader_of(op_of(&made).body);
	assert_true(v3_range_get(&in, &range));
	assert_true(slice_equal(range.key, SLICE_LITERAL("a")));
	assert_true(slice_equal(range.end, SLICE_LITERAL("b")));
	assert_int_equal(range.flags, V3_RANGE_KEYS_ONLY | V3_RANGE_COUNT_ONLY);
	assert_int_equal(range.order, V3_SORT_DESCEND);
	assert_int_equal(range.target, V3_SORT_MOD);
	assert_int_equal(range.limit, 1);
	assert_true(range.revision == (uint64_t)-2);
	assert_int_equal(range.min_mod, 3);
	assert_int_equal(range.max_mod, 4);
	assert_int_equal(range.min_create, 5);
	assert_int_equal(range.max_create, 6);
	v3_ask_free(&made);
}

TEST(all_of_a_put_is_asked_for)
{
	struct v3_ask made;
	struct v3_put put;
	struct reader in;

	assert_int_equal(ask(V3_METHOD_put, SLICE_LITERAL("{\"key\":\"YQ==\",\"lease\":7,"
	    "\"prev_kv\":true,\"ignore_value\":true}"), &made).code, V3_OK);
	assert_true(made.writes);
	in = reader_of(op_of(&made).body);
	assert_true(v3_put_get(&in, &put));
	assert_int_equal(put.lease, 7);
	assert_int_equal(put.flags, V3_PUT_PREV_KV | V3_PUT_IGNORE_VALUE);
	v3_ask_free(&made);
}

/* ---- txns ------------------------------ */

TEST(a_txn_is_looked_at_in_the_order_of_the_original)
{
	TXN("{}", "");
	TXN("{\"compare\":[{}],\"success\":[{}]}", EMPTY);
	TXN("{\"compare\":[{\"key\":\"YQ==\",\"result\":4}]}", COMPARE);
	TXN("{\"compare\":[{\"key\":\"YQ==\",\"target\":5}]}", COMPARE);
	TXN("{\"success\":[{}],\"failure\":[{\"request_put\":{}}]}", NOT_FOUND);
	TXN("{\"success\":[{\"request_put\":{}},{}]}", EMPTY);
	TXN("{\"failure\":[{\"request_range\":{}}]}", EMPTY);
	TXN("{\"success\":[{\"request_txn\":{\"failure\":[{\"request_delete_range\":{}}]}}]}",
	    EMPTY);
	/* What one operation says comes before what they say together. */
	TXN("{\"success\":[{\"request_put\":{\"key\":\"YQ==\"}},"
	    "{\"request_put\":{\"key\":\"YQ==\"}}],\"failure\":[{}]}", NOT_FOUND);
}

TEST(branches_and_compares_are_counted)
{
	struct v3_branch branch;
	struct v3_ask made;
	struct reader in;
	struct v3_op op;

	assert_int_equal(ask(V3_METHOD_txn, SLICE_LITERAL("{\"compare\":[{\"key\":\"YQ==\"},"
	    "{\"key\":\"Yg==\",\"target\":\"LEASE\",\"version\":\"3\"}],"
	    "\"success\":[{\"request_txn\":{\"compare\":[{\"key\":\"Yw==\"}],"
	    "\"failure\":[{\"request_range\":{\"key\":\"YQ==\"}}]}}],"
	    "\"failure\":[{\"request_put\":{\"key\":\"YQ==\"}}]}"), &made).code, V3_OK);
	in = reader_of(buf_slice(&made.ops));
	assert_true(v3_op_get(&in, &op));
	in = reader_of(op.body);
	assert_true(v3_branch_get(&in, &branch));
	assert_int_equal(branch.compares, 2);
	assert_int_equal(branch.success_end, 3);
	assert_int_equal(branch.failure_end, 4);
	in = reader_of(buf_slice(&made.compares));
	for (unsigned i = 0; i < 3; i++) {
		struct v3_compare compare;

		assert_true(v3_compare_get(&in, &compare));
		/* Not what it is compared with, so it counts as 0. */
		assert_int_equal(compare.number, 0);
	}
	assert_true(reader_done(&in));
	v3_ask_free(&made);
}

TEST(a_txn_without_writes_is_a_read)
{
	struct v3_ask made;

	assert_int_equal(ask(V3_METHOD_txn, SLICE_LITERAL("{\"success\":["
	    "{\"request_range\":{\"key\":\"YQ==\",\"serializable\":true}}]}"), &made).code, V3_OK);
	assert_true(!made.writes && made.serializable);
	v3_ask_free(&made);
	assert_int_equal(ask(V3_METHOD_txn, SLICE_LITERAL("{\"success\":["
	    "{\"request_range\":{\"key\":\"YQ==\",\"serializable\":true}},"
	    "{\"request_txn\":{\"failure\":[{\"request_range\":{\"key\":\"YQ==\"}}]}}]}"),
	    &made).code, V3_OK);
	assert_true(!made.writes && !made.serializable);
	v3_ask_free(&made);
}

/* ---- how many ------------------------------ */

static void
put_times(struct buf *json, const char *text, size_t times)
{
	for (size_t i = 0; i < times; i++)
		buf_append_slice(json, slice_text(text));
}

static void
expect_built(struct buf *json, const char *wanted)
{
	struct v3_ask made;
	struct v3_status status = ask(V3_METHOD_txn, buf_slice(json), &made);

	assert_string_equal(status.text, wanted);
	v3_ask_free(&made);
	buf_free(json);
}

#define A_RANGE "{\"request_range\":{\"key\":\"YQ==\"}}"

/* So many ranges, in a txn so deep in others. */
static void
nest(struct buf *json, size_t levels, size_t ranges)
{
	put_times(json, "{\"success\":[{\"request_txn\":", levels);
	put_times(json, "{\"success\":[" A_RANGE, 1);
	put_times(json, "," A_RANGE, ranges - 1);
	put_times(json, "]}", 1);
	put_times(json, "}]}", levels);
}

TEST(a_path_has_so_many_operations)
{
	struct buf json = BUF_INIT;

	nest(&json, 0, PATH_OPS);
	expect_built(&json, "");
	nest(&json, 0, PATH_OPS + 1);
	expect_built(&json, MANY);
	nest(&json, PATH_OPS - 1, 1);
	expect_built(&json, "");
	nest(&json, PATH_OPS, 1);
	expect_built(&json, MANY);
	nest(&json, 28, 100);
	expect_built(&json, "");
	nest(&json, 29, 100);
	expect_built(&json, MANY);
	most = PATH_OPS + 1;
	nest(&json, 0, PATH_OPS + 1);
	expect_built(&json, "");
	nest(&json, 0, PATH_OPS + 2);
	expect_built(&json, MANY);
	most = PATH_OPS;
}

/* However many it may have; no deeper one is read (json_read_test.c, protobuf_test.c). */
TEST(a_request_is_so_deep)
{
	struct buf json = BUF_INIT;

	most = V3_OPS_MAX;
	nest(&json, V3_DEPTH_MAX, 1);
	expect_built(&json, "");
	most = PATH_OPS;
}

/* So many txns, each with that many ranges. */
static void
spread(struct buf *json, size_t txns, size_t ranges)
{
	put_times(json, "{\"success\":[", 1);
	for (size_t i = 0; i < txns; i++) {
		put_times(json, i == 0 ? "{\"request_txn\":" : ",{\"request_txn\":", 1);
		nest(json, 0, ranges);
		put_times(json, "}", 1);
	}
	put_times(json, "]}", 1);
}

/* Four txns of 3836 operations each, and one with 1025 and so many more in it. */
static void
put_branches(struct buf *json, size_t more)
{
	put_times(json, "{\"success\":[", 1);
	for (unsigned i = 0; i < 4; i++) {
		put_times(json, "{\"request_txn\":", 1);
		spread(json, 59, 64);
		put_times(json, "},", 1);
	}
	put_times(json, "{\"request_txn\":{\"success\":[", 1);
	for (unsigned i = 0; i < 16; i++) {
		put_times(json, "{\"request_txn\":", 1);
		nest(json, 0, 63);
		put_times(json, "},", 1);
	}
	put_times(json, A_RANGE, 1);
	put_times(json, "," A_RANGE, more - 1);
	put_times(json, "]}}]}", 1);
}

/* No path through it is too long. */
TEST(a_request_has_so_many_operations)
{
	struct buf json = BUF_INIT;
	size_t more = V3_OPS_MAX - 1 - 4 * (1 + 59 + 59 * 64) - 1025;

	put_branches(&json, more);
	expect_built(&json, "");
	put_branches(&json, more + 1);
	expect_built(&json, MANY);
}

/* ---- twice ------------------------------ */

#define P(key) "{\"request_put\":{\"key\":\"" key "\"}}"
#define D(key) "{\"request_delete_range\":{\"key\":\"" key "\"}}"
#define DR(key, end) "{\"request_delete_range\":{\"key\":\"" key "\",\"range_end\":\"" end "\"}}"
#define T(success, failure) \
	"{\"request_txn\":{\"success\":[" success "],\"failure\":[" failure "]}}"
#define S(ops) "{\"success\":[" ops "]}"
/* base64 of a, b, c, d and of one zero byte */
#define A "YQ=="
#define B "Yg=="
#define C "Yw=="
#define DD "ZA=="
#define ALL "AA=="

TEST(a_key_is_put_once)
{
	TXN(S(P(A) "," P(B)), "");
	TXN(S(P(A) "," P(B) "," P(A)), DUPLICATE);
	TXN("{\"success\":[" P(A) "],\"failure\":[" P(A) "]}", "");
	TXN("{\"failure\":[" P(A) "," P(A) "]}", DUPLICATE);
	TXN(S(P(A) "," T(P(A), "")), DUPLICATE);
	TXN(S(T("", P(A)) "," P(A)), DUPLICATE);
	TXN(S(T(P(A), "") "," T("", P(A))), DUPLICATE);
	TXN(S(T(P(A), P(A))), "");
	TXN(S(T(T(P(A), ""), T("", P(A)))), "");
	/* The second excludes the first, the third does not. */
	TXN(S(T(P(A), P(A)) "," P(A)), DUPLICATE);
	TXN(S(T(T(P(A), P(A)), P(A))), "");
	TXN(S(T(T(P(A), P(A)) "," P(A), P(B))), DUPLICATE);
}

TEST(what_is_put_is_not_deleted)
{
	TXN(S(P(A) "," D(B)), "");
	TXN(S(D(A) "," P(A)), DUPLICATE);
	TXN(S(P(A) "," D(A)), DUPLICATE);
	TXN(S(P(B) "," DR(A, C)), DUPLICATE);
	TXN(S(P(C) "," DR(A, C)), "");
	TXN(S(P(C) "," DR(A, ALL)), DUPLICATE);
	TXN(S(P(B) "," DR(C, A)), "");
	TXN("{\"success\":[" P(A) "],\"failure\":[" D(A) "]}", "");
	/* Outer ones count for what is in them, before and behind. */
	TXN(S(T(P(B), "") "," DR(A, C)), DUPLICATE);
	TXN(S(DR(A, C) "," T("", T(P(B), ""))), DUPLICATE);
	/* Inner ones for what is put around them. */
	TXN(S(P(A) "," T(D(A), "")), DUPLICATE);
	TXN(S(T("", T("", DR(A, C))) "," P(B)), DUPLICATE);
	/* Of two side by side the first does for the second. */
	TXN(S(T(D(A), "") "," T(P(A), "")), DUPLICATE);
	TXN(S(T(P(A), "") "," T(D(A), "")), "");
	TXN(S(T(P(A), D(A))), "");
	TXN(S(T(D(A), P(A))), "");
}

/* Intervals that touch, lie within each other and overlap. */
TEST(deletes_are_merged_rightly)
{
	TXN(S(DR(A, B) "," DR(B, C) "," P(C)), "");
	TXN(S(DR(A, B) "," DR(B, C) "," P(B)), DUPLICATE);
	TXN(S(DR(A, DD) "," D(B) "," P(C)), DUPLICATE);
	TXN(S(D(A) "," DR(A, C) "," P(B)), DUPLICATE);
	TXN(S(DR(A, C) "," DR(B, DD) "," P(C)), DUPLICATE);
	TXN(S(T(DR(A, B), D(C)) "," T(D(B), "") "," T(P(DD), "")), "");
	TXN(S(T(DR(A, B), D(C)) "," T(D(B), "") "," T(P(C), "")), DUPLICATE);
	TXN(S(T(DR(B, ALL), D(A)) "," T(P(DD), "")), DUPLICATE);
	TXN(S(D(A) "," D(A) "," DR(A, ALL)), "");
}
