/*
 * expiry_test.c - what comes in the middle of an entry by which so many keys expire, for so
 * many who watch, that it is applied in parts.
 *
 * Always a follower, told by one other node what is in the log.
 */
#include "tests/unit/raftd/world.h"

#include "common/crc32c.h"
#include "common/ipc/wire.h"
#include "common/xmem.h"
#include "raftd/node_priv.h"
#include "raftd/outbox.h"
#include "raftd/replica/state.h"
#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

#define OTHER 0xb2		/* the node that leads */
#define KEYS 40
#define WATCHES (TURN_HITS_MAX / 16)	/* so 16 keys go by one turn */
#define CUTOFF_NS (100 * NS_PER_SECOND)
#define ENTRIES_MAX 8192

/* What is to be sent next. */
struct log {
	struct raft_entry entries[ENTRIES_MAX];
	size_t count;
	raft_term term;
	struct raft_position prev;
};

static struct log *
log_new(raft_term term, struct raft_position prev)
{
	struct log *log = xzalloc(sizeof(*log));

	log->term = term;
	log->prev = prev;
	return log;
}

/* Takes over the payload. */
static void
add(struct log *log, struct blob *payload)
{
	assert_true(log->count < ENTRIES_MAX);
	log->entries[log->count] = (struct raft_entry){ .term = log->term,
		.index = log->prev.index + 1 + log->count, .type = RAFT_ENTRY_COMMAND,
		.time_ns = NS_PER_SECOND, .payload = payload };
	log->count++;
}

static void
add_write(struct log *log, const char *key, enum write_op op, uint64_t ttl_s)
{
	add(log, command_new_write(0, 0, &(struct msg_write){ .op = (uint8_t)op,
	    .flags = (uint8_t)((ttl_s > 0 ? WRITE_FLAG_TTL : 0) |
	    (op == WRITE_DELETE ? WRITE_FLAG_RECURSIVE : 0)),
	    .key = slice_text(key), .ttl_s = ttl_s }));
}

static void
add_keys(struct log *log, const char *directory, unsigned count, uint64_t ttl_s)
{
	for (unsigned i = 1; i <= count; i++) {
		char key[64];

		snprintf(key, sizeof(key), "%s/%u", directory, i);
		add_write(log, key, WRITE_SET, ttl_s);
	}
}

static void
hear(struct world *w, const struct buf *bytes)
{
	struct frame frame;
	size_t used;

	assert_int_equal(frame_parse(buf_slice(bytes), &frame, &used), ERR_NONE);
	frame.request_id = OTHER;
	assert_int_equal(node_peer_frame(w->node, &frame), ERR_NONE);
}

/* All of it comes, and that is committed. */
static void
hear_log(struct world *w, const struct log *log, raft_index commit)
{
	struct raft_message message = { .type = RAFT_APPEND, .from = OTHER, .to = 0xa1,
		.term = log->term, .log = log->prev, .entries = log->entries,
		.entry_count = log->count, .commit = commit };
	struct buf bytes = BUF_INIT, scratch = BUF_INIT;

	outbox_encode(&bytes, &scratch, &message);
	hear(w, &bytes);
	buf_free(&bytes);
	buf_free(&scratch);
}

static void
log_free(struct log **log)
{
	for (size_t i = 0; i < (*log)->count; i++)
		blob_unref(&(*log)->entries[i].payload);
	free(*log);
	*log = NULL;
}

/* A turn in which what was submitted before is on the disk; how many events it told. */
static size_t
turn(struct world *w)
{
	size_t before = w->events;

	world_sync(w);
	buf_clear(&w->said);
	world_turn(w, 0);
	return w->events - before;
}

/* Turns until nothing more comes, with what is freed at its pace. */
static size_t
settle(struct world *w)
{
	size_t told = 0;

	for (;;) {
		told += turn(w);
		if (w->synced < w->tickets)
			continue;
		if (node_deadline(w->node) > w->now.monotonic_ms + SWEEP_PAUSE_MS)
			return told;
		if (node_deadline(w->node) > w->now.monotonic_ms)
			world_turn(w, 1);
	}
}

