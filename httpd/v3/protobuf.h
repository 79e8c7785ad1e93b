/*
 * protobuf.h - messages of the v3 API as protobuf.
 *
 * Called by what serves gRPC, and by whoever has a stored KeyValue. Pure.
 *
 * Reading takes what the original takes: fields in any order, the last one of a value that
 * comes twice (also of a part: nothing is merged), packed and unpacked lists, unknown fields,
 * which are passed by. Not: a varint of more than 10 bytes, a length beyond the end, a group,
 * a field number below 1, a known field in another wire type than its own. It recurses
 * nowhere. What it costs in memory is known before it is taken: a part of a list has its
 * struct's size, however few bytes it was sent in.
 *
 * Source: protobuf.dev, "Encoding".
 */
#ifndef MOOTHALL_HTTPD_V3_PROTOBUF_H
#define MOOTHALL_HTTPD_V3_PROTOBUF_H

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"
#include "httpd/v3/message.h"
#include "httpd/v3/status.h"

/*
 * Read all bytes as one message of that type.
 *
 *	message	the type's struct; undefined on failure. Its slices are borrowed from bytes,
 *		its parts and lists from the arena
 *	refusal	why not; its text is of the arena, or static
 *
 * ERR_NONE; ERR_MALFORMED; ERR_TOO_BIG: parts are nested deeper than V3_NESTED_MAX, or lists
 * and parts take more than V3_DECODED_BYTES_MAX.
 */
enum err v3_protobuf_read(const struct v3_type *type, struct slice bytes, struct arena *arena,
    void *message, struct v3_status *refusal) MUST_CHECK;

/* The same of a KeyValue that stands in a message. False: it is malformed. */
bool v3_key_value_read(struct slice bytes, struct v3_key_value *key_value) MUST_CHECK;

/* How many bytes a message takes. */
size_t v3_protobuf_size(const struct v3_type *type, const void *message);
/* Append it: fields in the order of their numbers. Out may be at its limit: then nothing is
 * appended, and it has overflowed. */
void v3_protobuf_put(struct buf *out, const struct v3_type *type, const void *message);

/* A number as protobuf has it: 7 bits a byte, the lowest first. */
#define VARINT_BYTES_MAX 10
static inline size_t
v3_varint_size(uint64_t number)
{
	return ((64 - (size_t)__builtin_clzll(number | 1)) * 9 + 64) / 64;
}

#endif
