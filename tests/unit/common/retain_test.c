/*
 * retain_test.c - a quota, a retention and an interval as options say them.
 */
#include "common/retain.h"

#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

#define SECOND_MS UINT64_C(1000)
#define HOUR_MS (3600 * SECOND_MS)

TEST(a_quota_is_bytes_with_a_suffix_or_none)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} cases[] = {
		{ "", V3_QUOTA_DEFAULT_BYTES }, { "0", V3_QUOTA_DEFAULT_BYTES }, { "-1", 0 },
		{ "-5G", 0 }, { "1", 1 }, { "1000000", 1000000 }, { "8589934592", 8589934592 },
		{ "64K", 65536 }, { "16m", 16777216 }, { "8G", UINT64_C(8) << 30 },
		{ "18446744073709551615", UINT64_MAX },
	};
	static const char *const wrong[] = { "x", "-", "1T", "1.5G", "1KK", " 1",
		"18446744073709551616", "18446744073709551615K" };
	uint64_t bytes;

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		assert_null(retain_quota_parse(cases[i].text, &bytes));
		assert_int_equal(bytes, cases[i].bytes);
	}
	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
		char *problem = retain_quota_parse(wrong[i], &bytes);

		assert_non_null(problem);
		assert_non_null(strstr(problem, "is not a size; write bytes"));
		free(problem);
	}
}

TEST(a_retention_is_a_time_hours_or_revisions)
{
	static const struct {
		const char *mode, *text;
		uint64_t ms, revisions;
	} cases[] = {
		{ "", "", 0, 0 }, { "periodic", "0", 0, 0 }, { "periodic", "1", HOUR_MS, 0 },
		{ "", "8760", 8760 * HOUR_MS, 0 }, { "periodic", "30m", HOUR_MS / 2, 0 },
		{ "periodic", "1h30m", HOUR_MS * 3 / 2, 0 }, { "periodic", "0.5h", HOUR_MS / 2, 0 },
		{ "periodic", "1s", 1000, 0 }, { "periodic", "1500ms", 1500, 0 },
		{ "periodic", "2s500ms", 2500, 0 }, { "periodic", "0s", 0, 0 },
		{ "revision", "", 0, 0 }, { "revision", "0", 0, 0 },
		{ "revision", "1000", 0, 1000 },
	};
	struct retention retention;
	bool mode_is_wrong;

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		assert_null(retain_history_parse(cases[i].mode, cases[i].text, &retention,
		    &mode_is_wrong));
		assert_int_equal(retention.ms, cases[i].ms);
		assert_int_equal(retention.revisions, cases[i].revisions);
	}
}

TEST(a_retention_that_is_none_is_told)
{
	static const struct {
		const char *mode, *text, *problem;
		bool mode_is_wrong;
	} cases[] = {
		{ "hourly", "1", "\"hourly\" is none of periodic, revision", true },
		{ "periodic", "x",
		    "\"x\" is neither a number of hours nor a time like 30m or 1h30m",
		    false },
		{ "periodic", "-1h",
		    "\"-1h\" is neither a number of hours nor a time like 30m or 1h30m", false },
		{ "periodic", "1h30",
		    "\"1h30\" is neither a number of hours nor a time like 30m or 1h30m", false },
		{ "periodic", "999ms", "999ms is below the minimum 1s", false },
		{ "periodic", "8761", "8761 hours are above the maximum 8760h", false },
		{ "periodic", "8760h1s", "8760h1s is above the maximum 8760h", false },
		{ "periodic", "99999999999999999999",
		    "\"99999999999999999999\" is neither a number of hours nor a time like 30m or "
		    "1h30m", false },
		{ "revision", "1h", "\"1h\" is not a number of revisions", false },
		{ "revision", "9223372036854775808",
		    "\"9223372036854775808\" is not a number of revisions", false },
	};
	struct retention retention;
	bool mode_is_wrong;

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char *problem = retain_history_parse(cases[i].mode, cases[i].text, &retention,
		    &mode_is_wrong);

		assert_non_null(problem);
		assert_string_equal(problem, cases[i].problem);
		assert_int_equal(mode_is_wrong, cases[i].mode_is_wrong);
		free(problem);
	}
}

TEST(an_interval_has_bounds)
{
	static const char *const wrong[] = { "", "5", "x", "99ms", "24h1s" };
	uint64_t ms;

	assert_null(retain_notice_parse("5s", &ms));
	assert_int_equal(ms, 5000);
	assert_null(retain_notice_parse("10m", &ms));
	assert_int_equal(ms, 600000);
	assert_null(retain_notice_parse("100ms", &ms));
	assert_null(retain_notice_parse("24h", &ms));
	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
		char *problem = retain_notice_parse(wrong[i], &ms);

		assert_non_null(problem);
		free(problem);
	}
}