static void
watch_all(struct world *w, size_t count)
{
	const struct msg_watch watch = { .key = SLICE_LITERAL("/"),
		.flags = WATCH_FLAG_RECURSIVE | WATCH_FLAG_STREAM };

	node_set_limits(w->node, 5000, 1000000);
	for (uint64_t id = 1; id <= count; id++)
		node_watch(w->node, WORLD_SESSION + id % 2, id, &watch);
}

static size_t
effects_bytes(const struct world *w)
{
	return w->node->effects.size;
}

/* A follower with KEYS in its store that many watch. */
static struct world *
watched_world(size_t watches)
{
	struct world *w = world_new(true, WORLD_TRIM_ENTRIES);
	struct log *log = log_new(1, (struct raft_position){ 0, 0 });

	settle(w);
	add_keys(log, "/short", KEYS, 1);
	hear_log(w, log, KEYS);
	settle(w);
	assert_int_equal(raft_applied(node_raft(w->node)), KEYS);
	watch_all(w, watches);
	settle(w);
	log_free(&log);
	return w;
}

/* The entry by which they go comes, with one behind it that is not committed; the first part
 * of it is applied. */
static void
begin_expiry(struct world *w, size_t watches)
{
	struct log *log = log_new(1, (struct raft_position){ KEYS, 1 });

	add(log, command_new_expire(CUTOFF_NS));
	add_write(log, "/lost", WRITE_SET, 0);
	hear_log(w, log, KEYS + 1);
	if (watches > 0)
		assert_int_equal(turn(w), TURN_HITS_MAX);
	log_free(&log);
}

static void
expect_in_the_middle(struct world *w)
{
	struct msg_status status;

	node_status(w->node, &status);
	assert_int_equal(status.applied, KEYS);
	assert_int_equal(status.store_index, KEYS + 16);
	assert_int_equal(w->node->replica->expired.count, 16);
}

/* The log behind the entry is overwritten, another leader is there, and a second entry by which
 * keys expire: what one node does in parts is what another does at once. */
TEST(a_new_leader_that_cuts_the_log_finds_the_same_state_everywhere)
{
	uint32_t hashes[2];

	for (size_t watched = 0; watched <= 1; watched++) {
		size_t watches = watched ? WATCHES : 0;
		struct world *w = watched_world(watches);
		struct log *log = log_new(2, (struct raft_position){ KEYS + 1, 1 });

		begin_expiry(w, watches);
		if (watched)
			expect_in_the_middle(w);
		add_keys(log, "/late", KEYS, 2);
		add(log, command_new_expire(CUTOFF_NS));
		add(log, command_new_expire(CUTOFF_NS));
		add_write(log, "/found", WRITE_SET, 0);
		hear_log(w, log, KEYS + 1 + KEYS + 3);
		/* 24 and twice 40 of them, and the last write. */
		assert_int_equal(settle(w), watched ? (24 + KEYS + KEYS + 1) * watches : 0);
		assert_int_equal(raft_applied(node_raft(w->node)), KEYS + 1 + KEYS + 3);
		assert_int_equal(w->node->replica->expired.count, 0);
		assert_int_equal(world_read(w, 1, "/lost", 0), ERR_KEY_NOT_FOUND);
		assert_int_equal(world_read(w, 2, "/late/1", 0), ERR_KEY_NOT_FOUND);
		assert_int_equal(world_read(w, 3, "/found", 0), ERR_NONE);
		hashes[watched] = node_hash(w->node);
		log_free(&log);
		world_free(w);
	}
	assert_int_equal(hashes[0], hashes[1]);
}

/* The state that it brings has the whole entry. */
static void
hear_snapshot(struct world *w, struct raft_position position)
{
	static const uint8_t stamp_key = STATE_STAMP;
	struct msg_snapshot_chunk chunk = { .term = 2, .snapshot_index = position.index,
		.snapshot_term = position.term, .last = 1 };
	struct member_values values = { .id = OTHER, .role = MEMBER_VOTER, .joined = 1,
		.name = SLICE_LITERAL("m"), .peer_url = SLICE_LITERAL("http://m:7001"),
		.client_url = SLICE_LITERAL("http://m:4001") };
	struct buf bytes = BUF_INIT, records = BUF_INIT, stamp = BUF_INIT;
	struct members members = { 0 };

	assert_true(members_put(&members, &values, &records));
	stamp_state_put(&stamp, &(struct stamp_state){ .format = STATE_FORMAT });
	state_effect(&records, slice_of(&stamp_key, 1), buf_slice(&stamp));
	chunk.records = buf_slice(&records);
	chunk.checksum = crc32c(0, chunk.records);
	msg_snapshot_chunk_frame(&bytes, OTHER, &chunk);
	hear(w, &bytes);
	members_clear(&members);
	buf_free(&bytes);
	buf_free(&records);
	buf_free(&stamp);
}

