/*
 * node_test.c - the conductor alone, in a world of memory: what it asks of the
 * disk, when it answers, and in which order. Clusters are the simulator's.
 */
#include "raftd/node.h"

#include "common/ipc/wire.h"
#include "common/xmem.h"
#include "raftd/store/command.h"
#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

#define SESSION 77

struct world {
	struct node *node;
	struct clock_time now;
	uint64_t tickets, synced;
	struct buf peer_out;
	struct buf said;		/* what went to workers, as words in order */
	struct node_outcome last;	/* slices are not kept */
	char last_cause[64];
	size_t outcomes;
	enum exit_code ended;
	size_t images, image_reads;	/* open; asked for and not given */
	uint64_t pieces;
	enum err piece_error;
	struct msg_backup_piece piece;	/* the last; slices are not kept */
};

static uint64_t
submit(void *argument, const struct wal_turn *turn UNUSED)
{
	struct world *w = argument;

	return ++w->tickets;
}

static struct buf *
peer_out(void *argument)
{
	struct world *w = argument;

	buf_clear(&w->peer_out);
	return &w->peer_out;
}

static void
outcome(void *argument, uint64_t session, uint64_t request_id, const struct node_outcome *o)
{
	struct world *w = argument;

	assert_int_equal(session, SESSION);
	w->last = *o;
	snprintf(w->last_cause, sizeof(w->last_cause), "%.*s", SLICE_ARGS(o->cause));
	w->outcomes++;
	buf_printf(&w->said, "outcome %u %d; ", (unsigned)request_id, (int)o->error);
}

static void
watching(void *argument, uint64_t session UNUSED, uint64_t watch_id, const struct msg_watching *m)
{
	struct world *w = argument;

	buf_printf(&w->said, "watching %u %d; ", (unsigned)watch_id, (int)m->error);
}

static void
event(void *argument, uint64_t session UNUSED, const uint64_t *ids, size_t count,
    struct slice bytes UNUSED)
{
	struct world *w = argument;

	for (size_t i = 0; i < count; i++)
		buf_printf(&w->said, "event %u; ", (unsigned)ids[i]);
}

static void
changed(void *argument, const struct msg_changed *m)
{
	struct world *w = argument;
	struct reader in = reader_of(m->paths);
	struct path_record record;

	while (!reader_done(&in)) {
		assert_true(path_record_get(&in, &record));
		buf_printf(&w->said, "changed %.*s%s; ", SLICE_ARGS(record.path),
		    record.below ? " and below" : "");
	}
}

static void
status(void *argument, const struct msg_status *m)
{
	struct world *w = argument;

	buf_printf(&w->said, "status %u %u; ", m->phase, m->role);
}

static void
note(void *argument UNUSED, enum diag_level level UNUSED, const char *format UNUSED,
    const char *text UNUSED)
{
}

static void
end(void *argument, enum exit_code code, const char *sentence UNUSED)
{
	struct world *w = argument;

	w->ended = code;
}

static void
stats(void *argument UNUSED, uint64_t session UNUSED, uint64_t id UNUSED,
    const struct msg_stats *m UNUSED)
{
}

static uint64_t
snapshot_begin(void *argument)
{
	struct world *w = argument;

	w->images++;
	return 500;
}

static void
snapshot_read(void *argument, uint64_t snapshot, size_t bytes_max UNUSED)
{
	struct world *w = argument;

	assert_int_equal(snapshot, 500);
	w->image_reads++;
}

static void
snapshot_end(void *argument, uint64_t snapshot UNUSED)
{
	struct world *w = argument;

	w->images--;
}

static void
backup_piece(void *argument, uint64_t session, uint64_t request_id,
    const struct msg_backup_piece *m)
{
	struct world *w = argument;

	assert_int_equal(session, SESSION);
	if (m->error != ERR_NONE) {
		w->piece_error = err_from_number(m->error);
		return;
	}
	assert_int_equal(request_id, 9);
	w->piece = *m;
	w->pieces++;
}

