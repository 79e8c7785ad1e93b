/*
 * toml_test.c - what is read of TOML, and what is refused with which words.
 *
 * tests/integration/test_toml.py compares with another reader.
 */
#include "supervisor/toml.h"

#include "common/buf.h"
#include "common/xmem.h"
#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

/* "key kind value,value; ..." of all entries; freed by the caller. */
static char *
summary_of(const struct toml *toml)
{
	static const char kinds[] = "tifbT";
	struct buf out = BUF_INIT;
	char *text;

	for (size_t i = 0; i < toml->count; i++) {
		const struct toml_entry *entry = &toml->entries[i];

		buf_printf(&out, "%s%u:%s %c%s", i == 0 ? "" : "; ", entry->line, entry->key,
		    kinds[entry->kind], entry->is_array ? "[" : "");
		for (size_t j = 0; j < entry->count; j++)
			buf_printf(&out, "%s%s", j == 0 ? "" : ",", entry->values[j]);
	}
	text = xasprintf("%.*s", (int)out.size, out.size == 0 ? "" : (const char *)out.data);
	buf_free(&out);
	return text;
}

static void
assert_read(const char *text, const char *expected)
{
	struct toml toml;
	char *problem = NULL;
	char *summary;
	unsigned line;

	assert_int_equal(toml_read(slice_text(text), &toml, &line, &problem), ERR_NONE);
	summary = summary_of(&toml);
	assert_string_equal(summary, expected);
	free(summary);
	toml_free(&toml);
}

/* expected: "LINE: SENTENCE". */
static void
assert_refused_bytes(struct slice text, const char *expected)
{
	char *problem = NULL;
	struct toml toml;
	unsigned line;
	char *told;

	assert_int_equal(toml_read(text, &toml, &line, &problem), ERR_MALFORMED);
	assert_int_equal(toml.count, 0);
	told = xasprintf("%u: %s", line, problem);
	assert_string_equal(told, expected);
	free(told);
	free(problem);
}

static void
assert_refused(const char *text, const char *expected)
{
	assert_refused_bytes(slice_text(text), expected);
}

TEST(keys_tables_comments_and_line_ends_are_read)
{
	assert_read("", "");
	assert_read("# only\n\n \t\r\n", "");
	assert_read("a=1", "1:a i1");
	assert_read("a = 1 # one\r\n\n[ t . u-v_1 ]\r\n b\t=\t2",
	    "1:a i1; 3:t.u-v_1 T; 4:t.u-v_1.b i2");
	assert_read("[a.b]\n[a]\nc = 1", "1:a.b T; 2:a T; 3:a.c i1");
}

TEST(texts_are_read)
{
	assert_read("a = \"\"", "1:a t");
	assert_read("a = \"x # \\\" \\\\ \\b\\t\\n\\f\\r\"", "1:a tx # \" \\ \b\t\n\f\r");
	assert_read("a = 'x \\n \" #'", "1:a tx \\n \" #");
	assert_read("a = \"\xc3\xa9\xf0\x9f\x98\x80\"", "1:a t\xc3\xa9\xf0\x9f\x98\x80");
}

TEST(numbers_and_truths_are_read)
{
	assert_read("a=-12\nb=+1_000\nc=0", "1:a i-12; 2:b i1000; 3:c i0");
	assert_read("a=9223372036854775807\nb=-9223372036854775808",
	    "1:a i9223372036854775807; 2:b i-9223372036854775808");
	assert_read("a=1.5\nb=-0.0\nc=+1e+10\nd=6.0_2E-3",
	    "1:a f1.5; 2:b f-0.0; 3:c f1e+10; 4:d f6.02E-3");
	assert_read("a=true\nb=false", "1:a btrue; 2:b bfalse");
}

TEST(arrays_of_one_kind_are_read)
{
	assert_read("a=[]", "1:a t[");
	assert_read("a=[ 1 , 2,\n# two\n\n3,]\nb=1", "1:a i[1,2,3; 5:b i1");
	assert_read("a=[\"x\", 'y']", "1:a t[x,y");
}

TEST(what_the_part_does_not_have_is_refused_with_a_sentence)
{
	assert_refused("\"a\" = 1", "1: a key in quotes is not supported");
	assert_refused("\na.b = 1", "2: a key with dots is not supported; write [a]");
	assert_refused("a = {b = 1}", "1: a table in braces is not supported; write [a]");
	assert_refused("[[a]]", "1: an array of tables is not supported");
	assert_refused("a = [[1]]", "1: an array of arrays or tables is not supported");
	assert_refused("a = \"\"\"x\"\"\"", "1: a text of several lines is not supported");
	assert_refused("a = '''x'''", "1: a text of several lines is not supported");
	assert_refused("a = [1, \"x\"]", "1: the items of an array have to be of one kind");
	assert_refused("a = 9223372036854775808", "1: 9223372036854775808 is too large");
	assert_refused("a = 1e999", "1: 1e999 is too large");
	assert_refused("a = \"\\u0041\"",
	    "1: of \\ in a text only \\b \\t \\n \\f \\r \\\" \\\\ are supported");
	assert_refused("a = 1979-05-27",
	    "1: 1979-05-27 is neither a number, true nor false; a text needs quotes");
	assert_refused("a = 0xff",
	    "1: 0xff is neither a number, true nor false; a text needs quotes");
	assert_refused("a = inf",
	    "1: inf is neither a number, true nor false; a text needs quotes");
}

