/*
 * disk_test.c - a disk that is full or hangs, as clients of the conductor see it.
 */
#include "tests/unit/raftd/world.h"

#include "common/ipc/wire.h"
#include "tests/lib/test.h"

static void
set_full(struct world *w, bool full)
{
	node_disk_space(w->node, &(struct wal_space){ .free_bytes = full ? 1 : 1000,
	    .total_bytes = 1000, .full = full });
}

/* Pitfall disk-full: a clear refusal, local reads go on, it comes back by itself. */
TEST(a_full_disk_refuses_new_writes_and_nothing_else)
{
	struct world *w = world_leading();

	world_write(w, 1, "/a", 0);
	world_turn(w, 0);
	set_full(w, true);
	world_write(w, 2, "/b", 0);
	world_turn(w, 0);
	assert_int_equal(w->outcomes, 1);
	assert_int_equal(w->last.error, ERR_RAFT_INTERNAL);
	/* The first was in the log before. */
	world_settle(w);
	assert_int_equal(w->outcomes, 2);
	assert_int_equal(w->last.error, ERR_NONE);
	assert_int_equal(world_read(w, 3, "/a", READ_FLAG_QUORUM), ERR_NONE);
	assert_int_equal(world_read(w, 4, "/b", 0), ERR_KEY_NOT_FOUND);
	set_full(w, false);
	world_write(w, 5, "/b", 0);
	world_settle(w);
	assert_int_equal(world_read(w, 6, "/b", 0), ERR_NONE);
	world_free(w);
}

/* Pitfall timeout-as-failure: the first copy may be in a log, so it is not called "not
 * applied". */
TEST(a_repeat_is_not_refused_by_a_full_disk)
{
	struct world *w = world_leading();
	struct msg_write write = { .low = 1, .op = WRITE_SET, .key = SLICE_LITERAL("/a") };

	set_full(w, true);
	node_write(w->node, WORLD_SESSION, 1, true, &write);
	world_settle(w);
	assert_int_equal(w->outcomes, 0);
	set_full(w, false);
	world_settle(w);
	assert_int_equal(w->outcomes, 1);
	assert_int_equal(w->last.error, ERR_NONE);
	world_free(w);
}

static uint64_t
stalls(const struct world *w)
{
	struct node_counts counts;

	node_count(w->node, &counts);
	return counts.disk_stalls;
}

/* World's election time-out is 200 ms. */
TEST(a_write_that_hangs_counts_as_one_stall)
{
	struct world *w = world_leading();

	world_write(w, 1, "/a", 0);
	world_turn(w, 0);
	world_turn(w, 390);
	assert_int_equal(stalls(w), 0);
	assert_true(node_deadline(w->node) <= w->now.monotonic_ms + 10);
	world_turn(w, 10);
	assert_int_equal(stalls(w), 1);
	for (int i = 0; i < 50; i++)
		world_turn(w, 100);
	assert_int_equal(stalls(w), 1);
	world_settle(w);
	world_write(w, 2, "/a", 0);
	world_turn(w, 0);
	world_turn(w, 400);
	assert_int_equal(stalls(w), 2);
	world_free(w);
}

/* Whoever was stopped itself has not seen its disk hang. */
TEST(a_node_that_stood_still_does_not_blame_its_disk)
{
	struct world *w = world_leading();

	world_write(w, 1, "/a", 0);
	world_turn(w, 0);
	world_turn(w, 5000);
	assert_int_equal(stalls(w), 0);
	world_settle(w);
	assert_int_equal(stalls(w), 0);
	world_free(w);
}

/* Nor is waiting for space a stall. */
TEST(a_write_that_waits_for_space_is_not_slow)
{
	struct world *w = world_leading();

	world_write(w, 1, "/a", 0);
	world_turn(w, 0);
	set_full(w, true);
	for (int i = 0; i < 20; i++)
		world_turn(w, 100);
	set_full(w, false);
	world_turn(w, 100);
	assert_int_equal(stalls(w), 0);
	world_free(w);
}