static struct world *
world_new(bool join)
{
	struct world *w = xzalloc(sizeof(*w));
	struct node_config config = {
		.peer_url = "http://127.0.0.1:7001",
		.client_url = "http://127.0.0.1:4001",
		.heartbeat_ms = 50,
		.election_ms = 200,
		.request_timeout_ms = 5000,
		.trim_log = true,
		.trim_entries = 100,
		.watches_max = 2,
		.seed = 1,
		.new_cluster_id = 0xc1,
		.join = join,
	};
	struct node_io io = {
		.submit = submit, .peer_out = peer_out, .outcome = outcome,
		.watching = watching, .event = event, .changed = changed, .status = status, .stats = stats,
		.snapshot_begin = snapshot_begin, .snapshot_read = snapshot_read,
		.snapshot_end = snapshot_end, .backup_piece = backup_piece,
		.note = note, .end = end, .argument = w,
	};
	struct wal_recovered recovered = {
		.identity = { .node_id = 0xa1, .name = "machine1" }, .is_new = true };
	const char *where;

	w->now = (struct clock_time){ .monotonic_ms = 1000,
		.monotonic_ns = 1000 * NS_PER_MS, .wall_ns = 1000000 * NS_PER_SECOND };
	w->node = node_new(&config, io, &recovered);
	assert_int_equal(node_start(w->node, w->now, &where), ERR_NONE);
	return w;
}

static void
world_free(struct world *w)
{
	node_free(&w->node);
	buf_free(&w->peer_out);
	buf_free(&w->said);
	free(w);
}

static void
turn(struct world *w, uint64_t later_ms)
{
	w->now.monotonic_ms += later_ms;
	w->now.monotonic_ns += later_ms * NS_PER_MS;
	w->now.wall_ns += later_ms * NS_PER_MS;
	node_turn(w->node, w->now);
}

static void
sync_all(struct world *w)
{
	if (w->synced < w->tickets) {
		w->synced = w->tickets;
		node_persisted(w->node, w->synced);
	}
}

/* Turns and syncs until nothing more comes at this time. */
static void
settle(struct world *w)
{
	do {
		sync_all(w);
		turn(w, 0);
	} while (w->synced < w->tickets);
}

static void
write_key(struct world *w, uint64_t sequence, const char *key, uint64_t ttl_s)
{
	struct msg_write write = {
		.low = sequence,
		.op = WRITE_SET,
		.flags = ttl_s > 0 ? WRITE_FLAG_TTL : 0,
		.key = slice_text(key),
		.value = SLICE_LITERAL("v"),
		.ttl_s = ttl_s,
	};

	node_write(w->node, SESSION, sequence, false, &write);
}

static enum err
read_key(struct world *w, uint64_t id, const char *key, uint8_t flags)
{
	struct msg_read read = { .flags = flags, .key = slice_text(key) };
	size_t before = w->outcomes;

	node_read(w->node, SESSION, id, &read);
	settle(w);
	assert_int_equal(w->outcomes, before + 1);
	return w->last.error;
}

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

static const char *
said(struct world *w)
{
	buf_append_byte(&w->said, 0);
	return (const char *)w->said.data;
}

static struct world *
leading_world(void)
{
	struct world *w = world_new(false);

	settle(w);
	assert_int_equal(raft_role(node_raft(w->node)), RAFT_LEADER);
	buf_clear(&w->said);
	return w;
}

TEST(a_first_start_makes_a_cluster_with_one_registry_entry)
{
	struct world *w = leading_world();

	assert_int_equal(read_key(w, 1, "/_etcd/machines/machine1", 0), ERR_NONE);
	assert_int_equal(w->last.store_index, 1);
	world_free(w);
}

/* Pitfall 2: a cluster of one commits by its own synced copy. */
TEST(a_write_is_not_answered_before_it_is_synced)
{
	struct world *w = leading_world();

	write_key(w, 1, "/a", 0);
	for (int i = 0; i < 5; i++)
		turn(w, 1);
	assert_int_equal(w->outcomes, 0);
	sync_all(w);
	turn(w, 0);
	assert_int_equal(w->outcomes, 1);
	assert_int_equal(w->last.error, ERR_NONE);
	assert_int_equal(w->last.store_index, 2);
	world_free(w);
}

