/*
 * json_text_test.c - every escape, and what is UTF-8 and what is not.
 */
#include "common/json_text.h"

#include "tests/lib/test.h"

static void
expect(struct slice text, const char *wanted)
{
	struct buf out = BUF_INIT;

	json_text_put(&out, text);
	buf_append_byte(&out, '\0');
	assert_string_equal((const char *)out.data, wanted);
	buf_free(&out);
}

TEST(plain_text_stays_as_it_is)
{
	expect(SLICE_EMPTY, "\"\"");
	expect(SLICE_LITERAL("/a/b c'd"), "\"/a/b c'd\"");
	expect(SLICE_LITERAL("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"),
	    "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80\"");
}

TEST(what_json_or_html_could_take_for_its_own_is_escaped)
{
	expect(SLICE_LITERAL("\"\\"), "\"\\\"\\\\\"");
	expect(SLICE_LITERAL("a\nb\rc\td"), "\"a\\nb\\rc\\u0009d\"");
	expect(SLICE_LITERAL("<&>"), "\"\\u003c\\u0026\\u003e\"");
	expect(SLICE_LITERAL("x\0y\x1f\x7f"), "\"x\\u0000y\\u001f\x7f\"");
	expect(SLICE_LITERAL("\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa"),
	    "\"\\u2028\\u2029\xe2\x80\xaa\"");
}

TEST(each_byte_that_is_no_utf_8_is_replaced)
{
	expect(SLICE_LITERAL("a\xff" "b"), "\"a\\ufffdb\"");
	expect(SLICE_LITERAL("\xc0\x80"), "\"\\ufffd\\ufffd\"");
	expect(SLICE_LITERAL("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\"");
	expect(SLICE_LITERAL("\xe2\x82"), "\"\\ufffd\\ufffd\"");
	expect(SLICE_LITERAL("\xf4\x90\x80\x80"), "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
}

/* All code points, against the definition: shortest form, no surrogates. */
TEST(every_code_point_in_its_shortest_form_is_utf_8)
{
	for (uint32_t code = 0; code <= 0x110000; code++) {
		bool right = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
		uint8_t text[4];
		size_t size;

		if (code < 0x80) {
			size = 1;
			text[0] = (uint8_t)code;
		} else {
			size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
			text[0] = (uint8_t)((0xf00U >> size & 0xffU) | code >> 6 * (size - 1));
			for (size_t i = 1; i < size; i++)
				text[i] = (uint8_t)(0x80U | (code >> 6 * (size - 1 - i) & 0x3fU));
		}
		assert_int_equal(json_text_character(slice_of(text, size)), right ? size : 0);
		assert_int_equal(json_text_valid(slice_of(text, size)), right);
		if (size > 1)
			assert_int_equal(json_text_character(slice_of(text, size - 1)), 0);
	}
}

TEST(longer_forms_are_no_utf_8)
{
	static const char *const overlong[] = { "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf",
		"\xf8\x88\x80\x80\x80", "\x80", "\xfe" };

	for (size_t i = 0; i < ARRAY_COUNT(overlong); i++)
		assert_false(json_text_valid(slice_text(overlong[i])));
}

/* Bytes that need nothing are looked at many together: each byte that needs something, at each
 * place among them, gives what it gives when they come one by one. */
TEST(bytes_that_are_looked_at_together_give_what_each_gives)
{
	uint8_t text[80];

	for (unsigned byte = 0; byte < 256; byte++) {
		for (size_t place = 0; place < sizeof(text); place++) {
			struct buf whole = BUF_INIT, parts = BUF_INIT;
			struct json_text part_state = { { 0 }, 0 };

			memset(text, 'a', sizeof(text));
			text[place] = (uint8_t)byte;
			json_text_put(&whole, slice_of(text, sizeof(text)));
			buf_append_byte(&parts, '"');
			for (size_t i = 0; i < sizeof(text); i++)
				json_text_part(&part_state, &parts, slice_of(text + i, 1),
				    i + 1 == sizeof(text));
			buf_append_byte(&parts, '"');
			assert_true(slice_equal(buf_slice(&whole), buf_slice(&parts)));
			assert_int_equal(json_text_valid(slice_of(text, sizeof(text))),
			    byte < 0x80);
			buf_free(&whole);
			buf_free(&parts);
		}
	}
}
