/* Tests of common/buf.c. */
#include "tests/lib/test.h"

#include "common/buf.h"
#include "common/limits.h"
#include "common/xmem.h"

#include <stdlib.h>

static void
assert_holds(const struct buf *buf, const char *text)
{
	assert_int_equal(buf->size, strlen(text));
	assert_memory_equal(buf->data, text, buf->size);
}

TEST(appends_come_one_after_the_other)
{
	struct buf buf = BUF_INIT;

	buf_append_text(&buf, "ab");
	buf_append_byte(&buf, 'c');
	buf_append_u64(&buf, 0);
	buf_append_u64(&buf, UINT64_MAX);
	buf_append_byte(&buf, ' ');
	buf_append_hex(&buf, 0);
	buf_append_hex(&buf, 0x1a0f);
	buf_append_hex(&buf, UINT64_MAX);
	buf_append_slice(&buf, SLICE_LITERAL("/"));
	buf_append_slice(&buf, SLICE_EMPTY);
	buf_printf(&buf, "%s=%d", "x", -5);
	assert_holds(&buf, "abc018446744073709551615 01a0fffffffffffffffff/x=-5");
	buf_free(&buf);
	assert_null(buf.data);
}

TEST(an_append_above_the_limit_changes_nothing_but_the_flag)
{
	struct buf buf;

	buf_init(&buf, 4);
	buf_append_text(&buf, "abc");
	buf_append_text(&buf, "de");
	assert_true(buf.overflowed);
	assert_holds(&buf, "abc");
	/* Even what would fit stays out: the bytes are a prefix. */
	buf_append_byte(&buf, 'd');
	assert_holds(&buf, "abc");
	assert_null(buf_reserve(&buf, 1));
	buf_clear(&buf);
	assert_false(buf.overflowed);
	buf_append_text(&buf, "wxyz");
	assert_false(buf.overflowed);
	assert_holds(&buf, "wxyz");
	buf_free(&buf);
	assert_int_equal(buf.limit, 4);
}

TEST(printf_fills_a_buffer_to_its_very_limit)
{
	struct buf buf;

	buf_init(&buf, 5);
	buf_printf(&buf, "%d", 12);
	buf_printf(&buf, "%d", 345);
	assert_false(buf.overflowed);
	assert_holds(&buf, "12345");
	buf_printf(&buf, "%s", "");
	assert_false(buf.overflowed);
	buf_printf(&buf, "%d", 6);
	assert_true(buf.overflowed);
	assert_holds(&buf, "12345");
	buf_free(&buf);
}

TEST(a_limit_of_memory_size_does_not_wrap)
{
	struct buf buf = BUF_INIT;

	buf_append_byte(&buf, 'a');
	assert_null(buf_reserve(&buf, SIZE_MAX));
	assert_true(buf.overflowed);
	buf_free(&buf);
}

TEST(consume_drops_from_the_front)
{
	struct buf buf = BUF_INIT;

	buf_append_text(&buf, "abcdef");
	buf_consume(&buf, 0);
	buf_consume(&buf, 2);
	assert_holds(&buf, "cdef");
	buf_consume(&buf, 4);
	assert_int_equal(buf.size, 0);
	buf_free(&buf);
}

TEST(recycle_keeps_little_and_gives_much_back)
{
	struct buf buf = BUF_INIT;

	buf_append_text(&buf, "abc");
	buf_recycle(&buf, 1000);
	assert_int_equal(buf.size, 0);
	assert_true(buf.capacity > 0);
	assert_non_null(buf_reserve(&buf, 5000));
	buf_recycle(&buf, 1000);
	assert_int_equal(buf.capacity, 0);
	buf_free(&buf);
}

/* The old and the new are there at once, and what is not used is taken all the same. */
TEST(a_large_buffer_grows_by_a_quarter_and_seldom)
{
	size_t capacity, grown = 0;
	struct buf buf = BUF_INIT;
	uint8_t *piece = xzalloc(64 * KIB);

	buf_append(&buf, piece, 64 * KIB);
	capacity = buf.capacity;
	while (buf.size < 64 * MIB) {
		buf_append(&buf, piece, 64 * KIB);
		if (buf.capacity == capacity)
			continue;
		grown++;
		if (capacity >= XMEM_LARGE_BYTES)
			assert_in_range(buf.capacity, capacity + 1,
			    capacity + capacity / 4 + XMEM_LARGE_BYTES);
		capacity = buf.capacity;
	}
	assert_in_range(grown, 1, 25);
	buf_free(&buf);
	free(piece);
}
