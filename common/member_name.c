/*
 * member_name.c - see member_name.h.
 */
#include "common/member_name.h"

#include "common/limits.h"

static bool
is_letter_or_digit(uint8_t byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	    (byte >= '0' && byte <= '9');
}

bool
member_name_valid(struct slice name)
{
	if (name.size == 0 || name.size > NAME_BYTES_MAX || name.data[0] == '_' ||
	    name.data[0] == '.')
		return false;
	for (size_t i = 0; i < name.size; i++) {
		uint8_t byte = name.data[i];

		if (!is_letter_or_digit(byte) && byte != '.' && byte != '_' && byte != '-')
			return false;
	}
	return true;
}
