/*
 * round_trip_test.c - any message comes back as it was, by protobuf, by JSON, and by both.
 *
 * MOOTHALL_V3_SEED repeats the run of one seed, MOOTHALL_V3_ROUNDS makes it longer.
 */
#include "httpd/v3/json.h"
#include "httpd/v3/protobuf.h"

#include "tests/lib/test.h"
#include "tests/unit/httpd/v3/random_message.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define DEPTH 6

static uint64_t
number_of(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

static void
expect_same(uint64_t seed, const struct v3_type *type, const char *how, struct slice was,
    struct slice is)
{
	if (slice_equal(was, is))
		return;
	fail_msg("seed %" PRIu64 ": %s has changed by %s: %zu bytes, now %zu", seed, type->name,
	    how, was.size, is.size);
}

static void *
read_back(uint64_t seed, const struct v3_type *type, struct slice bytes, struct arena *arena)
{
	void *message = arena_alloc(arena, type->size);
	struct v3_status refusal;

	if (v3_protobuf_read(type, bytes, arena, message, &refusal) != ERR_NONE)
		fail_msg("seed %" PRIu64 ": %s: %s", seed, type->name, refusal.text);
	return message;
}

static void *
read_json_back(uint64_t seed, const struct v3_type *type, struct slice text,
    struct arena *arena)
{
	void *message = arena_alloc(arena, type->size);
	struct v3_status refusal;

	if (v3_json_read(type, text, arena, message, &refusal) != ERR_NONE)
		fail_msg("seed %" PRIu64 ": %s: %s in %.*s", seed, type->name, refusal.text,
		    SLICE_ARGS(text));
	return message;
}

static void
go_round(uint64_t seed, const struct v3_type *type, struct rand *rand)
{
	struct buf wire = BUF_INIT, again = BUF_INIT, text = BUF_INIT, text_again = BUF_INIT;
	struct json_put json = json_put_into(&text), json_again = json_put_into(&text_again);
	struct arena arena;
	void *message;

	arena_init(&arena);
	message = arena_alloc(&arena, type->size);
	random_message(rand, &arena, type, DEPTH, message);
	v3_protobuf_put(&wire, type, message);
	assert_int_equal(wire.size, v3_protobuf_size(type, message));

	message = read_back(seed, type, buf_slice(&wire), &arena);
	v3_protobuf_put(&again, type, message);
	expect_same(seed, type, "protobuf", buf_slice(&wire), buf_slice(&again));

	assert_true(v3_json_put(&json, NULL, type, message));
	message = read_json_back(seed, type, buf_slice(&text), &arena);
	buf_clear(&again);
	v3_protobuf_put(&again, type, message);
	expect_same(seed, type, "JSON", buf_slice(&wire), buf_slice(&again));
	assert_true(v3_json_put(&json_again, NULL, type, message));
	expect_same(seed, type, "JSON twice", buf_slice(&text), buf_slice(&text_again));

	arena_free(&arena);
	buf_free(&wire);
	buf_free(&again);
	buf_free(&text);
	buf_free(&text_again);
}

TEST(any_message_of_every_type_comes_back_as_it_was)
{
	uint64_t seed = number_of("MOOTHALL_V3_SEED", 1);
	uint64_t rounds = number_of("MOOTHALL_V3_ROUNDS", 300);
	struct rand rand;

	for (size_t i = 0; i < v3_type_count; i++) {
		rand_seed(&rand, seed + i);
		for (uint64_t round = 0; round < rounds; round++)
			go_round(seed, v3_types[i](), &rand);
	}
}
