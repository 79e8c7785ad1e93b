/*
 * compact_test.c - a snapshot on its way to a member that is far behind, as its sender sees
 * it; and what a receiver's disk is told.
 */
#include "tests/unit/raftd/world.h"

#include "common/crc32c.h"
#include "common/ipc/wire.h"
#include "common/xmem.h"
#include "raftd/replica/member.h"
#include "raftd/outbox.h"
#include "raftd/replica/state.h"
#include "tests/lib/test.h"

#include <stdlib.h>

#define FAR 0xb2		/* the member that is far behind */
#define TRIM_ENTRIES 2
#define VALUE_BYTES ((size_t)1 << 20)
#define VALUES 12		/* together more than the log keeps in memory */

static void
hear(struct world *w, const struct buf *bytes)
{
	struct frame frame;
	size_t used;

	assert_int_equal(frame_parse(buf_slice(bytes), &frame, &used), ERR_NONE);
	assert_int_equal(node_peer_frame(w->node, &frame), ERR_NONE);
}

static void
hear_refusal(struct world *w)
{
	struct buf bytes = BUF_INIT;

	msg_raft_append_reply_frame(&bytes, FAR, &(struct msg_raft_append_reply){
	    .term = raft_current_term(node_raft(w->node)), .reject = 1,
	    .index = raft_last(node_raft(w->node)).index });
	hear(w, &bytes);
	buf_free(&bytes);
}

static void
hear_alive(struct world *w)
{
	struct buf bytes = BUF_INIT;

	msg_raft_heartbeat_reply_frame(&bytes, FAR, &(struct msg_raft_heartbeat_reply){
	    .term = raft_current_term(node_raft(w->node)) });
	hear(w, &bytes);
	buf_free(&bytes);
}

static void
hear_credit(struct world *w, uint64_t index, uint64_t sequence, enum snapshot_state state)
{
	struct buf bytes = BUF_INIT;

	msg_snapshot_credit_frame(&bytes, FAR, &(struct msg_snapshot_credit){
	    .term = raft_current_term(node_raft(w->node)), .snapshot_index = index,
	    .sequence = sequence, .state = (uint8_t)state });
	hear(w, &bytes);
	buf_free(&bytes);
}

/* The member says that it has nothing; the log begins after that. */
static void
ask(struct world *w)
{
	node_peer_connected(w->node, FAR);
	world_settle(w);
	hear_refusal(w);
	world_settle(w);
	assert_int_equal(w->images, 1);
	assert_int_equal(w->image_reads, 1);
}

/* A leader whose image for the other member was asked for and not yet read. */
static struct world *
sending_world(void)
{
	struct world *w = world_new(false, TRIM_ENTRIES);
	struct msg_member_change join = { .op = MEMBER_JOIN, .id = FAR,
		.name = SLICE_LITERAL("far"), .peer_url = SLICE_LITERAL("http://far:7001"),
		.client_url = SLICE_LITERAL("http://far:4001") };
	char *value = xzalloc(VALUE_BYTES);

	world_settle(w);
	for (uint64_t i = 1; i <= VALUES; i++) {
		node_write(w->node, WORLD_SESSION, i, false, &(struct msg_write){ .low = i,
		    .op = WRITE_SET, .key = SLICE_LITERAL("/a"),
		    .value = slice_of(value, VALUE_BYTES) });
		world_settle(w);
	}
	free(value);
	node_member_change(w->node, WORLD_SESSION, VALUES + 1, false, &join);
	world_settle(w);
	assert_int_equal(w->last.error, ERR_NONE);
	ask(w);
	return w;
}

/* The disk gives the first chunk, which is sent. */
static uint64_t
give_chunk(struct world *w)
{
	struct raft_position position = { raft_last(node_raft(w->node)).index,
		raft_current_term(node_raft(w->node)) };

	node_snapshot_read(w->node, 500, position, SLICE_EMPTY, false);
	world_settle(w);
	return position.index;
}

TEST(credit_lets_the_next_chunk_be_read)
{
	struct world *w = sending_world();
	uint64_t index;

	for (size_t chunk = 1; chunk < 4; chunk++) {
		index = give_chunk(w);
		assert_int_equal(w->image_reads, chunk + 1);
	}
	index = give_chunk(w);
	assert_int_equal(w->image_reads, 4);
	hear_credit(w, index, 1, SNAPSHOT_TAKING);
	assert_int_equal(w->image_reads, 5);
	world_free(w);
}

/* Parts that are lost have no credit: it would be waited for. */
TEST(a_sending_whose_stream_was_lost_ends_in_that_turn_whatever_credit_comes_with_it)
{
	for (int credit_first = 0; credit_first <= 1; credit_first++) {
		struct world *w = sending_world();
		uint64_t index = give_chunk(w);

		if (credit_first)
			hear_credit(w, index, 1, SNAPSHOT_TAKING);
		node_peer_connected(w->node, FAR);
		if (!credit_first)
			hear_credit(w, index, 1, SNAPSHOT_TAKING);
		world_turn(w, 0);
		assert_int_equal(w->images, 0);
		/* And begins anew after a sign of life. */
		w->image_reads = 0;
		hear_alive(w);
		world_settle(w);
		hear_refusal(w);
		world_settle(w);
		assert_int_equal(w->images, 1);
		assert_int_equal(w->image_reads, 1);
		world_free(w);
	}
}