TEST(a_write_costs_one_batch)
{
	struct world *w = leading_world();
	uint64_t before = w->tickets;

	for (uint64_t i = 1; i <= 10; i++) {
		write_key(w, i, "/a", 0);
		turn(w, 1);
		sync_all(w);
		turn(w, 0);
	}
	assert_int_equal(w->outcomes, 10);
	assert_int_equal(w->tickets - before, 10);
	world_free(w);
}

/* ---- a disk that is full or hangs ------------------------------------------------- */

static void
set_full(struct world *w, bool full)
{
	node_disk_space(w->node, &(struct wal_space){ .free_bytes = full ? 1 : 1000,
	    .total_bytes = 1000, .full = full });
}

/* Pitfall 52: a clear refusal, local reads go on, it comes back by itself. */
TEST(a_full_disk_refuses_new_writes_and_nothing_else)
{
	struct world *w = leading_world();

	write_key(w, 1, "/a", 0);
	turn(w, 0);
	set_full(w, true);
	write_key(w, 2, "/b", 0);
	turn(w, 0);
	assert_int_equal(w->outcomes, 1);
	assert_int_equal(w->last.error, ERR_RAFT_INTERNAL);
	/* The first was in the log before. */
	settle(w);
	assert_int_equal(w->outcomes, 2);
	assert_int_equal(w->last.error, ERR_NONE);
	assert_int_equal(read_key(w, 3, "/a", READ_FLAG_QUORUM), ERR_NONE);
	assert_int_equal(read_key(w, 4, "/b", 0), ERR_KEY_NOT_FOUND);
	set_full(w, false);
	write_key(w, 5, "/b", 0);
	settle(w);
	assert_int_equal(read_key(w, 6, "/b", 0), ERR_NONE);
	world_free(w);
}

/* Pitfall 35: the first copy may be in a log, so it is not called "not applied". */
TEST(a_repeat_is_not_refused_by_a_full_disk)
{
	struct world *w = leading_world();
	struct msg_write write = { .low = 1, .op = WRITE_SET, .key = SLICE_LITERAL("/a") };

	set_full(w, true);
	node_write(w->node, SESSION, 1, true, &write);
	settle(w);
	assert_int_equal(w->outcomes, 0);
	set_full(w, false);
	settle(w);
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
	struct world *w = leading_world();

	write_key(w, 1, "/a", 0);
	turn(w, 0);
	turn(w, 390);
	assert_int_equal(stalls(w), 0);
	assert_true(node_deadline(w->node) <= w->now.monotonic_ms + 10);
	turn(w, 10);
	assert_int_equal(stalls(w), 1);
	for (int i = 0; i < 50; i++)
		turn(w, 100);
	assert_int_equal(stalls(w), 1);
	settle(w);
	write_key(w, 2, "/a", 0);
	turn(w, 0);
	turn(w, 400);
	assert_int_equal(stalls(w), 2);
	world_free(w);
}

/* Whoever was stopped itself has not seen its disk hang. */
TEST(a_node_that_stood_still_does_not_blame_its_disk)
{
	struct world *w = leading_world();

	write_key(w, 1, "/a", 0);
	turn(w, 0);
	turn(w, 5000);
	assert_int_equal(stalls(w), 0);
	settle(w);
	assert_int_equal(stalls(w), 0);
	world_free(w);
}

/* Nor is waiting for space a stall. */
TEST(a_write_that_waits_for_space_is_not_slow)
{
	struct world *w = leading_world();

	write_key(w, 1, "/a", 0);
	turn(w, 0);
	set_full(w, true);
	for (int i = 0; i < 20; i++)
		turn(w, 100);
	set_full(w, false);
	turn(w, 100);
	assert_int_equal(stalls(w), 0);
	world_free(w);
}

TEST(effects_go_by_themselves_after_a_rest)
{
	struct world *w = leading_world();
	uint64_t before, due;

	write_key(w, 1, "/a", 0);
	settle(w);
	before = w->tickets;
	due = node_deadline(w->node);
	assert_true(due > w->now.monotonic_ms);
	assert_true(due <= w->now.monotonic_ms + 2000);
	turn(w, 2000);
	assert_int_equal(w->tickets, before + 1);
	settle(w);
	assert_int_equal(w->tickets, before + 1);
	world_free(w);
}

