/*
 * utf8.c - characters as UTF-8 (see utf8.h).
 */
#include "common/utf8.h"

size_t
utf8_read(struct slice text, uint32_t *result)
{
	uint32_t code;
	size_t size, i;

	if (text.size == 0)
		return 0;
	if (text.data[0] < 0x80) {
		*result = text.data[0];
		return 1;
	}
	if (text.data[0] >= 0xc2 && text.data[0] <= 0xdf) {
		size = 2;
		code = text.data[0] & 0x1fU;
	} else if ((text.data[0] & 0xf0U) == 0xe0) {
		size = 3;
		code = text.data[0] & 0x0fU;
	} else if (text.data[0] >= 0xf0 && text.data[0] <= 0xf4) {
		size = 4;
		code = text.data[0] & 0x07U;
	} else {
		return 0;
	}
	if (text.size < size)
		return 0;
	for (i = 1; i < size; i++) {
		if ((text.data[i] & 0xc0U) != 0x80)
			return 0;
		code = code << 6 | (text.data[i] & 0x3fU);
	}
	if (size == 3 && (code < 0x800 || (code >= 0xd800 && code <= 0xdfff)))
		return 0;
	if (size == 4 && (code < 0x10000 || code > 0x10ffff))
		return 0;
	*result = code;
	return size;
}

size_t
utf8_size(struct slice text)
{
	uint32_t code;

	return utf8_read(text, &code);
}
