/*
 * node_test.c - the conductor alone, in a world of memory: what it asks of the
 * disk, when it answers, and in which order. Clusters are the simulator's.
 */
#include "tests/unit/raftd/world.h"

#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/xmem.h"
#include "raftd/node_priv.h"
#include "raftd/command.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
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

/* Pitfall ack-not-durable: a cluster of one commits by its own synced copy. */
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

/* A start would apply them again. Time stands still here. */
TEST(effects_go_when_many_entries_were_applied)
{
	struct world *w = world_leading();
	raft_index first;
	uint64_t written = 0;

	world_settle(w);
	first = w->stored;
	/* One entry for each; all of it is of one key, and so little that its size is no reason. */
	while (w->stored == first && written < EFFECTS_ENTRIES_MAX + 100) {
		for (unsigned i = 0; i < 64; i++)
			world_write(w, ++written, "/a", 0);
		world_settle(w);
		if (written < EFFECTS_ENTRIES_MAX - 64)
			assert_int_equal(w->stored, first);
	}
	assert_in_range(w->stored - first, EFFECTS_ENTRIES_MAX, EFFECTS_ENTRIES_MAX + 64);
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
send_join(struct world *w, uint64_t sequence, const char *name, const char *peer_url)
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
}

static void
ask_to_join(struct world *w, uint64_t sequence, const char *name, const char *peer_url)
{
	send_join(w, sequence, name, peer_url);
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

/* While its refusal is not applied, a copy of it could be decided otherwise behind it. */
TEST(a_join_that_is_being_refused_keeps_its_place_beyond_its_time)
{
	struct world *w = world_leading();
	raft_index last;

	send_join(w, 1, "machine2", "http://127.0.0.1:7001");
	world_turn(w, 0);
	last = raft_last(node_raft(w->node)).index;
	world_turn(w, 6000);
	/* What it waits for comes by itself: nothing is due in between. */
	assert_true(node_deadline(w->node) > w->now.monotonic_ms);
	send_join(w, 1, "machine2", "http://127.0.0.1:7002");
	world_turn(w, 0);
	assert_int_equal(raft_last(node_raft(w->node)).index, last);
	world_settle(w);
	assert_int_equal(raft_last(node_raft(w->node)).index, last);
	assert_int_equal(raft_conf(node_raft(w->node))->learner_count, 0);
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

/* Asks for so many watches of long keys from id on; how many were not refused. */
static size_t
watch_long_keys(struct world *w, uint64_t session, uint64_t id, size_t count, size_t size)
{
	char *key = xzalloc(size + 1);
	size_t taken = 0;

	memset(key, 'k', size);
	key[0] = '/';
	for (size_t i = 0; i < count; i++, id++) {
		struct msg_watch watch = { .key = slice_of(key, size) };

		snprintf(key + 1, 16, "%015llu", (unsigned long long)id);
		key[16] = 'k';
		buf_clear(&w->said);
		node_watch(w->node, session, id, &watch);
		taken += strstr(world_said(w), " 0; ") != NULL ? 1 : 0;
	}
	free(key);
	return taken;
}

TEST(watches_are_bounded_in_memory_and_for_one_worker)
{
	struct world *w = world_leading();

	/* So many, of any length that clients use. */
	node_set_limits(w->node, 5000, 100);
	assert_int_equal(watch_long_keys(w, 1, 1, 101, 100), 100);
	assert_non_null(strstr(world_said(w), "300"));
	node_session_gone(w->node, 1);
	/* Long keys take the room of many: 1 MiB and 100 KiB, passed by one at most. */
	assert_int_equal(watch_long_keys(w, 1, 1, 50, 50000),
	    (WATCH_BYTES_BASE + 100 * WATCH_BYTES_EACH) / 50500 + 1);
	node_session_gone(w->node, 1);
	/* Beside another worker none gets all. */
	node_set_workers(w->node, 2);
	assert_int_equal(watch_long_keys(w, 1, 1, 100, 100), 100 - 100 / SESSION_WATCHES_SHARE);
	assert_int_equal(watch_long_keys(w, 2, 1, 100, 100), 12 - 12 / SESSION_WATCHES_SHARE);
	assert_int_equal(watch_long_keys(w, 3, 1, 100, 100), 1);
	node_session_gone(w->node, 3);
	node_session_gone(w->node, 2);
	node_set_workers(w->node, 1);
	assert_int_equal(watch_long_keys(w, 1, 200, 100, 100), 100 / SESSION_WATCHES_SHARE);
	world_free(w);
}

/* Two of three workers take all they get: the third may have some, too. */
TEST(memory_of_watches_is_left_for_other_workers)
{
	const size_t most = WATCH_BYTES_BASE + 5000 * WATCH_BYTES_EACH;
	const size_t most_of_one = (most - most / SESSION_WATCHES_SHARE) / 50500 + 1;
	struct world *w = world_leading();
	size_t taken;

	node_set_limits(w->node, 5000, 5000);
	node_set_workers(w->node, 3);
	taken = watch_long_keys(w, 1, 1, 200, 50000);
	assert_in_range(taken, most_of_one, most_of_one + 1);
	assert_in_range(watch_long_keys(w, 2, 1000, 200, 50000), 10, most / 50000 - taken - 1);
	assert_in_range(watch_long_keys(w, 3, 2000, 200, 10000), 1, 9);
	node_session_gone(w->node, 3);
	/* What they had comes back with them, and the sums are right. */
	node_session_gone(w->node, 1);
	node_session_gone(w->node, 2);
	assert_int_equal(watch_long_keys(w, 1, 1, 200, 50000), taken);
	world_free(w);
}

/* One path that many of one worker watch costs once. */
TEST(watches_of_one_long_key_take_no_more_than_it)
{
	struct world *w = world_leading();
	char *key = xzalloc(50001);
	struct msg_watch watch = { .key = slice_of(key, 50000) };

	memset(key, 'k', 50000);
	key[0] = '/';
	node_set_limits(w->node, 5000, 100);
	node_set_workers(w->node, 2);
	for (uint64_t id = 1; id <= 80; id++) {
		buf_clear(&w->said);
		node_watch(w->node, 1, id, &watch);
		assert_non_null(strstr(world_said(w), " 0; "));
	}
	free(key);
	world_free(w);
}

/* With no leader nothing is answered, so all that is taken stays. */
TEST(writes_of_one_worker_leave_room_for_those_of_others)
{
	struct world *w = world_new(true, WORLD_TRIM_ENTRIES);
	uint8_t *value = xzalloc(VALUE_BYTES_MAX);
	struct msg_write write = { .op = WRITE_SET, .key = SLICE_LITERAL("/a"),
		.value = slice_of(value, 8 * MIB) };
	struct msg_write empty = { .op = WRITE_SET, .key = SLICE_LITERAL("/a") };
	struct blob *payload = command_new_write(WORLD_SESSION, 1, &empty);
	struct node_counts counts;
	size_t overhead = payload->size;
	uint64_t sequence;

	blob_unref(&payload);
	for (sequence = 1; sequence <= 13; sequence++)
		node_write(w->node, WORLD_SESSION, sequence, false, &write);
	/* One byte above the limit, then at it. */
	write.value.size = SESSION_PROPOSAL_BYTES_MAX - 13 * (8 * MIB + overhead) - overhead + 1;
	node_write(w->node, WORLD_SESSION, sequence++, false, &write);
	write.value.size--;
	node_write(w->node, WORLD_SESSION, sequence++, false, &write);
	node_write(w->node, WORLD_SESSION, sequence++, false, &empty);
	world_turn(w, 0);
	assert_int_equal(w->outcomes, 2);
	assert_int_equal(w->last.error, ERR_RAFT_INTERNAL);
	assert_string_equal(w->last_cause,
	    "too much is being written at once, the write was not applied");
	/* The largest write of another fits, and what is left is for a third. */
	write.value.size = VALUE_BYTES_MAX;
	node_write(w->node, WORLD_SESSION + 1, 1, false, &write);
	node_write(w->node, WORLD_SESSION + 2, 1, false, &empty);
	world_turn(w, 0);
	node_count(w->node, &counts);
	assert_int_equal(counts.proposals, 14 + 2);
	/* What is over is given back. */
	node_session_gone(w->node, WORLD_SESSION);
	node_write(w->node, WORLD_SESSION, 100, false, &write);
	world_turn(w, 0);
	node_count(w->node, &counts);
	assert_int_equal(counts.proposals, 1 + 2);
	assert_int_equal(w->outcomes, 2);
	free(value);
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

/* Pitfall clock-back: neither does everything expire at once nor nothing for hours. */
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
