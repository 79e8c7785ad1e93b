/*
 * bounds_test.c - what raftd makes of a number of things, and what it takes from
 * workers, nodes and the disk to pass it on, fits in a frame: at the limit and
 * one above.
 */
#include "tests/unit/raftd/great.h"
#include "tests/unit/raftd/world.h"

#include "common/crc32c.h"
#include "common/ipc/wire.h"
#include "common/xmem.h"
#include "raftd/node_priv.h"
#include "raftd/replica/state.h"
#include "raftd/command.h"
#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

/* "/NUMBERxxx...", of that many bytes. */
static char *
key_of(unsigned number, size_t size)
{
	char *key = xzalloc(size + 1);
	size_t length;

	memset(key, 'x', size);
	length = (size_t)snprintf(key, size + 1, "/%u", number);
	key[length] = 'x';
	return key;
}

static void
write_keys(struct world *w, unsigned count, size_t size, uint64_t ttl_s)
{
	for (unsigned i = 1; i <= count; i++) {
		char *key = key_of(i, size);

		world_write(w, i, key, ttl_s);
		free(key);
	}
}

static size_t
times_said(struct world *w, const char *words)
{
	const char *at = world_said(w);
	size_t count = 0;

	while ((at = strstr(at, words)) != NULL) {
		at += strlen(words);
		count++;
	}
	return count;
}

/* Above so many bytes of paths a cache is better told to forget all than each of them. */
TEST(paths_of_a_turn_are_told_up_to_a_bound_and_then_that_all_changed)
{
	static const struct {
		unsigned count;
		bool all;
	} rows[] = { { 16, false }, { 17, true }, { 900, true } };

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct world *w = world_leading();
		/* Each with its length and a flag. */
		size_t size = ANNOUNCE_BYTES_MAX / 16 - 5;

		world_settle(w);
		buf_clear(&w->said);
		write_keys(w, rows[i].count, size, 0);
		world_turn(w, 0);
		world_settle(w);
		assert_int_equal(w->outcomes, rows[i].count);
		if (rows[i].all) {
			/* A turn applies so many entries; each has an announcement of its own. */
			assert_true(times_said(w, "changed / and below; ") > 0);
			assert_int_equal(times_said(w, "changed "),
			    times_said(w, "changed / and below; "));
		} else {
			assert_int_equal(times_said(w, "changed /"), rows[i].count);
			assert_int_equal(times_said(w, "changed / and below; "), 0);
		}
		world_free(w);
	}
}

