/*
 * v3_watch_test.c - watches of the v3 keys at a leader of a cluster of one: what a worker is
 * told, in which order, and how much at a time.
 */
#include "tests/unit/raftd/world.h"

#include "common/ipc/v3.h"
#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/v3_error.h"
#include "common/xmem.h"
#include "raftd/node_priv.h"
#include "raftd/replica/mvcc/mvcc.h"
#include "raftd/replica/mvcc/request.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t sequence;

static void
put_op(struct buf *ops, const char *key, size_t value_bytes)
{
	uint8_t *value = xzalloc(value_bytes + 1);

	mvcc_op_put_put(ops, &(struct v3_put){ .key = slice_text(key),
	    .value = slice_of(value, value_bytes) });
	free(value);
}

static void
change(struct world *w, const struct buf *ops)
{
	node_v3_change(w->node, WORLD_SESSION + 1, ++sequence, false,
	    &(struct msg_v3_write){ .low = 1, .ops = buf_slice(ops) });
}

/* Not settled. */
static void
begin_put(struct world *w, const char *key, size_t value_bytes)
{
	struct buf ops = BUF_INIT;

	put_op(&ops, key, value_bytes);
	change(w, &ops);
	buf_free(&ops);
}

static void
put(struct world *w, const char *key)
{
	begin_put(w, key, 1);
	world_settle(w);
}

/* All from key to before end. Not settled. */
static void
delete_all(struct world *w, const char *key, const char *end)
{
	struct buf ops = BUF_INIT;

	mvcc_op_put_delete(&ops, &(struct v3_delete){ .key = slice_text(key),
	    .end = slice_text(end) });
	change(w, &ops);
	buf_free(&ops);
}

static void
delete(struct world *w, const char *key)
{
	delete_all(w, key, "");
	world_settle(w);
}

static void
compact(struct world *w, uint64_t revision)
{
	node_v3_compact(w->node, WORLD_SESSION + 1, ++sequence, false,
	    &(struct msg_v3_compact){ .low = 1, .revision = revision });
	world_settle(w);
}

/* Of all keys from that one on. */
static void
watch(struct world *w, uint64_t id, const char *key, uint64_t start, unsigned flags)
{
	node_v3_watch(w->node, WORLD_SESSION, id, &(struct msg_v3_watch){
	    .key = slice_text(key), .end = slice_of("", 1), .start = start,
	    .flags = (uint8_t)flags });
}

/* Without outcomes, which are another worker's, and what else is told of everything. */
static const char *
heard_with(struct world *w, bool progress)
{
	static char text[MIB];
	char *all = strdup(world_said(w)), *rest = all, *word;
	size_t size = 0;

	text[0] = '\0';
	while ((word = strstr(rest, "; ")) != NULL) {
		*word = '\0';
		if (strncmp(rest, "ok", 2) != 0 && strncmp(rest, "outcome", 7) != 0 &&
		    strncmp(rest, "status", 6) != 0 && strncmp(rest, "changed", 7) != 0 &&
		    (progress || strncmp(rest, "progress 0", 10) != 0))
			size += (size_t)snprintf(text + size, sizeof(text) - size, "%s; ", rest);
		rest = word + 2;
	}
	free(all);
	buf_clear(&w->said);
	return text;
}

static const char *
heard(struct world *w)
{
	return heard_with(w, false);
}

static struct world *
begin(size_t piece_bytes)
{
	struct world *w;

	world_v3_piece_bytes = piece_bytes;
	w = world_leading();
	world_v3_piece_bytes = 0;
	sequence = 0;
	/* The clock is beyond the first announcement of nothing. */
	world_turn(w, 2 * V3_PROGRESS_MS);
	(void)heard(w);
	return w;
}

TEST(what_happens_is_told_once_for_all_who_watch_it)
{
	struct world *w = begin(0);

	watch(w, 7, "a", 0, 0);
	watch(w, 8, "b", 0, V3_WATCH_PREV_KV);
	assert_string_equal(heard(w), "watching 7 0 at 1; watching 8 0 at 1; ");
	put(w, "b");
	assert_string_equal(heard(w), "events 2+:7,8 to 2; ");
	put(w, "b");
	put(w, "a");
	delete(w, "b");
	assert_string_equal(heard(w), "events 3+p:7,8 to 3; events 4+:7 to 4; "
	    "events 5-p:7,8 to 5; ");
	node_v3_unwatch(w->node, WORLD_SESSION, 7);
	put(w, "a");
	assert_string_equal(heard(w), "");
	world_free(w);
}