TEST(writes_of_one_turn_share_one_batch)
{
	struct world *w = leading_world();
	uint64_t before = w->tickets;

	for (uint64_t i = 1; i <= 50; i++)
		write_key(w, i, "/a", 0);
	turn(w, 0);
	assert_int_equal(w->tickets, before + 1);
	settle(w);
	assert_int_equal(w->outcomes, 50);
	world_free(w);
}

TEST(a_repeated_write_takes_effect_once_and_gets_the_first_answer)
{
	struct world *w = leading_world();

	write_key(w, 1, "/a", 0);
	settle(w);
	assert_int_equal(w->last.store_index, 2);
	write_key(w, 1, "/a", 0);
	settle(w);
	assert_int_equal(w->outcomes, 2);
	assert_int_equal(w->last.store_index, 2);
	assert_int_equal(read_key(w, 9, "/a", 0), ERR_NONE);
	assert_int_equal(w->last.store_index, 2);
	world_free(w);
}

TEST(a_write_repeated_while_it_waits_is_answered_once)
{
	struct world *w = leading_world();

	write_key(w, 1, "/a", 0);
	turn(w, 0);
	write_key(w, 1, "/a", 0);
	settle(w);
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

	node_member_change(w->node, SESSION, sequence, false, &change);
	settle(w);
}

TEST(a_join_that_was_refused_has_no_late_effect)
{
	struct world *w = leading_world();

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
	struct world *w = leading_world();

	assert_int_equal(read_key(w, 1, "/missing", 0), ERR_KEY_NOT_FOUND);
	assert_int_equal(read_key(w, 2, "/missing", READ_FLAG_QUORUM), ERR_KEY_NOT_FOUND);
	write_key(w, 3, "/a", 0);
	settle(w);
	assert_int_equal(read_key(w, 4, "/a", READ_FLAG_QUORUM), ERR_NONE);
	world_free(w);
}

TEST(the_status_comes_first_then_events_then_outcomes)
{
	struct world *w = world_new(false);
	struct msg_watch watch = { .key = SLICE_LITERAL("/a") };

	node_watch(w->node, SESSION, 5, &watch);
	write_key(w, 1, "/a", 0);
	settle(w);
	assert_non_null(strstr(said(w), "changed /a; event 5; outcome 1 0; "));
	assert_ptr_equal(strstr(said(w), "watching 5 0; "), said(w));
	assert_true(strstr(said(w), "status 3 3") < strstr(said(w), "event 5"));
	world_free(w);
}

TEST(watches_above_the_limit_are_refused)
{
	struct world *w = leading_world();
	struct msg_watch watch = { .key = SLICE_LITERAL("/a") };

	for (uint64_t id = 1; id <= 3; id++)
		node_watch(w->node, SESSION, id, &watch);
	assert_string_equal(said(w), "watching 1 0; watching 2 0; watching 3 300; ");
	node_session_gone(w->node, SESSION);
	buf_clear(&w->said);
	node_watch(w->node, SESSION, 4, &watch);
	assert_string_equal(said(w), "watching 4 0; ");
	world_free(w);
}

TEST(a_key_expires_by_an_entry_and_never_early)
{
	struct world *w = leading_world();
	uint64_t due;

	write_key(w, 1, "/a", 10);
	settle(w);
	turn(w, 9000);
	settle(w);
	assert_int_equal(read_key(w, 2, "/a", 0), ERR_NONE);
	due = node_deadline(w->node);
	assert_true(due >= w->now.monotonic_ms + 1049 && due <= w->now.monotonic_ms + 1051);
	turn(w, due - w->now.monotonic_ms);
	settle(w);
	assert_int_equal(read_key(w, 3, "/a", 0), ERR_KEY_NOT_FOUND);
	assert_int_equal(w->last.store_index, 3);
	world_free(w);
}

/* Pitfall 32: neither does everything expire at once nor nothing for hours. */
TEST(a_clock_that_is_set_expires_nothing_early_or_late)
{
	for (int i = 0; i < 2; i++) {
		struct world *w = leading_world();

		write_key(w, 1, "/a", 10);
		settle(w);
		w->now.wall_ns += (uint64_t)(i == 0 ? -3600 : 3600) * NS_PER_SECOND;
		write_key(w, 2, "/b", 0);
		settle(w);
		assert_int_equal(w->outcomes, 2);
		turn(w, 9900);
		settle(w);
		assert_int_equal(read_key(w, 3, "/a", 0), ERR_NONE);
		turn(w, 160);
		settle(w);
		assert_int_equal(read_key(w, 4, "/a", 0), ERR_KEY_NOT_FOUND);
		world_free(w);
	}
}

