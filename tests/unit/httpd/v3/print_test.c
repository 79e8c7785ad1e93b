/*
 * print_test.c - messages as people see them.
 */
#include "httpd/v3/print.h"

#include "tests/lib/test.h"

#include <stdlib.h>

static void
expect(const struct v3_type *type, const void *message, size_t shown, const char *wanted)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	v3_print(out, type, message, shown);
	fclose(out);
	assert_string_equal(text, wanted);
	free(text);
}

TEST(fields_have_their_names_and_bytes_are_shown_as_far_as_asked_for)
{
	struct v3_put_request put = { .key = SLICE_LITERAL("k\n"), .value = SLICE_LITERAL("value"),
		.lease = -5, .prev_kv = true };

	expect(v3_put_request_type(), &put, 100,
	    "etcdserverpb.PutRequest key=\"k\\x0a\" value=\"value\" lease=-5 prev_kv=1");
	expect(v3_put_request_type(), &put, 2,
	    "etcdserverpb.PutRequest key=\"k\\x0a\" value=\"va\"(5 bytes) lease=-5 prev_kv=1");
}

TEST(parts_stand_in_brackets)
{
	int32_t filters[] = { V3_FILTER_NODELETE, 9 };
	struct v3_watch_create_request create = { .filters = { filters, 2 } };
	struct v3_watch_request request = { .which = V3_IS_create_request,
		.create_request = &create };
	struct slice kv = SLICE_LITERAL("\x0a\x01k\x20\x02");
	struct v3_event events[] = { { .type = V3_EVENT_DELETE, .kv = kv }, { 0 } };
	struct v3_watch_response answer = { .watch_id = 7, .events = { events, 2 } };

	expect(v3_watch_request_type(), &request, 10,
	    "etcdserverpb.WatchRequest create_request{ filters=NODELETE filters=9 }");
	expect(v3_watch_response_type(), &answer, 10,
	    "etcdserverpb.WatchResponse watch_id=7 events{ type=DELETE kv{ key=\"k\" "
	    "create_revision=0 mod_revision=0 version=2 value=\"\" lease=0 } } events{ }");
}

TEST(a_secret_is_not_shown)
{
	struct v3_authenticate_request authenticate = { .name = SLICE_LITERAL("root"),
		.password = SLICE_LITERAL("hidden") };

	expect(v3_authenticate_request_type(), &authenticate, 100,
	    "etcdserverpb.AuthenticateRequest name=\"root\" password=(6 bytes)");
}

TEST(a_key_value_that_is_malformed_is_called_so)
{
	struct v3_put_response answer = { .prev_kv = SLICE_LITERAL("\x0a\x09k") };

	expect(v3_put_response_type(), &answer, 10, "etcdserverpb.PutResponse prev_kv=malformed");
}