TEST(changes_of_a_turn_go_in_one_message_to_the_newest_revision)
{
	struct world *w = begin(0);

	watch(w, 1, "b", 0, 0);
	(void)heard(w);
	begin_put(w, "b", 1);
	begin_put(w, "c", 1);
	begin_put(w, "a", 1);
	world_settle(w);
	assert_string_equal(heard(w), "events 2+:1 3+:1 to 4; ");
	world_free(w);
}

TEST(a_long_list_is_cut_between_revisions_each_part_says_how_far_it_is)
{
	struct world *w = begin(120);

	put(w, "b");
	put(w, "c");
	watch(w, 1, "a", 0, 0);
	(void)heard(w);
	begin_put(w, "a", 40);
	delete_all(w, "b", "d");
	begin_put(w, "a", 40);
	world_settle(w);
	assert_string_equal(heard(w), "events 4+:1 5-:1 5-:1 to 5; events 6+:1 to 6; ");
	world_free(w);
}

TEST(the_past_comes_in_pieces_each_when_it_is_asked_for)
{
	struct world *w = begin(1);

	put(w, "a");
	put(w, "b");
	put(w, "a");
	(void)heard(w);
	watch(w, 1, "a", 2, V3_WATCH_PREV_KV);
	world_settle(w);
	assert_string_equal(heard(w), "watching 1 0 at 4 behind; ");
	node_v3_watch_more(w->node, WORLD_SESSION, 1);
	world_settle(w);
	assert_string_equal(heard(w), "past 1 2+ to 2 behind; ");
	put(w, "c");
	assert_string_equal(heard(w), "");
	node_v3_watch_more(w->node, WORLD_SESSION, 1);
	world_settle(w);
	node_v3_watch_more(w->node, WORLD_SESSION, 1);
	world_settle(w);
	assert_string_equal(heard(w), "past 1 3+ to 3 behind; past 1 4+p to 4 behind; ");
	node_v3_watch_more(w->node, WORLD_SESSION, 1);
	world_settle(w);
	assert_string_equal(heard(w), "past 1 5+ to 5; ");
	put(w, "d");
	assert_string_equal(heard(w), "events 6+:1 to 6; ");
	world_free(w);
}

TEST(no_piece_goes_to_a_worker_that_does_not_take_what_it_has)
{
	struct world *w = begin(0);

	put(w, "a");
	watch(w, 1, "a", 1, 0);
	(void)heard(w);
	w->queued = CATCH_UP_QUEUE_BYTES;
	node_v3_watch_more(w->node, WORLD_SESSION, 1);
	world_settle(w);
	assert_string_equal(heard(w), "");
	w->queued = CATCH_UP_QUEUE_BYTES - 1;
	world_settle(w);
	assert_string_equal(heard(w), "past 1 2+ to 2; ");
	world_free(w);
}

TEST(watches_of_a_slow_worker_fall_behind_and_lose_nothing)
{
	struct world *w = begin(0);

	watch(w, 1, "a", 0, 0);
	put(w, "a");
	(void)heard(w);
	w->queued = V3_LIVE_QUEUE_BYTES + 1;
	put(w, "a");
	put(w, "a");
	assert_string_equal(heard(w), "watching 1 0 at 2 behind; ");
	w->queued = 0;
	put(w, "a");
	assert_string_equal(heard(w), "");
	node_v3_watch_more(w->node, WORLD_SESSION, 1);
	world_settle(w);
	assert_string_equal(heard(w), "past 1 3+ 4+ 5+ to 5; ");
	world_free(w);
}

TEST(at_the_limit_of_what_waits_for_a_worker_its_watches_are_live)
{
	struct world *w = begin(0);

	watch(w, 1, "a", 0, 0);
	(void)heard(w);
	w->queued = V3_LIVE_QUEUE_BYTES;
	put(w, "a");
	assert_string_equal(heard(w), "events 2+:1 to 2; ");
	world_free(w);
}

