/*
 * status_test.c - codes, HTTP statuses, bodies of errors.
 */
#include "httpd/v3/status.h"

#include "tests/lib/test.h"

static void
expect(struct buf *out, const char *wanted)
{
	buf_append_byte(out, '\0');
	assert_string_equal((const char *)out->data, wanted);
	buf_free(out);
}

TEST(the_body_of_a_refused_call)
{
	struct buf out = BUF_INIT;

	v3_status_put(&out, v3_status_of(V3_REFUSE_EMPTY_KEY));
	expect(&out, "{\"error\":\"etcdserver: key is not provided\","
	    "\"message\":\"etcdserver: key is not provided\",\"code\":3}");
	v3_status_put(&out, v3_status_of(V3_REFUSE_LEASE_NOT_FOUND));
	expect(&out, "{\"error\":\"etcdserver: requested lease not found\","
	    "\"message\":\"etcdserver: requested lease not found\",\"code\":5}");
	v3_status_put(&out, v3_status_of(V3_REFUSE_FUTURE_REVISION));
	expect(&out, "{\"error\":\"etcdserver: mvcc: required revision is a future revision\","
	    "\"message\":\"etcdserver: mvcc: required revision is a future revision\","
	    "\"code\":11}");
	v3_status_put(&out, (struct v3_status){ V3_INVALID_ARGUMENT,
	    "unknown value \"UP\" for enum etcdserverpb.RangeRequest_SortOrder" });
	expect(&out, "{\"error\":\"unknown value \\\"UP\\\" for enum "
	    "etcdserverpb.RangeRequest_SortOrder\",\"message\":\"unknown value \\\"UP\\\" for enum "
	    "etcdserverpb.RangeRequest_SortOrder\",\"code\":3}");
}

TEST(the_last_line_of_a_stream)
{
	struct buf out = BUF_INIT;

	v3_status_put_line(&out, v3_status_of(V3_REFUSE_NO_LEADER));
	expect(&out, "{\"error\":{\"grpc_code\":14,\"http_code\":503,"
	    "\"message\":\"etcdserver: no leader\",\"http_status\":\"Service Unavailable\"}}\n");
}

TEST(every_code_has_its_http_status)
{
	static const unsigned statuses[] = { 200, 408, 500, 400, 504, 404, 409, 403, 429, 400, 409,
		400, 501, 500, 503, 500, 401 };

	for (unsigned code = 0; code < ARRAY_COUNT(statuses); code++)
		assert_int_equal(v3_http_status(code), statuses[code]);
	assert_int_equal(v3_http_status(17), 500);
	assert_string_equal(v3_http_reason(17), "Internal Server Error");
	assert_string_equal(v3_http_reason(V3_RESOURCE_EXHAUSTED), "Too Many Requests");
}

TEST(refusals_have_code_and_text_of_the_original)
{
	assert_int_equal(v3_status_of(V3_REFUSE_DEADLINE).code, V3_DEADLINE_EXCEEDED);
	assert_string_equal(v3_status_of(V3_REFUSE_DEADLINE).text, "context deadline exceeded");
	assert_int_equal(v3_status_of(V3_REFUSE_NO_SPACE).code, V3_RESOURCE_EXHAUSTED);
	assert_string_equal(v3_status_of(V3_REFUSE_NO_SPACE).text,
	    "etcdserver: mvcc: database space exceeded");
	assert_int_equal(v3_status_of(V3_REFUSE_AUTH_TOKEN).code, V3_UNAUTHENTICATED);
	assert_string_equal(v3_status_of(V3_REFUSE_AUTH_TOKEN).text,
	    "etcdserver: invalid auth token");
}
