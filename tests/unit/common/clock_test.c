/* Tests of common/clock.c. */
#include "tests/lib/test.h"

#include "common/clock.h"

#define A_TIME (UINT64_C(1795361363) * NS_PER_SECOND + 647000100)

static const char *
formatted(uint64_t wall_ns, unsigned digits, bool trim)
{
	static char text[CLOCK_TEXT_BYTES];

	clock_format(wall_ns, digits, trim, text);
	return text;
}

TEST(time_is_written_as_utc_with_the_digits_asked_for)
{
	assert_string_equal(formatted(A_TIME, 3, false), "2026-11-22T15:29:23.647Z");
	assert_string_equal(formatted(A_TIME, 0, false), "2026-11-22T15:29:23Z");
	assert_string_equal(formatted(A_TIME, 9, false), "2026-11-22T15:29:23.647000100Z");
	assert_string_equal(formatted(0, 3, false), "1970-01-01T00:00:00.000Z");
}

TEST(trimming_drops_trailing_zeros_and_a_point_with_nothing_behind_it)
{
	assert_string_equal(formatted(A_TIME, 9, true), "2026-11-22T15:29:23.6470001Z");
	assert_string_equal(formatted(A_TIME - A_TIME % NS_PER_SECOND, 9, true),
	    "2026-11-22T15:29:23Z");
	assert_string_equal(formatted(A_TIME + 4, 6, true), "2026-11-22T15:29:23.647Z");
}

TEST(the_latest_time_fits_its_room)
{
	assert_string_equal(formatted(UINT64_MAX, 9, false), "2554-07-21T23:34:33.709551615Z");
}

TEST(monotonic_time_does_not_fall)
{
	uint64_t before = clock_monotonic_ns();
	struct clock_time now = clock_now();

	assert_true(now.monotonic_ms >= before / NS_PER_MS);
	assert_true(clock_monotonic_ns() >= before);
	assert_true(now.wall_ns > UINT64_C(1600000000) * NS_PER_SECOND);
}