/* Each event is told each of them; with 32768 of that a turn ends, and others are served. */
TEST(events_for_many_watches_are_spread_over_turns)
{
	struct msg_watch watch = {
		.key = SLICE_LITERAL("/"),
		.flags = WATCH_FLAG_RECURSIVE | WATCH_FLAG_STREAM,
	};
	static const struct {
		size_t watches, writes, most;	/* events that one turn tells */
	} rows[] = {
		{ TURN_HITS_MAX / 16, 16, 16 },
		{ TURN_HITS_MAX / 16, 17, 16 },
		{ TURN_HITS_MAX / 16 + 1, 40, 16 },
		/* One step is as large as it is. */
		{ TURN_HITS_MAX + 1, 3, 1 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct world *w = world_leading();
		size_t most = 0;

		node_set_limits(w->node, 5000, 1000000);
		for (uint64_t id = 1; id <= rows[i].watches; id++)
			node_watch(w->node, WORLD_SESSION + id % 2, id, &watch);
		world_settle(w);
		for (unsigned n = 1; n <= rows[i].writes; n++)
			world_write(w, n, "/a", 0);
		world_turn(w, 0);
		world_sync(w);
		do {
			size_t before = w->events;

			world_turn(w, 0);
			world_sync(w);
			most = MAX_OF(most, w->events - before);
		} while (node_deadline(w->node) <= w->now.monotonic_ms);
		assert_int_equal(w->events, rows[i].watches * rows[i].writes);
		assert_int_equal(most, rows[i].watches * rows[i].most);
		assert_int_equal(w->outcomes, rows[i].writes);
		world_free(w);
	}
}

/* One entry lets many keys expire, and each is told to all who watch. It is applied whole
 * before anything behind it is, and before the disk has any of it. */
TEST(an_expiry_that_many_watch_is_spread_over_turns)
{
	const struct msg_watch watch = { .key = SLICE_LITERAL("/"),
		.flags = WATCH_FLAG_RECURSIVE | WATCH_FLAG_STREAM };
	const size_t watches = TURN_HITS_MAX / 16, keys = 40;
	struct world *w = world_leading();
	struct msg_status before, status;
	size_t turns = 0, most = 0;

	node_set_limits(w->node, 5000, 1000000);
	write_keys(w, (unsigned)keys, 10, 1);
	world_settle(w);
	for (uint64_t id = 1; id <= watches; id++)
		node_watch(w->node, WORLD_SESSION + id % 2, id, &watch);
	world_settle(w);
	node_status(w->node, &before);
	assert_true(before.store_index == 1 + keys);
	world_turn(w, 1100);
	world_sync(w);
	/* A backup is of the state at an entry. */
	node_backup_ask(w->node, WORLD_SESSION, 9, 0, false);
	do {
		size_t told = w->events;

		world_turn(w, 0);
		world_sync(w);
		told = w->events - told;
		turns += told > 0;
		most = MAX_OF(most, told);
		node_status(w->node, &status);
		if (w->events < keys * watches) {
			assert_int_equal(status.applied, before.applied);
			assert_int_equal(w->images, 0);
		}
		assert_int_equal(status.store_index - before.store_index, w->events / watches);
	} while (node_deadline(w->node) <= w->now.monotonic_ms);
	assert_int_equal(w->events, keys * watches);
	assert_int_equal(most, TURN_HITS_MAX);
	assert_int_equal(turns, 3);
	assert_int_equal(status.applied, before.applied + 1);
	world_turn(w, 0);
	assert_int_equal(w->images, 1);
	world_free(w);
}

TEST(what_expires_by_one_entry_is_bounded_by_bytes_and_the_rest_follows)
{
	struct world *w = world_leading();
	struct buf items = BUF_INIT;
	struct msg_status status;
	uint64_t before;

	cluster_config_put_item(&items, &config_rows[CONFIG_ROW_max_key_bytes], KEY_BYTES_MAX);
	node_config_change(w->node, WORLD_SESSION, 1000, false, false,
	    &(struct msg_config_change){ .low = 1, .items = buf_slice(&items) });
	world_settle(w);
	write_keys(w, 400, KEY_BYTES_MAX, 1);
	world_settle(w);
	assert_int_equal(w->outcomes, 401);
	node_status(w->node, &status);
	before = status.applied;
	buf_clear(&w->said);
	world_turn(w, 1100);
	world_settle(w);
	for (int i = 0; i < 20; i++) {
		world_turn(w, 20);
		world_settle(w);
	}
	node_status(w->node, &status);
	assert_int_equal(status.store_index, 1 + 2 * 400);
	/* 19.7 MB by steps of 4 MiB. */
	assert_int_equal(status.applied - before, 5);
	assert_true(times_said(w, "changed / and below; ") > 0);
	buf_free(&items);
	world_free(w);
}

/* ---- what other nodes send ------------------------------------------------------- */

static enum err
come(struct world *w, struct buf *bytes)
{
	struct frame frame;
	size_t used;
	enum err err;

	assert_int_equal(frame_parse(buf_slice(bytes), &frame, &used), ERR_NONE);
	err = node_peer_frame(w->node, &frame);
	world_settle(w);
	buf_free(bytes);
	return err;
}

static enum err
forward(struct world *w, struct slice payload)
{
	struct buf bytes = BUF_INIT;

	msg_forward_proposal_frame(&bytes, 0xb2, &(struct msg_forward_proposal){
	    .type = RAFT_ENTRY_COMMAND, .payload = payload });
	return come(w, &bytes);
}

/* A payload of that many bytes: a write with a value that is too large. */
static struct buf
great_payload(size_t size)
{
	struct command_head head = { .kind = COMMAND_WRITE, .session = 5, .sequence = 1, .low = 1 };
	struct command_write body = { .op = WRITE_SET, .key = SLICE_LITERAL("/a") };
	struct buf bytes = BUF_INIT;
	uint8_t *value = xzalloc(size);

	command_head_put(&bytes, &head);
	command_write_put(&bytes, &body);
	body.value = slice_of(value, size - bytes.size);
	buf_clear(&bytes);
	command_head_put(&bytes, &head);
	command_write_put(&bytes, &body);
	free(value);
	assert_int_equal(bytes.size, size);
	return bytes;
}

TEST(a_forwarded_proposal_that_no_entry_can_hold_is_malformed)
{
	struct world *w = world_leading();
	struct buf payload = great_payload(COMMAND_BYTES_MAX + 1);

	assert_int_equal(forward(w, buf_slice(&payload)), ERR_MALFORMED);
	payload.size--;
	/* It is in the log now, and means nothing: the value is above its limit. */
	assert_int_equal(forward(w, buf_slice(&payload)), ERR_NONE);
	assert_int_equal(world_read(w, 1, "/a", 0), ERR_KEY_NOT_FOUND);
	buf_free(&payload);
	world_free(w);
}

TEST(an_entry_of_a_leader_that_cannot_be_sent_on_is_malformed)
{
	for (size_t above = 0; above <= 1; above++) {
		struct world *w = world_new(true, WORLD_TRIM_ENTRIES);
		struct buf payload = great_payload(COMMAND_BYTES_MAX + above);
		struct buf entries = BUF_INIT, bytes = BUF_INIT;

		entry_record_put(&entries, &(struct entry_record){ .term = 1, .index = 1,
		    .type = RAFT_ENTRY_COMMAND, .payload = buf_slice(&payload) });
		msg_raft_append_frame(&bytes, 0xb2, &(struct msg_raft_append){ .term = 1,
		    .entries = buf_slice(&entries) });
		assert_int_equal(come(w, &bytes), above == 0 ? ERR_NONE : ERR_MALFORMED);
		buf_free(&payload);
		buf_free(&entries);
		world_free(w);
	}
}

/* A change of the members, as another node forwards it. */
static void
forward_change(struct world *w, uint64_t sequence)
{
	struct command_member join = { .op = MEMBER_JOIN, .id = 0x100 + sequence,
		.name = SLICE_LITERAL("late"), .peer_url = SLICE_LITERAL("http://127.0.0.1:7099"),
		.client_url = SLICE_LITERAL("http://127.0.0.1:4099") };
	struct blob *payload = command_new_member(5, sequence, 1, &join);
	struct buf bytes = BUF_INIT;
	struct frame frame;
	size_t used;

	msg_forward_proposal_frame(&bytes, 0xb2, &(struct msg_forward_proposal){
	    .type = RAFT_ENTRY_CONF, .payload = blob_slice(payload) });
	assert_int_equal(frame_parse(buf_slice(&bytes), &frame, &used), ERR_NONE);
	assert_int_equal(node_peer_frame(w->node, &frame), ERR_NONE);
	buf_free(&bytes);
	blob_unref(&payload);
}

/* What is dropped is sent again by who asked. */
TEST(changes_of_members_that_wait_at_the_leader_are_bounded)
{
	struct world *w = world_leading();
	const struct waiting_change *change;
	size_t count = 0;

	for (uint64_t i = 1; i <= CHANGES_MAX + 1; i++)
		forward_change(w, i);
	TAILQ_FOREACH(change, &w->node->changes, link) {
		count++;
		assert_int_equal(change->sequence, count);
	}
	assert_int_equal(count, CHANGES_MAX);
	world_free(w);
}

TEST(a_refusal_whose_cause_no_outcome_can_hold_is_malformed)
{
	struct world *w = world_leading();
	uint8_t *cause = xzalloc(CAUSE_BYTES_MAX + 1);

	for (size_t above = 0; above <= 1; above++) {
		struct buf bytes = BUF_INIT;

		msg_forward_refused_frame(&bytes, 0xb2, &(struct msg_forward_refused){
		    .cause = slice_of(cause, CAUSE_BYTES_MAX + above) });
		assert_int_equal(come(w, &bytes), above == 0 ? ERR_NONE : ERR_MALFORMED);
	}
	free(cause);
	world_free(w);
}

/* Every status has the addresses of all members. */
TEST(an_address_that_is_too_long_is_no_members)
{
	static const size_t sizes[] = { URL_BYTES_MAX, URL_BYTES_MAX + 1, 8 * MIB };
	struct world *w = world_leading();
	char *url = xzalloc(8 * MIB);

	memset(url, 'u', 8 * MIB);
	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		struct command_head head = { .kind = COMMAND_MEMBER };
		struct command_member member = { .op = MEMBER_UPDATE, .id = 0xa1,
			.name = SLICE_LITERAL("machine1"), .peer_url = SLICE_LITERAL("http://p"),
			.client_url = slice_of(url, sizes[i]) };
		struct buf bytes = BUF_INIT;
		struct msg_status status;

		command_head_put(&bytes, &head);
		command_member_put(&bytes, &member);
		assert_int_equal(forward(w, buf_slice(&bytes)), ERR_NONE);
		node_status(w->node, &status);
		assert_true(status.members.size <
		    NAME_BYTES_MAX + 2 * URL_BYTES_MAX + 64);
		buf_free(&bytes);
	}
	free(url);
	world_free(w);
}

