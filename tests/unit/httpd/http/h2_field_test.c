/*
 * h2_field_test.c - fields of HTTP/2: what nobody may read in two ways is taken, nothing else.
 */
#include "httpd/http/h2_field.h"

#include "tests/lib/test.h"

#include <string.h>

static bool
is_good(struct slice name, struct slice value)
{
	return h2_field_is_good(name, value);
}

TEST(what_everybody_reads_alike_is_good)
{
	assert_true(is_good(SLICE_LITERAL("accept"), SLICE_LITERAL("*/*")));
	assert_true(is_good(SLICE_LITERAL(":path"), SLICE_LITERAL("/a b\tc")));
	assert_true(is_good(SLICE_LITERAL("x-1!#$%&'*+-.^_`|~"), SLICE_EMPTY));
	assert_true(is_good(SLICE_LITERAL("te"), SLICE_LITERAL("trailers")));
	assert_true(is_good(SLICE_LITERAL("x"), SLICE_LITERAL("\x80\xff")));
}

TEST(names_have_no_other_characters)
{
	assert_false(is_good(SLICE_EMPTY, SLICE_EMPTY));
	assert_false(is_good(SLICE_LITERAL(":"), SLICE_EMPTY));
	for (unsigned byte = 0; byte < 256; byte++) {
		uint8_t name[] = { 'a', (uint8_t)byte };
		bool good = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
		    (byte != 0 && strchr("!#$%&'*+-.^_`|~", (int)byte) != NULL);

		assert_int_equal(is_good(slice_of(name, 2), SLICE_EMPTY), good);
	}
}

TEST(values_have_no_control_characters_and_no_blanks_around_them)
{
	for (unsigned byte = 0; byte < 256; byte++) {
		uint8_t value[] = { 'a', (uint8_t)byte, 'b' };

		assert_int_equal(is_good(SLICE_LITERAL("x"), slice_of(value, 3)),
		    byte == '\t' || (byte >= ' ' && byte != 0x7f));
	}
	assert_false(is_good(SLICE_LITERAL("x"), SLICE_LITERAL(" a")));
	assert_false(is_good(SLICE_LITERAL("x"), SLICE_LITERAL("a\t")));
	assert_false(is_good(SLICE_LITERAL("x"), SLICE_LITERAL(" ")));
}

TEST(what_is_of_a_connection_is_none)
{
	static const char *const names[] = { "connection", "keep-alive", "proxy-connection",
		"transfer-encoding", "upgrade", "te" };

	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		assert_false(is_good(slice_text(names[i]), SLICE_LITERAL("gzip")));
}

TEST(a_length_is_of_digits)
{
	size_t length;

	assert_true(h2_field_length(SLICE_LITERAL("0"), &length));
	assert_int_equal(length, 0);
	assert_true(h2_field_length(SLICE_LITERAL("0123"), &length));
	assert_int_equal(length, 123);
	assert_true(h2_field_length(SLICE_LITERAL("99999999999999999999999"), &length));
	assert_true(length == SIZE_MAX - 1);
	assert_false(h2_field_length(SLICE_EMPTY, &length));
	assert_false(h2_field_length(SLICE_LITERAL("1,1"), &length));
	assert_false(h2_field_length(SLICE_LITERAL("-1"), &length));
	assert_false(h2_field_length(SLICE_LITERAL("1 "), &length));
}
