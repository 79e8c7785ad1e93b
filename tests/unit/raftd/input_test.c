/*
 * input_test.c - every message of the table as a frame of another node: it is one that nodes
 * send each other, whole and of somebody else, or it is refused.
 */
#include "tests/unit/raftd/world.h"

#include "tests/lib/samples.h"
#include "tests/lib/test.h"

#define OURS 0xa1		/* as world.h has it */
#define THEIRS 0xb2

static const uint16_t of_nodes[] = {
	MSG_raft_vote, MSG_raft_vote_reply, MSG_raft_append, MSG_raft_append_reply,
	MSG_raft_heartbeat, MSG_raft_heartbeat_reply, MSG_raft_read_index,
	MSG_raft_read_index_reply, MSG_raft_timeout_now, MSG_forward_proposal,
	MSG_forward_refused, MSG_removed_told, MSG_released_told, MSG_condition_ask,
	MSG_condition, MSG_lease_ask, MSG_lease_told, MSG_snapshot_chunk,
	MSG_snapshot_credit, MSG_raft_committed };

static enum err
come(struct world *w, uint16_t type, enum sample sample, uint64_t from)
{
	struct buf bytes = BUF_INIT;
	struct frame frame;
	size_t used;
	enum err err;

	sample_put(&bytes, type, sample, from);
	assert_int_equal(frame_parse(buf_slice(&bytes), &frame, &used), ERR_NONE);
	err = node_peer_frame(w->node, &frame);
	buf_free(&bytes);
	return err;
}

TEST(a_node_is_heard_with_what_nodes_say_and_no_more)
{
	uint16_t type;

	for (size_t i = 0; sample_type(i, &type); i++) {
		bool taken = sample_is_of(type, of_nodes, ARRAY_COUNT(of_nodes));

		for (enum sample sample = 0; sample < SAMPLES; sample++) {
			struct world *w = world_leading();

			assert_int_equal(come(w, type, sample, THEIRS),
			    taken && sample == SAMPLE_GOOD ? ERR_NONE : ERR_MALFORMED);
			world_free(w);
		}
	}
}

TEST(nobody_speaks_for_this_node_or_for_none)
{
	uint16_t type;

	for (size_t i = 0; sample_type(i, &type); i++) {
		struct world *w = world_leading();

		assert_int_equal(come(w, type, SAMPLE_GOOD, OURS), ERR_MALFORMED);
		assert_int_equal(come(w, type, SAMPLE_GOOD, 0), ERR_MALFORMED);
		world_free(w);
	}
}
