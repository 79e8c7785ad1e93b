/*
 * v3_state_test.c - what is asked on all of the v3 keys: figures, leases, checksums that take
 * more than a turn, and who waits for compaction.
 */
#include "tests/unit/raftd/world.h"

#include "common/ipc/wire.h"
#include "common/v3_error.h"
#include "raftd/node_priv.h"
#include "raftd/replica/mvcc/mvcc.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

#define READ 1000

static void
put_keys_begin(struct world *w, uint64_t sequence, unsigned count)
{
	struct buf ops = BUF_INIT;
	char key[16];

	mvcc_op_put_branch(&ops, &(struct v3_branch){ .success_end = 1 + count,
	    .failure_end = 1 + count });
	for (unsigned i = 0; i < count; i++) {
		snprintf(key, sizeof(key), "%08u", i);
		mvcc_op_put_put(&ops, &(struct v3_put){ .key = slice_text(key) });
	}
	node_v3_change(w->node, WORLD_SESSION, sequence, false,
	    &(struct msg_v3_write){ .low = 1, .ops = buf_slice(&ops) });
	buf_free(&ops);
}

static void
put_keys(struct world *w, uint64_t sequence, unsigned count)
{
	put_keys_begin(w, sequence, count);
	world_settle(w);
}

static void
ask(struct world *w, uint8_t what, uint64_t revision)
{
	buf_clear(&w->event);
	buf_clear(&w->said);
	node_v3_state(w->node, WORLD_SESSION, READ, &(struct msg_v3_state){ .what = what,
	    .quorum = 1, .revision = revision });
	world_turn(w, 0);
}

static bool
is_answered(struct world *w)
{
	static const char answered[] = "outcome 1000";

	return w->said.size > 0 &&
	    memmem(w->said.data, w->said.size, answered, strlen(answered)) != NULL;
}

static struct v3_state_answer
answer_of(struct world *w)
{
	struct reader in = reader_of(buf_slice(&w->event));
	struct v3_state_answer answer;

	assert_true(is_answered(w));
	assert_true(v3_state_answer_get(&in, &answer));
	return answer;
}

/* Settle, but for turns that a checksum alone wants. */
static unsigned
turns_until_answered(struct world *w)
{
	unsigned turns = 0;

	for (; !is_answered(w) && turns < 1000; turns++) {
		assert_true(node_deadline(w->node) <= w->now.monotonic_ms);
		world_turn(w, 0);
	}
	return turns;
}

TEST(figures_are_of_now)
{
	struct world *w = world_leading();

	put_keys(w, 1, 3);
	ask(w, V3_STATE_FIGURES, 0);
	assert_int_equal(answer_of(w).revision, 2);
	assert_int_equal(answer_of(w).applied, w->node->applied.index);
	assert_int_equal(answer_of(w).commit, w->node->applied.index);
	assert_int_equal((int64_t)answer_of(w).compacted, -1);
	world_free(w);
}

TEST(leases_are_listed_up_to_a_limit)
{
	struct world *w = world_leading();
	struct mvcc *mvcc = w->node->replica->mvcc;
	struct buf effects = BUF_INIT;
	uint64_t granted;

	for (uint64_t id = 1; id <= V3_LEASES_SHOWN_MAX; id++) {
		assert_int_equal(mvcc_lease_grant(mvcc, id, 600, 1, &effects, &granted), V3_NONE);
		buf_clear(&effects);
	}
	ask(w, V3_STATE_LEASES, 0);
	assert_int_equal(answer_of(w).leases.size, V3_LEASES_SHOWN_MAX * sizeof(uint64_t));
	assert_int_equal(mvcc_lease_grant(mvcc, UINT64_MAX, 600, 1, &effects, &granted), V3_NONE);
	ask(w, V3_STATE_LEASES, 0);
	assert_int_equal(answer_of(w).error, V3_TOO_MANY_LEASES);
	buf_free(&effects);
	world_free(w);
}

