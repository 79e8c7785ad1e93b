/*
 * v3_test.c - requests of the v3 keys at a leader of a cluster of one: what they are answered,
 * at once and in pieces, and how much may be under way.
 */
#include "tests/unit/raftd/world.h"

#include "common/ipc/v3.h"
#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/v3_error.h"
#include "common/xmem.h"
#include "raftd/replica/mvcc/request.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>

#define READ 1000		/* request ids of reads begin here */

/* ---- asking ------------------------------ */

static void
change(struct world *w, uint64_t sequence, const struct buf *ops)
{
	node_v3_change(w->node, WORLD_SESSION, sequence, false,
	    &(struct msg_v3_write){ .low = 1, .ops = buf_slice(ops) });
}

static void
forget(struct world *w)
{
	buf_clear(&w->said);
	buf_clear(&w->event);
}

/* flags: V3_PUT_* */
static void
put_op(struct buf *ops, const char *key, size_t value_bytes, unsigned flags)
{
	uint8_t *value = xmalloc(value_bytes + 1);

	memset(value, 'v', value_bytes);
	mvcc_op_put_put(ops, &(struct v3_put){ .key = slice_text(key),
	    .value = slice_of(value, value_bytes), .flags = (uint8_t)flags });
	free(value);
}

static void
put(struct world *w, uint64_t sequence, const char *key, size_t value_bytes, unsigned flags)
{
	struct buf ops = BUF_INIT;

	put_op(&ops, key, value_bytes, flags);
	change(w, sequence, &ops);
	world_settle(w);
	buf_free(&ops);
}

/* All keys from that one on. */
static void
range_op(struct buf *ops, const char *key, uint64_t min_mod)
{
	mvcc_op_put_range(ops, &(struct v3_range){ .key = slice_text(key),
	    .end = SLICE_LITERAL("\0"), .min_mod = min_mod });
}

static void
range(struct world *w, uint64_t id, const char *key, bool quorum)
{
	struct buf ops = BUF_INIT;

	range_op(&ops, key, 0);
	node_v3_read(w->node, WORLD_SESSION, id,
	    &(struct msg_v3_read){ .quorum = quorum, .ops = buf_slice(&ops) });
	buf_free(&ops);
}

/* ---- what was answered ------------------------------ */

struct answer {
	struct v3_answer head;
	struct v3_result results[4];
	size_t count;
	size_t bytes;
};

/* All that came since it was forgotten is one answer. */
static struct answer
answer_of(struct world *w)
{
	struct reader in = reader_of(buf_slice(&w->event)), results;
	struct answer answer = { .count = 0 };

	assert_true(v3_answer_get(&in, &answer.head));
	answer.bytes = reader_left(&in);
	results = reader_of(answer.head.results);
	while (!reader_done(&results)) {
		assert_true(answer.count < ARRAY_COUNT(answer.results));
		assert_true(v3_result_get(&results, &answer.results[answer.count++]));
	}
	return answer;
}

static void
expect_error(struct world *w, enum v3_error error)
{
	struct answer answer = answer_of(w);

	assert_int_equal(answer.head.error, error);
	assert_int_equal(answer.count, 0);
	assert_int_equal(answer.bytes, 0);
}

static bool
was_said(struct world *w, const char *what, uint64_t id, enum err error)
{
	char text[64];
	bool said;

	snprintf(text, sizeof(text), "%s %u %d; ", what, (unsigned)id, (int)error);
	buf_append_byte(&w->said, '\0');
	said = strstr((const char *)w->said.data, text) != NULL;
	w->said.size--;
	return said;
}

TEST(a_write_is_answered_with_what_it_shows)
{
	struct world *w = world_leading();
	struct answer answer;

	forget(w);
	put(w, 1, "a", 10, V3_PUT_PREV_KV);
	assert_true(was_said(w, "outcome", 1, ERR_NONE));
	answer = answer_of(w);
	assert_int_equal(answer.head.error, V3_NONE);
	assert_int_equal(answer.head.revision, 2);
	assert_int_equal(answer.count, 1);
	assert_int_equal(answer.results[0].kind, V3_OP_PUT);
	assert_int_equal(answer.results[0].kvs, 0);
	forget(w);
	put(w, 2, "a", 20, V3_PUT_PREV_KV);
	answer = answer_of(w);
	assert_int_equal(answer.head.revision, 3);
	assert_int_equal(answer.results[0].kvs, 1);
	assert_int_equal(answer.results[0].bytes, answer.bytes);
	assert_true(answer.bytes > 10 && answer.bytes < 40);
	world_free(w);
}

