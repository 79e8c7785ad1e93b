/*
 * url_list_test.c - lists of URLs, taken apart and compared.
 */
#include "common/url_list.h"

#include "tests/lib/test.h"

static void
assert_text(struct slice text, const char *expected)
{
	assert_true(slice_equal(text, slice_text(expected)));
}

TEST(a_list_is_taken_apart_in_its_order)
{
	struct slice rest = SLICE_LITERAL("http://a:1,http://b:2"), url;

	assert_true(url_list_next(&rest, &url));
	assert_text(url, "http://a:1");
	assert_true(url_list_next(&rest, &url));
	assert_text(url, "http://b:2");
	assert_false(url_list_next(&rest, &url));
	assert_text(url_list_first(SLICE_LITERAL("http://a:1,http://b:2")), "http://a:1");
	assert_text(url_list_first(SLICE_LITERAL("http://a:1")), "http://a:1");
	assert_int_equal(url_list_first(SLICE_EMPTY).size, 0);
}

TEST(lists_share_what_is_whole_in_both)
{
	assert_true(url_list_shares(SLICE_LITERAL("a,b"), SLICE_LITERAL("c,b")));
	assert_false(url_list_shares(SLICE_LITERAL("a,b"), SLICE_LITERAL("ab,c")));
	assert_false(url_list_shares(SLICE_LITERAL("a"), SLICE_EMPTY));
}

TEST(order_does_not_matter_for_what_is_the_same)
{
	assert_true(url_list_same(SLICE_LITERAL("a,b"), SLICE_LITERAL("b,a")));
	assert_false(url_list_same(SLICE_LITERAL("a,b"), SLICE_LITERAL("a")));
	assert_false(url_list_same(SLICE_LITERAL("a"), SLICE_LITERAL("a,b")));
	assert_true(url_list_same(SLICE_EMPTY, SLICE_EMPTY));
}

TEST(the_first_is_known_whatever_its_case)
{
	struct slice list = SLICE_LITERAL("http://Host:1,http://b:2");

	assert_true(url_list_first_is(list, SLICE_LITERAL("http://hOst:1")));
	assert_false(url_list_first_is(list, SLICE_LITERAL("http://b:2")));
	assert_false(url_list_first_is(list, SLICE_LITERAL("http://host:1,")));
	assert_false(url_list_first_is(list, SLICE_EMPTY));
	assert_false(url_list_first_is(SLICE_EMPTY, SLICE_LITERAL("http://b:2")));
	assert_true(url_list_first_is(SLICE_EMPTY, SLICE_EMPTY));
}