TEST(what_a_worker_drops_comes_again_as_the_past)
{
	struct world *w = begin(0);

	watch(w, 1, "a", 0, 0);
	put(w, "a");
	put(w, "a");
	(void)heard(w);
	node_v3_watch_drop(w->node, WORLD_SESSION, 1, 3);
	put(w, "a");
	assert_string_equal(heard(w), "");
	node_v3_watch_more(w->node, WORLD_SESSION, 1);
	world_settle(w);
	assert_string_equal(heard(w), "past 1 3+ 4+ to 4; ");
	world_free(w);
}

TEST(a_watch_from_before_compaction_is_refused_and_one_that_waits_there_ends)
{
	struct world *w = begin(0);

	put(w, "a");
	put(w, "a");
	put(w, "a");
	watch(w, 1, "a", 2, 0);
	watch(w, 2, "a", 3, 0);
	(void)heard(w);
	compact(w, 3);
	watch(w, 3, "a", 2, 0);
	watch(w, 4, "a", 3, 0);
	(void)heard(w);
	node_v3_watch_more(w->node, WORLD_SESSION, 1);
	node_v3_watch_more(w->node, WORLD_SESSION, 2);
	world_settle(w);
	assert_string_equal(heard(w), "watching 1 20 at 4 compacted 3; past 2 3+ 4+ to 4; ");
	watch(w, 5, "a", 2, 0);
	assert_string_equal(heard(w), "watching 5 20 at 4 compacted 3; ");
	world_free(w);
}

TEST(how_far_it_is_is_told_behind_all_that_happened)
{
	struct world *w = begin(0);

	watch(w, 1, "b", 0, 0);
	world_settle(w);
	assert_string_equal(heard_with(w, true), "watching 1 0 at 1; progress 0 1; ");
	begin_put(w, "b", 1);
	world_turn(w, 0);
	node_v3_progress_ask(w->node, WORLD_SESSION, 99);
	world_settle(w);
	assert_string_equal(heard_with(w, true), "events 2+:1 to 2; progress 99 2; ");
	put(w, "a");
	/* Nobody has asked, and it was told just now. */
	assert_string_equal(heard_with(w, true), "");
	assert_true(node_deadline(w->node) <= w->now.monotonic_ms + V3_PROGRESS_MS);
	world_turn(w, V3_PROGRESS_MS);
	assert_string_equal(heard_with(w, true), "progress 0 3; ");
	world_turn(w, V3_PROGRESS_MS);
	assert_string_equal(heard_with(w, true), "");
	/* But who has heard of it waits for nothing that is compacted. */
	put(w, "a");
	assert_string_equal(heard_with(w, true), "progress 0 4; ");
	put(w, "a");
	assert_string_equal(heard_with(w, true), "");
	compact(w, 5);
	assert_string_equal(heard_with(w, true), "progress 0 5; ");
	world_free(w);
}

TEST(how_far_it_is_is_told_behind_who_fell_behind_and_what_happened_before)
{
	struct world *w = begin(0);

	watch(w, 1, "a", 0, 0);
	watch(w, 2, "b", 0, 0);
	world_settle(w);
	(void)heard(w);
	w->queued = V3_LIVE_QUEUE_BYTES + 1;
	begin_put(w, "a", 1);
	world_turn(w, 0);
	node_v3_progress_ask(w->node, WORLD_SESSION, 99);
	world_settle(w);
	assert_string_equal(heard_with(w, true), "watching 1 0 at 1 behind; progress 99 2; ");
	w->queued = 0;
	node_v3_watch_more(w->node, WORLD_SESSION, 1);
	begin_put(w, "b", 1);
	world_turn(w, 0);
	node_v3_progress_ask(w->node, WORLD_SESSION, 98);
	world_settle(w);
	assert_string_equal(heard_with(w, true),
	    "past 1 2+ to 2; events 3+:1,2 to 3; progress 98 3; ");
	world_free(w);
}

TEST(a_session_that_goes_takes_its_watches_along)
{
	struct world *w = begin(0);

	watch(w, 1, "a", 0, 0);
	node_v3_progress_ask(w->node, WORLD_SESSION, 99);
	node_session_gone(w->node, WORLD_SESSION);
	(void)heard(w);
	put(w, "a");
	assert_string_equal(heard(w), "");
	world_free(w);
}

