/*
 * foreign_test.c - a cluster of one whose only node another cluster has in its list.
 */
#include "tests/unit/raftd/world.h"

#include "common/ipc/wire.h"
#include "tests/lib/test.h"

#include <string.h>

static void
call_as(struct world *w, uint64_t cluster, struct slice name, const char *url)
{
	node_foreign_call(w->node, &(struct msg_foreign_call){ .cluster_id = cluster,
	    .name = name, .peer_url = slice_text(url) });
	world_settle(w);
}

static void
call(struct world *w)
{
	call_as(w, 0xd4, SLICE_LITERAL("machine2"), "http://10.0.0.2:7001");
}

static void
expect_untouched(struct world *w)
{
	assert_int_equal(w->ended, 0);
	assert_false(w->retired);
	world_write(w, 50, "/after", 0);
	world_settle(w);
	assert_int_equal(w->last.error, ERR_NONE);
}

static struct msg_status
status_of(struct world *w)
{
	struct msg_status status;

	node_status(w->node, &status);
	return status;
}

TEST(a_founder_that_nobody_wrote_to_ends_and_says_how_to_join)
{
	struct world *w = world_leading();

	call(w);
	assert_int_equal(w->ended, EXIT_USAGE);
	assert_string_equal(w->end_sentence, "machine1 is in the list of cluster 00000000000000d4 "
	    "(says machine2), and has started cluster 00000000000000c1 of its own: this node lost "
	    "its data? start it with -peers 10.0.0.2:7001");
	world_free(w);
}

TEST(with_peers_it_gives_its_data_up_and_joins_them)
{
	struct world *w = world_leading_with("10.0.0.2:7001,10.0.0.3:7001");

	call_as(w, 0xd4, SLICE_LITERAL("machine2"), "http://elsewhere:7001");
	assert_int_equal(w->ended, 0);
	assert_true(w->retired);
	assert_int_equal(w->retire_wait_ms, 0);
	assert_string_equal(w->retire_peers, "10.0.0.2:7001,10.0.0.3:7001");
	world_free(w);
}

/* What clients wrote is nobody's to throw away, peers or not. */
TEST(what_was_written_can_be_read_and_nothing_more_is_written)
{
	for (int with_peers = 0; with_peers <= 1; with_peers++) {
		struct world *w = world_leading_with(with_peers ? "10.0.0.2:7001" : NULL);

		world_write(w, 1, "/a", 0);
		world_settle(w);
		assert_int_equal(status_of(w).refuses.size, 0);
		call(w);
		assert_int_equal(w->ended, 0);
		assert_false(w->retired);
		world_write(w, 2, "/b", 0);
		world_settle(w);
		assert_int_equal(w->last.error, ERR_RAFT_INTERNAL);
		assert_non_null(strstr(w->last_cause, "in the list of cluster 00000000000000d4"));
		assert_int_equal(world_read(w, 3, "/a", 0), ERR_NONE);
		assert_int_equal(world_read(w, 4, "/b", 0), ERR_KEY_NOT_FOUND);
		assert_true(status_of(w).refuses.size > 0);
		world_free(w);
	}
}

TEST(members_are_not_changed_either)
{
	struct world *w = world_leading();

	world_write(w, 1, "/a", 0);
	world_settle(w);
	call(w);
	node_member_change(w->node, WORLD_SESSION, 9, false, &(struct msg_member_change){
	    .op = MEMBER_JOIN, .id = 0xb2, .name = SLICE_LITERAL("mb2"),
	    .peer_url = SLICE_LITERAL("http://mb2:7001"),
	    .client_url = SLICE_LITERAL("http://mb2:4001") });
	world_settle(w);
	assert_int_equal(w->last.error, ERR_RAFT_INTERNAL);
	world_free(w);
}

TEST(a_node_of_its_own_cluster_is_no_stranger)
{
	struct world *w = world_leading();

	call_as(w, 0xc1, SLICE_LITERAL("machine2"), "http://10.0.0.2:7001");
	expect_untouched(w);
	world_free(w);
}

/* With others in its cluster it is not for a machine that was forgotten to end it. */
TEST(who_has_other_members_goes_on)
{
	struct world *w = world_leading();

	node_member_change(w->node, WORLD_SESSION, 9, false, &(struct msg_member_change){
	    .op = MEMBER_JOIN, .id = 0xb2, .name = SLICE_LITERAL("mb2"),
	    .peer_url = SLICE_LITERAL("http://mb2:7001"),
	    .client_url = SLICE_LITERAL("http://mb2:4001") });
	world_settle(w);
	assert_int_equal(w->last.error, ERR_NONE);
	call(w);
	expect_untouched(w);
	world_free(w);
}

/* A worker that was taken over chooses the words. */
TEST(what_the_caller_says_is_shown_as_it_may_be_shown)
{
	struct world *w = world_leading();

	call_as(w, 0xd4, SLICE_LITERAL("m\033[2J"), "gopher://x");
	assert_int_equal(w->ended, EXIT_USAGE);
	assert_non_null(strstr(w->end_sentence, "(says m\\x1b[2J)"));
	assert_non_null(strstr(w->end_sentence, "-peers HOST:PORT"));
	world_free(w);
}