/* A request that came since the last turn is not stamped with that turn's time. */
TEST(a_forwarded_write_counts_its_ttl_from_its_coming)
{
	struct world *w = leading_world();
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
	turn(w, 5000);
	settle(w);
	turn(w, 9900);
	settle(w);
	assert_int_equal(read_key(w, 3, "/a", 0), ERR_NONE);
	turn(w, 200);
	settle(w);
	assert_int_equal(read_key(w, 4, "/a", 0), ERR_KEY_NOT_FOUND);
	blob_unref(&payload);
	buf_free(&bytes);
	world_free(w);
}

TEST(a_write_without_any_leader_is_refused_as_not_applied)
{
	struct world *w = world_new(true);

	settle(w);
	write_key(w, 1, "/a", 0);
	turn(w, 0);
	assert_int_equal(w->outcomes, 0);
	turn(w, 1100);
	assert_int_equal(w->outcomes, 1);
	assert_int_equal(w->last.error, ERR_RAFT_INTERNAL);
	world_free(w);
}

TEST(a_timed_out_write_says_that_it_may_have_been_applied)
{
	struct world *w = leading_world();

	write_key(w, 1, "/a", 0);
	turn(w, 0);
	turn(w, 5100);
	assert_int_equal(w->outcomes, 1);
	assert_int_equal(w->last.error, ERR_RAFT_INTERNAL);
	sync_all(w);
	turn(w, 0);
	assert_int_equal(w->outcomes, 1);
	world_free(w);
}

TEST(a_worker_that_is_gone_gets_no_answer)
{
	struct world *w = leading_world();

	write_key(w, 1, "/a", 0);
	turn(w, 0);
	node_session_gone(w->node, SESSION);
	settle(w);
	assert_int_equal(w->outcomes, 0);
	world_free(w);
}

TEST(frames_that_are_no_message_of_a_node_change_nothing)
{
	struct world *w = leading_world();
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
	settle(w);
	assert_int_equal(node_hash(w->node), before);
	world_free(w);
}

TEST(a_member_that_was_removed_while_away_is_told_when_it_is_back)
{
	struct world *w = leading_world();
	struct msg_member_change join = { .op = MEMBER_JOIN, .id = 0xb2,
		.name = SLICE_LITERAL("machine2"), .peer_url = SLICE_LITERAL("http://127.0.0.1:7002"),
		.client_url = SLICE_LITERAL("http://127.0.0.1:4002") };
	struct msg_member_change leave = { .op = MEMBER_REMOVE, .name = SLICE_LITERAL("machine2") };
	struct msg_removed_told told;
	struct frame frame;
	size_t used;

	node_member_change(w->node, SESSION, 1, false, &join);
	settle(w);
	assert_int_equal(w->last.error, ERR_NONE);
	node_peer_connected(w->node, 0xb2);
	assert_int_equal(frame_parse(buf_slice(&w->peer_out), &frame, &used), ERR_NONE);
	assert_int_not_equal(frame.type, MSG_removed_told);
	node_member_change(w->node, SESSION, 2, false, &leave);
	settle(w);
	assert_int_equal(w->last.error, ERR_NONE);
	node_peer_connected(w->node, 0xb2);
	assert_int_equal(frame_parse(buf_slice(&w->peer_out), &frame, &used), ERR_NONE);
	assert_int_equal(frame.type, MSG_removed_told);
	assert_int_equal(frame.request_id, 0xb2);
	assert_int_equal(msg_removed_told_decode(frame.payload, &told), ERR_NONE);
	assert_int_equal(told.id, 0xb2);
	world_free(w);
}