/* A session keeps its answers, also in snapshots. */
TEST(a_kept_answer_is_bounded)
{
	struct world *w = world_leading();
	uint8_t *cause = xzalloc(CAUSE_BYTES_MAX + 1);

	for (size_t above = 0; above <= 1; above++) {
		struct command_head head = { .kind = COMMAND_REFUSED, .session = WORLD_SESSION,
			.sequence = 50 + above, .low = 1 };
		struct buf bytes = BUF_INIT;

		command_head_put(&bytes, &head);
		command_refused_put(&bytes, &(struct command_refused){ .error = ERR_KEYWORD,
		    .cause = slice_of(cause, CAUSE_BYTES_MAX + above) });
		assert_int_equal(forward(w, buf_slice(&bytes)), ERR_NONE);
		world_write(w, 50 + above, "/a", 0);
		world_settle(w);
		assert_int_equal(w->last.error, above == 0 ? ERR_KEYWORD : ERR_RAFT_INTERNAL);
		buf_free(&bytes);
	}
	free(cause);
	world_free(w);
}

/* ---- workers and the disk -------------------------------------------------------- */

TEST(a_write_that_is_no_entry_is_answered_and_not_asserted)
{
	struct world *w = world_leading();
	uint8_t *bytes = xzalloc(VALUE_BYTES_MAX);
	struct msg_write write = { .low = 1, .op = WRITE_COMPARE_AND_SWAP,
		.flags = WRITE_FLAG_PREV_VALUE, .key = SLICE_LITERAL("/a"),
		.value = slice_of(bytes, VALUE_BYTES_MAX),
		.prev_value = slice_of(bytes, VALUE_BYTES_MAX) };

	node_write(w->node, WORLD_SESSION, 1, false, &write);
	world_settle(w);
	assert_int_equal(w->outcomes, 1);
	assert_int_equal(w->last.error, ERR_RAFT_INTERNAL);
	write.prev_value.size = WRITE_BYTES_MAX - VALUE_BYTES_MAX - 2;
	node_write(w->node, WORLD_SESSION, 2, false, &write);
	world_settle(w);
	assert_int_equal(w->last.error, ERR_KEY_NOT_FOUND);
	free(bytes);
	world_free(w);
}

