/*
 * outbox_test.c - every kind of message survives the way to another node, and
 * bytes that are no message are refused.
 */
#include "raftd/outbox.h"

#include "tests/lib/test.h"

static const struct raft_message messages[] = {
	{ .type = RAFT_VOTE, .to = 2, .term = 5, .log = { 9, 4 }, .pre = true,
	    .flags = RAFT_VOTE_DEAD_LEADER },
	{ .type = RAFT_VOTE_REPLY, .to = 2, .term = 5, .reject = true },
	{ .type = RAFT_APPEND, .to = 2, .term = 5, .log = { 9, 4 }, .commit = 8 },
	{ .type = RAFT_APPEND, .to = 2, .term = 5, .log = { 9, 4 }, .commit = 8,
	    .flags = RAFT_APPEND_TELLS },
	{ .type = RAFT_APPEND_REPLY, .to = 2, .term = 5, .log = { 9, 0 }, .reject = true,
	    .hint = { 3, 2 } },
	{ .type = RAFT_HEARTBEAT, .to = 2, .term = 5, .commit = 7, .context = 77,
	  .time_ns = 99 },
	{ .type = RAFT_HEARTBEAT_REPLY, .to = 2, .term = 5, .context = 77 },
	{ .type = RAFT_READ_INDEX, .to = 2, .term = 5, .context = 6 },
	{ .type = RAFT_READ_INDEX_REPLY, .to = 2, .term = 5, .context = 6, .log = { 8, 0 } },
	{ .type = RAFT_TIMEOUT_NOW, .to = 2, .term = 5 },
};

/* Encode, take the frame apart, decode as the receiver that the sender 1 wrote to. */
static enum err
carry(const struct raft_message *message, struct inbox *inbox, struct buf *out)
{
	struct buf scratch = BUF_INIT;
	struct frame frame;
	size_t used;

	buf_clear(out);
	outbox_encode(out, &scratch, message);
	buf_free(&scratch);
	assert_int_equal(frame_parse(buf_slice(out), &frame, &used), ERR_NONE);
	assert_int_equal(used, out->size);
	assert_int_equal(frame.request_id, message->to);
	assert_true(message_is_peer(frame.type) && outbox_takes(frame.type));
	frame.request_id = 1;
	return outbox_decode(inbox, &frame, message->to);
}

TEST(every_kind_arrives_as_it_was_sent)
{
	struct inbox inbox = { 0 };
	struct buf out = BUF_INIT;

	/* All of them, and appends of two kinds. */
	assert_int_equal(ARRAY_COUNT(messages), RAFT_MESSAGE_TYPES - 1 + 1);
	for (size_t i = 0; i < ARRAY_COUNT(messages); i++) {
		const struct raft_message *sent = &messages[i], *got = &inbox.message;

		assert_int_equal(carry(sent, &inbox, &out), ERR_NONE);
		assert_int_equal(got->type, sent->type);
		assert_int_equal(got->from, 1);
		assert_int_equal(got->to, 2);
		assert_int_equal(got->term, sent->term);
		assert_int_equal(got->log.index, sent->log.index);
		assert_int_equal(got->log.term, sent->log.term);
		assert_int_equal(got->hint.index, sent->hint.index);
		assert_int_equal(got->hint.term, sent->hint.term);
		assert_int_equal(got->commit, sent->commit);
		assert_int_equal(got->context, sent->context);
		assert_int_equal(got->pre, sent->pre);
		assert_int_equal(got->reject, sent->reject);
		assert_int_equal(got->flags, sent->flags);
	}
	inbox_free(&inbox);
	buf_free(&out);
}

TEST(entries_keep_their_stamp_kind_and_payload)
{
	struct blob *payload = blob_new(SLICE_LITERAL("payload"));
	struct raft_entry entries[] = {
		{ .term = 4, .index = 10, .time_ns = 123, .type = RAFT_ENTRY_COMMAND,
		    .payload = payload },
		{ .term = 5, .index = 11, .time_ns = 124, .type = RAFT_ENTRY_NOOP },
		{ .term = 5, .index = 12, .time_ns = 125, .type = RAFT_ENTRY_CONF,
		    .conf_op = RAFT_CONF_PROMOTE, .conf_peer = 3 },
	};
	struct raft_message message = messages[2];
	struct inbox inbox = { 0 };
	struct buf out = BUF_INIT;

	message.entries = entries;
	message.entry_count = ARRAY_COUNT(entries);
	assert_int_equal(carry(&message, &inbox, &out), ERR_NONE);
	assert_int_equal(inbox.message.entry_count, 3);
	for (size_t i = 0; i < ARRAY_COUNT(entries); i++) {
		assert_int_equal(inbox.entries[i].term, entries[i].term);
		assert_int_equal(inbox.entries[i].index, entries[i].index);
		assert_int_equal(inbox.entries[i].time_ns, entries[i].time_ns);
		assert_int_equal(inbox.entries[i].type, entries[i].type);
		assert_int_equal(inbox.entries[i].conf_op, entries[i].conf_op);
		assert_int_equal(inbox.entries[i].conf_peer, entries[i].conf_peer);
		assert_true(slice_equal(blob_slice(inbox.entries[i].payload),
		    blob_slice(entries[i].payload)));
	}
	inbox_free(&inbox);
	buf_free(&out);
	blob_unref(&payload);
}

TEST(a_payload_cut_anywhere_is_refused)
{
	struct inbox inbox = { 0 };
	struct buf out = BUF_INIT, scratch = BUF_INIT;

	for (size_t i = 0; i < ARRAY_COUNT(messages); i++) {
		struct frame frame;
		size_t used, whole;

		buf_clear(&out);
		outbox_encode(&out, &scratch, &messages[i]);
		assert_int_equal(frame_parse(buf_slice(&out), &frame, &used), ERR_NONE);
		frame.request_id = 1;
		whole = frame.payload.size;
		for (frame.payload.size = 0; frame.payload.size < whole; frame.payload.size++)
			assert_int_equal(outbox_decode(&inbox, &frame, 2), ERR_MALFORMED);
	}
	inbox_free(&inbox);
	buf_free(&out);
	buf_free(&scratch);
}

TEST(entries_of_impossible_kinds_are_refused)
{
	static const struct raft_entry bad[] = {
		{ .term = 1, .index = 1, .type = 9 },
		{ .term = 1, .index = 1, .type = RAFT_ENTRY_CONF },
		{ .term = 1, .index = 1, .type = RAFT_ENTRY_NOOP, .conf_op = RAFT_CONF_REMOVE },
		{ .term = 1, .index = 1, .type = RAFT_ENTRY_CONF, .conf_op = 77 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		struct buf out = BUF_INIT;
		struct raft_entry entry;
		struct reader in;

		entry_encode(&out, &bad[i]);
		in = reader_of(buf_slice(&out));
		assert_false(entry_decode(&in, &entry));
		buf_free(&out);
	}
}