TEST(a_repeat_is_answered_as_the_first_time)
{
	struct world *w = world_leading();
	struct buf first = BUF_INIT, ops = BUF_INIT;

	put(w, 1, "a", 10, 0);
	forget(w);
	put(w, 2, "a", 20, V3_PUT_PREV_KV);
	buf_append_slice(&first, buf_slice(&w->event));
	put(w, 3, "a", 30, 0);
	forget(w);
	put_op(&ops, "a", 20, V3_PUT_PREV_KV);
	node_v3_change(w->node, WORLD_SESSION, 2, true,
	    &(struct msg_v3_write){ .low = 1, .ops = buf_slice(&ops) });
	world_settle(w);
	assert_true(was_said(w, "outcome", 2, ERR_NONE));
	assert_true(slice_equal(buf_slice(&w->event), buf_slice(&first)));
	/* And nothing was put. */
	forget(w);
	range(w, READ, "a", true);
	world_settle(w);
	assert_int_equal(answer_of(w).head.revision, 4);
	buf_free(&first);
	buf_free(&ops);
	world_free(w);
}

TEST(what_history_has_no_more_of_is_not_told)
{
	struct world *w = world_leading();
	struct buf ops = BUF_INIT;

	put(w, 1, "a", 10, 0);
	put(w, 2, "a", 20, V3_PUT_PREV_KV);
	node_v3_compact(w->node, WORLD_SESSION, 3, false,
	    &(struct msg_v3_compact){ .low = 1, .revision = 3 });
	world_settle(w);
	put_op(&ops, "a", 20, V3_PUT_PREV_KV);
	forget(w);
	node_v3_change(w->node, WORLD_SESSION, 2, true,
	    &(struct msg_v3_write){ .low = 1, .ops = buf_slice(&ops) });
	world_settle(w);
	expect_error(w, V3_TIMED_OUT);
	buf_free(&ops);
	world_free(w);
}

TEST(what_cannot_be_done_is_said)
{
	struct world *w = world_leading();

	forget(w);
	node_v3_compact(w->node, WORLD_SESSION, 1, false,
	    &(struct msg_v3_compact){ .low = 1, .revision = 9 });
	world_settle(w);
	expect_error(w, V3_FUTURE_REVISION);
	forget(w);
	node_v3_revoke(w->node, WORLD_SESSION, 2, false,
	    &(struct msg_v3_revoke){ .low = 1, .id = 5 });
	world_settle(w);
	expect_error(w, V3_LEASE_NOT_FOUND);
	forget(w);
	node_v3_grant(w->node, WORLD_SESSION, 3, false,
	    &(struct msg_v3_grant){ .low = 1, .id = 5, .ttl_s = 60 });
	world_settle(w);
	assert_int_equal(answer_of(w).head.ttl_s, 60);
	world_free(w);
}

TEST(a_read_waits_for_a_quorum_or_not)
{
	struct world *w = world_leading();

	put(w, 1, "a", 10, 0);
	forget(w);
	range(w, READ, "a", false);
	range(w, READ + 1, "a", true);
	world_turn(w, 0);
	assert_true(was_said(w, "outcome", READ, ERR_NONE));
	world_settle(w);
	assert_true(was_said(w, "outcome", READ + 1, ERR_NONE));
	world_free(w);
}

/* ---- in pieces ------------------------------ */

/* So many keys "k00" ..., of that size each. */
static void
fill(struct world *w, size_t count, size_t value_bytes)
{
	for (size_t i = 0; i < count; i++) {
		char key[8];

		snprintf(key, sizeof(key), "k%02zu", i);
		put(w, i + 1, key, value_bytes, 0);
	}
	forget(w);
}

/* Read on until nothing more follows; how many pieces came before. */
static size_t
read_on(struct world *w, uint64_t id)
{
	size_t pieces = 0;

	while (!was_said(w, "outcome", id, ERR_NONE)) {
		size_t before = w->outcomes;

		node_read_more(w->node, WORLD_SESSION, id);
		world_settle(w);
		assert_true(w->outcomes > before);
		pieces++;
		assert_true(pieces < 100);
	}
	return pieces;
}

