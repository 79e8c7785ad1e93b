/*
 * crc32c.h - the Castagnoli checksum (RFC 3720, appendix B.4) of what is on
 * disk and between nodes.
 */
#ifndef MOOTHALL_COMMON_CRC32C_H
#define MOOTHALL_COMMON_CRC32C_H

#include "common/slice.h"

/* Of bytes, going on from crc (0 to start). */
uint32_t crc32c(uint32_t crc, struct slice bytes);
/* The same without special instructions: what other processors run. */
uint32_t crc32c_portable(uint32_t crc, struct slice bytes);

#endif
