/*
 * gateway_fuzz.c - any text as bodies of the v3 gateway.
 *
 * The first byte chooses the type. What is taken comes back from its own JSON and from its own
 * protobuf; a request of the KV service is refused, or one that raftd takes.
 */
#include "tests/fuzz/fuzz.h"

#include "common/limits.h"
#include "httpd/v3/ask.h"
#include "httpd/v3/json.h"
#include "httpd/v3/protobuf.h"
#include "raftd/replica/mvcc/request.h"

static void
put(struct buf *out, const struct v3_type *type, const void *message)
{
	struct json_put json = json_put_into(out);

	MUST(v3_json_put(&json, NULL, type, message));
}

/* What message refers to is gone after that. */
static void
try_again(const struct v3_type *type, void *message, struct arena *arena)
{
	struct buf text = BUF_INIT, again = BUF_INIT, wire = BUF_INIT;
	struct v3_status refusal;

	put(&text, type, message);
	v3_protobuf_put(&wire, type, message);
	MUST(v3_json_read(type, buf_slice(&text), arena, message, &refusal) == ERR_NONE);
	put(&again, type, message);
	ASSERT(slice_equal(buf_slice(&text), buf_slice(&again)));
	MUST(v3_protobuf_read(type, buf_slice(&wire), arena, message, &refusal) == ERR_NONE);
	buf_clear(&again);
	put(&again, type, message);
	ASSERT(slice_equal(buf_slice(&text), buf_slice(&again)));
	buf_free(&text);
	buf_free(&again);
	buf_free(&wire);
}

static void
try_to_ask(const struct v3_type *type, const void *message, struct arena *arena)
{
	static const enum v3_method_tag methods[] = { V3_METHOD_range, V3_METHOD_put,
		V3_METHOD_delete_range, V3_METHOD_txn };

	for (size_t i = 0; i < ARRAY_COUNT(methods); i++) {
		struct v3_ask ask = { .writes = false };
		struct mvcc_request *request;

		if (v3_method(methods[i])->request() != type)
			continue;
		if (v3_ask_make(methods[i], message, V3_OPS_MAX, arena, &ask).code == V3_OK) {
			MUST(mvcc_request_new(buf_slice(&ask.compares), buf_slice(&ask.ops), NULL,
			    &request) == V3_NONE);
			ASSERT(mvcc_request_writes(request) == ask.writes);
			mvcc_request_free(&request);
		}
		v3_ask_free(&ask);
	}
}

static void
try_stream(const struct v3_type *type, struct slice text, struct arena *arena, void *message)
{
	struct v3_status refusal;
	size_t before;

	do {
		before = text.size;
		if (v3_json_read_next(type, &text, arena, message, &refusal) != ERR_NONE)
			return;
		ASSERT(text.size < before);
	} while (true);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct v3_status refusal = { V3_OK, NULL };
	const struct v3_type *type;
	struct arena arena;
	struct slice text;
	void *message;

	if (size == 0)
		return 0;
	type = v3_types[data[0] % v3_type_count]();
	text = slice_of(data + 1, size - 1);
	arena_init(&arena);
	message = arena_alloc(&arena, type->size);
	if (v3_json_read(type, text, &arena, message, &refusal) == ERR_NONE) {
		try_to_ask(type, message, &arena);
		try_again(type, message, &arena);
	} else {
		ASSERT(refusal.code != V3_OK);
		ASSERT(refusal.text != NULL);
	}
	try_stream(type, text, &arena, message);
	arena_free(&arena);
	return 0;
}
