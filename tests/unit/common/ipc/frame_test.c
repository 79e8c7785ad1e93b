/* Tests of common/ipc/frame.c. */
#include "tests/lib/test.h"

#include "common/ipc/frame.h"
#include "common/limits.h"

TEST(a_frame_is_a_header_of_16_bytes_and_its_payload)
{
	static const uint8_t expected[] = { 3, 0, 0, 0, 0x20, 0x01, 0x01, 0x00, 8, 7, 6, 5, 4, 3, 2,
		1, 'a', 'b', 'c' };
	struct buf buf = BUF_INIT;
	size_t begun = frame_begin(&buf, 0x120, FRAME_MORE, UINT64_C(0x0102030405060708));

	buf_append_text(&buf, "abc");
	frame_end(&buf, begun);
	assert_int_equal(buf.size, sizeof(expected));
	assert_memory_equal(buf.data, expected, sizeof(expected));
	buf_free(&buf);
}

TEST(frames_are_parsed_one_after_the_other)
{
	struct buf buf = BUF_INIT;
	struct frame frame;
	size_t used;

	frame_append(&buf, 1, 0, 10, SLICE_LITERAL("first"));
	frame_append(&buf, 2, FRAME_MORE, 20, SLICE_EMPTY);
	assert_int_equal(frame_parse(buf_slice(&buf), &frame, &used), ERR_NONE);
	assert_int_equal(used, 21);
	assert_int_equal(frame.type, 1);
	assert_int_equal(frame.flags, 0);
	assert_int_equal(frame.request_id, 10);
	assert_true(slice_equal(frame.payload, SLICE_LITERAL("first")));
	buf_consume(&buf, used);
	assert_int_equal(frame_parse(buf_slice(&buf), &frame, &used), ERR_NONE);
	assert_int_equal(used, 16);
	assert_int_equal(frame.type, 2);
	assert_int_equal(frame.flags, FRAME_MORE);
	assert_int_equal(frame.payload.size, 0);
	buf_free(&buf);
}

TEST(a_part_of_a_frame_is_none_yet)
{
	struct buf buf = BUF_INIT;
	struct frame frame = { .type = 77 };
	size_t used = 88;

	frame_append(&buf, 1, 0, 10, SLICE_LITERAL("payload"));
	for (size_t cut = 0; cut < buf.size; cut++)
		assert_int_equal(frame_parse(slice_of(buf.data, cut), &frame, &used), ERR_AGAIN);
	assert_int_equal(frame.type, 77);
	assert_int_equal(used, 88);
	buf_free(&buf);
}

TEST(a_length_above_the_limit_is_refused_at_once)
{
	uint32_t most = (uint32_t)(FRAME_BYTES_MAX - FRAME_HEADER_BYTES);
	uint8_t bytes[4];
	struct frame frame;
	size_t used;

	memcpy(bytes, &(uint32_t){ most }, sizeof(bytes));
	assert_int_equal(frame_parse(slice_of(bytes, 4), &frame, &used), ERR_AGAIN);
	memcpy(bytes, &(uint32_t){ most + 1 }, sizeof(bytes));
	assert_int_equal(frame_parse(slice_of(bytes, 4), &frame, &used), ERR_TOO_BIG);
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(frame_parse(slice_of(bytes, 4), &frame, &used), ERR_TOO_BIG);
}

TEST(a_frame_that_does_not_fit_is_not_finished)
{
	struct buf buf;

	buf_init(&buf, 20);
	frame_append(&buf, 1, 0, 1, SLICE_LITERAL("too long for it"));
	assert_true(buf.overflowed);
	buf_free(&buf);
	buf_init(&buf, 10);
	frame_append(&buf, 1, 0, 1, SLICE_EMPTY);
	assert_true(buf.overflowed);
	buf_free(&buf);
}

/* A worker's write has its place among others after its frame was made. */
TEST(id_flags_and_first_number_are_written_into_a_frame_that_is_there)
{
	static const uint8_t expected[] = { 11, 0, 0, 0, 0x20, 0x01, 0x02, 0x00, 8, 7, 6, 5, 4, 3,
		2, 1, 0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11, 'a', 'b', 'c' };
	struct buf buf = BUF_INIT;
	size_t begun = frame_begin(&buf, 0x120, 0, 0);

	buf_append(&buf, "\377\377\377\377\377\377\377\377abc", 11);
	frame_end(&buf, begun);
	frame_set_flags(buf.data, FRAME_AGAIN);
	frame_set_request_id(buf.data, UINT64_C(0x0102030405060708));
	frame_set_first_u64(buf.data, UINT64_C(0x1112131415161718));
	assert_int_equal(buf.size, sizeof(expected));
	assert_memory_equal(buf.data, expected, sizeof(expected));
	buf_free(&buf);
}
