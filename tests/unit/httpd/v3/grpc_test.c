/*
 * grpc_test.c - frames in pieces of every size, what is refused, the deadline, texts.
 */
#include "httpd/v3/grpc.h"

#include "common/limits.h"
#include "httpd/v3/protobuf.h"

#include "tests/lib/test.h"

#include <inttypes.h>

static struct arena arena;
static struct v3_status refusal;

#define TAKE(reader, piece, message) \
	grpc_reader_take(reader, SLICE_EMPTY, piece, &arena, message, &refusal)

static void
put_frame(struct buf *out, struct slice message)
{
	grpc_put_prefix(out, message.size);
	buf_append_slice(out, message);
}

/* ---- frames ------------------------------------------------------------ */

TEST(a_message_in_one_piece_is_not_copied)
{
	struct slice piece = SLICE_LITERAL("\0\0\0\0\3abc\0\0\0\0\0");
	const uint8_t *start = piece.data;
	struct grpc_reader reader;
	struct slice message;

	grpc_reader_init(&reader, 100);
	assert_true(grpc_reader_is_between(&reader));
	assert_int_equal(TAKE(&reader, &piece, &message), ERR_NONE);
	assert_ptr_equal(message.data, start + 5);
	assert_int_equal(message.size, 3);
	assert_int_equal(TAKE(&reader, &piece, &message), ERR_NONE);
	assert_int_equal(message.size, 0);
	assert_int_equal(TAKE(&reader, &piece, &message), ERR_AGAIN);
	assert_true(grpc_reader_is_between(&reader));
	assert_null(reader.held.data);
	grpc_reader_free(&reader);
}

TEST(messages_come_in_pieces_of_any_size)
{
	static const char *const texts[] = { "", "a", "hello", "", "twelve bytes" };
	struct buf frames = BUF_INIT;

	for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
		put_frame(&frames, slice_text(texts[i]));
	for (size_t size = 1; size <= frames.size; size++) {
		struct grpc_reader reader;
		size_t found = 0;

		grpc_reader_init(&reader, 12);
		for (size_t at = 0; at < frames.size; at += size) {
			struct slice piece = slice_of(frames.data + at,
			    MIN_OF(size, frames.size - at));
			struct slice message;

			while (TAKE(&reader, &piece, &message) == ERR_NONE)
				assert_true(slice_equal(message, slice_text(texts[found++])));
			assert_int_equal(piece.size, 0);
		}
		assert_int_equal(found, ARRAY_COUNT(texts));
		assert_true(grpc_reader_is_between(&reader));
		grpc_reader_free(&reader);
	}
	buf_free(&frames);
}

TEST(a_body_that_ends_inside_of_a_frame_is_known)
{
	struct slice head = SLICE_LITERAL("\0\0"), rest = SLICE_LITERAL("\0\0\2a"),
		     last = SLICE_LITERAL("b");
	struct grpc_reader reader;
	struct slice message;

	grpc_reader_init(&reader, 100);
	assert_int_equal(TAKE(&reader, &head, &message), ERR_AGAIN);
	assert_false(grpc_reader_is_between(&reader));
	assert_int_equal(TAKE(&reader, &rest, &message), ERR_AGAIN);
	assert_false(grpc_reader_is_between(&reader));
	assert_int_equal(TAKE(&reader, &last, &message), ERR_NONE);
	assert_true(slice_equal(message, SLICE_LITERAL("ab")));
	assert_true(grpc_reader_is_between(&reader));
	grpc_reader_free(&reader);
}

TEST(a_message_at_the_limit_is_taken_and_one_above_is_refused_by_its_prefix)
{
	struct slice most = SLICE_LITERAL("\0\0\x20\0\0"), more = SLICE_LITERAL("\0\0\x20\0\1");
	struct slice all = SLICE_LITERAL("\0\xff\xff\xff\xff");
	uint8_t *bytes = arena_zalloc(&arena, V3_MESSAGE_BYTES_MAX);
	struct slice body = slice_of(bytes, V3_MESSAGE_BYTES_MAX);
	struct grpc_reader reader;
	struct slice message;

	grpc_reader_init(&reader, V3_MESSAGE_BYTES_MAX);
	assert_int_equal(TAKE(&reader, &most, &message), ERR_AGAIN);
	assert_int_equal(TAKE(&reader, &body, &message), ERR_NONE);
	assert_int_equal(message.size, 2097152);
	assert_int_equal(TAKE(&reader, &more, &message), ERR_TOO_BIG);
	assert_int_equal(refusal.code, V3_RESOURCE_EXHAUSTED);
	assert_string_equal(refusal.text,
	    "grpc: received message larger than max (2097153 vs. 2097152)");
	grpc_reader_free(&reader);
	grpc_reader_init(&reader, V3_MESSAGE_BYTES_MAX);
	assert_int_equal(TAKE(&reader, &all, &message), ERR_TOO_BIG);
	assert_string_equal(refusal.text,
	    "grpc: received message larger than max (4294967295 vs. 2097152)");
	grpc_reader_free(&reader);
	arena_reset(&arena);
}

