#include "httpd/client/remembered.h"

#include "tests/lib/test.h"

#include "common/limits.h"

#include <stdio.h>

TEST(what_was_right_is_known_again_until_it_was_not_used_for_a_minute)
{
	struct remembered *remembered = remembered_new();
	struct slice header = SLICE_LITERAL("Basic cm9vdDpwYQ==");
	uint64_t now_ms = 5;

	assert_int_equal(remembered_find(remembered, header, now_ms), 0);
	remembered_add(remembered, header, 7, now_ms);
	assert_int_equal(remembered_find(remembered, SLICE_LITERAL("Basic cm9vdDpwYg=="), now_ms), 0);
	for (int i = 0; i < 10; i++) {
		now_ms += REMEMBERED_MS - 1;
		assert_int_equal(remembered_find(remembered, header, now_ms), 7);
	}
	now_ms += REMEMBERED_MS;
	assert_int_equal(remembered_find(remembered, header, now_ms), 0);
	assert_int_equal(remembered_count(remembered), 0);
	/* Another password of his: the header is another, too; or the user is a new one. */
	remembered_add(remembered, header, 8, now_ms);
	remembered_add(remembered, header, 9, now_ms);
	assert_int_equal(remembered_find(remembered, header, now_ms), 9);
	assert_int_equal(remembered_count(remembered), 1);
	remembered_free(&remembered);
}

TEST(so_many_are_remembered_and_the_longest_unused_goes)
{
	struct remembered *remembered = remembered_new();
	char header[32];

	for (int i = 0; i <= AUTH_REMEMBERED_MAX; i++) {
		snprintf(header, sizeof(header), "Basic %d", i);
		remembered_add(remembered, slice_text(header), (uint64_t)i + 1, 0);
		assert_int_equal(remembered_find(remembered, SLICE_LITERAL("Basic 0"), 0), 1);
	}
	assert_int_equal(remembered_count(remembered), AUTH_REMEMBERED_MAX);
	assert_int_equal(remembered_find(remembered, SLICE_LITERAL("Basic 1"), 0), 0);
	assert_int_equal(remembered_find(remembered, SLICE_LITERAL("Basic 2"), 0), 3);
	remembered_free(&remembered);
}
