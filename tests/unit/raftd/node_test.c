/*
 * node_test.c - the conductor alone, in a world of memory: what it asks of the
 * disk, when it answers, and in which order. Clusters are the simulator's.
 */
#include "tests/unit/raftd/world.h"

#include "common/ipc/wire.h"
#include "raftd/store/command.h"
#include "tests/lib/test.h"

#include <string.h>

/* A write as another node forwards it. */
static struct blob *
forwarded_payload(const struct msg_write *write)
{
	struct command_head head = { .kind = COMMAND_WRITE, .session = 5, .sequence = 1, .low = 1 };
	struct command_write body = { .op = write->op, .flags = write->flags, .key = write->key,
		.value = write->value, .ttl_s = write->ttl_s };
	struct buf bytes = BUF_INIT;
	struct blob *payload;

	command_head_put(&bytes, &head);
	command_write_put(&bytes, &body);
	payload = blob_new(buf_slice(&bytes));
	buf_free(&bytes);
	return payload;
}

TEST(a_first_start_makes_a_cluster_with_one_registry_entry)
{
	struct world *w = world_leading();

	assert_int_equal(world_read(w, 1, "/_etcd/machines/machine1", 0), ERR_NONE);
	assert_int_equal(w->last.store_index, 1);
	world_free(w);
}

/* Pitfall 2: a cluster of one commits by its own synced copy. */
TEST(a_write_is_not_answered_before_it_is_synced)
{
	struct world *w = world_leading();

	world_write(w, 1, "/a", 0);
	for (int i = 0; i < 5; i++)
		world_turn(w, 1);
	assert_int_equal(w->outcomes, 0);
	world_sync(w);
	world_turn(w, 0);
	assert_int_equal(w->outcomes, 1);
	assert_int_equal(w->last.error, ERR_NONE);
	assert_int_equal(w->last.store_index, 2);
	world_free(w);
}

TEST(a_write_costs_one_batch)
{
	struct world *w = world_leading();
	uint64_t before = w->tickets;

	for (uint64_t i = 1; i <= 10; i++) {
		world_write(w, i, "/a", 0);
		world_turn(w, 1);
		world_sync(w);
		world_turn(w, 0);
	}
	assert_int_equal(w->outcomes, 10);
	assert_int_equal(w->tickets - before, 10);
	world_free(w);
}

TEST(effects_go_by_themselves_after_a_rest)
{
	struct world *w = world_leading();
	uint64_t before, due;

	world_write(w, 1, "/a", 0);
	world_settle(w);
	before = w->tickets;
	due = node_deadline(w->node);
	assert_true(due > w->now.monotonic_ms);
	assert_true(due <= w->now.monotonic_ms + 2000);
	world_turn(w, 2000);
	assert_int_equal(w->tickets, before + 1);
	world_settle(w);
	assert_int_equal(w->tickets, before + 1);
	world_free(w);
}

TEST(writes_of_one_turn_share_one_batch)
{
	struct world *w = world_leading();
	uint64_t before = w->tickets;

	for (uint64_t i = 1; i <= 50; i++)
		world_write(w, i, "/a", 0);
	world_turn(w, 0);
	assert_int_equal(w->tickets, before + 1);
	world_settle(w);
	assert_int_equal(w->outcomes, 50);
	world_free(w);
}

TEST(a_repeated_write_takes_effect_once_and_gets_the_first_answer)
{
	struct world *w = world_leading();

	world_write(w, 1, "/a", 0);
	world_settle(w);
	assert_int_equal(w->last.store_index, 2);
	world_write(w, 1, "/a", 0);
	world_settle(w);
	assert_int_equal(w->outcomes, 2);
	assert_int_equal(w->last.store_index, 2);
	assert_int_equal(world_read(w, 9, "/a", 0), ERR_NONE);
	assert_int_equal(w->last.store_index, 2);
	world_free(w);
}

TEST(a_write_repeated_while_it_waits_is_answered_once)
{
	struct world *w = world_leading();

	world_write(w, 1, "/a", 0);
	world_turn(w, 0);
	world_write(w, 1, "/a", 0);
	world_settle(w);
	assert_int_equal(w->outcomes, 1);
	world_free(w);
}

