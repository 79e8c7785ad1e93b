/*
 * auto_compact_test.c - a leader that compacts the v3 keys by itself, in virtual time: by age, by
 * number, and when it does not.
 */
#include "tests/unit/raftd/world.h"

#include "raftd/node_priv.h"
#include "raftd/replica/mvcc/mvcc.h"
#include "tests/lib/test.h"

#define SECOND_MS UINT64_C(1000)
#define HOUR_MS (3600 * SECOND_MS)

struct led {
	struct world *w;
	uint64_t sequence;
};

static const struct mvcc *
keys_of(const struct led *c)
{
	return c->w->node->replica->mvcc;
}

static void
put(struct led *c)
{
	struct buf ops = BUF_INIT;

	c->sequence++;
	mvcc_op_put_put(&ops, &(struct v3_put){ .key = SLICE_LITERAL("k") });
	node_v3_write(c->w->node, WORLD_SESSION, c->sequence, false,
	    command_new_v3_write(WORLD_SESSION, c->sequence,
	    &(struct msg_v3_write){ .low = c->sequence, .ops = buf_slice(&ops) }));
	world_settle(c->w);
	buf_free(&ops);
}

static struct led
begin(uint64_t ms, uint64_t revisions)
{
	struct led c = { .w = world_leading() };

	world_settle(c.w);
	c.w->node->config.v3_compact_ms = ms;
	c.w->node->config.v3_compact_revisions = revisions;
	world_settle(c.w);
	return c;
}

/* So long, in steps, each with a put. */
static void
pass(struct led *c, uint64_t ms, uint64_t step_ms, bool puts)
{
	for (uint64_t passed = 0; passed < ms; passed += step_ms) {
		if (puts)
			put(c);
		world_turn(c->w, step_ms);
		world_settle(c->w);
	}
}

TEST(history_is_kept_for_a_period_first_and_then_as_long)
{
	struct led c = begin(10 * SECOND_MS, 0);
	uint64_t then;

	pass(&c, 9 * SECOND_MS, SECOND_MS, true);
	assert_true(mvcc_compacted(keys_of(&c)) < 0);
	pass(&c, 2 * SECOND_MS, SECOND_MS, true);
	then = mvcc_revision(keys_of(&c));
	pass(&c, 9 * SECOND_MS, SECOND_MS, true);
	assert_true(mvcc_compacted(keys_of(&c)) < (int64_t)then);
	pass(&c, 10 * SECOND_MS, SECOND_MS, true);
	/* What was ten seconds ago, and no more; each second has a put. */
	assert_true(mvcc_compacted(keys_of(&c)) > 2);
	assert_in_range((int64_t)mvcc_revision(keys_of(&c)) - mvcc_compacted(keys_of(&c)), 9, 22);
	world_free(c.w);
}

TEST(a_long_period_is_compacted_each_hour)
{
	struct led c = begin(5 * HOUR_MS, 0);
	int64_t first;

	pass(&c, 5 * HOUR_MS, HOUR_MS / 10, true);
	assert_true(mvcc_compacted(keys_of(&c)) <= 1);
	pass(&c, HOUR_MS + HOUR_MS / 5, HOUR_MS / 10, true);
	first = mvcc_compacted(keys_of(&c));
	assert_in_range(first, 2, 14);
	pass(&c, HOUR_MS, HOUR_MS / 10, true);
	assert_in_range(mvcc_compacted(keys_of(&c)) - first, 9, 11);
	world_free(c.w);
}

TEST(nothing_is_proposed_when_nothing_was_written)
{
	struct led c = begin(10 * SECOND_MS, 0);
	raft_index applied;

	put(&c);
	pass(&c, 30 * SECOND_MS, SECOND_MS, false);
	assert_int_equal(mvcc_compacted(keys_of(&c)), mvcc_revision(keys_of(&c)));
	applied = c.w->node->applied.index;
	pass(&c, 60 * SECOND_MS, SECOND_MS, false);
	assert_int_equal(c.w->node->applied.index, applied);
	world_free(c.w);
}

TEST(a_number_of_revisions_stays_and_is_looked_at_every_five_minutes)
{
	struct led c = begin(0, 3);

	for (unsigned i = 0; i < 10; i++)
		put(&c);
	assert_int_equal(mvcc_revision(keys_of(&c)), 11);
	pass(&c, 299 * SECOND_MS, SECOND_MS, false);
	assert_true(mvcc_compacted(keys_of(&c)) < 0);
	pass(&c, 2 * SECOND_MS, SECOND_MS, false);
	assert_int_equal(mvcc_compacted(keys_of(&c)), 8);
	put(&c);
	pass(&c, 300 * SECOND_MS, SECOND_MS, false);
	assert_int_equal(mvcc_compacted(keys_of(&c)), 9);
	world_free(c.w);
}

TEST(it_is_off_without_either)
{
	struct led c = begin(0, 0);

	pass(&c, 20 * SECOND_MS, SECOND_MS, true);
	assert_true(mvcc_compacted(keys_of(&c)) < 0);
	assert_true(node_auto_compact_deadline(c.w->node) == UINT64_MAX);
	world_free(c.w);
}

/* By a client, to where this would, or beyond. */
TEST(what_is_compacted_already_is_not_again)
{
	struct led c = begin(10 * SECOND_MS, 0);
	raft_index applied;

	pass(&c, 5 * SECOND_MS, SECOND_MS, true);
	c.sequence++;
	node_v3_write(c.w->node, WORLD_SESSION, c.sequence, false,
	    command_new_v3_compact(WORLD_SESSION, c.sequence, &(struct msg_v3_compact){
	    .low = c.sequence, .revision = mvcc_revision(keys_of(&c)) }));
	world_settle(c.w);
	applied = c.w->node->applied.index;
	pass(&c, 30 * SECOND_MS, SECOND_MS, false);
	assert_int_equal(c.w->node->applied.index, applied);
	world_free(c.w);
}
