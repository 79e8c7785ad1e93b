/*
 * listing_test.c - reads held back by their worker, and answers in pieces.
 */
#include "tests/unit/raftd/world.h"

#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/xmem.h"
#include "tests/lib/test.h"

#include <stdlib.h>

#define OTHER_SESSION 78

static void
put(struct world *w, const char *key, size_t value_bytes)
{
	static uint64_t sequence;
	uint8_t *value = xzalloc(value_bytes);
	struct msg_write write = {
		.low = ++sequence, .op = WRITE_SET, .key = slice_text(key),
		.value = slice_of(value, value_bytes),
	};

	memset(value, 'v', value_bytes);
	node_write(w->node, WORLD_SESSION, sequence, false, &write);
	world_settle(w);
	free(value);
	buf_clear(&w->said);
	buf_clear(&w->event);
}

static void
get(struct world *w, uint64_t session, uint64_t id, const char *key)
{
	node_read(w->node, session, id, &(struct msg_read){ .flags = READ_FLAG_RECURSIVE,
	    .key = slice_text(key) });
}

/* What was answered since said was cleared is this. */
static void
expect_said(struct world *w, const char *said)
{
	struct buf answers = BUF_INIT;
	const char *at = world_said(w), *end;

	while ((end = strstr(at, "; ")) != NULL) {
		if (strncmp(at, "status", 6) != 0)
			buf_append(&answers, at, (size_t)(end + 2 - at));
		at = end + 2;
	}
	buf_append_byte(&answers, 0);
	assert_string_equal((const char *)answers.data, said);
	buf_free(&answers);
	buf_clear(&w->said);
}

/* The pieces of an answer, its length filled in, are an event that shows so many bytes. */
static void
expect_shown(struct world *w, size_t value_bytes)
{
	uint32_t size = (uint32_t)(w->event.size - 22);
	struct event_record event;
	struct node_record node;
	struct reader in;

	assert_memory_equal(w->event.data + 18, "\xff\xff\xff\xff", 4);
	memcpy(w->event.data + 18, &size, 4);
	in = reader_of(buf_slice(&w->event));
	assert_true(event_record_get(&in, &event) && reader_done(&in));
	in = reader_of(event.nodes);
	assert_true(node_record_get(&in, &node) && reader_done(&in));
	assert_int_equal(node.value.size, value_bytes);
}

TEST(a_big_answer_comes_in_pieces_that_are_asked_for)
{
	struct world *w = world_leading();
	size_t pieces = 1;

	put(w, "/big", 1000000);
	get(w, WORLD_SESSION, 7, "/big");
	world_turn(w, 0);
	expect_said(w, "piece 7 0; ");
	assert_true(w->event.size <= ANSWER_PIECE_BYTES + KIB);
	world_turn(w, 1);
	world_turn(w, 1);
	expect_said(w, "");
	while (w->last.more) {
		node_read_more(w->node, WORLD_SESSION, 7);
		/* Once is enough. */
		node_read_more(w->node, WORLD_SESSION, 7);
		world_turn(w, 1);
		pieces++;
	}
	assert_int_equal(pieces, 4);
	expect_said(w, "piece 7 0; piece 7 0; outcome 7 0; ");
	expect_shown(w, 1000000);
	/* It is over. */
	node_read_more(w->node, WORLD_SESSION, 7);
	world_turn(w, 1);
	expect_said(w, "");
	world_free(w);
}

TEST(a_small_answer_is_one_message)
{
	struct world *w = world_leading();

	put(w, "/small", 200000);
	assert_int_equal(world_read(w, 3, "/small", 0), ERR_NONE);
	expect_said(w, "outcome 3 0; ");
	assert_int_equal(world_read(w, 4, "/none", 0), ERR_KEY_NOT_FOUND);
	assert_int_equal(world_read(w, 5, "/big", 0), ERR_KEY_NOT_FOUND);
	world_free(w);
}

