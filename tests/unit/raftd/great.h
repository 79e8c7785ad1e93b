/*
 * great.h - any message of the table, with fields as large as a frame can hold: well
 * formed and senseless, as a worker or a node would send it that was taken over.
 */
#ifndef MOOTHALL_TESTS_UNIT_RAFTD_GREAT_H
#define MOOTHALL_TESTS_UNIT_RAFTD_GREAT_H

#include "common/ipc/message.h"
#include "common/limits.h"

/* Whatever else a message has fits into what is left of a frame. */
#define GREAT_BYTES_MAX (FRAME_BYTES_MAX - 256)

/*
 * Append a frame of that type in which every number is number and all fields of bytes
 * are parts of bytes, together of its size. False: that sender may not send it, or it
 * has no bytes.
 */
bool great_frame(struct buf *out, uint16_t type, unsigned sender, uint64_t id, uint64_t number,
    struct slice bytes);

#endif
