/*
 * outbox.c - one row of the message table for each kind of the core's messages.
 *
 * What comes in is checked here for shape only: known types, a payload where
 * one belongs. Whether it makes sense is the core's question.
 */
#include "raftd/outbox.h"

#include "common/limits.h"
#include "common/xmem.h"

#include <stdlib.h>

void
entry_encode(struct buf *out, const struct raft_entry *entry)
{
	struct entry_record record = {
		.term = entry->term,
		.index = entry->index,
		.time_ns = entry->time_ns,
		.type = (uint8_t)entry->type,
		.conf_op = (uint8_t)entry->conf_op,
		.conf_peer = entry->conf_peer,
		.payload = blob_slice(entry->payload),
	};

	entry_record_put(out, &record);
}

bool
entry_decode(struct reader *in, struct raft_entry *entry)
{
	struct entry_record record;

	if (!entry_record_get(in, &record) || record.payload.size > COMMAND_BYTES_MAX ||
	    record.type < RAFT_ENTRY_NOOP ||
	    record.type > RAFT_ENTRY_CONF || record.conf_op > RAFT_CONF_ADD_VOTER ||
	    (record.conf_op != RAFT_CONF_NONE) != (record.type == RAFT_ENTRY_CONF))
		return false;
	*entry = (struct raft_entry){
		.term = record.term,
		.index = record.index,
		.time_ns = record.time_ns,
		.type = (enum raft_entry_type)record.type,
		.conf_op = (enum raft_conf_op)record.conf_op,
		.conf_peer = record.conf_peer,
		.payload = record.payload.size == 0 ? NULL : blob_new(record.payload),
	};
	return true;
}

static void
encode_append(struct buf *out, struct buf *scratch, const struct raft_message *message)
{
	struct msg_raft_append append = {
		.term = message->term,
		.prev_index = message->log.index,
		.prev_term = message->log.term,
		.commit = message->commit,
	};

	buf_clear(scratch);
	for (size_t i = 0; i < message->entry_count; i++)
		entry_encode(scratch, &message->entries[i]);
	append.entries = buf_slice(scratch);
	msg_raft_append_frame(out, message->to, &append);
	buf_recycle(scratch, 64 * KIB);
}

static void
encode_committed(struct buf *out, const struct raft_message *message)
{
	ASSERT(message->entry_count == 0);
	msg_raft_committed_frame(out, message->to, &(struct msg_raft_committed){
	    .term = message->term, .prev_index = message->log.index,
	    .prev_term = message->log.term, .commit = message->commit });
}

void
outbox_encode(struct buf *out, struct buf *scratch, const struct raft_message *message)
{
	peer_id to = message->to;

	switch (message->type) {
	case RAFT_VOTE:
		msg_raft_vote_frame(out, to, &(struct msg_raft_vote){ .term = message->term,
		    .pre = message->pre, .flags = message->flags,
		    .last_index = message->log.index, .last_term = message->log.term });
		return;
	case RAFT_VOTE_REPLY:
		msg_raft_vote_reply_frame(out, to, &(struct msg_raft_vote_reply){
		    .term = message->term, .pre = message->pre, .reject = message->reject });
		return;
	case RAFT_APPEND:
		if ((message->flags & RAFT_APPEND_TELLS) != 0)
			encode_committed(out, message);
		else
			encode_append(out, scratch, message);
		return;
	case RAFT_APPEND_REPLY:
		msg_raft_append_reply_frame(out, to, &(struct msg_raft_append_reply){
		    .term = message->term, .reject = message->reject,
		    .index = message->log.index, .hint_index = message->hint.index,
		    .hint_term = message->hint.term });
		return;
	case RAFT_HEARTBEAT:
		msg_raft_heartbeat_frame(out, to, &(struct msg_raft_heartbeat){
		    .term = message->term, .commit = message->commit,
		    .context = message->context, .time_ns = message->time_ns });
		return;
	case RAFT_HEARTBEAT_REPLY:
		msg_raft_heartbeat_reply_frame(out, to, &(struct msg_raft_heartbeat_reply){
		    .term = message->term, .context = message->context,
		    .flags = message->flags });
		return;
	case RAFT_READ_INDEX:
		msg_raft_read_index_frame(out, to, &(struct msg_raft_read_index){
		    .term = message->term, .context = message->context });
		return;
	case RAFT_READ_INDEX_REPLY:
		msg_raft_read_index_reply_frame(out, to, &(struct msg_raft_read_index_reply){
		    .term = message->term, .context = message->context,
		    .index = message->log.index, .reject = message->reject });
		return;
	case RAFT_TIMEOUT_NOW:
		msg_raft_timeout_now_frame(out, to,
		    &(struct msg_raft_timeout_now){ .term = message->term });
		return;
	case RAFT_MESSAGE_TYPES:
		break;
	}
	ASSERT(message->type < RAFT_MESSAGE_TYPES);
}

bool
outbox_takes(uint16_t type)
{
	switch (type) {
#define TO_CORE(tag, number, senders) case number:
#include "common/ipc/receiver_rows.h"
		return true;
	default:
		return false;
	}
}