TEST(a_node_that_is_told_of_its_removal_ends_but_not_for_another)
{
	struct world *w = leading_world();
	struct buf bytes = BUF_INIT;
	struct frame frame;
	size_t used;

	for (uint64_t id = 0xa0; id <= 0xa1; id++) {
		enum err expected = id == 0xa1 ? ERR_NONE : ERR_MALFORMED;

		buf_clear(&bytes);
		msg_removed_told_frame(&bytes, 0xb2, &(struct msg_removed_told){ .id = id });
		assert_int_equal(frame_parse(buf_slice(&bytes), &frame, &used), ERR_NONE);
		assert_int_equal(node_peer_frame(w->node, &frame), expected);
		settle(w);
		assert_int_equal(w->ended, id == 0xa1 ? EXIT_REMOVED : 0);
	}
	buf_free(&bytes);
	world_free(w);
}

/* What was answered is in the backup: its effects go to the disk first. */
TEST(a_backup_waits_until_what_was_applied_is_synced)
{
	struct world *w = leading_world();

	write_key(w, 1, "/a", 0);
	settle(w);
	assert_int_equal(w->outcomes, 1);
	node_backup_ask(w->node, SESSION, 9, 0);
	turn(w, 0);
	assert_true(w->tickets > w->synced);
	assert_int_equal(w->images, 0);
	sync_all(w);
	turn(w, 0);
	assert_int_equal(w->images, 1);
	assert_int_equal(w->image_reads, 1);
	world_free(w);
}

static void
begin_backup(struct world *w)
{
	node_backup_ask(w->node, SESSION, 9, 0);
	settle(w);
	assert_int_equal(w->images, 1);
	assert_int_equal(w->image_reads, 1);
}

TEST(a_backup_reads_a_piece_only_when_it_is_asked_for)
{
	struct world *w = leading_world();
	struct raft_position position = { 7, 2 };

	begin_backup(w);
	node_snapshot_read(w->node, 500, position, SLICE_EMPTY, false);
	settle(w);
	assert_int_equal(w->pieces, 1);
	assert_int_equal(w->piece.raft_index, 7);
	assert_int_equal(w->image_reads, 1);
	/* Not the one that is next: ignored. */
	node_backup_ask(w->node, SESSION, 9, 5);
	settle(w);
	assert_int_equal(w->image_reads, 1);
	node_backup_ask(w->node, SESSION, 9, 1);
	settle(w);
	assert_int_equal(w->image_reads, 2);
	node_snapshot_read(w->node, 500, position, SLICE_EMPTY, true);
	assert_int_equal(w->pieces, 2);
	assert_int_equal(w->piece.last, 1);
	assert_int_equal(w->images, 0);
	world_free(w);
}

TEST(a_backup_whose_image_is_lost_fails_at_once)
{
	struct world *w = leading_world();

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
	struct world *w = leading_world();

	begin_backup(w);
	node_snapshot_read(w->node, 500, (struct raft_position){ 7, 2 }, SLICE_EMPTY, false);
	turn(w, 59000);
	assert_int_equal(w->images, 1);
	assert_true(node_deadline(w->node) <= w->now.monotonic_ms + 1000);
	turn(w, 1000);
	assert_int_equal(w->images, 0);
	assert_int_equal(w->piece_error, ERR_TIMED_OUT);
	/* Who asks on is told again. */
	w->piece_error = ERR_NONE;
	node_backup_ask(w->node, SESSION, 9, 1);
	assert_int_equal(w->piece_error, ERR_TIMED_OUT);
	world_free(w);
}

TEST(a_third_backup_is_refused_and_a_worker_that_is_gone_frees_its_own)
{
	struct world *w = leading_world();

	begin_backup(w);
	node_backup_ask(w->node, SESSION, 10, 0);
	settle(w);
	assert_int_equal(w->images, 2);
	node_backup_ask(w->node, SESSION, 11, 0);
	assert_int_equal(w->piece_error, ERR_BUSY);
	node_backup_stop(w->node, SESSION, 10);
	assert_int_equal(w->images, 1);
	node_session_gone(w->node, SESSION);
	assert_int_equal(w->images, 0);
	world_free(w);
}

/* ---- without a world ----------------------------------------------------------------- */

static void
take_effects(void *argument, struct slice records)
{
	buf_append_slice(argument, records);
}