TEST(mistakes_are_told_with_their_line)
{
	assert_refused("a", "1: a = is missing behind a");
	assert_refused("a =", "1: a value is missing: \"text\", number, true, false or [array]");
	assert_refused("a = # x\n1",
	    "1: a value is missing: \"text\", number, true, false or [array]");
	assert_refused("a = b", "1: b is neither a number, true nor false; a text needs quotes");
	assert_refused("a = 01", "1: 01 is neither a number, true nor false; a text needs quotes");
	assert_refused("a = 1__0",
	    "1: 1__0 is neither a number, true nor false; a text needs quotes");
	assert_refused("a = 1.", "1: 1. is neither a number, true nor false; a text needs quotes");
	assert_refused("a = 1 b = 2",
	    "1: the end of the line is expected behind a value or a header");
	assert_refused("= 1", "1: a key is missing: letters, digits, _ and -");
	assert_refused("\n\na = \"x", "3: a text has no \" at its end");
	assert_refused("a = 'x\n'", "1: a text has no ' at its end");
	assert_refused("a = [1\n2]", "2: a , or ] is missing in an array");
	assert_refused("a = [,1]",
	    "1: a value is missing: \"text\", number, true, false or [array]");
	assert_refused("a = [1", "1: a , or ] is missing in an array");
	assert_refused("[a", "1: a ] is missing behind [a");
	assert_refused("[]", "1: a key is missing: letters, digits, _ and -");
	assert_refused("[a.]", "1: a key is missing: letters, digits, _ and -");
	assert_refused("[a] b = 1",
	    "1: the end of the line is expected behind a value or a header");
}

TEST(nothing_is_said_twice)
{
	assert_refused("a = 1\na = 2", "2: a is there already, in line 1");
	assert_refused("[a]\n[b]\n[a]", "3: a is there already, in line 1");
	assert_refused("a = 1\n[a]", "2: a is there already, in line 1");
	assert_refused("a = 1\n[a.b]", "2: a is there already, in line 1");
	assert_refused("[a.b]\n[a]\nb = 1", "3: a.b is there already, in line 1");
	assert_refused("[a.b.c]\n[a]\nb = 1", "3: a.b.c is there already, in line 1");
	assert_read("ab = 1\n[a]\n[a.bc]\n[ac]", "1:ab i1; 2:a T; 3:a.bc T; 4:ac T");
}

TEST(bytes_that_are_no_text_are_refused)
{
	assert_refused("a = 1\n\x01", "2: byte 0x01 cannot stand here in a text of UTF-8");
	assert_refused("# \x7f", "1: byte 0x7f cannot stand here in a text of UTF-8");
	assert_refused("a = 1\rb = 2", "1: byte 0x0d cannot stand here in a text of UTF-8");
	assert_refused("# \xc3", "1: byte 0xc3 cannot stand here in a text of UTF-8");
	assert_refused("# \xed\xa0\x80", "1: byte 0xed cannot stand here in a text of UTF-8");
	assert_refused_bytes(slice_of("a=1\0", 4),
	    "1: byte 0x00 cannot stand here in a text of UTF-8");
	assert_refused("\xef\xbb\xbf" "a = 1", "1: a key is missing: letters, digits, _ and -");
}

/* count times "aN = 1", or "1," in an array. */
static char *
many(const char *before, const char *format, int count, const char *behind)
{
	struct buf out = BUF_INIT;
	char *text;

	buf_append_text(&out, before);
	for (int i = 0; i < count; i++) {
		buf_printf(&out, "%s", format);
		if (strcmp(format, "a") == 0)
			buf_printf(&out, "%d = 1\n", i);
	}
	buf_append_text(&out, behind);
	text = xasprintf("%.*s", SLICE_ARGS(buf_slice(&out)));
	buf_free(&out);
	return text;
}

TEST(there_is_a_limit_to_all_of_it)
{
	char *keys = many("", "a", TOML_ENTRIES_MAX + 1, "");
	char *items = many("a = [", "1,", TOML_ENTRIES_MAX + 1, "]");
	char *most = many("a = [", "1,", TOML_ENTRIES_MAX, "]");
	char *large = xmalloc(TOML_BYTES_MAX + 1);
	struct toml toml;
	unsigned line;
	char *problem;

	assert_refused(keys, "1001: there are more than 1000 keys");
	assert_refused(items, "1: an array has more than 1000 items");
	assert_int_equal(toml_read(slice_text(most), &toml, &line, &problem), ERR_NONE);
	assert_int_equal(toml.entries[0].count, TOML_ENTRIES_MAX);
	toml_free(&toml);
	memset(large, '\n', TOML_BYTES_MAX + 1);
	assert_refused_bytes(slice_of(large, TOML_BYTES_MAX + 1),
	    "1: it has more than 1048576 bytes");
	free(keys);
	free(items);
	free(most);
	free(large);
}
