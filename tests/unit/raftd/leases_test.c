/*
 * leases_test.c - a leader of a cluster of one and the leases of its v3 keys: when they end, who
 * is renewed, what is settled, and that compacted history is freed in turns.
 */
#include "tests/unit/raftd/world.h"

#include "raftd/node_priv.h"
#include "raftd/replica/mvcc/mvcc.h"
#include "tests/lib/test.h"

struct led {
	struct world *w;
	uint64_t sequence;
};

static struct mvcc *
keys_of(const struct led *c)
{
	return c->w->node->replica->mvcc;
}

/* Takes payload. */
static void
command(struct led *c, struct blob *payload)
{
	node_v3_write(c->w->node, WORLD_SESSION, c->sequence, false, payload);
	world_settle(c->w);
}

static void
grant(struct led *c, uint64_t id, uint64_t ttl_s)
{
	c->sequence++;
	command(c, command_new_v3_grant(WORLD_SESSION, c->sequence,
	    &(struct msg_v3_grant){ .low = c->sequence, .id = id, .ttl_s = ttl_s }));
}

static void
put(struct led *c, const char *key, uint64_t lease)
{
	struct buf ops = BUF_INIT;

	c->sequence++;
	mvcc_op_put_put(&ops, &(struct v3_put){ .key = slice_text(key), .lease = lease });
	command(c, command_new_v3_write(WORLD_SESSION, c->sequence,
	    &(struct msg_v3_write){ .low = c->sequence, .compares = SLICE_EMPTY,
	    .ops = buf_slice(&ops) }));
	buf_free(&ops);
}

/* So many seconds, a tenth at a time. */
static void
pass(struct led *c, unsigned seconds)
{
	for (unsigned i = 0; i < 10 * seconds; i++) {
		world_turn(c->w, 100);
		world_settle(c->w);
	}
}

static enum mvcc_renewal
renew(struct led *c, uint64_t id)
{
	uint64_t ttl_s;

	return mvcc_lease_renew(keys_of(c), id, node_time_ns(c->w->node), &ttl_s);
}

static struct led
begin(void)
{
	struct led c = { .w = world_leading() };

	world_settle(c.w);
	return c;
}

TEST(a_lease_that_nobody_renews_ends_with_its_keys)
{
	struct led c = begin();

	grant(&c, 1, 5);
	put(&c, "a", 1);
	put(&c, "b", 0);
	pass(&c, 4);
	assert_int_equal(mvcc_key_count(keys_of(&c)), 2);
	pass(&c, 2);
	assert_int_equal(mvcc_key_count(keys_of(&c)), 1);
	assert_int_equal(mvcc_lease_count(keys_of(&c)), 0);
	assert_int_equal(renew(&c, 1), MVCC_LEASE_GONE);
	world_free(c.w);
}

TEST(a_lease_that_is_renewed_lives)
{
	struct led c = begin();

	grant(&c, 1, 5);
	assert_true(node_leases_are_led(c.w->node));
	for (unsigned i = 0; i < 5; i++) {
		pass(&c, 4);
		assert_int_equal(renew(&c, 1), MVCC_RENEWED);
	}
	pass(&c, 4);
	assert_int_equal(mvcc_lease_count(keys_of(&c)), 1);
	pass(&c, 2);
	assert_int_equal(mvcc_lease_count(keys_of(&c)), 0);
	world_free(c.w);
}

TEST(a_long_lease_is_settled_and_renewed_once_that_is_withdrawn)
{
	struct raft_position position = { 0, 0 };
	struct led c = begin();

	grant(&c, 1, 600);
	grant(&c, 2, 30);
	pass(&c, 10);
	assert_int_equal(renew(&c, 1), MVCC_RENEWED);
	pass(&c, 20);
	assert_int_equal(renew(&c, 1), MVCC_RENEWED);
	pass(&c, 70);
	assert_int_equal(renew(&c, 1), MVCC_LEASE_SETTLED);
	node_leases_withdraw(c.w->node, &(uint64_t){ 1 }, 1, &position);
	assert_true(position.index > 0);
	world_settle(c.w);
	world_turn(c.w, 1);
	world_settle(c.w);
	assert_int_equal(renew(&c, 1), MVCC_RENEWED);
	assert_int_equal(mvcc_lease_count(keys_of(&c)), 1);
	world_free(c.w);
}

/* What the leader before has promised last it does not know, and reckons with. */
TEST(who_begins_to_lead_gives_leases_all_of_their_time_and_a_margin)
{
	struct led c = begin();

	grant(&c, 1, 5);
	pass(&c, 3);
	c.w->node->leases.led_term = 0;
	world_turn(c.w, 0);
	pass(&c, 5);
	world_turn(c.w, LEASE_CONFIRMED_MS - 100);
	world_settle(c.w);
	assert_int_equal(mvcc_lease_count(keys_of(&c)), 1);
	world_turn(c.w, 200);
	world_settle(c.w);
	assert_int_equal(mvcc_lease_count(keys_of(&c)), 0);
	world_free(c.w);
}

TEST(many_leases_end_by_as_many_entries_as_it_takes)
{
	struct led c = begin();

	for (uint64_t id = 1; id <= V3_EXPIRE_LEASES_MAX + 10; id++)
		grant(&c, id, 2);
	pass(&c, 4);
	assert_int_equal(mvcc_lease_count(keys_of(&c)), 0);
	world_free(c.w);
}

TEST(compacted_history_is_freed_in_turns)
{
	struct led c = begin();

	for (unsigned i = 0; i < 3000; i++)
		put(&c, "k", 0);
	c.sequence++;
	command(&c, command_new_v3_compact(WORLD_SESSION, c.sequence,
	    &(struct msg_v3_compact){ .low = c.sequence, .revision = 3001 }));
	for (unsigned i = 0; i < 10; i++) {
		world_turn(c.w, 1);
		world_settle(c.w);
	}
	assert_true(mvcc_is_swept(keys_of(&c), 3001));
	assert_int_equal(mvcc_change_count(keys_of(&c)), 1);
	world_free(c.w);
}

TEST(a_write_of_v3_keys_that_comes_again_is_answered_as_the_first_time)
{
	struct led c = begin();
	struct buf ops = BUF_INIT;
	raft_index first;
	size_t outcomes;

	mvcc_op_put_put(&ops, &(struct v3_put){ .key = SLICE_LITERAL("k") });
	c.sequence++;
	command(&c, command_new_v3_write(WORLD_SESSION, c.sequence,
	    &(struct msg_v3_write){ .low = 1, .compares = SLICE_EMPTY, .ops = buf_slice(&ops) }));
	assert_int_equal(c.w->last.error, ERR_NONE);
	first = c.w->last.raft_index;
	outcomes = c.w->outcomes;
	command(&c, command_new_v3_write(WORLD_SESSION, c.sequence,
	    &(struct msg_v3_write){ .low = 1, .compares = SLICE_EMPTY, .ops = buf_slice(&ops) }));
	assert_int_equal(c.w->outcomes, outcomes + 1);
	assert_int_equal(c.w->last.raft_index, first);
	assert_int_equal(mvcc_revision(keys_of(&c)), 2);
	buf_free(&ops);
	world_free(c.w);
}
