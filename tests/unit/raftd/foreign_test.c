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

static void
join_mb2(struct world *w)
{
	node_member_change(w->node, WORLD_SESSION, 9, false, &(struct msg_member_change){
	    .op = MEMBER_JOIN, .id = 0xb2, .name = SLICE_LITERAL("mb2"),
	    .peer_url = SLICE_LITERAL("http://mb2:7001"),
	    .client_url = SLICE_LITERAL("http://mb2:4001") });
	world_settle(w);
	assert_int_equal(w->last.error, ERR_NONE);
}

/* With others in its cluster it is not for a machine that was forgotten to end it. */
TEST(who_has_other_members_goes_on)
{
	struct world *w = world_leading();

	join_mb2(w);
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

/* ---- -peers that do not count ------------------------------------------------------ */

#define PEERS "10.0.0.2:7001,10.0.0.3:7001"

static void
other(struct world *w, uint64_t cluster, uint32_t members)
{
	node_other_cluster(w->node, &(struct msg_other_cluster){ .cluster_id = cluster,
	    .members = members, .address = SLICE_LITERAL("10.0.0.2:7001") });
	world_settle(w);
}

TEST(a_founder_with_peers_says_that_they_do_not_count)
{
	struct world *w = world_leading_with(PEERS);

	assert_non_null(strstr(w->notice, "-peers is ignored: "));
	assert_non_null(strstr(w->notice, "Others may join it"));
	expect_untouched(w);
	assert_int_equal(status_of(w).refuses.size, 0);
	world_free(w);
	w = world_leading();
	assert_string_equal(w->notice, "");
	world_free(w);
}

TEST(that_is_over_when_others_have_joined)
{
	struct world *w = world_leading_with(PEERS);

	join_mb2(w);
	assert_string_equal(w->notice, "");
	/* Nor is it any other cluster's then. */
	other(w, 0xb0, 3);
	assert_string_equal(w->notice, "");
	expect_untouched(w);
	world_free(w);
}

TEST(one_that_nobody_wrote_to_joins_the_cluster_of_its_peers)
{
	/* Of two that are alone the smaller id stays, so that one of them does. */
	static const struct { uint64_t cluster; uint32_t members; } clusters[] = {
		{ 0xd4, 2 }, { 0xb0, 1 }, { 0xb0, 3 } };

	for (size_t i = 0; i < ARRAY_COUNT(clusters); i++) {
		struct world *w = world_leading_with(PEERS);

		other(w, clusters[i].cluster, clusters[i].members);
		assert_true(w->retired);
		assert_int_equal(w->ended, 0);
		assert_int_equal(w->retire_wait_ms, 0);
		assert_string_equal(w->retire_peers, PEERS);
		world_free(w);
	}
}

TEST(the_one_that_stays_names_both_clusters)
{
	struct world *w = world_leading_with(PEERS);

	other(w, 0xd4, 1);
	assert_non_null(strstr(w->notice, "-peers is ignored: 10.0.0.2:7001 is in cluster "
	    "00000000000000d4, of 1 member, and this node is alone in cluster 00000000000000c1, "
	    "which it started. To join it, stop this node, empty "));
	expect_untouched(w);
	/* What clients have written since stays, whatever is said. */
	other(w, 0xd4, 3);
	expect_untouched(w);
	world_free(w);
}

TEST(what_clients_wrote_is_kept_and_written_on)
{
	struct world *w = world_leading_with(PEERS);

	world_write(w, 1, "/a", 0);
	world_settle(w);
	other(w, 0xb0, 3);
	assert_non_null(strstr(w->notice, "is in cluster 00000000000000b0, of 3 members"));
	expect_untouched(w);
	world_free(w);
}

TEST(peers_of_the_same_cluster_are_no_others)
{
	struct world *w = world_leading_with(PEERS);

	other(w, 0xc1, 3);
	assert_null(strstr(w->notice, "is in cluster"));
	expect_untouched(w);
	world_free(w);
}

/* A founder on behalf of a discovery service has no peers to be told of. */
TEST(without_peers_another_cluster_is_no_news)
{
	struct world *w = world_leading();

	other(w, 0xb0, 3);
	assert_string_equal(w->notice, "");
	expect_untouched(w);
	world_free(w);
}
