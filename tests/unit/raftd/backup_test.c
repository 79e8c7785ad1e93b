/*
 * backup_test.c - images of the applied state for operators.
 */
#include "tests/unit/raftd/world.h"

#include "common/ipc/wire.h"
#include "tests/lib/test.h"

/* What was answered is in the backup: its effects go to the disk first. */
TEST(a_backup_waits_until_what_was_applied_is_synced)
{
	struct world *w = world_leading();

	world_write(w, 1, "/a", 0);
	world_settle(w);
	assert_int_equal(w->outcomes, 1);
	node_backup_ask(w->node, WORLD_SESSION, 9, 0, false);
	world_turn(w, 0);
	assert_true(w->tickets > w->synced);
	assert_int_equal(w->images, 0);
	world_sync(w);
	world_turn(w, 0);
	assert_int_equal(w->images, 1);
	assert_int_equal(w->image_reads, 1);
	world_free(w);
}

static void
begin_backup(struct world *w)
{
	node_backup_ask(w->node, WORLD_SESSION, 9, 0, false);
	world_settle(w);
	assert_int_equal(w->images, 1);
	assert_int_equal(w->image_reads, 1);
}

TEST(a_backup_reads_a_piece_only_when_it_is_asked_for)
{
	struct world *w = world_leading();
	struct raft_position position = { 7, 2 };

	begin_backup(w);
	node_snapshot_read(w->node, 500, position, SLICE_EMPTY, false);
	world_settle(w);
	assert_int_equal(w->pieces, 1);
	assert_int_equal(w->piece.raft_index, 7);
	assert_int_equal(w->image_reads, 1);
	/* Not the one that is next: ignored. */
	node_backup_ask(w->node, WORLD_SESSION, 9, 5, false);
	world_settle(w);
	assert_int_equal(w->image_reads, 1);
	node_backup_ask(w->node, WORLD_SESSION, 9, 1, false);
	world_settle(w);
	assert_int_equal(w->image_reads, 2);
	node_snapshot_read(w->node, 500, position, SLICE_EMPTY, true);
	assert_int_equal(w->pieces, 2);
	assert_int_equal(w->piece.last, 1);
	assert_int_equal(w->images, 0);
	world_free(w);
}

TEST(a_backup_whose_image_is_lost_fails_at_once)
{
	struct world *w = world_leading();

	begin_backup(w);
	node_snapshot_lost(w->node, 501);
	assert_int_equal(w->images, 1);
	node_snapshot_lost(w->node, 500);
	assert_int_equal(w->images, 0);
	assert_int_equal(w->piece_error, ERR_NO_SPACE);
	/* The next one begins anew. */
	w->image_reads = 0;
	begin_backup(w);
	node_snapshot_read(w->node, 500, (struct raft_position){ 7, 2 }, SLICE_EMPTY, true);
	assert_int_equal(w->piece.last, 1);
	world_free(w);
}

TEST(a_backup_that_nobody_takes_lets_go_of_its_image)
{
	struct world *w = world_leading();

	begin_backup(w);
	node_snapshot_read(w->node, 500, (struct raft_position){ 7, 2 }, SLICE_EMPTY, false);
	world_turn(w, 59000);
	assert_int_equal(w->images, 1);
	assert_true(node_deadline(w->node) <= w->now.monotonic_ms + 1000);
	world_turn(w, 1000);
	assert_int_equal(w->images, 0);
	assert_int_equal(w->piece_error, ERR_TIMED_OUT);
	/* Who asks on is told again. */
	w->piece_error = ERR_NONE;
	node_backup_ask(w->node, WORLD_SESSION, 9, 1, false);
	assert_int_equal(w->piece_error, ERR_TIMED_OUT);
	world_free(w);
}

TEST(clients_have_one_backup_and_operators_the_other_place)
{
	struct world *w = world_leading();

	node_backup_ask(w->node, WORLD_SESSION, 9, 0, true);
	world_settle(w);
	assert_int_equal(w->images, 1);
	node_backup_ask(w->node, WORLD_SESSION, 10, 0, true);
	assert_int_equal(w->piece_error, ERR_BUSY);
	node_backup_ask(w->node, WORLD_SESSION, 11, 0, false);
	world_settle(w);
	assert_int_equal(w->images, 2);
	node_backup_stop(w->node, WORLD_SESSION, 9);
	node_backup_ask(w->node, WORLD_SESSION, 12, 0, true);
	world_settle(w);
	assert_int_equal(w->images, 2);
	world_free(w);
}

TEST(a_third_backup_is_refused_and_a_worker_that_is_gone_frees_its_own)
{
	struct world *w = world_leading();

	begin_backup(w);
	node_backup_ask(w->node, WORLD_SESSION, 10, 0, false);
	world_settle(w);
	assert_int_equal(w->images, 2);
	node_backup_ask(w->node, WORLD_SESSION, 11, 0, false);
	assert_int_equal(w->piece_error, ERR_BUSY);
	node_backup_stop(w->node, WORLD_SESSION, 10);
	assert_int_equal(w->images, 1);
	node_session_gone(w->node, WORLD_SESSION);
	assert_int_equal(w->images, 0);
	world_free(w);
}