TEST(a_large_buffer_is_given_back_and_a_small_one_kept)
{
	struct buf frames = BUF_INIT;
	struct grpc_reader reader;

	for (size_t over = 0; over < 2; over++) {
		size_t size = GRPC_KEPT_BYTES / 2 + over * GRPC_KEPT_BYTES;
		struct slice message, first, rest;

		buf_clear(&frames);
		grpc_put_prefix(&frames, size);
		memset(buf_reserve(&frames, size), 'x', size);
		buf_added(&frames, size);
		grpc_reader_init(&reader, V3_MESSAGE_BYTES_MAX);
		first = slice_of(frames.data, 100);
		rest = slice_of(frames.data + 100, frames.size - 100);
		assert_int_equal(TAKE(&reader, &first, &message), ERR_AGAIN);
		assert_int_equal(TAKE(&reader, &rest, &message), ERR_NONE);
		assert_int_equal(message.size, size);
		assert_int_equal(TAKE(&reader, &rest, &message), ERR_AGAIN);
		assert_int_equal(reader.held.capacity == 0, over);
		grpc_reader_free(&reader);
	}
	buf_free(&frames);
}

TEST(what_is_compressed_is_refused)
{
	static const struct {
		const char *encoding;
		enum err err;
		enum v3_code code;
		const char *text;
	} rows[] = {
		{ "gzip", ERR_UNSUPPORTED, V3_UNIMPLEMENTED,
		    "grpc: Decompressor is not installed for grpc-encoding \"gzip\"" },
		{ "", ERR_MALFORMED, V3_INTERNAL,
		    "grpc: compressed flag set with identity or empty encoding" },
		{ "identity", ERR_MALFORMED, V3_INTERNAL,
		    "grpc: compressed flag set with identity or empty encoding" },
	};
	struct grpc_reader reader;
	struct slice message;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct slice piece = SLICE_LITERAL("\1\0\0\0\1x");

		grpc_reader_init(&reader, 100);
		assert_int_equal(grpc_reader_take(&reader, slice_text(rows[i].encoding), &piece,
		    &arena, &message, &refusal), rows[i].err);
		assert_int_equal(refusal.code, rows[i].code);
		assert_string_equal(refusal.text, rows[i].text);
		grpc_reader_free(&reader);
	}
	/* With an encoding, what is not compressed is taken. */
	{
		struct slice piece = SLICE_LITERAL("\0\0\0\0\1x");

		grpc_reader_init(&reader, 100);
		assert_int_equal(grpc_reader_take(&reader, SLICE_LITERAL("gzip"), &piece, &arena,
		    &message, &refusal), ERR_NONE);
		grpc_reader_free(&reader);
	}
}

TEST(another_flag_is_no_frame)
{
	struct slice piece = SLICE_LITERAL("\2\0\0\0\0");
	struct grpc_reader reader;
	struct slice message;

	grpc_reader_init(&reader, 100);
	assert_int_equal(TAKE(&reader, &piece, &message), ERR_MALFORMED);
	assert_int_equal(refusal.code, V3_INTERNAL);
	assert_string_equal(refusal.text, "grpc: received unexpected payload format 2");
	grpc_reader_free(&reader);
}

TEST(a_message_is_written_behind_its_size)
{
	struct v3_lease_grant_request grant = { .TTL = 300 };
	struct buf out = BUF_INIT;

	grpc_put(&out, v3_lease_grant_request_type(), &grant);
	assert_true(slice_equal(buf_slice(&out), SLICE_LITERAL("\0\0\0\0\3\x08\xac\x02")));
	buf_clear(&out);
	grpc_put_prefix(&out, UINT64_C(0x01020304));
	assert_true(slice_equal(buf_slice(&out), SLICE_LITERAL("\0\1\2\3\4")));
	buf_free(&out);
	arena_free(&arena);
}

/* ---- headers ----------------------------------------------------------- */

TEST(a_timeout_has_one_to_eight_digits_and_a_unit)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = { { "1n", 1 }, { "5u", 5000 }, { "20m", 20000000 }, { "5S", 5000000000 },
		{ "2M", UINT64_C(120000000000) }, { "1H", UINT64_C(3600000000000) }, { "0S", 0 },
		{ "99999999S", UINT64_C(99999999000000000) }, { "00000001n", 1 },
		{ "5124095H", UINT64_C(5124095) * 3600000000000 }, { "5124096H", UINT64_MAX },
		{ "99999999H", UINT64_MAX } };
	static const char *const bad[] = { "", "S", "5", "5s", "5h", "5 S", "-5S", "+5S", "5.5S",
		"100000000S", "000000001S", "5SS", "0x5S", " 5S", "5S " };
	uint64_t ns;

	for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
		assert_true(grpc_timeout_read(slice_text(good[i].text), &ns));
		assert_true(ns == good[i].ns);
	}
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		assert_false(grpc_timeout_read(slice_text(bad[i]), &ns));
}

TEST(a_text_is_percent_encoded)
{
	struct buf out = BUF_INIT;

	grpc_put_text(&out, SLICE_LITERAL("etcdserver: key ~!\"/+ \x1f\x7f" "100%\n\xc3\xbc\xff"));
	assert_true(slice_equal(buf_slice(&out),
	    SLICE_LITERAL("etcdserver: key ~!\"/+ %1F%7F100%25%0A%C3%BC%FF")));
	buf_free(&out);
}
