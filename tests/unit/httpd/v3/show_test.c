/*
 * show_test.c - what raftd answers as responses, and bytes that are no answer.
 */
#include "httpd/v3/show.h"

#include "common/ipc/message.h"
#include "common/limits.h"
#include "httpd/v3/json.h"
#include "tests/lib/test.h"

static struct arena arena;

static void
put_event(struct buf *event, const struct v3_result *results, size_t count, struct slice bytes)
{
	struct buf list = BUF_INIT;

	for (size_t i = 0; i < count; i++)
		v3_result_put(&list, &results[i]);
	v3_answer_put(event, &(struct v3_answer){ .revision = 9, .ttl_s = 60,
	    .results = buf_slice(&list) });
	buf_append_slice(event, bytes);
	buf_free(&list);
}

static enum err
show(enum v3_method_tag method, struct slice event, struct buf *json)
{
	struct v3_response_header header = { .cluster_id = 1, .member_id = 2, .raft_term = 3 };
	struct json_put put = json_put_into(json);
	union v3_shown shown;
	enum v3_error error;
	enum err err = v3_show(method, event, &arena, &header, &shown, &error);

	if (err != ERR_NONE)
		return err;
	assert_int_equal(error, V3_NONE);
	assert_true(v3_json_put(&put, NULL, v3_method(method)->response(), &shown));
	return ERR_NONE;
}

static void
expect(enum v3_method_tag method, const struct v3_result *results, size_t count,
    struct slice bytes, const char *wanted)
{
	struct buf event = BUF_INIT, json = BUF_INIT;

	put_event(&event, results, count, bytes);
	assert_int_equal(show(method, buf_slice(&event), &json), ERR_NONE);
	assert_true(slice_equal(buf_slice(&json), slice_text(wanted)));
	buf_free(&event);
	buf_free(&json);
}

static void
expect_malformed(enum v3_method_tag method, const struct v3_result *results, size_t count,
    struct slice bytes)
{
	struct buf event = BUF_INIT, json = BUF_INIT;

	put_event(&event, results, count, bytes);
	assert_int_equal(show(method, buf_slice(&event), &json), ERR_MALFORMED);
	buf_free(&event);
	buf_free(&json);
}

#define HEADER "{\"header\":{\"cluster_id\":\"1\",\"member_id\":\"2\",\"revision\":\"9\"," \
	"\"raft_term\":\"3\"}"
/* A KeyValue: key a, value b, behind its tag. */
#define KV "\x12\x06\x0a\x01" "a" "\x2a\x01" "b"
#define KV_3 "\x1a\x06\x0a\x01" "a" "\x2a\x01" "b"

TEST(each_method_shows_its_own)
{
	struct v3_result range = { .kind = V3_OP_RANGE, .flags = V3_RESULT_MORE, .count = 5,
		.kvs = 2, .bytes = 16 };
	struct v3_result put = { .kind = V3_OP_PUT };
	struct v3_result delete = { .kind = V3_OP_DELETE, .count = 1, .kvs = 1, .bytes = 8 };

	expect(V3_METHOD_range, &range, 1, SLICE_LITERAL(KV KV),
	    HEADER ",\"kvs\":[{\"key\":\"YQ==\",\"value\":\"Yg==\"},"
	    "{\"key\":\"YQ==\",\"value\":\"Yg==\"}],\"more\":true,\"count\":\"5\"}");
	expect(V3_METHOD_put, &put, 1, SLICE_EMPTY, HEADER "}");
	put.kvs = 1;
	expect(V3_METHOD_put, &put, 1, SLICE_LITERAL(KV),
	    HEADER ",\"prev_kv\":{\"key\":\"YQ==\",\"value\":\"Yg==\"}}");
	expect(V3_METHOD_delete_range, &delete, 1, SLICE_LITERAL(KV_3),
	    HEADER ",\"deleted\":\"1\",\"prev_kvs\":[{\"key\":\"YQ==\",\"value\":\"Yg==\"}]}");
	expect(V3_METHOD_compact, NULL, 0, SLICE_EMPTY, HEADER "}");
	expect(V3_METHOD_lease_grant, NULL, 0, SLICE_EMPTY, HEADER ",\"TTL\":\"60\"}");
	expect(V3_METHOD_lease_revoke, NULL, 0, SLICE_EMPTY, HEADER "}");
}

