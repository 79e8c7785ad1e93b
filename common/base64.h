/*
 * base64.h - bytes as base64: standard alphabet, with padding.
 *
 * Pure. OpenSSL's reader passes blanks by and tells no length; this one is strict.
 * Source: RFC 4648, 4.
 */
#ifndef MOOTHALL_COMMON_BASE64_H
#define MOOTHALL_COMMON_BASE64_H

#include "common/buf.h"

#define BASE64_BYTES(size) (((size) + 2) / 3 * 4)	/* of the text of so many bytes */

/* Write BASE64_BYTES(bytes.size) letters at that place, without a NUL. */
void base64_write(uint8_t *text, struct slice bytes);
void base64_put(struct buf *out, struct slice bytes);
/* text.size / 4 * 3 bytes have room there. False: it is no base64 of this kind; what is at
 * the place is then undefined. Bits that are left in the last letter do not matter. */
bool base64_read(struct slice text, uint8_t *bytes, size_t *size) MUST_CHECK;

#endif