void
inbox_release(struct inbox *inbox)
{
	for (size_t i = 0; i < inbox->count; i++)
		blob_unref(&inbox->entries[i].payload);
	inbox->count = 0;
}

void
inbox_free(struct inbox *inbox)
{
	inbox_release(inbox);
	free(inbox->entries);
	inbox->entries = NULL;
	inbox->capacity = 0;
}

static enum err
on_raft_vote(struct inbox *inbox, const struct frame *frame UNUSED,
    const struct msg_raft_vote *m)
{
	struct raft_message *message = &inbox->message;

	message->type = RAFT_VOTE;
	message->term = m->term;
	message->pre = m->pre != 0;
	message->flags = m->flags;
	message->log = (struct raft_position){ m->last_index, m->last_term };
	return ERR_NONE;
}

static enum err
on_raft_vote_reply(struct inbox *inbox, const struct frame *frame UNUSED,
    const struct msg_raft_vote_reply *m)
{
	struct raft_message *message = &inbox->message;

	message->type = RAFT_VOTE_REPLY;
	message->term = m->term;
	message->pre = m->pre != 0;
	message->reject = m->reject != 0;
	return ERR_NONE;
}

static enum err
on_raft_append(struct inbox *inbox, const struct frame *frame UNUSED,
    const struct msg_raft_append *m)
{
	struct raft_message *message = &inbox->message;
	struct reader in;

	message->type = RAFT_APPEND;
	message->term = m->term;
	message->log = (struct raft_position){ m->prev_index, m->prev_term };
	message->commit = m->commit;
	in = reader_of(m->entries);
	while (!reader_done(&in)) {
		inbox->entries = xgrow(inbox->entries, &inbox->capacity, inbox->count + 1,
		    sizeof(*inbox->entries));
		if (!entry_decode(&in, &inbox->entries[inbox->count]))
			return ERR_MALFORMED;
		inbox->count++;
	}
	message->entries = inbox->entries;
	message->entry_count = inbox->count;
	return ERR_NONE;
}

static enum err
on_raft_committed(struct inbox *inbox, const struct frame *frame UNUSED,
    const struct msg_raft_committed *m)
{
	struct raft_message *message = &inbox->message;

	message->type = RAFT_APPEND;
	message->flags = RAFT_APPEND_TELLS;
	message->term = m->term;
	message->log = (struct raft_position){ m->prev_index, m->prev_term };
	message->commit = m->commit;
	return ERR_NONE;
}

static enum err
on_raft_append_reply(struct inbox *inbox, const struct frame *frame UNUSED,
    const struct msg_raft_append_reply *m)
{
	struct raft_message *message = &inbox->message;

	message->type = RAFT_APPEND_REPLY;
	message->term = m->term;
	message->reject = m->reject != 0;
	message->log.index = m->index;
	message->hint = (struct raft_position){ m->hint_index, m->hint_term };
	return ERR_NONE;
}

static enum err
on_raft_heartbeat(struct inbox *inbox, const struct frame *frame UNUSED,
    const struct msg_raft_heartbeat *m)
{
	struct raft_message *message = &inbox->message;

	message->type = RAFT_HEARTBEAT;
	message->term = m->term;
	message->commit = m->commit;
	message->context = m->context;
	message->time_ns = m->time_ns;
	return ERR_NONE;
}

static enum err
on_raft_heartbeat_reply(struct inbox *inbox, const struct frame *frame UNUSED,
    const struct msg_raft_heartbeat_reply *m)
{
	struct raft_message *message = &inbox->message;

	message->type = RAFT_HEARTBEAT_REPLY;
	message->term = m->term;
	message->context = m->context;
	message->flags = m->flags;
	return ERR_NONE;
}

static enum err
on_raft_read_index(struct inbox *inbox, const struct frame *frame UNUSED,
    const struct msg_raft_read_index *m)
{
	struct raft_message *message = &inbox->message;

	message->type = RAFT_READ_INDEX;
	message->term = m->term;
	message->context = m->context;
	return ERR_NONE;
}

static enum err
on_raft_read_index_reply(struct inbox *inbox, const struct frame *frame UNUSED,
    const struct msg_raft_read_index_reply *m)
{
	struct raft_message *message = &inbox->message;

	message->type = RAFT_READ_INDEX_REPLY;
	message->term = m->term;
	message->context = m->context;
	message->log.index = m->index;
	message->reject = m->reject != 0;
	return ERR_NONE;
}

static enum err
on_raft_timeout_now(struct inbox *inbox, const struct frame *frame UNUSED,
    const struct msg_raft_timeout_now *m)
{
	struct raft_message *message = &inbox->message;

	message->type = RAFT_TIMEOUT_NOW;
	message->term = m->term;
	return ERR_NONE;
}

#define DISPATCH_TO struct inbox
#define TO_CORE DISPATCH_ROW
#include "common/ipc/dispatch_define.h"

enum err
outbox_decode(struct inbox *inbox, const struct frame *frame, peer_id to)
{
	inbox_release(inbox);
	inbox->message = (struct raft_message){ .from = frame->request_id, .to = to };
	return dispatch(inbox, FROM_NODE, frame);
}