TEST(a_long_read_comes_as_it_is_asked_for)
{
	struct world *w = world_leading();
	struct answer answer;
	size_t before;

	fill(w, 10, 100 * KIB);
	before = w->outcomes;
	range(w, READ, "k", true);
	world_settle(w);
	assert_true(was_said(w, "piece", READ, ERR_NONE));
	assert_true(w->event.size <= ANSWER_PIECE_BYTES + 101 * KIB);
	assert_int_equal(w->outcomes, before + 1);
	/* What is written meanwhile is not in it. */
	put(w, 11, "k10", 10, 0);
	forget(w);
	range(w, READ + 1, "k", true);
	world_settle(w);
	assert_true(read_on(w, READ + 1) >= 3);
	answer = answer_of(w);
	assert_int_equal(answer.results[0].kvs, 11);
	assert_int_equal(answer.results[0].bytes, answer.bytes);
	forget(w);
	(void)read_on(w, READ);
	assert_true(w->event.size < 1000 * KIB);
	world_free(w);
}

TEST(a_long_answer_of_a_write_is_of_its_moment)
{
	struct world *w = world_leading();
	struct buf ops = BUF_INIT;

	fill(w, 10, 100 * KIB);
	mvcc_op_put_delete(&ops, &(struct v3_delete){ .key = SLICE_LITERAL("k"),
	    .end = SLICE_LITERAL("\0"), .flags = V3_DELETE_PREV_KV });
	change(w, 11, &ops);
	world_settle(w);
	assert_true(was_said(w, "piece", 11, ERR_NONE));
	node_v3_compact(w->node, WORLD_SESSION, 12, false,
	    &(struct msg_v3_compact){ .low = 1, .revision = 12 });
	world_settle(w);
	/* Nothing that it needs is freed, though it was compacted. */
	assert_true(was_said(w, "outcome", 12, ERR_NONE));
	buf_clear(&w->said);
	assert_true(read_on(w, 11) >= 3);
	assert_true(w->event.size > 1000 * KIB);
	buf_free(&ops);
	world_free(w);
}

TEST(nobody_asks_for_the_rest_for_long)
{
	struct world *w = world_leading();

	fill(w, 10, 100 * KIB);
	range(w, READ, "k", true);
	world_settle(w);
	assert_true(was_said(w, "piece", READ, ERR_NONE));
	world_turn(w, V3_ANSWER_MS_MAX + 1);
	world_settle(w);
	assert_false(was_said(w, "outcome", READ, ERR_RAFT_INTERNAL));
	/* It goes on, and ends when what it shows is gone. */
	node_read_more(w->node, WORLD_SESSION, READ);
	world_settle(w);
	assert_false(was_said(w, "outcome", READ, ERR_RAFT_INTERNAL));
	put(w, 50, "k00", 1, 0);
	node_v3_compact(w->node, WORLD_SESSION, 51, false,
	    &(struct msg_v3_compact){ .low = 1, .revision = 12 });
	world_settle(w);
	node_read_more(w->node, WORLD_SESSION, READ);
	world_settle(w);
	assert_true(was_said(w, "outcome", READ, ERR_RAFT_INTERNAL));
	assert_false(node_read_stop(w->node, WORLD_SESSION, READ));
	world_free(w);
}

TEST(a_worker_reads_so_many_at_a_time)
{
	struct world *w = world_leading();

	fill(w, 10, 100 * KIB);
	for (uint64_t i = 0; i <= SESSION_V3_MAX; i++)
		range(w, READ + i, "k", true);
	/* A turn sends a few pieces. */
	for (size_t i = 0; i <= SESSION_V3_MAX; i++)
		world_settle(w);
	assert_true(was_said(w, "piece", READ + SESSION_V3_MAX - 1, ERR_NONE));
	assert_false(was_said(w, "piece", READ + SESSION_V3_MAX, ERR_NONE));
	assert_true(node_read_stop(w->node, WORLD_SESSION, READ));
	world_settle(w);
	assert_true(was_said(w, "piece", READ + SESSION_V3_MAX, ERR_NONE));
	node_session_gone(w->node, WORLD_SESSION);
	assert_false(node_read_stop(w->node, WORLD_SESSION, READ + 1));
	world_free(w);
}

/* A txn that puts a key and shows all from "k" on. */
static void
put_and_show(struct world *w, uint64_t sequence)
{
	struct buf ops = BUF_INIT;

	mvcc_op_put_branch(&ops, &(struct v3_branch){ .success_end = 3, .failure_end = 3 });
	put_op(&ops, "a", 1, 0);
	range_op(&ops, "k", 0);
	change(w, sequence, &ops);
	world_settle(w);
	buf_free(&ops);
}

