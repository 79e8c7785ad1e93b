/* Tests of common/err.c. */
#include "tests/lib/test.h"

#include "common/err.h"

#include <errno.h>

TEST(every_row_is_found_by_its_number)
{
#define ERROR(tag, number, http_status, text) \
	assert_int_equal(err_from_number(number), ERR_##tag); \
	assert_string_equal(err_text(ERR_##tag), text); \
	assert_int_equal(err_is_api(ERR_##tag), (number) >= 100); \
	assert_int_equal(err_http_status(ERR_##tag), (http_status) == 0 ? 500 : (http_status));
#include "common/error_table.h"
}

/* Old clients take a 4xx for final, and repeat after a 5xx: what passes by itself has one. */
TEST(what_passes_by_itself_is_a_500_and_nothing_else_is)
{
	static const enum err passing[] = { ERR_RAFT_INTERNAL, ERR_LEADER_ELECT };
	size_t found = 0;

#define ERROR(tag, number, http_status, text) \
	if (err_is_api(ERR_##tag)) { \
		bool passes = false; \
		for (size_t i = 0; i < ARRAY_COUNT(passing); i++) \
			passes = passes || passing[i] == ERR_##tag; \
		assert_int_equal(passes, (http_status) >= 500); \
		found += passes; \
	}
#include "common/error_table.h"
	assert_int_equal(found, ARRAY_COUNT(passing));
}

TEST(a_number_without_a_row_is_an_internal_error)
{
	assert_int_equal(err_from_number(99), ERR_INTERNAL);
	assert_int_equal(err_from_number(UINT16_MAX), ERR_INTERNAL);
}

TEST(no_errno_is_no_error)
{
	for (int value = -1; value < 200; value++)
		assert_int_not_equal(err_from_errno(value), ERR_NONE);
	assert_int_equal(err_from_errno(ECONNREFUSED), ERR_REFUSED);
	assert_int_equal(err_from_errno(ENOSPC), ERR_NO_SPACE);
	assert_int_equal(err_from_errno(EPIPE), ERR_CLOSED);
}
