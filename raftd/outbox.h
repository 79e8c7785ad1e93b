/*
 * outbox.h - the core's messages as frames for the peer worker, and back.
 *
 * Pure. Frames carry the other node's id as request id: the receiver's on the
 * way out, the sender's on the way in.
 */
#ifndef MOOTHALL_RAFTD_OUTBOX_H
#define MOOTHALL_RAFTD_OUTBOX_H

#include "common/ipc/message.h"
#include "raftd/raft/message.h"

/* Append message as a frame to message->to. scratch is used for its entries. */
void outbox_encode(struct buf *out, struct buf *scratch, const struct raft_message *message);

/* Entries of a message that came in: payloads are owned here until released. */
struct inbox {
	struct raft_message message;
	struct raft_entry *entries;
	size_t count, capacity;
};

/* True if outbox_decode takes frames of that type. */
bool outbox_takes(uint16_t type);
/*
 * Decode a frame of the core's into inbox->message, borrowed until the next
 * decode or inbox_release. to is this node. ERR_MALFORMED: not one.
 */
enum err outbox_decode(struct inbox *inbox, const struct frame *frame, peer_id to) MUST_CHECK;
/* Drop the references on payloads; the array is kept. */
void inbox_release(struct inbox *inbox);
void inbox_free(struct inbox *inbox);

/* One entry as an entry_record, and back with a payload of its own (returned
 * owned in entry->payload). False: malformed. */
void entry_encode(struct buf *out, const struct raft_entry *entry);
bool entry_decode(struct reader *in, struct raft_entry *entry) MUST_CHECK;

#endif
