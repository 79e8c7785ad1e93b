/*
 * message.h - messages and records of all sockets, made from message_table.h.
 *
 * For each MESSAGE row: struct msg_TAG, MSG_TAG (its number) and
 *	void msg_TAG_put(struct buf *, const struct msg_TAG *)
 *	bool msg_TAG_get(struct reader *, struct msg_TAG *)
 *	void msg_TAG_print(FILE *, const struct msg_TAG *, size_t shown)
 *	void msg_TAG_frame(struct buf *, uint64_t request_id, const struct msg_TAG *)
 *	enum err msg_TAG_decode(struct slice payload, struct msg_TAG *)
 * decode takes a whole payload: ERR_MALFORMED if bytes are missing or left.
 * For each RECORD row: struct TAG with put, get and print (table_declare.h).
 */
#ifndef MOOTHALL_COMMON_IPC_MESSAGE_H
#define MOOTHALL_COMMON_IPC_MESSAGE_H

#include "common/err.h"
#include "common/ipc/codec.h"
#include "common/ipc/frame.h"

/* Who may send a message; a mask. */
enum message_sender {
	FROM_SUPERVISOR = 1,
	FROM_RAFTD = 2,
	FROM_CLIENT_WORKER = 4,
	FROM_PEER_WORKER = 8,
	FROM_WORKER = FROM_CLIENT_WORKER | FROM_PEER_WORKER,
	FROM_CHILD = FROM_RAFTD | FROM_WORKER,
	FROM_NODE = 16,		/* another node's raftd, through both peer workers */
};

enum message_type {
#define FIELD(kind, name)
#define RECORD(tag, ...)
#define MESSAGE(tag, number, senders, receiver, ...) MSG_##tag = number,
#include "common/ipc/message_table.h"
};

#define CODEC_TABLE "common/ipc/message_table.h"
#include "common/ipc/table_declare.h"
#undef CODEC_TABLE

#define FIELD(kind, name)
#define RECORD(tag, ...)
#define MESSAGE(tag, number, senders, receiver, ...) \
	void msg_##tag##_frame(struct buf *out, uint64_t request_id, \
	    const struct msg_##tag *message); \
	enum err msg_##tag##_decode(struct slice payload, struct msg_##tag *message) MUST_CHECK;
#include "common/ipc/message_table.h"

/* Who may send that type; 0 for a type that no row has. */
unsigned message_senders(uint16_t type);
/* The row's tag, or "unknown". */
const char *message_name(uint16_t type);
/* True for what goes from node to node: relayed unopened by peer workers, and
 * then request id is the peer's node id (receiver on the way out, sender on
 * the way in). */
bool message_is_peer(uint16_t type);
/* True for a peer message that takes the bulk stream. */
bool message_is_bulk(uint16_t type);
/* Decode and print any frame's payload; says so if it is malformed. shown: how much of
 * each field of bytes (codec.h); what the table calls a token or a secret is not shown. */
void message_print(FILE *out, const struct frame *frame, size_t shown);

#endif
