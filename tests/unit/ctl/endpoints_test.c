#include "ctl/endpoints.h"

#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>

static struct endpoints
list(const char *text, bool secure)
{
	struct endpoints endpoints = { 0 };
	char *bad = NULL;

	assert_int_equal(endpoints_add(&endpoints, slice_text(text), secure, &bad), ERR_NONE);
	assert_null(bad);
	return endpoints;
}

TEST(schemes_are_added_and_slashes_removed)
{
	struct endpoints endpoints = list("a:1, http://b:2/ ,https://c:3,,[::1]:4,", false);

	assert_int_equal(endpoints.count, 4);
	assert_string_equal(endpoints.urls[0], "http://a:1");
	assert_string_equal(endpoints.urls[1], "http://b:2");
	assert_string_equal(endpoints.urls[2], "https://c:3");
	assert_string_equal(endpoints.urls[3], "http://[::1]:4");
	endpoints_free(&endpoints);
	endpoints = list("a:1", true);
	assert_string_equal(endpoints.urls[0], "https://a:1");
	endpoints_free(&endpoints);
}

TEST(an_endpoint_is_there_once)
{
	struct endpoints endpoints = list("a:1,http://a:1,http://a:1/", false);

	assert_int_equal(endpoints.count, 1);
	endpoints_free(&endpoints);
}

TEST(what_is_no_url_is_named)
{
	static const char *const bad_ones[] = { "ftp://a", "a b:1", "http://", ":4001",
	    "http://a'b",
		"http://a\nb", "{\"machines\":1}" };

	for (size_t i = 0; i < ARRAY_COUNT(bad_ones); i++) {
		struct endpoints endpoints = { 0 };
		char *bad = NULL;

		assert_int_equal(endpoints_add(&endpoints, slice_text(bad_ones[i]), false, &bad),
		    ERR_INVALID);
		assert_non_null(bad);
		free(bad);
		endpoints_free(&endpoints);
	}
}

TEST(the_preferred_one_comes_first_and_the_others_keep_their_order)
{
	struct endpoints endpoints = list("a:1,b:2,c:3", false);

	endpoints_prefer(&endpoints, 2);
	assert_string_equal(endpoints.urls[0], "http://c:3");
	assert_string_equal(endpoints.urls[1], "http://a:1");
	assert_string_equal(endpoints.urls[2], "http://b:2");
	endpoints_free(&endpoints);
}

TEST(more_than_fit_are_left_out)
{
	struct endpoints endpoints = { 0 };
	char *bad = NULL;

	for (int i = 0; i < ENDPOINTS_MAX + 10; i++) {
		char text[32];

		snprintf(text, sizeof(text), "host:%d", i + 1);
		assert_int_equal(endpoints_add(&endpoints, slice_text(text), false, &bad),
		    ERR_NONE);
	}
	assert_int_equal(endpoints.count, ENDPOINTS_MAX);
	endpoints_free(&endpoints);
}
