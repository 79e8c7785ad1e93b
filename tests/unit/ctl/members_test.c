#include "ctl/members.h"

#include "tests/lib/test.h"

/* Servers of the 2.x series leave leading zeros out; people copy either. */
TEST(a_member_is_found_by_its_id_in_either_form_and_by_its_name)
{
	struct member_list members = { .count = 3, .list = {
	    { .id = SLICE_LITERAL("02cb6e2d7f3a4f10"), .name = SLICE_LITERAL("machine1") },
	    { .id = SLICE_LITERAL("8330bc0ffa66bd11"), .name = SLICE_LITERAL("machine2") },
	    { .id = SLICE_LITERAL("ab"), .name = SLICE_LITERAL("00ac") },
	} };

	assert_ptr_equal(member_list_find(&members, "02cb6e2d7f3a4f10"), &members.list[0]);
	assert_ptr_equal(member_list_find(&members, "2cb6e2d7f3a4f10"), &members.list[0]);
	assert_ptr_equal(member_list_find(&members, "02CB6E2D7F3A4F10"), &members.list[0]);
	assert_ptr_equal(member_list_find(&members, "00000000000000ab"), &members.list[2]);
	assert_ptr_equal(member_list_find(&members, "machine2"), &members.list[1]);
	assert_ptr_equal(member_list_find(&members, "00ac"), &members.list[2]);
	assert_null(member_list_find(&members, "2cb6e2d7f3a4f1"));
	assert_null(member_list_find(&members, "2cb6e2d7f3a4f100"));
	assert_null(member_list_find(&members, "ac"));
	assert_null(member_list_find(&members, ""));
}