static void
ask_to_join(struct world *w, uint64_t sequence, const char *name, const char *peer_url)
{
	struct msg_member_change change = {
		.low = sequence,
		.op = MEMBER_JOIN,
		.id = 0xb2,
		.name = slice_text(name),
		.peer_url = slice_text(peer_url),
		.client_url = SLICE_LITERAL("http://127.0.0.1:4002"),
	};

	node_member_change(w->node, WORLD_SESSION, sequence, false, &change);
	world_settle(w);
}

TEST(a_join_that_was_refused_has_no_late_effect)
{
	struct world *w = world_leading();

	ask_to_join(w, 1, "machine2", "http://127.0.0.1:7001");
	assert_int_equal(w->last.error, ERR_PEER_ADDRESS_EXISTS);
	assert_string_equal(w->last_cause, "http://127.0.0.1:7001");
	ask_to_join(w, 1, "machine2", "http://127.0.0.1:7002");
	assert_int_equal(w->last.error, ERR_PEER_ADDRESS_EXISTS);
	assert_false(raft_is_learner(node_raft(w->node), 0xb2));
	assert_int_equal(w->outcomes, 2);
	world_free(w);
}

TEST(reads_are_answered_with_and_without_a_quorum)
{
	struct world *w = world_leading();

	assert_int_equal(world_read(w, 1, "/missing", 0), ERR_KEY_NOT_FOUND);
	assert_int_equal(world_read(w, 2, "/missing", READ_FLAG_QUORUM), ERR_KEY_NOT_FOUND);
	world_write(w, 3, "/a", 0);
	world_settle(w);
	assert_int_equal(world_read(w, 4, "/a", READ_FLAG_QUORUM), ERR_NONE);
	world_free(w);
}

TEST(the_status_comes_first_then_events_then_outcomes)
{
	struct world *w = world_new(false, WORLD_TRIM_ENTRIES);
	struct msg_watch watch = { .key = SLICE_LITERAL("/a") };

	node_watch(w->node, WORLD_SESSION, 5, &watch);
	world_write(w, 1, "/a", 0);
	world_settle(w);
	assert_non_null(strstr(world_said(w), "changed /a; event 5; outcome 1 0; "));
	assert_ptr_equal(strstr(world_said(w), "watching 5 0; "), world_said(w));
	assert_true(strstr(world_said(w), "status 3 3") < strstr(world_said(w), "event 5"));
	world_free(w);
}

TEST(watches_above_the_limit_are_refused)
{
	struct world *w = world_leading();
	struct msg_watch watch = { .key = SLICE_LITERAL("/a") };

	for (uint64_t id = 1; id <= 3; id++)
		node_watch(w->node, WORLD_SESSION, id, &watch);
	assert_string_equal(world_said(w), "watching 1 0; watching 2 0; watching 3 300; ");
	node_session_gone(w->node, WORLD_SESSION);
	buf_clear(&w->said);
	node_watch(w->node, WORLD_SESSION, 4, &watch);
	assert_string_equal(world_said(w), "watching 4 0; ");
	world_free(w);
}

TEST(a_key_expires_by_an_entry_and_never_early)
{
	struct world *w = world_leading();
	uint64_t due;

	world_write(w, 1, "/a", 10);
	world_settle(w);
	world_turn(w, 9000);
	world_settle(w);
	assert_int_equal(world_read(w, 2, "/a", 0), ERR_NONE);
	due = node_deadline(w->node);
	assert_true(due >= w->now.monotonic_ms + 1049 && due <= w->now.monotonic_ms + 1051);
	world_turn(w, due - w->now.monotonic_ms);
	world_settle(w);
	assert_int_equal(world_read(w, 3, "/a", 0), ERR_KEY_NOT_FOUND);
	assert_int_equal(w->last.store_index, 3);
	world_free(w);
}

