/*
 * base64_test.c - the vectors of RFC 4648, and what is no base64.
 */
#include "common/base64.h"

#include "tests/lib/test.h"

static const struct {
	const char *bytes, *text;
} vectors[] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
	{ "\xfb\xff\xbf", "+/+/" } };

TEST(bytes_become_text_and_text_bytes)
{
	for (size_t i = 0; i < ARRAY_COUNT(vectors); i++) {
		struct slice text = slice_text(vectors[i].text);
		struct buf out = BUF_INIT;
		uint8_t bytes[16];
		size_t size;

		base64_put(&out, slice_text(vectors[i].bytes));
		assert_true(slice_equal(buf_slice(&out), text));
		assert_true(base64_read(text, bytes, &size));
		assert_true(slice_equal(slice_of(bytes, size), slice_text(vectors[i].bytes)));
		buf_free(&out);
	}
}

TEST(every_byte_comes_back)
{
	uint8_t all[256], text[BASE64_BYTES(sizeof(all))], back[sizeof(text) / 4 * 3];
	size_t size;

	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (uint8_t)(255 - i);
	for (size_t n = 0; n <= sizeof(all); n++) {
		base64_write(text, slice_of(all, n));
		assert_true(base64_read(slice_of(text, BASE64_BYTES(n)), back, &size));
		assert_int_equal(size, n);
		assert_memory_equal(back, all, n);
	}
}

TEST(other_letters_blanks_and_missing_padding_are_refused)
{
	static const char *const bad[] = { "Z", "Zg", "Zg=", "Zm8", "Zg===", "====", "=Zg=", "Z===",
		"Zg==Zg==", "Zm-v", "Zm_v", "Zm v", "Zm9v\n", " Zm9v", "Zm9v    ", "Zm\xc3\xbc",
		"Z\0gg" };
	uint8_t bytes[16];
	size_t size;

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		assert_false(base64_read(slice_text(bad[i]), bytes, &size));
	assert_false(base64_read(slice_of("Z\0gg", 4), bytes, &size));
}

TEST(bits_that_are_left_do_not_matter)
{
	uint8_t bytes[4];
	size_t size;

	assert_true(base64_read(slice_text("Zh=="), bytes, &size));
	assert_true(slice_equal(slice_of(bytes, size), slice_text("f")));
}

TEST(a_buffer_without_room_overflows)
{
	struct buf out;

	buf_init(&out, 7);
	base64_put(&out, slice_text("abc"));
	assert_int_equal(out.size, 4);
	base64_put(&out, slice_text("abc"));
	assert_int_equal(out.size, 4);
	assert_true(out.overflowed);
	buf_free(&out);
}
