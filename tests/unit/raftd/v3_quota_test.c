/*
 * v3_quota_test.c - a leader and the quota of its v3 keys: when the alarm is raised and taken back,
 * and by whom.
 */
#include "tests/unit/raftd/world.h"

#include "raftd/node_priv.h"
#include "raftd/v3_quota.h"
#include "raftd/replica/mvcc/mvcc.h"
#include "tests/lib/test.h"

#define VALUE_BYTES ((size_t)1000)

struct led {
	struct world *w;
	uint64_t sequence;
};

static struct led
begin(uint64_t quota_bytes)
{
	struct led c = { .w = world_leading() };

	c.w->node->config.v3_quota_bytes = quota_bytes;
	world_settle(c.w);
	return c;
}

/* Until nothing more comes, also of what is tried again. */
static void
settle(struct led *c)
{
	for (unsigned i = 0; i < 3; i++) {
		world_turn(c->w, 20);
		world_settle(c->w);
	}
}

/* Takes payload. */
static void
command(struct led *c, struct blob *payload)
{
	node_v3_write(c->w->node, WORLD_SESSION, c->sequence, false, payload);
	settle(c);
}

/* One byte more than what there is. */
static void
set_tight_quota(struct led *c)
{
	c->w->node->config.v3_quota_bytes = mvcc_size(c->w->node->replica->mvcc) + 1;
	settle(c);
	assert_false(v3_alarms_stand(&c->w->node->replica->v3_alarms, ALARM_NOSPACE));
}

/* Did it make a revision? */
static bool
put(struct led *c)
{
	static const uint8_t value[VALUE_BYTES];
	uint64_t before = mvcc_revision(c->w->node->replica->mvcc);
	struct buf ops = BUF_INIT;

	c->sequence++;
	mvcc_op_put_put(&ops, &(struct v3_put){ .key = SLICE_LITERAL("k"),
	    .value = slice_of(value, sizeof(value)) });
	command(c, command_new_v3_write(WORLD_SESSION, c->sequence,
	    &(struct msg_v3_write){ .low = c->sequence, .ops = buf_slice(&ops) }));
	buf_free(&ops);
	return mvcc_revision(c->w->node->replica->mvcc) > before;
}

static void
compact(struct led *c)
{
	c->sequence++;
	command(c, command_new_v3_compact(WORLD_SESSION, c->sequence,
	    &(struct msg_v3_compact){ .low = c->sequence,
	    .revision = mvcc_revision(c->w->node->replica->mvcc) }));
}

static bool
stands(const struct led *c)
{
	return v3_alarms_stand_by(&c->w->node->replica->v3_alarms, ALARM_BY_QUOTA);
}

TEST(the_alarm_is_raised_above_the_quota_and_goes_alone_with_what_is_compacted)
{
	struct led c = begin(20 * VALUE_BYTES);
	unsigned puts = 0;

	while (!stands(&c)) {
		assert_true(put(&c));
		assert_true(++puts < 20);
	}
	assert_true(puts > 10);
	assert_true(mvcc_size(c.w->node->replica->mvcc) > 20 * VALUE_BYTES);
	assert_int_equal(c.w->node->replica->v3_alarms.list[0].member, c.w->node->id);
	assert_false(put(&c));
	assert_false(put(&c));
	compact(&c);
	settle(&c);
	assert_false(stands(&c));
	assert_true(mvcc_size(c.w->node->replica->mvcc) < 20 * VALUE_BYTES);
	assert_true(put(&c));
	world_free(c.w);
}

TEST(without_a_quota_nothing_is_raised)
{
	struct led c = begin(0);

	for (unsigned i = 0; i < 30; i++)
		assert_true(put(&c));
	assert_false(stands(&c));
	assert_true(node_v3_quota_deadline(c.w->node) == UINT64_MAX);
	world_free(c.w);
}

/* The leader that raised it may have had another quota, or have been another one. */
TEST(a_leader_goes_by_its_own_quota)
{
	struct led c = begin(0);

	set_tight_quota(&c);
	assert_true(put(&c));
	settle(&c);
	assert_true(stands(&c));
	c.w->node->config.v3_quota_bytes = 100 * VALUE_BYTES;
	settle(&c);
	assert_false(stands(&c));
	assert_true(put(&c));
	world_free(c.w);
}

TEST(one_that_a_client_took_back_is_raised_again)
{
	struct led c = begin(0);

	set_tight_quota(&c);
	assert_true(put(&c));
	settle(&c);
	assert_true(stands(&c));
	c.sequence++;
	command(&c, command_new_v3_alarm(WORLD_SESSION, c.sequence, &(struct msg_v3_alarm){
	    .low = c.sequence, .op = ALARM_TAKE, .type = ALARM_NOSPACE,
	    .member = c.w->node->id }));
	settle(&c);
	assert_true(stands(&c));
	assert_false(put(&c));
	world_free(c.w);
}