TEST(what_the_disk_has_and_nobody_could_be_sent_is_damage)
{
	struct world *w = world_new(true, WORLD_TRIM_ENTRIES);
	uint8_t *bytes = xzalloc(FRAME_BYTES_MAX);
	struct raft_entry entry = { .index = 1, .term = 1, .type = RAFT_ENTRY_COMMAND };

	for (size_t above = 0; above <= 1; above++) {
		entry.payload = blob_new(slice_of(bytes, COMMAND_BYTES_MAX + above));
		assert_int_equal(node_load_entry(w->node, &entry),
		    above == 0 ? ERR_NONE : ERR_CORRUPT);
		blob_unref(&entry.payload);
	}
	assert_int_equal(node_load_state(w->node, SLICE_LITERAL("R"),
	    slice_of(bytes, STATE_RECORD_BYTES_MAX)), ERR_CORRUPT);
	free(bytes);
	world_free(w);
}

/* ---- any message, as large as a frame --------------------------------------------- */

TEST(no_message_of_a_node_however_large_ends_this_one)
{
	static const uint64_t numbers[] = { 0, 1, 2, 7, UINT64_MAX };
	size_t most = GREAT_BYTES_MAX;
	uint8_t *bytes = xzalloc(most);
	size_t sent = 0;

	for (unsigned joins = 0; joins <= 1; joins++) {
		struct world *w = joins != 0 ? world_new(true, WORLD_TRIM_ENTRIES) :
		    world_leading();

		for (size_t i = 0; i < ARRAY_COUNT(numbers); i++)
			for (uint16_t type = 0x100; type < 0x200; type++) {
				struct buf frame = BUF_INIT;

				memset(bytes, (int)(i % 3), 4096);
				if (!great_frame(&frame, type, FROM_NODE, 0xb2, numbers[i],
				    slice_of(bytes, most)))
					continue;
				sent++;
				(void)come(w, &frame);
			}
		world_free(w);
	}
	assert_true(sent >= 4 * 2 * ARRAY_COUNT(numbers));
	free(bytes);
}

