/*
 * frame.h - bytes <-> frames; no I/O.
 *
 *	offset	size
 *	0	4	length of the payload, u32 little-endian
 *	4	2	type: a number of message_table.h
 *	6	2	flags: FRAME_MORE, FRAME_AGAIN or 0
 *	8	8	request id; what it means is said at each message's row
 *	16		payload
 *
 * Valid if 16 + length <= FRAME_BYTES_MAX. Whether the type is known and the
 * payload is well formed is the receiver's question.
 */
#ifndef MOOTHALL_COMMON_IPC_FRAME_H
#define MOOTHALL_COMMON_IPC_FRAME_H

#include "common/buf.h"
#include "common/err.h"

struct frame {
	uint16_t type;
	uint16_t flags;
	uint64_t request_id;
	struct slice payload;	/* borrowed from the bytes parsed */
};

/* This frame's answer goes on in another frame of the same type and id. */
#define FRAME_MORE UINT16_C(1)
/* A worker's write that was sent before, maybe to another raftd: nobody can say
 * that it was not applied. */
#define FRAME_AGAIN UINT16_C(2)

/*
 * The first whole frame of bytes.
 *
 * ERR_NONE: *frame and *used (bytes it took) are set; ERR_AGAIN: not yet
 * whole; ERR_TOO_BIG: never will be, close the channel.
 */
enum err frame_parse(struct slice bytes, struct frame *frame, size_t *used) MUST_CHECK;

/* How many bytes are missing of a frame that is not yet whole; 0 while that is not known. */
size_t frame_missing(struct slice bytes);

/* Begin a frame at the end of out; returns what frame_end needs. */
size_t frame_begin(struct buf *out, uint16_t type, uint16_t flags, uint64_t request_id);
/* The payload is complete: fill in its length. */
void frame_end(struct buf *out, size_t begun);
/* The same, but that so many bytes of it follow from elsewhere. */
void frame_end_before(struct buf *out, size_t begun, size_t tail);
/* Flags of the frame that a slice of bytes begins with. */
void frame_set_flags(uint8_t *bytes, uint16_t flags);
/* A whole frame of a payload that is there already. */
void frame_append(struct buf *out, uint16_t type, uint16_t flags, uint64_t request_id,
    struct slice payload);

#endif
