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
	return type >= MSG_raft_vote && type <= MSG_raft_timeout_now;
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
decode_vote(struct raft_message *message, struct slice payload)
{
	struct msg_raft_vote vote;

	if (msg_raft_vote_decode(payload, &vote) != ERR_NONE)
		return ERR_MALFORMED;
	message->type = RAFT_VOTE;
	message->term = vote.term;
	message->pre = vote.pre != 0;
	message->flags = vote.flags;
	message->log = (struct raft_position){ vote.last_index, vote.last_term };
	return ERR_NONE;
}

static enum err
decode_vote_reply(struct raft_message *message, struct slice payload)
{
	struct msg_raft_vote_reply reply;

	if (msg_raft_vote_reply_decode(payload, &reply) != ERR_NONE)
		return ERR_MALFORMED;
	message->type = RAFT_VOTE_REPLY;
	message->term = reply.term;
	message->pre = reply.pre != 0;
	message->reject = reply.reject != 0;
	return ERR_NONE;
}

static enum err
decode_append(struct inbox *inbox, struct slice payload)
{
	struct raft_message *message = &inbox->message;
	struct msg_raft_append append;
	struct reader in;

	if (msg_raft_append_decode(payload, &append) != ERR_NONE)
		return ERR_MALFORMED;
	message->type = RAFT_APPEND;
	message->term = append.term;
	message->log = (struct raft_position){ append.prev_index, append.prev_term };
	message->commit = append.commit;
	in = reader_of(append.entries);
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
decode_append_reply(struct raft_message *message, struct slice payload)
{
	struct msg_raft_append_reply reply;

	if (msg_raft_append_reply_decode(payload, &reply) != ERR_NONE)
		return ERR_MALFORMED;
	message->type = RAFT_APPEND_REPLY;
	message->term = reply.term;
	message->reject = reply.reject != 0;
	message->log.index = reply.index;
	message->hint = (struct raft_position){ reply.hint_index, reply.hint_term };
	return ERR_NONE;
}

static enum err
decode_heartbeat(struct raft_message *message, struct slice payload)
{
	struct msg_raft_heartbeat heartbeat;

	if (msg_raft_heartbeat_decode(payload, &heartbeat) != ERR_NONE)
		return ERR_MALFORMED;
	message->type = RAFT_HEARTBEAT;
	message->term = heartbeat.term;
	message->commit = heartbeat.commit;
	message->context = heartbeat.context;
	message->time_ns = heartbeat.time_ns;
	return ERR_NONE;
}

static enum err
decode_heartbeat_reply(struct raft_message *message, struct slice payload)
{
	struct msg_raft_heartbeat_reply reply;

	if (msg_raft_heartbeat_reply_decode(payload, &reply) != ERR_NONE)
		return ERR_MALFORMED;
	message->type = RAFT_HEARTBEAT_REPLY;
	message->term = reply.term;
	message->context = reply.context;
	message->flags = reply.flags;
	return ERR_NONE;
}

static enum err
decode_read_index(struct raft_message *message, struct slice payload)
{
	struct msg_raft_read_index ask;

	if (msg_raft_read_index_decode(payload, &ask) != ERR_NONE)
		return ERR_MALFORMED;
	message->type = RAFT_READ_INDEX;
	message->term = ask.term;
	message->context = ask.context;
	return ERR_NONE;
}

static enum err
decode_read_index_reply(struct raft_message *message, struct slice payload)
{
	struct msg_raft_read_index_reply reply;

	if (msg_raft_read_index_reply_decode(payload, &reply) != ERR_NONE)
		return ERR_MALFORMED;
	message->type = RAFT_READ_INDEX_REPLY;
	message->term = reply.term;
	message->context = reply.context;
	message->log.index = reply.index;
	message->reject = reply.reject != 0;
	return ERR_NONE;
}

static enum err
decode_timeout_now(struct raft_message *message, struct slice payload)
{
	struct msg_raft_timeout_now now;

	if (msg_raft_timeout_now_decode(payload, &now) != ERR_NONE)
		return ERR_MALFORMED;
	message->type = RAFT_TIMEOUT_NOW;
	message->term = now.term;
	return ERR_NONE;
}

enum err
outbox_decode(struct inbox *inbox, const struct frame *frame, peer_id to)
{
	struct raft_message *message = &inbox->message;

	inbox_release(inbox);
	*message = (struct raft_message){ .from = frame->request_id, .to = to };
	switch (frame->type) {
	case MSG_raft_vote:
		return decode_vote(message, frame->payload);
	case MSG_raft_vote_reply:
		return decode_vote_reply(message, frame->payload);
	case MSG_raft_append:
		return decode_append(inbox, frame->payload);
	case MSG_raft_append_reply:
		return decode_append_reply(message, frame->payload);
	case MSG_raft_heartbeat:
		return decode_heartbeat(message, frame->payload);
	case MSG_raft_heartbeat_reply:
		return decode_heartbeat_reply(message, frame->payload);
	case MSG_raft_read_index:
		return decode_read_index(message, frame->payload);
	case MSG_raft_read_index_reply:
		return decode_read_index_reply(message, frame->payload);
	case MSG_raft_timeout_now:
		return decode_timeout_now(message, frame->payload);
	default:
		return ERR_MALFORMED;
	}
}
