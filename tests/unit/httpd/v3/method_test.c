/*
 * method_test.c - which method a path names, and what is said of one that names none.
 */
#include "httpd/v3/method.h"

#include "tests/lib/test.h"

#include <stdio.h>

static struct arena arena;

static void
expect_refused(const char *path, const char *text)
{
	struct v3_status refusal;

	assert_null(v3_method_by_grpc_path(slice_text(path), &arena, &refusal));
	assert_int_equal(refusal.code, V3_UNIMPLEMENTED);
	assert_string_equal(refusal.text, text);
}

static const struct v3_method *
by_gateway(const char *path)
{
	return v3_method_by_gateway_path(slice_text(path));
}

TEST(every_method_is_found_by_its_paths)
{
	for (unsigned tag = 0; tag < V3_METHODS; tag++) {
		const struct v3_method *method = v3_method(tag);
		struct v3_status refusal;
		char path[200];

		assert_int_equal(method->tag, tag);
		snprintf(path, sizeof(path), "/%.*s/%.*s", SLICE_ARGS(method->service),
		    SLICE_ARGS(method->name));
		assert_ptr_equal(
		    v3_method_by_grpc_path(slice_text(path), &arena, &refusal), method);
		for (size_t i = 0; i < ARRAY_COUNT(method->gateway); i++) {
			if (method->gateway[i].size == 0)
				continue;
			snprintf(path, sizeof(path), "/v3%.*s", SLICE_ARGS(method->gateway[i]));
			assert_ptr_equal(by_gateway(path), method);
			snprintf(path, sizeof(path), "/v3beta%.*s", SLICE_ARGS(method->gateway[i]));
			assert_ptr_equal(by_gateway(path), method);
		}
	}
	arena_free(&arena);
}

TEST(a_method_knows_its_messages_and_what_streams)
{
	const struct v3_method *compact = v3_method(V3_METHOD_compact);
	const struct v3_method *observe = v3_method(V3_METHOD_observe);

	assert_ptr_equal(compact->request(), v3_compaction_request_type());
	assert_ptr_equal(compact->response(), v3_compaction_response_type());
	assert_int_equal(compact->kind, V3_UNARY);
	assert_ptr_equal(observe->request(), v3_leader_request_type());
	assert_int_equal(observe->kind, V3_SERVER_STREAM);
	assert_int_equal(v3_method(V3_METHOD_watch)->kind, V3_BOTH_STREAM);
	assert_int_equal(v3_method(V3_METHOD_lease_keep_alive)->kind, V3_BOTH_STREAM);
	assert_int_equal(v3_method(V3_METHOD_snapshot)->kind, V3_SERVER_STREAM);
}

TEST(some_methods_have_two_paths_in_the_gateway_and_some_none)
{
	assert_ptr_equal(by_gateway("/v3/lease/revoke"), by_gateway("/v3/kv/lease/revoke"));
	assert_ptr_equal(by_gateway("/v3/kv/lease/leases"), v3_method(V3_METHOD_lease_leases));
	assert_null(by_gateway("/v3"));
	assert_null(by_gateway("/v3/"));
	assert_null(by_gateway("/v3beta/"));
	assert_null(by_gateway("/v3alpha/kv/range"));
	assert_null(by_gateway("/v3/kv/nothing"));
	assert_null(by_gateway("/v3/kv/rang"));
	assert_null(by_gateway("/v3/kv/range/"));
	assert_null(by_gateway("/V3/kv/range"));
	assert_null(by_gateway("/kv/range"));
	assert_null(by_gateway(""));
}

TEST(what_no_method_has_is_unimplemented)
{
	expect_refused("/etcdserverpb.KV/RangeStream",
	    "unknown method RangeStream for service etcdserverpb.KV");
	expect_refused("/etcdserverpb.KV/range",
	    "unknown method range for service etcdserverpb.KV");
	expect_refused("/etcdserverpb.KV/", "unknown method  for service etcdserverpb.KV");
	expect_refused("/etcdserverpb.KW/Range", "unknown service etcdserverpb.KW");
	expect_refused("/a/b/c", "unknown service a/b");
	expect_refused("/Range", "malformed method name: \"/Range\"");
	expect_refused("", "malformed method name: \"\"");
	expect_refused("/", "malformed method name: \"/\"");
	expect_refused("a/b", "malformed method name: \"a/b\"");
	arena_free(&arena);
}

TEST(of_a_path_that_is_refused_so_much_is_shown)
{
	char path[400] = "/";
	struct v3_status refusal;

	memset(path + 1, 'x', 300);
	assert_null(v3_method_by_grpc_path(slice_text(path), &arena, &refusal));
	assert_int_equal(strlen(refusal.text), strlen("malformed method name: \"\"") + 256);
	path[301] = '/';
	assert_null(v3_method_by_grpc_path(slice_text(path), &arena, &refusal));
	assert_int_equal(strlen(refusal.text), strlen("unknown service ") + 256);
	memcpy(path, "/etcdserverpb.KV/", strlen("/etcdserverpb.KV/"));
	path[301] = 'x';
	assert_null(v3_method_by_grpc_path(slice_text(path), &arena, &refusal));
	assert_int_equal(strlen(refusal.text),
	    strlen("unknown method  for service etcdserverpb.KV") + 256);
	arena_free(&arena);
}
