/* Tests of common/crc32c.c: both ways of computing it. */
#include "tests/lib/test.h"

#include "common/crc32c.h"

static void
assert_crc(struct slice bytes, uint32_t expected)
{
	assert_int_equal(crc32c(0, bytes), expected);
	assert_int_equal(crc32c_portable(0, bytes), expected);
}

/* RFC 3720, B.4: the four patterns of 32 bytes and their CRC. */
TEST(the_examples_of_the_rfc_come_out)
{
	uint8_t bytes[32];

	memset(bytes, 0, sizeof(bytes));
	assert_crc(slice_of(bytes, sizeof(bytes)), UINT32_C(0x8a9136aa));
	memset(bytes, 0xff, sizeof(bytes));
	assert_crc(slice_of(bytes, sizeof(bytes)), UINT32_C(0x62a8ab43));
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	assert_crc(slice_of(bytes, sizeof(bytes)), UINT32_C(0x46dd794e));
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(31 - i);
	assert_crc(slice_of(bytes, sizeof(bytes)), UINT32_C(0x113fdb5c));
	assert_crc(SLICE_LITERAL("123456789"), UINT32_C(0xe3069283));
	assert_crc(SLICE_EMPTY, 0);
}

TEST(the_checksum_goes_on_over_any_cut)
{
	uint8_t bytes[67];
	uint32_t whole;

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 37 + 11);
	whole = crc32c(0, slice_of(bytes, sizeof(bytes)));
	assert_int_equal(crc32c_portable(0, slice_of(bytes, sizeof(bytes))), whole);
	for (size_t cut = 0; cut <= sizeof(bytes); cut++) {
		uint32_t first = crc32c(0, slice_of(bytes, cut));

		assert_int_equal(crc32c(first, slice_of(bytes + cut, sizeof(bytes) - cut)), whole);
	}
}
