/* Tests of common/printable.c: every class of characters, and text that is cut anywhere. */
#include "common/printable.h"

#include "tests/lib/test.h"

static size_t
encode(uint32_t code, uint8_t text[4])
{
	size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	uint32_t first = size == 1 ? code : (0xf00U >> size & 0xffU) | code >> 6 * (size - 1);

	text[0] = (uint8_t)first;
	for (size_t i = 1; i < size; i++)
		text[i] = (uint8_t)(0x80U | (code >> 6 * (size - 1 - i) & 0x3fU));
	return size;
}

typedef void put_function(struct buf *out, struct slice text);

static void
puts_as(put_function *put, struct slice text, const char *wanted)
{
	struct buf out = BUF_INIT;

	put(&out, text);
	buf_append_byte(&out, '\0');
	assert_string_equal((const char *)out.data, wanted);
	buf_free(&out);
}

#define SHOWN(text, wanted) puts_as(printable_put, SLICE_LITERAL(text), wanted)
#define LINES(text, wanted) puts_as(printable_put_lines, SLICE_LITERAL(text), wanted)
#define JSON(text, wanted) puts_as(printable_put_json, SLICE_LITERAL(text), wanted)

TEST(letters_signs_and_pictures_stay_as_they_are)
{
	static const char text[] = " ~\\ gr\xc3\xbc\xc3\x9f \xe2\x82\xac "
	    "\xe6\x9d\xb1\xe4\xba\xac \xd7\xa9 "
	    "e\xcc\x81 \xc2\xa0 \xe3\x80\x80 \xef\xbf\xbd \xf0\x9f\x98\x80 "
	    "\xe2\x9d\xa4\xef\xb8\x8f";

	puts_as(printable_put, slice_text(text), text);
	puts_as(printable_put_lines, slice_text(text), text);
	puts_as(printable_put_json, slice_text(text), text);
	puts_as(printable_put, SLICE_EMPTY, "");
}

TEST(what_a_terminal_would_obey_is_spelled)
{
	SHOWN("a\x1b[2Jb", "a\\x1b[2Jb");
	SHOWN("\0\a\b\t\n\r\x1f\x7f", "\\x00\\x07\\x08\\x09\\x0a\\x0d\\x1f\\x7f");
	SHOWN("\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0", "\\xc2\\x80\\xc2\\x9b\\xc2\\x9f\xc2\xa0");
	LINES("a\n\tb\r\x1b\0", "a\n\tb\\x0d\\x1b\\x00");
}

TEST(what_turns_or_hides_text_is_spelled)
{
	SHOWN("\xe2\x80\xae", "\\xe2\\x80\\xae");		/* override */
	SHOWN("\xe2\x81\xa6\xe2\x81\xa9", "\\xe2\\x81\\xa6\\xe2\\x81\\xa9");	/* isolate */
	SHOWN("a\xe2\x80\x8b" "b", "a\\xe2\\x80\\x8bb");	/* zero-width space */
	SHOWN("\xe2\x80\xa8\xe2\x80\xa9", "\\xe2\\x80\\xa8\\xe2\\x80\\xa9");
	SHOWN("\xef\xbb\xbf", "\\xef\\xbb\\xbf");		/* byte order mark */
	SHOWN("\xc2\xad", "\\xc2\\xad");			/* soft hyphen */
	SHOWN("\xf3\xa0\x81\x81", "\\xf3\\xa0\\x81\\x81");	/* tag */
	LINES("\xe2\x80\xa8\n", "\\xe2\\x80\\xa8\n");
}

TEST(bytes_that_are_no_utf_8_are_spelled)
{
	SHOWN("a\x9b" "b\xff", "a\\x9bb\\xff");
	SHOWN("\xc0\x80", "\\xc0\\x80");			/* overlong */
	SHOWN("\xed\xa0\x80", "\\xed\\xa0\\x80");		/* surrogate */
	SHOWN("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
	SHOWN("\xe2\x82", "\\xe2\\x82");
	SHOWN("\xe2\x82x", "\\xe2\\x82x");
}

TEST(json_keeps_its_meaning)
{
	JSON("{\"a\":\"\x7f\xc2\x9b\xe2\x80\xae\"}\n", "{\"a\":\"\\u007f\\u009b\\u202e\"}\n");
	JSON("\xf3\xa0\x81\x81", "\\udb40\\udc41");
	JSON("\xf0\x9d\x85\xb3", "\\ud834\\udd73");
	JSON("\"\xff\x9b\"", "\"\\ufffd\\ufffd\"");
	JSON("{\r\n\t}", "{ \n\t}");
	JSON("\x1b", "\\u001b");
	JSON("\"\\u0000\"", "\"\\u0000\"");
}

/* The three agree. test_terminal.py asks the tables of Unicode which are which. */
TEST(every_code_point_is_either_shown_or_spelled)
{
	for (uint32_t code = 0; code <= 0x10ffff; code++) {
		struct buf line = BUF_INIT, lines = BUF_INIT, json = BUF_INIT;
		bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
		bool is_white = code == '\n' || code == '\t';
		uint8_t bytes[4];
		struct slice text = slice_of(bytes, encode(code, bytes));
		bool shown = printable_size(text) > 0;

		if (is_surrogate)
			assert_false(shown);
		printable_put(&line, text);
		printable_put_lines(&lines, text);
		printable_put_json(&json, text);
		assert_int_equal(slice_equal(buf_slice(&line), text), shown);
		assert_int_equal(slice_equal(buf_slice(&lines), text), shown || is_white);
		assert_int_equal(slice_equal(buf_slice(&json), text), shown || is_white);
		for (size_t i = 0; !shown && i < line.size; i++)
			assert_true(line.data[i] > ' ' && line.data[i] < 0x7f);
		buf_free(&line);
		buf_free(&lines);
		buf_free(&json);
	}
}

/* Cut anywhere, what is left of a character is no character. */
TEST(no_cut_lets_a_byte_through)
{
	static const char text[] = "a\xc2\x9b\xe2\x80\xae\xc3\xbc\xf0\x9f\x98\x80\xf3\xa0\x81\x81z";

	for (size_t from = 0; from < sizeof(text); from++) {
		for (size_t to = from; to < sizeof(text); to++) {
			struct buf out = BUF_INIT;
			struct slice rest;

			printable_put(&out, slice_of(text + from, to - from));
			rest = buf_slice(&out);
			while (rest.size > 0) {
				size_t size = printable_size(rest);

				assert_true(size > 0);
				rest = slice_of(rest.data + size, rest.size - size);
			}
			buf_free(&out);
		}
	}
}
