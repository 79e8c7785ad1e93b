/*
 * protobuf_fuzz.c - any bytes as each message of the v3 API.
 *
 * What is taken is written, read and written to the same bytes, is shown, and comes back from
 * its own JSON.
 */
#include "tests/fuzz/fuzz.h"

#include "common/limits.h"
#include "httpd/v3/json.h"
#include "httpd/v3/print.h"
#include "httpd/v3/protobuf.h"

#include <stdlib.h>

static void
show(const struct v3_type *type, const void *message)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	ASSERT(out != NULL);
	v3_print(out, type, message, 4);
	fclose(out);
	free(text);
}

/* Write a message as JSON and read that. False: it is too big, which a KeyValue of two bytes
 * may become once it is read of JSON. */
static bool
go_by_json(const struct v3_type *type, struct arena *arena, const void *message, void *back,
    struct buf *text)
{
	struct json_put json = json_put_into(text);
	struct v3_status refusal;
	enum err err;

	MUST(v3_json_put(&json, NULL, type, message));
	err = v3_json_read(type, buf_slice(text), arena, back, &refusal);
	ASSERT(err == ERR_NONE || err == ERR_TOO_BIG);
	return err == ERR_NONE;
}

/* Bytes of a string that are no UTF-8 are replaced the first time, and then stay. */
static void
try_json(const struct v3_type *type, const void *message, struct arena *arena)
{
	struct buf first = BUF_INIT, second = BUF_INIT, third = BUF_INIT;
	void *back = arena_alloc(arena, type->size);

	if (go_by_json(type, arena, message, back, &first)) {
		MUST(go_by_json(type, arena, back, back, &second));
		MUST(go_by_json(type, arena, back, back, &third));
		ASSERT(slice_equal(buf_slice(&second), buf_slice(&third)));
	}
	buf_free(&first);
	buf_free(&second);
	buf_free(&third);
}

static void
try_type(const struct v3_type *type, struct slice bytes)
{
	struct buf once = BUF_INIT, twice = BUF_INIT;
	struct v3_status refusal = { V3_OK, NULL };
	struct arena arena;
	void *message;

	arena_init(&arena);
	message = arena_alloc(&arena, type->size);
	if (v3_protobuf_read(type, bytes, &arena, message, &refusal) != ERR_NONE) {
		ASSERT(refusal.code != V3_OK);
		ASSERT(refusal.text != NULL);
		ASSERT(arena.total_bytes <= V3_DECODED_BYTES_MAX + 1 * KIB);
		arena_free(&arena);
		return;
	}
	v3_protobuf_put(&once, type, message);
	show(type, message);
	try_json(type, message, &arena);
	MUST(v3_protobuf_read(type, buf_slice(&once), &arena, message, &refusal) == ERR_NONE);
	v3_protobuf_put(&twice, type, message);
	ASSERT(slice_equal(buf_slice(&once), buf_slice(&twice)));
	buf_free(&once);
	buf_free(&twice);
	arena_free(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < v3_type_count; i++)
		try_type(v3_types[i](), slice_of(data, size));
	return 0;
}
