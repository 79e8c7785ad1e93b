/*
 * propose_test.c - of great writes only so much is in work at once, and the rest waits in
 * order: at each limit, and one byte above.
 */
#include "tests/unit/raftd/world.h"

#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/xmem.h"
#include "raftd/node_priv.h"
#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

static uint8_t *bytes;		/* as many as the largest value, of whatever */

static struct msg_write
write_of(size_t value_bytes)
{
	if (bytes == NULL)
		bytes = xzalloc(VALUE_BYTES_MAX);
	return (struct msg_write){ .op = WRITE_SET, .key = SLICE_LITERAL("/a"),
		.value = slice_of(bytes, value_bytes) };
}

static struct blob *
payload_of(uint64_t sequence, size_t value_bytes)
{
	struct msg_write write = write_of(value_bytes);

	return command_new_write(WORLD_SESSION, sequence, &write);
}

/* A payload's size without its value. */
static size_t
overhead(void)
{
	struct blob *payload = payload_of(1, 0);
	size_t size = payload->size;

	blob_unref(&payload);
	return size;
}

/* A write of the worker whose payload is of that size. */
static void
put(struct world *w, uint64_t sequence, size_t payload_bytes)
{
	struct msg_write write = write_of(payload_bytes - overhead());

	node_write(w->node, WORLD_SESSION, sequence, false, &write);
}

/* The same, as another node forwards it. */
static void
forward(struct world *w, uint64_t sequence, size_t payload_bytes)
{
	struct blob *payload = payload_of(sequence, payload_bytes - overhead());
	struct buf out = BUF_INIT;
	struct frame frame;
	size_t used;

	msg_forward_proposal_frame(&out, 0xb2, &(struct msg_forward_proposal){
	    .type = RAFT_ENTRY_COMMAND, .payload = blob_slice(payload) });
	assert_int_equal(frame_parse(buf_slice(&out), &frame, &used), ERR_NONE);
	assert_int_equal(node_peer_frame(w->node, &frame), ERR_NONE);
	buf_free(&out);
	blob_unref(&payload);
}

static uint64_t
last(const struct world *w)
{
	return raft_last(node_raft(w->node)).index;
}

TEST(writes_of_workers_are_submitted_up_to_so_many_bytes)
{
	for (size_t over = 0; over <= 1; over++) {
		struct world *w = world_leading();
		uint64_t before = last(w);

		put(w, 1, SUBMITTED_BYTES / 2);
		put(w, 2, SUBMITTED_BYTES / 2 - 1 + over);
		put(w, 3, overhead());
		world_turn(w, 0);
		assert_int_equal(last(w) - before, over ? 2 : 3);
		assert_int_equal(w->outcomes, 0);
		/* And the rest when these are applied. */
		world_settle(w);
		assert_int_equal(last(w) - before, 3);
		assert_int_equal(w->outcomes, 3);
		assert_int_equal(w->last.error, ERR_NONE);
		world_free(w);
	}
}

/* A single one is taken whatever its size. */
TEST(the_largest_write_is_taken)
{
	struct world *w = world_leading();

	put(w, 1, overhead() + VALUE_BYTES_MAX);
	put(w, 2, overhead() + VALUE_BYTES_MAX);
	put(w, 3, overhead() + VALUE_BYTES_MAX);
	world_settle(w);
	assert_int_equal(w->outcomes, 3);
	assert_int_equal(w->last.error, ERR_NONE);
	world_free(w);
}

TEST(the_log_takes_so_much_of_other_nodes_at_once)
{
	for (size_t over = 0; over <= 1; over++) {
		struct world *w = world_leading();
		uint64_t before;
		size_t each, left;

		forward(w, 1, overhead());
		each = raft_log_bytes(node_raft(w->node));
		world_turn(w, 0);
		each = raft_log_bytes(node_raft(w->node)) - each - overhead();
		world_settle(w);
		before = last(w);
		left = LOG_WORK_BYTES - 1 + over - raft_log_bytes(node_raft(w->node)) - 4 * each;
		for (uint64_t i = 0; i < 4; i++)
			forward(w, 2 + i, i < 3 ? left / 4 : left - 3 * (left / 4));
		forward(w, 6, overhead());
		world_turn(w, 0);
		assert_int_equal(last(w) - before, over ? 4 : 5);
		world_settle(w);
		assert_int_equal(last(w) - before, 5);
		world_free(w);
	}
}

/* What is dropped is sent again. */
TEST(what_other_nodes_forward_is_kept_up_to_so_many_bytes)
{
	for (size_t over = 0; over <= 1; over++) {
		struct world *w = world_leading();
		uint64_t before = last(w);

		for (uint64_t i = 0; i < 8; i++)
			forward(w, 1 + i, FORWARDED_BYTES_MAX / 8 + (i == 7 ? over : 0));
		world_settle(w);
		assert_int_equal(last(w) - before, over ? 7 : 8);
		world_free(w);
	}
}

/* A leader that is busy is no leader that is missing. */
TEST(who_waits_for_room_waits_as_long_as_a_request_may)
{
	struct world *w = world_leading();

	put(w, 1, SUBMITTED_BYTES / 2);
	put(w, 2, SUBMITTED_BYTES / 2);
	put(w, 3, overhead());
	world_turn(w, 0);
	world_turn(w, 4900);
	assert_int_equal(w->outcomes, 0);
	assert_true(node_deadline(w->node) > w->now.monotonic_ms);
	world_turn(w, 200);
	assert_int_equal(w->outcomes, 3);
	assert_string_equal(w->last_cause,
	    "too much is being written at once, the write was not applied");
	world_settle(w);
	world_free(w);
}

/* When the leader goes that they waited at, they wait for another as new ones do. */
TEST(who_waited_for_room_is_not_refused_because_the_leader_goes)
{
	struct world *w = world_leading();
	struct buf out = BUF_INIT;
	struct frame frame;
	size_t used;

	put(w, 1, SUBMITTED_BYTES / 2);
	put(w, 2, SUBMITTED_BYTES / 2);
	put(w, 3, overhead());
	world_turn(w, 0);
	world_turn(w, 4000);
	msg_raft_vote_frame(&out, 0xb2, &(struct msg_raft_vote){ .term = 9,
	    .flags = RAFT_VOTE_TRANSFER, .last_index = 99, .last_term = 8 });
	assert_int_equal(frame_parse(buf_slice(&out), &frame, &used), ERR_NONE);
	assert_int_equal(node_peer_frame(w->node, &frame), ERR_NONE);
	world_turn(w, 0);
	assert_int_not_equal(raft_role(node_raft(w->node)), RAFT_LEADER);
	assert_int_equal(w->outcomes, 0);
	buf_free(&out);
	world_free(w);
}
