/*
 * crc32c.c - the Castagnoli checksum, by the processor's own instruction where
 * there is one, else byte by byte from a table.
 *
 * The polynomial is 0x1EDC6F41, reflected 0x82F63B78; the register starts and
 * ends inverted (RFC 3720, appendix B.4).
 */
#include "common/crc32c.h"

/*
 * A CRC is linear, so the table's row for a byte is the sum (exclusive or) of
 * the rows of its bits; these are the eight rows of one bit each.
 */
#define BIT_ROW(byte, bit, row) ((byte) & (bit) ? UINT32_C(row) : 0)
#define ROW(byte) \
	(BIT_ROW(byte, 0x01, 0xf26b8303) ^ BIT_ROW(byte, 0x02, 0xe13b70f7) ^ \
	    BIT_ROW(byte, 0x04, 0xc79a971f) ^ BIT_ROW(byte, 0x08, 0x8ad958cf) ^ \
	    BIT_ROW(byte, 0x10, 0x105ec76f) ^ BIT_ROW(byte, 0x20, 0x20bd8ede) ^ \
	    BIT_ROW(byte, 0x40, 0x417b1dbc) ^ BIT_ROW(byte, 0x80, 0x82f63b78))
#define ROWS_4(byte) ROW(byte), ROW((byte) + 1), ROW((byte) + 2), ROW((byte) + 3)
#define ROWS_16(byte) ROWS_4(byte), ROWS_4((byte) + 4), ROWS_4((byte) + 8), ROWS_4((byte) + 12)
#define ROWS_64(byte) \
	ROWS_16(byte), ROWS_16((byte) + 16), ROWS_16((byte) + 32), ROWS_16((byte) + 48)

static const uint32_t table[256] = { ROWS_64(0), ROWS_64(64), ROWS_64(128), ROWS_64(192) };

static uint32_t
by_table(uint32_t state, struct slice bytes)
{
	for (size_t i = 0; i < bytes.size; i++)
		state = state >> 8 ^ table[(state ^ bytes.data[i]) & 0xff];
	return state;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t
by_instruction(uint32_t state, struct slice bytes)
{
	uint64_t wide = state;
	size_t at = 0;

	for (; bytes.size - at >= 8; at += 8) {
		uint64_t word;

		memcpy(&word, bytes.data + at, 8);
		wide = _mm_crc32_u64(wide, word);
	}
	state = (uint32_t)wide;
	for (; at < bytes.size; at++)
		state = _mm_crc32_u8(state, bytes.data[at]);
	return state;
}

static bool
has_instruction(void)
{
	return __builtin_cpu_supports("sse4.2") != 0;
}
#else
static uint32_t
by_instruction(uint32_t state, struct slice bytes)
{
	return by_table(state, bytes);
}

static bool
has_instruction(void)
{
	return false;
}
#endif

uint32_t
crc32c(uint32_t crc, struct slice bytes)
{
	if (has_instruction())
		return ~by_instruction(~crc, bytes);
	return ~by_table(~crc, bytes);
}

uint32_t
crc32c_portable(uint32_t crc, struct slice bytes)
{
	return ~by_table(~crc, bytes);
}
