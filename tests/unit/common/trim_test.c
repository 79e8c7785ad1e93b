/* Tests of common/trim.c. */
#include "tests/lib/test.h"

#include "common/limits.h"
#include "common/trim.h"

TEST(memory_goes_back_at_once_when_much_less_is_held)
{
	struct loop *loop = loop_new();
	struct trim *trim = trim_new(loop);

	trim_held(trim, 100 * MIB);
	trim_held(trim, 36 * MIB + 1);
	assert_int_equal(trim_count(trim), 0);
	trim_held(trim, 36 * MIB);
	assert_int_equal(trim_count(trim), 1);
	/* From there on. */
	trim_held(trim, 0);
	assert_int_equal(trim_count(trim), 1);
	trim_held(trim, 64 * MIB);
	trim_held(trim, 0);
	assert_int_equal(trim_count(trim), 2);
	trim_free(&trim);
	loop_free(&loop);
}

TEST(what_comes_and_goes_costs_nothing)
{
	struct loop *loop = loop_new();
	struct trim *trim = trim_new(loop);

	for (size_t i = 0; i < 1000; i++)
		trim_held(trim, (200 + i % 60) * MIB);
	assert_int_equal(trim_count(trim), 0);
	trim_free(&trim);
	assert_null(trim);
	trim_free(&trim);
	loop_free(&loop);
}
