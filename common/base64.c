/*
 * base64.c - bytes as base64 (see base64.h).
 */
#include "common/base64.h"

static const uint8_t letters[64] __attribute__((aligned(CACHE_LINE_BYTES))) = {
	'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P',
	'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'a', 'b', 'c', 'd', 'e', 'f',
	'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v',
	'w', 'x', 'y', 'z', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '+', '/',
};

/* One more than the six bits of each letter; 0: it is none. */
static const uint8_t values[256] = {
	['+'] = 63, ['/'] = 64,
	['0'] = 53, 54, 55, 56, 57, 58, 59, 60, 61, 62,
	['A'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
	24, 25, 26,
	['a'] = 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47,
	48, 49, 50, 51, 52,
};

void
base64_write(uint8_t *text, struct slice bytes)
{
	const uint8_t *at = bytes.data;
	size_t left = bytes.size;
	uint32_t word;

	for (; left >= 3; left -= 3, at += 3, text += 4) {
		word = (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
		text[0] = letters[word >> 18];
		text[1] = letters[word >> 12 & 63];
		text[2] = letters[word >> 6 & 63];
		text[3] = letters[word & 63];
	}
	if (left == 0)
		return;
	word = (uint32_t)at[0] << 16 | (left == 2 ? (uint32_t)at[1] << 8 : 0);
	text[0] = letters[word >> 18];
	text[1] = letters[word >> 12 & 63];
	text[2] = left == 2 ? letters[word >> 6 & 63] : '=';
	text[3] = '=';
}

void
base64_put(struct buf *out, struct slice bytes)
{
	uint8_t *text = buf_reserve(out, BASE64_BYTES(bytes.size));

	if (text == NULL)
		return;
	base64_write(text, bytes);
	buf_added(out, BASE64_BYTES(bytes.size));
}

bool
base64_read(struct slice text, uint8_t *bytes, size_t *size)
{
	uint8_t *start = bytes;
	uint32_t word = 0;
	unsigned have = 0;

	if (text.size % 4 != 0)
		return false;
	for (int i = 0; i < 2 && text.size > 0 && text.data[text.size - 1] == '='; i++)
		text.size--;
	for (size_t i = 0; i < text.size; i++) {
		uint32_t value = values[text.data[i]];

		if (value == 0)
			return false;
		word = word << 6 | (value - 1);
		if (++have == 4) {
			*bytes++ = (uint8_t)(word >> 16);
			*bytes++ = (uint8_t)(word >> 8);
			*bytes++ = (uint8_t)word;
			have = 0;
		}
	}
	/* Two letters are a byte and 4 bits, three are two bytes and 2 bits. */
	if (have >= 2)
		*bytes++ = (uint8_t)(word >> (have == 2 ? 4 : 10));
	if (have == 3)
		*bytes++ = (uint8_t)(word >> 2);
	*size = (size_t)(bytes - start);
	return true;
}