/* Pitfall 32: neither does everything expire at once nor nothing for hours. */
TEST(a_clock_that_is_set_expires_nothing_early_or_late)
{
	for (int i = 0; i < 2; i++) {
		struct world *w = world_leading();

		world_write(w, 1, "/a", 10);
		world_settle(w);
		w->now.wall_ns += (uint64_t)(i == 0 ? -3600 : 3600) * NS_PER_SECOND;
		world_write(w, 2, "/b", 0);
		world_settle(w);
		assert_int_equal(w->outcomes, 2);
		world_turn(w, 9900);
		world_settle(w);
		assert_int_equal(world_read(w, 3, "/a", 0), ERR_NONE);
		world_turn(w, 160);
		world_settle(w);
		assert_int_equal(world_read(w, 4, "/a", 0), ERR_KEY_NOT_FOUND);
		world_free(w);
	}
}

/* A request that came since the last turn is not stamped with that turn's time. */
TEST(a_forwarded_write_counts_its_ttl_from_its_coming)
{
	struct world *w = world_leading();
	struct msg_write write = { .op = WRITE_SET, .flags = WRITE_FLAG_TTL, .ttl_s = 10,
		.key = SLICE_LITERAL("/a") };
	struct blob *payload = forwarded_payload(&write);
	struct buf bytes = BUF_INIT;
	struct frame frame;
	size_t used;

	msg_forward_proposal_frame(&bytes, 0xb2, &(struct msg_forward_proposal){
	    .type = RAFT_ENTRY_COMMAND, .payload = blob_slice(payload) });
	assert_int_equal(frame_parse(buf_slice(&bytes), &frame, &used), ERR_NONE);
	assert_int_equal(node_peer_frame(w->node, &frame), ERR_NONE);
	world_turn(w, 5000);
	world_settle(w);
	world_turn(w, 9900);
	world_settle(w);
	assert_int_equal(world_read(w, 3, "/a", 0), ERR_NONE);
	world_turn(w, 200);
	world_settle(w);
	assert_int_equal(world_read(w, 4, "/a", 0), ERR_KEY_NOT_FOUND);
	blob_unref(&payload);
	buf_free(&bytes);
	world_free(w);
}

TEST(a_write_without_any_leader_is_refused_as_not_applied)
{
	struct world *w = world_new(true, WORLD_TRIM_ENTRIES);

	world_settle(w);
	world_write(w, 1, "/a", 0);
	world_turn(w, 0);
	assert_int_equal(w->outcomes, 0);
	world_turn(w, 1100);
	assert_int_equal(w->outcomes, 1);
	assert_int_equal(w->last.error, ERR_RAFT_INTERNAL);
	world_free(w);
}

TEST(a_timed_out_write_says_that_it_may_have_been_applied)
{
	struct world *w = world_leading();

	world_write(w, 1, "/a", 0);
	world_turn(w, 0);
	world_turn(w, 5100);
	assert_int_equal(w->outcomes, 1);
	assert_int_equal(w->last.error, ERR_RAFT_INTERNAL);
	world_sync(w);
	world_turn(w, 0);
	assert_int_equal(w->outcomes, 1);
	world_free(w);
}

TEST(a_worker_that_is_gone_gets_no_answer)
{
	struct world *w = world_leading();

	world_write(w, 1, "/a", 0);
	world_turn(w, 0);
	node_session_gone(w->node, WORLD_SESSION);
	world_settle(w);
	assert_int_equal(w->outcomes, 0);
	world_free(w);
}

TEST(frames_that_are_no_message_of_a_node_change_nothing)
{
	struct world *w = world_leading();
	struct frame frame = { .type = MSG_write, .request_id = 5 };
	uint32_t before = node_hash(w->node);

	assert_int_equal(node_peer_frame(w->node, &frame), ERR_MALFORMED);
	for (uint16_t type = MSG_raft_vote; type <= MSG_snapshot_credit; type++) {
		frame = (struct frame){ .type = type, .request_id = 5,
		    .payload = SLICE_LITERAL("\1\2\3") };
		assert_int_equal(node_peer_frame(w->node, &frame), ERR_MALFORMED);
	}
	frame = (struct frame){ .type = MSG_raft_timeout_now, .request_id = 0xa1 };
	assert_int_equal(node_peer_frame(w->node, &frame), ERR_MALFORMED);
	world_settle(w);
	assert_int_equal(node_hash(w->node), before);
	world_free(w);
}