TEST(so_many_writes_may_be_shown_at_a_time)
{
	struct world *w = world_leading();
	uint64_t first = 5;

	fill(w, 4, 100 * KIB);
	for (uint64_t i = 0; i < SESSION_V3_WRITES_MAX; i++) {
		forget(w);
		put_and_show(w, first + i);
		assert_true(was_said(w, "piece", first + i, ERR_NONE));
	}
	forget(w);
	put_and_show(w, first + SESSION_V3_WRITES_MAX);
	assert_true(was_said(w, "outcome", first + SESSION_V3_WRITES_MAX, ERR_NONE));
	expect_error(w, V3_TIMED_OUT);
	/* It was done all the same. */
	forget(w);
	range(w, READ, "k03", true);
	world_settle(w);
	assert_int_equal(answer_of(w).head.revision, 1 + first + SESSION_V3_WRITES_MAX);
	world_free(w);
}

/* ---- a turn ------------------------------ */

static void
put_many(struct world *w, uint64_t sequence, size_t first, size_t count)
{
	struct buf ops = BUF_INIT;

	mvcc_op_put_branch(&ops, &(struct v3_branch){
	    .success_end = (uint32_t)count + 1, .failure_end = (uint32_t)count + 1 });
	for (size_t i = 0; i < count; i++) {
		char key[16];

		snprintf(key, sizeof(key), "k%06zu", first + i);
		put_op(&ops, key, 1, 0);
	}
	change(w, sequence, &ops);
	world_settle(w);
	buf_free(&ops);
}

TEST(a_turn_looks_at_so_many_keys_and_others_are_answered_meanwhile)
{
	struct world *w = world_leading();
	struct buf ops = BUF_INIT;
	unsigned turns = 0;

	for (uint64_t i = 0; i < 4; i++)
		put_many(w, i + 1, i * 16000, 16000);
	forget(w);
	/* All are looked at, none is shown. */
	range_op(&ops, "k", 1000);
	node_v3_read(w->node, WORLD_SESSION, READ,
	    &(struct msg_v3_read){ .ops = buf_slice(&ops) });
	while (!was_said(w, "outcome", READ, ERR_NONE)) {
		range(w, READ + 1 + turns, "l", false);
		world_turn(w, 0);
		assert_true(was_said(w, "outcome", READ + 1 + turns, ERR_NONE));
		turns++;
		assert_true(turns < 20);
	}
	assert_true(turns >= 4);
	buf_free(&ops);
	world_free(w);
}

/* ---- what may be asked ------------------------------ */

TEST(a_request_is_one_operation_and_a_read_changes_nothing)
{
	struct buf ops = BUF_INIT;

	assert_false(node_v3_is_request(SLICE_EMPTY, SLICE_EMPTY, true));
	assert_false(node_v3_is_request(SLICE_EMPTY, SLICE_LITERAL("x"), true));
	range_op(&ops, "a", 0);
	assert_true(node_v3_is_request(SLICE_EMPTY, buf_slice(&ops), true));
	assert_true(node_v3_is_request(SLICE_EMPTY, buf_slice(&ops), false));
	range_op(&ops, "b", 0);
	assert_false(node_v3_is_request(SLICE_EMPTY, buf_slice(&ops), false));
	buf_clear(&ops);
	put_op(&ops, "a", 1, 0);
	assert_true(node_v3_is_request(SLICE_EMPTY, buf_slice(&ops), true));
	assert_false(node_v3_is_request(SLICE_EMPTY, buf_slice(&ops), false));
	buf_free(&ops);
}

TEST(lists_of_a_request_have_so_many_bytes)
{
	struct buf ops = BUF_INIT;
	size_t head;

	put_op(&ops, "a", 0, 0);
	head = ops.size;
	buf_clear(&ops);
	put_op(&ops, "a", V3_REQUEST_BYTES_MAX - head, 0);
	assert_int_equal(ops.size, V3_REQUEST_BYTES_MAX);
	assert_true(node_v3_is_request(SLICE_EMPTY, buf_slice(&ops), true));
	buf_clear(&ops);
	put_op(&ops, "a", V3_REQUEST_BYTES_MAX - head + 1, 0);
	assert_false(node_v3_is_request(SLICE_EMPTY, buf_slice(&ops), true));
	buf_free(&ops);
}