TEST(a_snapshot_takes_the_place_of_the_rest_of_an_expiry)
{
	struct world *w = watched_world(WATCHES);
	struct raft_position position = { KEYS + 10, 2 };
	struct log *log = log_new(2, position);

	begin_expiry(w, WATCHES);
	expect_in_the_middle(w);
	hear_snapshot(w, position);
	assert_int_equal(w->node->replica->expired.count, 0);
	assert_int_equal(w->node->replica->expired.bytes, 0);
	assert_int_equal(effects_bytes(w), 0);
	settle(w);
	assert_int_equal(raft_applied(node_raft(w->node)), position.index);
	/* What comes then is applied from its beginning. */
	add_write(log, "/short/1", WRITE_SET, 1);
	add(log, command_new_expire(CUTOFF_NS));
	hear_log(w, log, position.index + 2);
	settle(w);
	assert_int_equal(raft_applied(node_raft(w->node)), position.index + 2);
	assert_int_equal(world_read(w, 1, "/short/1", 0), ERR_KEY_NOT_FOUND);
	log_free(&log);
	world_free(w);
}

/* What was removed is freed little by little, and every part of it is an effect: in the middle of
 * an entry, whose effects have to wait, they would become ever more. */
TEST(nothing_is_freed_in_the_middle_of_an_expiry)
{
	struct world *w = watched_world(0);
	struct log *log = log_new(1, (struct raft_position){ KEYS, 1 });
	struct store *store = w->node->replica->store;
	const unsigned large = 5000;
	size_t before;

	add_keys(log, "/large", large, 0);
	hear_log(w, log, KEYS + large);
	settle(w);
	watch_all(w, WATCHES);
	log->prev.index = KEYS + large;
	while (log->count > 0)
		blob_unref(&log->entries[--log->count].payload);
	add_write(log, "/large", WRITE_DELETE, 0);
	add(log, command_new_expire(CUTOFF_NS));
	hear_log(w, log, KEYS + large + 2);
	assert_int_equal(turn(w), TURN_HITS_MAX);
	before = effects_bytes(w);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(w->node->replica->expired.count, 15 + 16 * i);
		assert_true(store_has_to_sweep(store));
		/* 16 keys that go, and not 4096 others. */
		assert_true(effects_bytes(w) - before < 16 * KIB);
		turn(w);
	}
	assert_int_equal(w->node->replica->expired.count, 0);
	settle(w);
	assert_false(store_has_to_sweep(store));
	log_free(&log);
	world_free(w);
}

/* What the core writes waits behind what was handed to the disk before. */
TEST(nothing_more_is_freed_until_the_disk_has_what_was)
{
	struct world *w = watched_world(0);
	struct log *log = log_new(1, (struct raft_position){ KEYS, 1 });
	const unsigned large = ENTRIES_MAX - 1;
	uint64_t tickets;

	/* Three parts; the last one does not go at once. */
	w->node->config.sweep_nodes_max = large / 2 - 1;
	add_keys(log, "/large", large, 0);
	add_write(log, "/large", WRITE_DELETE, 0);
	hear_log(w, log, KEYS + large + 1);
	for (int i = 0; i < 100 && w->node->swept_ticket == 0; i++)
		turn(w);
	tickets = w->tickets;
	assert_int_equal(w->node->swept_ticket, tickets);
	for (int i = 0; i < 3; i++)
		world_turn(w, 0);
	assert_int_equal(w->tickets, tickets);
	assert_true(store_has_to_sweep(w->node->replica->store));
	world_sync(w);
	world_turn(w, SWEEP_PAUSE_MS);
	assert_int_equal(w->node->swept_ticket, tickets + 1);
	settle(w);
	assert_false(store_has_to_sweep(w->node->replica->store));
	assert_int_equal(w->node->swept_ticket, tickets + 1);
	log_free(&log);
	world_free(w);
}