TEST(a_checksum_takes_turns_and_writes_go_on)
{
	struct world *w = world_leading();
	uint32_t hash;

	put_keys(w, 1, 16000);
	ask(w, V3_STATE_HASH, 2);
	assert_false(is_answered(w));
	assert_true(turns_until_answered(w) >= 16000 / V3_CHECKSUM_LOOKS - 1);
	hash = answer_of(w).hash;
	assert_int_equal(answer_of(w).hash_revision, 2);
	/* The same while more is written, and after it. */
	ask(w, V3_STATE_HASH, 2);
	put_keys_begin(w, 2, 100);
	for (unsigned i = 0; i < 2; i++) {
		world_turn(w, 0);
		world_sync(w);
	}
	assert_int_equal(mvcc_revision(w->node->replica->mvcc), 3);
	assert_false(is_answered(w));
	buf_clear(&w->event);
	turns_until_answered(w);
	assert_int_equal(answer_of(w).hash, hash);
	ask(w, V3_STATE_HASH, 0);
	turns_until_answered(w);
	assert_int_equal(answer_of(w).hash_revision, 3);
	assert_true(answer_of(w).hash != hash);
	ask(w, V3_STATE_HASH, 4);
	assert_int_equal(answer_of(w).error, V3_FUTURE_REVISION);
	world_free(w);
}

static void
compact(struct world *w, uint64_t sequence, uint64_t revision)
{
	node_v3_compact(w->node, WORLD_SESSION, sequence, false,
	    &(struct msg_v3_compact){ .low = 1, .revision = revision });
}

TEST(a_checksum_that_compaction_overtakes_says_so)
{
	struct world *w = world_leading();

	put_keys(w, 1, 16000);
	put_keys(w, 2, 10);
	ask(w, V3_STATE_HASH, 2);
	assert_false(is_answered(w));
	compact(w, 3, 3);
	for (unsigned i = 0; i < 20 && !is_answered(w); i++) {
		world_turn(w, 0);
		world_sync(w);
	}
	buf_clear(&w->event);
	ask(w, V3_STATE_HASH, 2);
	assert_int_equal(answer_of(w).error, V3_COMPACTED);
	world_free(w);
}

TEST(who_waits_for_compaction_is_answered_when_all_is_freed)
{
	struct world *w = world_leading();

	for (uint64_t sequence = 1; sequence <= 4; sequence++)
		put_keys(w, sequence, 2000);
	compact(w, 5, 5);
	world_turn(w, 0);
	world_sync(w);
	world_turn(w, 0);
	ask(w, V3_STATE_SWEPT, 5);
	for (unsigned i = 0; i < 100 && !is_answered(w); i++) {
		assert_false(mvcc_is_swept(w->node->replica->mvcc, 5));
		world_sync(w);
		world_turn(w, SWEEP_PAUSE_MS_MIN);
	}
	assert_int_equal(answer_of(w).error, V3_NONE);
	assert_true(mvcc_is_swept(w->node->replica->mvcc, 5));
	/* Nobody compacts that: it waits no longer than a request may. */
	ask(w, V3_STATE_SWEPT, 6);
	world_turn(w, 4999);
	assert_false(is_answered(w));
	world_turn(w, 1);
	assert_int_equal(answer_of(w).error, V3_TIMED_OUT);
	world_free(w);
}

/* What waits to be freed counts for the quota: it must not grow beside who writes and compacts. */
TEST(what_is_compacted_is_freed_as_fast_as_it_is_written)
{
	struct world *w = world_leading();
	const struct mvcc *mvcc = w->node->replica->mvcc;
	uint64_t sequence = 0;

	for (unsigned i = 0; i < 50; i++) {
		put_keys(w, ++sequence, 2000);
		sequence++;
		compact(w, sequence, (uint64_t)mvcc_revision(mvcc));
		world_settle(w);
		/* Those that are, what superseded them, and what superseded these meanwhile. */
		assert_in_range(mvcc_change_count(mvcc), 2000, 6000);
	}
	assert_int_equal(mvcc_key_count(mvcc), 2000);
	world_free(w);
}

TEST(who_is_gone_is_not_answered)
{
	struct world *w = world_leading();

	ask(w, V3_STATE_SWEPT, 6);
	node_session_gone(w->node, WORLD_SESSION);
	world_turn(w, 6000);
	assert_false(is_answered(w));
	world_free(w);
}
