/*
 * member_name_test.c - tests of common/member_name.c.
 */
#include "common/member_name.h"

#include "common/limits.h"
#include "tests/lib/test.h"

#include <string.h>

TEST(a_name_keeps_to_its_alphabet)
{
	char name[NAME_BYTES_MAX + 1];

	assert_true(member_name_valid(SLICE_LITERAL("Machine-1.example_x")));
	assert_false(member_name_valid(SLICE_LITERAL("")));
	assert_false(member_name_valid(SLICE_LITERAL(".hidden")));
	assert_false(member_name_valid(SLICE_LITERAL("_hidden")));
	assert_false(member_name_valid(SLICE_LITERAL("a/b")));
	assert_false(member_name_valid(SLICE_LITERAL("a\0b")));
	memset(name, 'n', sizeof(name));
	assert_true(member_name_valid(slice_of(name, NAME_BYTES_MAX)));
	assert_false(member_name_valid(slice_of(name, NAME_BYTES_MAX + 1)));
}

TEST(no_other_byte_is_in_a_name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789._-";

	for (unsigned byte = 0; byte < 256; byte++) {
		uint8_t name[3] = { 'a', (uint8_t)byte, 'a' };
		bool is_allowed = byte != 0 && strchr(allowed, (int)byte) != NULL;

		assert_int_equal(member_name_valid(slice_of(name, sizeof(name))), is_allowed);
	}
}