TEST(what_nobody_wants_any_more_ends)
{
	struct world *w = world_leading();

	put(w, "/big", 1000000);
	get(w, WORLD_SESSION, 7, "/big");
	get(w, OTHER_SESSION, 7, "/big");
	world_turn(w, 0);
	expect_said(w, "piece 7 0; piece 7 0; ");
	node_read_stop(w->node, WORLD_SESSION, 7);
	node_read_more(w->node, WORLD_SESSION, 7);
	world_turn(w, 1);
	expect_said(w, "");
	assert_true(node_reads_end(w->node));
	node_session_gone(w->node, OTHER_SESSION);
	assert_false(node_reads_end(w->node));
	world_free(w);
}

TEST(a_worker_that_does_not_take_its_answers_gets_no_more)
{
	struct world *w = world_leading();

	put(w, "/small", 1000);
	put(w, "/big", 1000000);
	w->queued = SESSION_ANSWER_BYTES;
	get(w, WORLD_SESSION, 1, "/small");
	get(w, WORLD_SESSION, 2, "/big");
	get(w, OTHER_SESSION, 3, "/small");
	world_turn(w, 0);
	/* Those of others pass them by, and nobody spins. */
	expect_said(w, "outcome 3 0; ");
	assert_true(node_deadline(w->node) > w->now.monotonic_ms);
	world_turn(w, 1000);
	expect_said(w, "");
	w->queued = 0;
	world_turn(w, 1);
	expect_said(w, "outcome 1 0; piece 2 0; ");
	/* Pieces stop earlier than small answers. */
	w->queued = SESSION_PIECES_BYTES;
	node_read_more(w->node, WORLD_SESSION, 2);
	get(w, WORLD_SESSION, 4, "/small");
	world_turn(w, 1);
	expect_said(w, "outcome 4 0; ");
	assert_true(node_deadline(w->node) > w->now.monotonic_ms);
	w->queued = 0;
	world_turn(w, 1);
	expect_said(w, "piece 2 0; ");
	world_free(w);
}

/* One worker has many clients. */
TEST(small_answers_pass_the_others_and_leave_them_a_part)
{
	struct world *w = world_leading();
	size_t middle = 0;

	put(w, "/small", ANSWER_SMALL_BYTES - 200);
	put(w, "/middle", ANSWER_SMALL_BYTES + 1);
	for (uint64_t id = 1; id <= 3; id++)
		get(w, WORLD_SESSION, id, "/middle");
	get(w, WORLD_SESSION, 4, "/small");
	world_turn(w, 0);
	expect_said(w, "outcome 4 0; outcome 1 0; outcome 2 0; outcome 3 0; ");
	/* Where the others have to wait, too. */
	w->queued = SESSION_PIECES_BYTES;
	get(w, WORLD_SESSION, 5, "/middle");
	get(w, WORLD_SESSION, 6, "/small");
	world_turn(w, 0);
	expect_said(w, "outcome 6 0; ");
	w->queued = 0;
	world_turn(w, 1);
	expect_said(w, "outcome 5 0; ");
	/* More of them than a turn can answer. */
	for (uint64_t id = 10; id < 1000; id++)
		get(w, id % 2 == 0 ? WORLD_SESSION : OTHER_SESSION, id,
		    id < 20 ? "/middle" : "/small");
	world_turn(w, 0);
	for (const char *at = world_said(w); (at = strstr(at, "outcome 1")) != NULL; at++)
		middle += strncmp(at + strlen("outcome 1"), "0 ", 2) == 0 ||
		    strncmp(at + strlen("outcome 1"), "9 ", 2) == 0;
	assert_int_equal(middle, 2);
	assert_true(w->outcomes < 990);
	world_free(w);
}

TEST(what_cannot_be_answered_in_time_is_refused)
{
	struct world *w = world_leading();

	put(w, "/small", 1000);
	w->queued = SESSION_ANSWER_BYTES;
	get(w, WORLD_SESSION, 1, "/small");
	world_turn(w, 4999);
	expect_said(w, "");
	/* With turns between, so that no leader is missed. */
	assert_true(node_deadline(w->node) <= w->now.monotonic_ms + 1);
	world_turn(w, 1);
	assert_int_equal(w->last.error, ERR_RAFT_INTERNAL);
	assert_string_equal(w->last_cause, "too much waits to be read before this answer");
	world_free(w);
}

