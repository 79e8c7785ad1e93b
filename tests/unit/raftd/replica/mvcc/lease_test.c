/*
 * lease_test.c - leases: their keys, renewals at the leader, and what a new one knows.
 */
#include "raftd/replica/mvcc/lease.h"

#include "common/clock.h"
#include "tests/lib/test.h"

#include <stdlib.h>

#define S NS_PER_SECOND

static struct mvcc_lease *
grant(struct leases *leases, uint64_t id, uint64_t ttl_s, uint64_t now_s)
{
	return lease_new(leases, id, ttl_s, (now_s + ttl_s) * S, false);
}

TEST(keys_hang_on_one_lease_and_come_in_order)
{
	struct pool *pool = pool_new();
	struct mvcc_key *keys[3] = { mvcc_key_new(pool, SLICE_LITERAL("b")),
		mvcc_key_new(pool, SLICE_LITERAL("c")), mvcc_key_new(pool, SLICE_LITERAL("a")) };
	struct leases leases;
	struct mvcc_lease *one, *two;
	struct mvcc_key **sorted;

	leases_init(&leases, pool, 1);
	one = grant(&leases, 1, 10, 0);
	two = grant(&leases, 2, 10, 0);
	for (size_t i = 0; i < 3; i++)
		lease_hang(&leases, one, keys[i]);
	sorted = lease_keys_sorted(one);
	assert_ptr_equal(sorted[0], keys[2]);
	assert_ptr_equal(sorted[1], keys[0]);
	assert_ptr_equal(sorted[2], keys[1]);
	free(sorted);
	lease_hang(&leases, two, keys[1]);
	assert_int_equal(one->key_count, 2);
	assert_int_equal(two->key_count, 1);
	lease_hang(&leases, NULL, keys[1]);
	assert_null(lease_keys(two));
	lease_hang(&leases, NULL, keys[2]);
	lease_hang(&leases, NULL, keys[0]);
	assert_int_equal(one->key_count, 0);
	for (size_t i = 0; i < 3; i++)
		mvcc_key_free(keys[i]);
	leases_free(&leases);
	pool_free(&pool);
}

/* "A lease lives at least TTL seconds after the last renewal was answered." */
TEST(a_renewal_moves_the_deadline_and_one_that_is_due_has_none)
{
	struct leases leases;
	struct mvcc_lease *lease;
	uint64_t ids[4];

	leases_init(&leases, NULL, 1);
	grant(&leases, 7, 10, 100);
	grant(&leases, 8, 20, 100);
	assert_int_equal(leases_next_deadline(&leases), 110 * S);
	assert_int_equal(lease_renew(&leases, 7, 105 * S, &lease), LEASE_RENEWED);
	assert_int_equal(leases_next_deadline(&leases), 115 * S);
	assert_int_equal(lease_renew(&leases, 9, 105 * S, &lease), LEASE_IS_GONE);
	assert_int_equal(leases_due(&leases, 115 * S - 1, ids, 4), 0);
	assert_int_equal(leases_due(&leases, 115 * S, ids, 4), 1);
	assert_int_equal(ids[0], 7);
	/* The entry may have left already. */
	assert_int_equal(lease_renew(&leases, 7, 115 * S, &lease), LEASE_IS_GONE);
	assert_int_equal(leases_due(&leases, 200 * S, ids, 1), 1);
	assert_int_equal(leases_due(&leases, 200 * S, ids, 4), 2);
	assert_int_equal(ids[1], 8);
	leases_free(&leases);
}

/* "A new leader: expiry is the later of what is replicated and now + TTL. Late, never early." */
TEST(a_new_leader_gives_each_its_whole_ttl_again_unless_it_is_settled)
{
	struct leases leases;
	struct mvcc_lease *a, *b, *found;

	leases_init(&leases, NULL, 1);
	a = grant(&leases, 1, 10, 100);
	b = grant(&leases, 2, 600, 100);
	lease_settle(&leases, b, 700 * S);
	leases_lead(&leases, 109 * S);
	assert_int_equal(a->deadline_ns, 119 * S);
	assert_int_equal(b->deadline_ns, 700 * S);
	/* What is settled is renewed only when that was withdrawn. */
	assert_int_equal(lease_renew(&leases, 2, 300 * S, &found), LEASE_IS_SETTLED);
	assert_int_equal(b->deadline_ns, 700 * S);
	lease_settle(&leases, b, 0);
	assert_int_equal(lease_renew(&leases, 2, 300 * S, &found), LEASE_RENEWED);
	assert_int_equal(b->deadline_ns, 900 * S);
	/* Of a clock that stands before another's, nothing is shorter for it. */
	leases_lead(&leases, 50 * S);
	assert_int_equal(a->deadline_ns, 110 * S);
	leases_free(&leases);
}

TEST(long_leases_that_nobody_renews_are_settled_once)
{
	struct mvcc_lease *chosen[4], *found;
	struct leases leases;

	leases_init(&leases, NULL, 1);
	grant(&leases, 1, 30, 100);
	grant(&leases, 2, 600, 100);
	grant(&leases, 3, 600, 150);
	assert_int_equal(leases_to_settle(&leases, 159 * S, 60, 10, chosen, 4), 0);
	assert_int_equal(leases_to_settle(&leases, 160 * S, 60, 10, chosen, 4), 1);
	assert_int_equal(chosen[0]->id, 2);
	/* A renewal that comes now would be lost with the leader. */
	assert_int_equal(lease_renew(&leases, 2, 161 * S, &found), LEASE_IS_SETTLED);
	assert_int_equal(leases_to_settle(&leases, 161 * S, 60, 10, chosen, 4), 0);
	lease_settle(&leases, chosen[0], 700 * S);
	assert_int_equal(leases_to_settle(&leases, 300 * S, 60, 10, chosen, 4), 1);
	assert_int_equal(chosen[0]->id, 3);
	/* Who leads anew does not know what became of it. */
	leases_lead(&leases, 300 * S);
	assert_int_equal(lease_renew(&leases, 3, 301 * S, &found), LEASE_RENEWED);
	leases_free(&leases);
}

TEST(the_longest_ttl_is_no_overflow)
{
	struct leases leases;
	struct mvcc_lease *lease;

	leases_init(&leases, NULL, 1);
	grant(&leases, 1, V3_LEASE_TTL_S_MAX, UINT64_C(1800000000));
	assert_int_equal(lease_renew(&leases, 1, UINT64_C(1900000000) * S, &lease), LEASE_RENEWED);
	assert_true(lease->deadline_ns == (UINT64_C(1900000000) + V3_LEASE_TTL_S_MAX) * S);
	leases_free(&leases);
}
