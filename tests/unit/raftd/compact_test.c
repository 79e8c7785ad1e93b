/*
 * compact_test.c - a snapshot on its way to a member that is far behind, as its sender sees it.
 */
#include "tests/unit/raftd/world.h"

#include "common/ipc/wire.h"
#include "common/xmem.h"
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
TEST(a_transfer_whose_stream_was_lost_ends_in_that_turn_whatever_credit_comes_with_it)
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

TEST(a_transfer_to_one_who_began_anew_ends_in_that_turn)
{
	struct world *w = sending_world();
	uint64_t index = give_chunk(w);

	hear_credit(w, 0, 0, SNAPSHOT_FAILED);
	hear_credit(w, index, 1, SNAPSHOT_TAKING);
	world_turn(w, 0);
	assert_int_equal(w->images, 0);
	world_free(w);
}