/* Terms and indexes of a snapshot are numbers of others, too. */
TEST(a_snapshot_with_numbers_that_cannot_be_changes_nothing)
{
	static const struct {
		uint64_t term, index, of_term;
	} rows[] = {
		{ UINT64_MAX, 1000, 1 },
		{ (UINT64_MAX >> 2) + 1, 1000, 1 },
		{ 5, UINT64_MAX, 1 },
		{ 5, (UINT64_MAX >> 2) + 1, 1 },
		{ 5, 1000, UINT64_MAX },
		/* Of a later term than its leader's. */
		{ 5, 1000, 6 },
		{ 5, 1000, 0 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct world *w = world_leading();
		struct buf bytes = BUF_INIT;
		struct msg_status status;

		world_write(w, 1, "/a", 0);
		world_settle(w);
		msg_snapshot_chunk_frame(&bytes, 0xb2, &(struct msg_snapshot_chunk){
		    .term = rows[i].term, .snapshot_index = rows[i].index,
		    .snapshot_term = rows[i].of_term, .last = 1,
		    .checksum = crc32c(0, SLICE_EMPTY) });
		assert_int_equal(come(w, &bytes), ERR_NONE);
		node_status(w->node, &status);
		assert_int_equal(status.applied, 3);
		assert_int_equal(status.store_index, 2);
		assert_int_equal(world_read(w, 2, "/a", 0), ERR_NONE);
		world_free(w);
	}
}