TEST(a_sending_to_one_who_began_anew_ends_in_that_turn)
{
	struct world *w = sending_world();
	uint64_t index = give_chunk(w);

	hear_credit(w, 0, 0, SNAPSHOT_FAILED);
	hear_credit(w, index, 1, SNAPSHOT_TAKING);
	world_turn(w, 0);
	assert_int_equal(w->images, 0);
	world_free(w);
}

/* ---- the receiver --------------------------------------------------------------------- */

static void
hear_append(struct world *w, raft_term term, struct raft_position prev, size_t count,
    raft_term entry_term)
{
	struct raft_entry entries[4];
	struct raft_message message = { .type = RAFT_APPEND, .from = FAR, .to = 0xa1,
		.term = term, .log = prev, .entries = entries, .entry_count = count };
	struct buf bytes = BUF_INIT, scratch = BUF_INIT;
	struct frame frame;
	size_t used;

	for (size_t i = 0; i < count; i++)
		entries[i] = (struct raft_entry){ .term = entry_term, .index = prev.index + 1 + i,
			.type = RAFT_ENTRY_NOOP };
	outbox_encode(&bytes, &scratch, &message);
	assert_int_equal(frame_parse(buf_slice(&bytes), &frame, &used), ERR_NONE);
	frame.request_id = FAR;
	assert_int_equal(node_peer_frame(w->node, &frame), ERR_NONE);
	buf_free(&bytes);
	buf_free(&scratch);
}

/* The whole state of a cluster of two voters, in one chunk. */
static void
hear_snapshot(struct world *w, raft_term term, struct raft_position position)
{
	static const uint8_t stamp_key = STATE_STAMP;
	struct msg_snapshot_chunk chunk = { .term = term, .snapshot_index = position.index,
		.snapshot_term = position.term, .last = 1 };
	struct member_values values = { .role = MEMBER_VOTER, .joined = 1,
		.name = SLICE_LITERAL("m"), .peer_url = SLICE_LITERAL("http://m:7001"),
		.client_url = SLICE_LITERAL("http://m:4001") };
	struct buf bytes = BUF_INIT, records = BUF_INIT, stamp = BUF_INIT;
	struct members members = { 0 };

	values.id = FAR;
	assert_true(members_put(&members, &values, &records));
	values.id = 0xa1;
	values.name = SLICE_LITERAL("machine1");
	assert_true(members_put(&members, &values, &records));
	stamp_state_put(&stamp, &(struct stamp_state){ .format = STATE_FORMAT });
	state_effect(&records, slice_of(&stamp_key, 1), buf_slice(&stamp));
	chunk.records = buf_slice(&records);
	chunk.checksum = crc32c(0, chunk.records);
	msg_snapshot_chunk_frame(&bytes, FAR, &chunk);
	hear(w, &bytes);
	members_clear(&members);
	buf_free(&bytes);
	buf_free(&records);
	buf_free(&stamp);
}

static void
hear_vote(struct world *w, raft_term term, bool pre)
{
	struct buf bytes = BUF_INIT;

	msg_raft_vote_reply_frame(&bytes, FAR, &(struct msg_raft_vote_reply){
	    .term = term, .pre = pre });
	hear(w, &bytes);
	buf_free(&bytes);
	world_settle(w);
}

/* A turn that only cuts the log, because a snapshot took the place of what was to follow, is
 * a batch of the core's as well: not told of it, it would take the next one, which is its
 * own vote, for this, and could not win. */
TEST(a_batch_that_only_cuts_the_log_is_reported_to_the_core)
{
	struct world *w = world_new(true, TRIM_ENTRIES);

	world_settle(w);
	hear_append(w, 1, (struct raft_position){ 0, 0 }, 4, 1);
	world_settle(w);
	hear_append(w, 2, (struct raft_position){ 1, 1 }, 0, 0);
	world_settle(w);
	hear_append(w, 2, (struct raft_position){ 1, 1 }, 2, 2);
	hear_snapshot(w, 2, (struct raft_position){ 3, 2 });
	world_settle(w);
	assert_int_equal(raft_applied(node_raft(w->node)), 3);
	assert_int_equal(raft_last(node_raft(w->node)).index, 3);
	while (raft_role(node_raft(w->node)) == RAFT_FOLLOWER)
		world_turn(w, 10);
	world_settle(w);
	hear_vote(w, 3, true);
	hear_vote(w, 3, false);
	assert_int_equal(raft_role(node_raft(w->node)), RAFT_LEADER);
	world_free(w);
}