TEST(a_revision_that_is_too_much_for_a_watch_ends_it)
{
	struct world *w = begin(0);
	char key[8];

	for (unsigned i = 0; i <= 45; i++) {
		snprintf(key, sizeof(key), "k%02u", i);
		begin_put(w, key, 3 * MIB / 2);
		world_settle(w);
	}
	watch(w, 1, "a", 0, V3_WATCH_PREV_KV);
	watch(w, 2, "a", 0, 0);
	(void)heard(w);
	delete_all(w, "k", "l");
	world_settle(w);
	/* Together it is too much for both; each is given its own. */
	assert_string_equal(heard(w), "watching 1 0 at 47 behind; watching 2 0 at 47 behind; ");
	node_v3_watch_more(w->node, WORLD_SESSION, 1);
	world_settle(w);
	assert_string_equal(heard(w), "watching 1 7 at 48; ");
	node_v3_watch_more(w->node, WORLD_SESSION, 2);
	world_settle(w);
	assert_non_null(strstr(heard(w), " 48- to 48; "));
	world_free(w);
}

TEST(a_node_has_so_many_watches)
{
	struct world *w = begin(0);

	for (size_t i = 1; i < V3_WATCHES_MAX; i++)
		watch(w, i, "a", 0, 0);
	buf_clear(&w->said);
	watch(w, V3_WATCHES_MAX, "a", 0, 0);
	watch(w, V3_WATCHES_MAX + 1, "a", 0, 0);
	assert_string_equal(heard(w), "watching 262144 0 at 1; watching 262145 60 at 1; ");
	node_v3_unwatch(w->node, WORLD_SESSION, 5);
	watch(w, V3_WATCHES_MAX + 2, "a", 0, 0);
	assert_string_equal(heard(w), "watching 262146 0 at 1; ");
	world_free(w);
}

TEST(watches_of_long_ranges_have_so_many_bytes)
{
	struct world *w = begin(0);
	uint8_t *bytes = xzalloc(V3_REQUEST_BYTES_MAX);
	uint64_t id = 0;

	do {
		buf_clear(&w->said);
		/* Each range another one. */
		memcpy(bytes, &id, sizeof(id));
		node_v3_watch(w->node, WORLD_SESSION, ++id, &(struct msg_v3_watch){
		    .key = slice_of(bytes, V3_REQUEST_BYTES_MAX), .end = slice_of("", 1) });
	} while (strstr(world_said(w), " 60 at ") == NULL);
	/* The last of them passes it. */
	assert_int_equal(id - 1, V3_WATCHES_BYTES_MAX / V3_REQUEST_BYTES_MAX);
	free(bytes);
	world_free(w);
}

/* A delete of many keys takes several turns, and is one revision. */
TEST(what_is_under_way_is_told_when_it_is_whole_and_nobody_is_said_to_have_it_before)
{
	struct world *w = begin(0);
	char key[8];
	bool waited = false;

	/* More than the rounds of a turn. */
	for (unsigned i = 0; i < (2 * READY_ROUNDS_MAX + 4) * V3_STEP_CHANGES; i++) {
		snprintf(key, sizeof(key), "k%05u", i);
		begin_put(w, key, 1);
		if (i % 512 == 511)
			world_settle(w);
	}
	watch(w, 1, "a", 0, 0);
	watch(w, 2, "k00005", 0, 0);
	world_settle(w);
	(void)heard(w);
	/* One before it in the same turn. */
	begin_put(w, "a", 1);
	delete_all(w, "k", "l");
	for (unsigned i = 0; i < 100 && !waited; i++) {
		world_turn(w, 0);
		world_sync(w);
		waited = mvcc_is_under_way(w->node->replica->mvcc);
	}
	assert_true(waited);
	node_v3_progress_ask(w->node, WORLD_SESSION, 99);
	watch(w, 3, "k00003", 0, 0);
	node_v3_watch_more(w->node, WORLD_SESSION, 3);
	world_turn(w, 0);
	assert_string_equal(heard_with(w, true), "watching 3 0 at 20482 behind; ");
	world_settle(w);
	assert_non_null(strstr(world_said(w), "events 20482+:1 20483-:1"));
	assert_non_null(strstr(world_said(w), " to 20483; past 3 20483- "));
	assert_non_null(strstr(world_said(w), "progress 99 20483; "));
	assert_true(strstr(world_said(w), "progress 99") > strstr(world_said(w), "to 20483"));
	world_free(w);
}
