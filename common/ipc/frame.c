/*
 * frame.c - bytes <-> frames.
 */
#include "common/ipc/frame.h"
#include "common/ipc/codec.h"
#include "common/limits.h"

#define FLAGS_OFFSET 6

enum err
frame_parse(struct slice bytes, struct frame *frame, size_t *used)
{
	struct reader in = reader_of(bytes);
	struct frame parsed;
	uint32_t length;

	/* The length is judged as soon as it is there: no waiting for the rest. */
	if (!codec_get_u32(&in, &length))
		return ERR_AGAIN;
	if (length > FRAME_BYTES_MAX - FRAME_HEADER_BYTES)
		return ERR_TOO_BIG;
	if (!codec_get_u16(&in, &parsed.type) || !codec_get_u16(&in, &parsed.flags) ||
	    !codec_get_u64(&in, &parsed.request_id) || reader_left(&in) < length)
		return ERR_AGAIN;
	parsed.payload = slice_of(in.at, length);
	*frame = parsed;
	*used = FRAME_HEADER_BYTES + length;
	return ERR_NONE;
}

size_t
frame_missing(struct slice bytes)
{
	struct reader in = reader_of(bytes);
	uint32_t length;

	if (!codec_get_u32(&in, &length))
		return 0;
	ASSERT(length <= FRAME_BYTES_MAX - FRAME_HEADER_BYTES);
	return FRAME_HEADER_BYTES + length - bytes.size;
}

size_t
frame_begin(struct buf *out, uint16_t type, uint16_t flags, uint64_t request_id)
{
	size_t begun = out->size;

	codec_put_u32(out, 0);
	codec_put_u16(out, type);
	codec_put_u16(out, flags);
	codec_put_u64(out, request_id);
	return begun;
}

void
frame_end(struct buf *out, size_t begun)
{
	frame_end_before(out, begun, 0);
}

void
frame_end_before(struct buf *out, size_t begun, size_t tail)
{
	size_t length;

	/* A frame that did not fit is not there as a whole. */
	if (out->overflowed)
		return;
	length = out->size - begun - FRAME_HEADER_BYTES + tail;
	ASSERT(length <= FRAME_BYTES_MAX - FRAME_HEADER_BYTES);
	for (unsigned i = 0; i < 4; i++)
		out->data[begun + i] = (uint8_t)(length >> 8 * i);
}

void
frame_set_flags(uint8_t *bytes, uint16_t flags)
{
	bytes[FLAGS_OFFSET] = (uint8_t)flags;
	bytes[FLAGS_OFFSET + 1] = (uint8_t)(flags >> 8);
}

void
frame_append(struct buf *out, uint16_t type, uint16_t flags, uint64_t request_id,
    struct slice payload)
{
	size_t begun = frame_begin(out, type, flags, request_id);

	buf_append_slice(out, payload);
	frame_end(out, begun);
}
