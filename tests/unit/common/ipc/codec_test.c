/* Tests of common/ipc/codec.c. */
#include "tests/lib/test.h"

#include "common/ipc/codec.h"

#include <string.h>

TEST(integers_are_little_endian_and_of_fixed_width)
{
	static const uint8_t expected[] = { 0x01, 0x03, 0x02, 0x07, 0x06, 0x05, 0x04, 0x0f, 0x0e,
		0x0d, 0x0c, 0x0b, 0x0a, 0x09, 0x08, 2, 0, 0, 0, 'h', 'i' };
	struct buf buf = BUF_INIT;

	codec_put_u8(&buf, 0x01);
	codec_put_u16(&buf, 0x0203);
	codec_put_u32(&buf, 0x04050607);
	codec_put_u64(&buf, UINT64_C(0x08090a0b0c0d0e0f));
	codec_put_bytes(&buf, SLICE_LITERAL("hi"));
	assert_int_equal(buf.size, sizeof(expected));
	assert_memory_equal(buf.data, expected, sizeof(expected));
	buf_free(&buf);
}

static bool
get_all(struct reader *in)
{
	uint8_t a;
	uint16_t b;
	uint32_t c;
	uint64_t d;
	struct slice bytes;

	return codec_get_u8(in, &a) && a == 250 && codec_get_u16(in, &b) && b == 65000 &&
	    codec_get_u32(in, &c) && c == 4000000000U && codec_get_u64(in, &d) &&
	    d == UINT64_MAX && codec_get_bytes(in, &bytes) &&
	    slice_equal(bytes, SLICE_LITERAL("value")) && codec_get_bytes(in, &bytes) &&
	    bytes.size == 0;
}

TEST(what_was_put_is_got_and_every_cut_fails)
{
	struct buf buf = BUF_INIT;
	struct reader in;

	codec_put_u8(&buf, 250);
	codec_put_u16(&buf, 65000);
	codec_put_u32(&buf, 4000000000U);
	codec_put_u64(&buf, UINT64_MAX);
	codec_put_bytes(&buf, SLICE_LITERAL("value"));
	codec_put_bytes(&buf, SLICE_EMPTY);
	in = reader_of(buf_slice(&buf));
	assert_true(get_all(&in));
	assert_true(reader_done(&in));
	for (size_t cut = 0; cut < buf.size; cut++) {
		/* A copy of its own, so that a sanitizer sees a read beyond it. */
		struct buf part = BUF_INIT;

		buf_append(&part, buf.data, cut);
		in = reader_of(buf_slice(&part));
		assert_false(get_all(&in));
		buf_free(&part);
	}
	buf_free(&buf);
}

TEST(a_length_beyond_the_end_is_refused)
{
	static const uint8_t bytes[] = { 0xff, 0xff, 0xff, 0xff, 'x' };
	struct reader in = reader_of(slice_of(bytes, sizeof(bytes)));
	struct slice value = SLICE_LITERAL("untouched");

	assert_false(codec_get_bytes(&in, &value));
	assert_true(slice_equal(value, SLICE_LITERAL("untouched")));
}

TEST(an_empty_reader_gives_nothing)
{
	struct reader in = reader_of(SLICE_EMPTY);
	uint8_t value;

	assert_true(reader_done(&in));
	assert_int_equal(reader_left(&in), 0);
	assert_false(codec_get_u8(&in, &value));
}

/* What print writes of a field of bytes. */
static const char *
printed(void (*print)(FILE *, const char *, struct slice, size_t), struct slice value,
    size_t shown)
{
	static char text[128];
	FILE *out;

	memset(text, 0, sizeof(text));
	out = fmemopen(text, sizeof(text), "w");
	assert_non_null(out);
	print(out, "value", value, shown);
	fclose(out);
	return text;
}

TEST(bytes_are_printed_up_to_a_limit_and_then_their_size)
{
	assert_string_equal(printed(codec_print_bytes, SLICE_LITERAL("four"), 4),
	    " value=\"four\"");
	assert_string_equal(printed(codec_print_bytes, SLICE_LITERAL("fives"), 4),
	    " value=\"five\"(5 bytes)");
	assert_string_equal(printed(codec_print_bytes, SLICE_EMPTY, 4), " value=\"\"");
	assert_string_equal(printed(codec_print_bytes, SLICE_LITERAL("four"), 0),
	    " value=(4 bytes)");
}

TEST(bytes_that_are_printed_make_no_line_and_no_field_of_their_own)
{
	assert_string_equal(printed(codec_print_bytes,
	    SLICE_LITERAL("a\nb\"c\\\x1b[0m\x7f\xff\xe2\x80\xae\xc3\xa9"), 32),
	    " value=\"a\\x0ab\\\"c\\\\\\x1b[0m\\x7f\\xff\\xe2\\x80\\xae\xc3\xa9\"");
	/* A character that the limit cuts is none. */
	assert_string_equal(printed(codec_print_bytes, SLICE_LITERAL("\xc3\xa9"), 1),
	    " value=\"\\xc3\"(2 bytes)");
}

static void
print_numbers(FILE *out, const char *name, struct slice value UNUSED, size_t shown)
{
	codec_print_u64(out, name, UINT64_MAX, shown);
	codec_print_token(out, "token", UINT64_C(4711), shown);
}

TEST(numbers_are_printed_in_decimal_but_tokens_and_secrets_never)
{
	assert_string_equal(printed(print_numbers, SLICE_EMPTY, 8),
	    " value=18446744073709551615 token=(secret)");
	assert_string_equal(printed(codec_print_secret, SLICE_LITERAL("secret"), 64),
	    " value=(6 bytes)");
}