TEST(a_turn_answers_a_bounded_amount)
{
	struct world *w = world_leading();
	size_t turns = 0;

	put(w, "/small", 200000);
	for (uint64_t id = 1; id <= 100; id++)
		get(w, id % 2 == 0 ? WORLD_SESSION : OTHER_SESSION, id, "/small");
	while (w->outcomes < 101) {
		size_t before = w->outcomes;

		world_turn(w, 0);
		assert_in_range(w->outcomes - before, 1, ANSWER_TURN_BYTES / 200000 + 1);
		if (w->outcomes < 101)
			assert_true(node_deadline(w->node) <= w->now.monotonic_ms);
		turns++;
	}
	assert_int_equal(turns, 5);
	world_free(w);
}

TEST(pieces_go_round_robin)
{
	struct world *w = world_leading();

	put(w, "/big", 1000000);
	for (uint64_t id = 1; id <= 6; id++)
		get(w, WORLD_SESSION, id, "/big");
	world_turn(w, 0);
	expect_said(w, "piece 1 0; piece 2 0; piece 3 0; piece 4 0; ");
	assert_true(node_deadline(w->node) <= w->now.monotonic_ms);
	for (uint64_t id = 1; id <= 4; id++)
		node_read_more(w->node, WORLD_SESSION, id);
	world_turn(w, 0);
	expect_said(w, "piece 5 0; piece 6 0; piece 1 0; piece 2 0; ");
	world_turn(w, 0);
	expect_said(w, "piece 3 0; piece 4 0; ");
	assert_true(node_deadline(w->node) > w->now.monotonic_ms);
	world_free(w);
}

TEST(a_listing_that_is_not_read_on_gives_way)
{
	struct world *w = world_leading();

	put(w, "/big", 1000000);
	for (uint64_t id = 1; id <= SESSION_VIEWS_MAX + 2; id++)
		get(w, WORLD_SESSION, id, "/big");
	for (unsigned i = 0; i < 5; i++)
		world_turn(w, 0);
	assert_int_equal(w->outcomes, SESSION_VIEWS_MAX + 1);
	/* Another worker has places of its own. */
	get(w, OTHER_SESSION, 1, "/big");
	world_turn(w, 0);
	assert_int_equal(w->last_session, OTHER_SESSION);
	buf_clear(&w->said);
	/* Who reads on keeps his place: the two that did not for the longest time go. */
	world_turn(w, 1000);
	node_read_more(w->node, WORLD_SESSION, 1);
	world_turn(w, 0);
	expect_said(w, "piece 1 0; ");
	assert_true(node_deadline(w->node) <= w->now.monotonic_ms + 1000);
	world_turn(w, 1000);
	expect_said(w, "outcome 2 300; outcome 3 300; piece 17 0; piece 18 0; ");
	/* With nobody waiting, a minute. */
	for (unsigned i = 0; i < 57; i++)
		world_turn(w, 1000);
	expect_said(w, "");
	for (unsigned i = 0; i < 3; i++)
		world_turn(w, 1000);
	assert_non_null(strstr(world_said(w), "outcome 18 300; "));
	assert_false(node_reads_end(w->node));
	world_free(w);
}

TEST(before_the_end_no_listing_begins)
{
	struct world *w = world_leading();

	put(w, "/small", 1000);
	put(w, "/big", 600000);
	get(w, WORLD_SESSION, 1, "/big");
	world_turn(w, 0);
	assert_true(node_reads_end(w->node));
	get(w, WORLD_SESSION, 2, "/big");
	get(w, WORLD_SESSION, 3, "/small");
	node_read_more(w->node, WORLD_SESSION, 1);
	world_turn(w, 0);
	expect_said(w, "piece 1 0; outcome 3 0; piece 1 0; ");
	node_read_more(w->node, WORLD_SESSION, 1);
	world_turn(w, 0);
	expect_said(w, "outcome 1 0; ");
	assert_false(node_reads_end(w->node));
	world_free(w);
}
