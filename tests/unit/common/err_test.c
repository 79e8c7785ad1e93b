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