static struct node *
worldless_node(uint64_t node_id, struct raft_position applied)
{
	struct node_config config = { .seed = 3 };
	struct node_io io = { .note = note };
	struct wal_recovered recovered = { .identity = { .node_id = node_id, .name = "old" },
		.applied = applied, .last = applied };

	return node_new(&config, io, &recovered);
}

static void
load_log_entry(struct node *node, raft_index index, enum raft_entry_type type,
    enum raft_conf_op op, struct buf *bytes)
{
	struct raft_entry entry = { .index = index, .term = 2, .time_ns = 1000 * index, .type = type,
		.conf_op = op, .payload = blob_new(buf_slice(bytes)) };

	assert_int_equal(node_load_entry(node, &entry), ERR_NONE);
	blob_unref(&entry.payload);
	buf_free(bytes);
}

static void
load_join(struct node *node, raft_index index, uint64_t id, const char *name)
{
	struct command_head head = { .kind = COMMAND_MEMBER };
	struct command_member body = { .op = MEMBER_JOIN, .id = id, .name = slice_text(name),
		.peer_url = slice_text(name), .client_url = slice_text(name) };
	struct buf bytes = BUF_INIT;

	command_head_put(&bytes, &head);
	command_member_put(&bytes, &body);
	load_log_entry(node, index, RAFT_ENTRY_CONF, RAFT_CONF_ADD_VOTER, &bytes);
}

static void
load_set(struct node *node, raft_index index, const char *key)
{
	struct command_head head = { .kind = COMMAND_WRITE, .session = 5, .sequence = index };
	struct command_write body = { .op = WRITE_SET, .key = slice_text(key),
		.value = SLICE_LITERAL("v") };
	struct buf bytes = BUF_INIT;

	command_head_put(&bytes, &head);
	command_write_put(&bytes, &body);
	load_log_entry(node, index, RAFT_ENTRY_COMMAND, RAFT_CONF_NONE, &bytes);
}

static void
load_effects(struct node *node, struct slice records)
{
	struct reader in = reader_of(records);
	struct state_record record;

	/* As a disk would have it: the last value of each key, deleted ones not. */
	while (!reader_done(&in)) {
		struct reader later;
		struct state_record other;
		bool last = true;

		assert_true(state_record_get(&in, &record));
		for (later = in; !reader_done(&later);) {
			assert_true(state_record_get(&later, &other));
			last = last && !slice_equal(other.key, record.key);
		}
		if (last && record.value.size > 0)
			assert_int_equal(node_load_state(node, record.key, record.value), ERR_NONE);
	}
}

TEST(a_log_is_replayed_and_the_effects_are_the_state)
{
	struct node *node = worldless_node(1, (struct raft_position){ 0 }), *again;
	struct buf records = BUF_INIT;
	struct node_effects effects = { take_effects, &records };
	struct node_founder founder = { .node_id = 9, .cluster_id = 99, .name = SLICE_LITERAL("b"),
		.peer_url = SLICE_LITERAL("p"), .client_url = SLICE_LITERAL("c") };
	struct raft_position position;
	struct buf members = BUF_INIT;
	struct member_record member;
	struct reader in;
	const char *where;

	load_join(node, 1, 1, "a");
	load_join(node, 2, 2, "b");
	load_set(node, 3, "/key");
	assert_int_equal(node_replay(node, &effects, &where), ERR_NONE);
	assert_int_equal(node_replayed_store_index(node), 3);
	position = node_found(node, &founder, &effects);
	/* Two went and one came; "a" lost its registry entry, "b" has another value. */
	assert_int_equal(position.index, 6);
	assert_int_equal(position.term, 2);
	assert_int_equal(node_replayed_store_index(node), 5);
	node_replayed_members(node, &members);
	in = reader_of(buf_slice(&members));
	assert_true(member_record_get(&in, &member));
	assert_true(reader_done(&in));
	assert_int_equal(member.id, 9);
	assert_true(slice_equal(member.peer_url, SLICE_LITERAL("p")));

	again = worldless_node(9, position);
	load_effects(again, buf_slice(&records));
	assert_int_equal(node_replay(again, &effects, &where), ERR_NONE);
	assert_int_equal(node_hash(again), node_hash(node));
	node_free(&again);
	node_free(&node);
	buf_free(&members);
	buf_free(&records);
}