/* Parts of what was removed, one behind the other, for so many ms; how many went. */
static unsigned
parts_in(struct world *w, unsigned ms, uint64_t *sequence, bool writes)
{
	unsigned parts = 0;

	for (unsigned i = 0; i < 10 * ms; i++) {
		uint64_t before = w->node->swept_ticket;

		if (writes)
			world_write(w, ++*sequence, "/another", 0);
		world_sync(w);
		world_turn(w, i % 10 == 9);
		parts += w->node->swept_ticket > before;
	}
	return parts;
}

/* Others do not wait behind ever the next part: the disk is theirs in between. */
TEST(what_is_freed_leaves_the_disk_to_who_writes)
{
	struct world *w = world_leading();
	uint64_t sequence = 0;
	char key[32];

	w->node->config.sweep_nodes_max = 10;
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(key, sizeof(key), "/large/%u", i);
		world_write(w, ++sequence, key, 0);
		world_settle(w);
	}
	++sequence;
	node_write(w->node, WORLD_SESSION, sequence, false, &(struct msg_write){ .low = sequence,
	    .op = WRITE_DELETE, .flags = WRITE_FLAG_RECURSIVE, .key = SLICE_LITERAL("/large") });
	world_turn(w, 0);
	assert_in_range(parts_in(w, 10 * SWEEP_PAUSE_MS, &sequence, true), 9, 11);
	/* Nobody does: as fast as the disk takes it. */
	parts_in(w, SWEEP_PAUSE_MS, &sequence, false);
	assert_int_equal(parts_in(w, 4, &sequence, false), 40);
	/* And at last all of it. */
	parts_in(w, 20, &sequence, false);
	assert_false(store_has_to_sweep(w->node->replica->store));
	world_free(w);
}

/* A plain read shows what was applied so far; who waits for an index waits for all of it. */
TEST(what_waits_for_the_entry_waits_for_all_of_it)
{
	struct world *w = world_leading();
	struct msg_read read = { .key = SLICE_LITERAL("/k1"), .flags = READ_FLAG_QUORUM };
	struct msg_status status;
	char key[16];

	for (unsigned i = 1; i <= KEYS; i++) {
		snprintf(key, sizeof(key), "/k%u", i);
		world_write(w, i, key, 1);
		world_settle(w);
	}
	watch_all(w, WATCHES);
	world_turn(w, 1100);
	world_sync(w);
	w->outcomes = 0;
	assert_int_equal(turn(w), TURN_HITS_MAX);
	node_status(w->node, &status);
	assert_int_equal(w->node->replica->expired.count, 16);
	node_read(w->node, WORLD_SESSION, 101, &read);
	world_write(w, KEYS + 1, "/k1", 0);
	read.flags = 0;
	node_read(w->node, WORLD_SESSION, 102, &read);
	assert_int_equal(turn(w), TURN_HITS_MAX);
	assert_int_equal(w->outcomes, 1);
	assert_non_null(strstr(world_said(w), "outcome 102 100; "));
	/* Of the state that it showed, and of the entry before. */
	assert_int_equal(w->last.store_index, status.store_index + 16);
	assert_int_equal(w->last.raft_index, status.applied);
	settle(w);
	assert_int_equal(w->outcomes, 3);
	assert_int_equal(w->last.error, ERR_NONE);
	world_free(w);
}

/* What makes a learner a voter is that and nothing else, whatever is in it. */
TEST(an_entry_that_promotes_lets_nothing_expire)
{
	struct world *w = watched_world(0);
	struct raft_entry entry = { .index = KEYS + 1, .term = 1, .type = RAFT_ENTRY_CONF,
		.conf_op = RAFT_CONF_PROMOTE, .conf_peer = 0xcc, .time_ns = 2 * NS_PER_SECOND,
		.payload = command_new_expire(CUTOFF_NS) };

	assert_true(node_apply(w->node, &entry));
	assert_int_equal(store_index(w->node->replica->store), KEYS);
	blob_unref(&entry.payload);
	world_free(w);
}