TEST(a_txn_has_a_response_for_each_operation)
{
	const struct v3_result results[] = {
		{ .kind = V3_OP_TXN, .flags = V3_RESULT_SUCCEEDED, .responses = 3, .revision = 9 },
		{ .kind = V3_OP_PUT, .revision = 9 },
		{ .kind = V3_OP_TXN, .responses = 1 },
		{ .kind = V3_OP_RANGE, .revision = 9, .count = 1, .kvs = 1, .bytes = 8 },
		{ .kind = V3_OP_DELETE, .revision = 9, .count = 2 },
	};

	expect(V3_METHOD_txn, results, 5, SLICE_LITERAL(KV),
	    HEADER ",\"succeeded\":true,\"responses\":["
	    "{\"response_put\":{\"header\":{\"revision\":\"9\"}}},"
	    "{\"response_txn\":{\"header\":{},\"responses\":["
	    "{\"response_range\":{\"header\":{\"revision\":\"9\"},"
	    "\"kvs\":[{\"key\":\"YQ==\",\"value\":\"Yg==\"}],\"count\":\"1\"}}]}},"
	    "{\"response_delete_range\":{\"header\":{\"revision\":\"9\"},\"deleted\":\"2\"}}]}");
	expect(V3_METHOD_txn, results + 2, 2, SLICE_LITERAL(KV),
	    HEADER ",\"responses\":[{\"response_range\":{\"header\":{\"revision\":\"9\"},"
	    "\"kvs\":[{\"key\":\"YQ==\",\"value\":\"Yg==\"}],\"count\":\"1\"}}]}");
}

TEST(an_error_shows_nothing)
{
	struct v3_response_header header = { 0 };
	struct buf event = BUF_INIT;
	union v3_shown shown;
	enum v3_error error;

	v3_answer_put(&event, &(struct v3_answer){ .error = V3_COMPACTED });
	assert_int_equal(v3_show(V3_METHOD_range, buf_slice(&event), &arena, &header, &shown,
	    &error), ERR_NONE);
	assert_int_equal(error, V3_COMPACTED);
	buf_free(&event);
}

TEST(what_is_no_answer_is_found)
{
	struct v3_result range = { .kind = V3_OP_RANGE, .kvs = 1 };
	struct v3_result wrong = { .kind = V3_OP_PUT };
	struct v3_result unknown = { .kind = 9 };
	struct v3_result txn = { .kind = V3_OP_TXN, .responses = UINT32_MAX };
	struct v3_result flags = { .kind = V3_OP_RANGE, .flags = 0x80 };
	struct buf json = BUF_INIT;

	assert_int_equal(show(V3_METHOD_range, SLICE_EMPTY, &json), ERR_MALFORMED);
	expect_malformed(V3_METHOD_range, NULL, 0, SLICE_EMPTY);
	expect_malformed(V3_METHOD_range, &wrong, 1, SLICE_EMPTY);
	expect_malformed(V3_METHOD_range, &unknown, 1, SLICE_EMPTY);
	expect_malformed(V3_METHOD_range, &flags, 1, SLICE_EMPTY);
	/* Fewer bytes than were said, and more. */
	expect_malformed(V3_METHOD_range, &range, 1, SLICE_EMPTY);
	expect_malformed(V3_METHOD_range, &range, 1, SLICE_LITERAL("\x12\x06\x0a\x01" "a"));
	expect_malformed(V3_METHOD_range, &range, 1, SLICE_LITERAL("\x12\xff\xff\xff"));
	expect_malformed(V3_METHOD_range, &range, 1, SLICE_LITERAL(KV "x"));
	range.kvs = UINT64_MAX;
	expect_malformed(V3_METHOD_range, &range, 1, SLICE_LITERAL(KV));
	/* Responses that are not there. */
	expect_malformed(V3_METHOD_txn, &txn, 1, SLICE_EMPTY);
	txn.responses = 1;
	expect_malformed(V3_METHOD_txn, &txn, 1, SLICE_EMPTY);
	expect_malformed(V3_METHOD_watch, NULL, 0, SLICE_EMPTY);
	buf_free(&json);
}

/* Of a txn in a txn in ..., as deep as a request may be, and one deeper. */
TEST(responses_nest_as_deep_as_requests)
{
	struct v3_result results[V3_DEPTH_MAX + 2];
	struct buf event = BUF_INIT, json = BUF_INIT;

	for (size_t i = 0; i < ARRAY_COUNT(results); i++)
		results[i] = (struct v3_result){ .kind = V3_OP_TXN, .responses = 1 };
	results[V3_DEPTH_MAX].responses = 0;
	put_event(&event, results, V3_DEPTH_MAX + 1, SLICE_EMPTY);
	assert_int_equal(show(V3_METHOD_txn, buf_slice(&event), &json), ERR_NONE);
	buf_free(&event);
	buf_free(&json);
	results[V3_DEPTH_MAX].responses = 1;
	results[V3_DEPTH_MAX + 1].responses = 0;
	expect_malformed(V3_METHOD_txn, results, V3_DEPTH_MAX + 2, SLICE_EMPTY);
}
