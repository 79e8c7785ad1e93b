/*
 * mvcc_part_test.c - the v3 keys as a part of the replica: requests that come again, what a leader
 * says of leases, watches at a replica that takes another's place.
 */
#include "common/clock.h"
#include "common/ipc/wire.h"
#include "raftd/command.h"
#include "raftd/replica/mvcc/key.h"
#include "raftd/replica/replica.h"
#include "tests/lib/test.h"
#include "tests/unit/raftd/replica/store/fixture.h"

#include <stdio.h>

#define S NS_PER_SECOND

static const uint8_t zero;
#define ALL slice_of(&zero, 1)

struct applier {
	struct replica *replica;
	raft_index index;
	struct buf effects;
	struct disk disk;
};

/* Takes payload. */
static void
apply(struct applier *a, struct blob *payload, raft_term term, uint64_t time_ns,
    struct replica_facts *facts)
{
	struct raft_entry entry = { .term = term, .index = ++a->index, .time_ns = time_ns,
		.type = RAFT_ENTRY_COMMAND, .payload = payload };

	assert_true(replica_apply(a->replica, &entry, SIZE_MAX, &a->effects, facts));
	blob_unref(&payload);
}

static void
apply_alone(struct applier *a, struct blob *payload, raft_term term, uint64_t time_ns)
{
	struct replica_facts facts;

	apply(a, payload, term, time_ns, &facts);
	blob_unref(&facts.result.cause);
}

static void
load(struct applier *a)
{
	struct replica *fresh = replica_new(99);
	const char *where;
	struct reader in;
	struct state_record record;

	replica_flush(a->replica, &a->effects);
	in = reader_of(buf_slice(&a->effects));
	while (!reader_done(&in)) {
		assert_true(state_record_get(&in, &record));
		disk_put(&a->disk, record.key, record.value);
	}
	buf_clear(&a->effects);
	for (size_t i = 0; i < a->disk.count; i++)
		assert_int_equal(replica_load(fresh, blob_slice(a->disk.records[i].key),
		    blob_slice(a->disk.records[i].value)), ERR_NONE);
	assert_int_equal(replica_loaded(fresh, &where), ERR_NONE);
	assert_int_equal(replica_hash(fresh), replica_hash(a->replica));
	replica_free(&a->replica);
	a->replica = fresh;
}

static void
end_applier(struct applier *a)
{
	replica_invariants(a->replica);
	replica_free(&a->replica);
	buf_free(&a->effects);
	disk_free(&a->disk);
}

static void
make_txn(struct buf *ops)
{
	mvcc_op_put_branch(ops, &(struct v3_branch){ .success_end = 4, .failure_end = 4 });
	mvcc_op_put_put(ops, &(struct v3_put){ .key = SLICE_LITERAL("k"),
	    .value = SLICE_LITERAL("new"), .flags = V3_PUT_PREV_KV });
	mvcc_op_put_range(ops, &(struct v3_range){ .key = ALL, .end = ALL });
	mvcc_op_put_delete(ops, &(struct v3_delete){ .key = SLICE_LITERAL("k"),
	    .flags = V3_DELETE_PREV_KV });
}

static void
read_answer(struct applier *a, const struct buf *ops, struct slice cause, enum v3_error expected,
    struct buf *out)
{
	struct mvcc_request *request;
	struct mvcc_answer *answer;
	struct mvcc_outcome outcome;
	enum v3_error error;
	size_t looks = 100;

	assert_true(mvcc_outcome_parse(cause, &outcome));
	assert_int_equal(outcome.error, V3_NONE);
	assert_int_equal(mvcc_request_new(SLICE_EMPTY, buf_slice(ops), NULL, &request), V3_NONE);
	assert_int_equal(mvcc_answer_open(a->replica->mvcc, request, &outcome, 0, &answer),
	    expected);
	if (expected == V3_NONE)
		assert_int_equal(mvcc_answer_read(answer, out, 10000, &looks, &error),
		    MVCC_ANSWER_END);
	mvcc_answer_close(&answer);
	mvcc_outcome_free(&outcome);
}

/* Also after a restart, and while history has it. */
TEST(a_write_that_comes_again_is_answered_as_the_first_time)
{
	struct applier a = { .replica = replica_new(1) };
	struct buf ops = BUF_INIT, one = BUF_INIT, first = BUF_INIT, again = BUF_INIT;
	struct replica_facts facts;
	uint64_t revision;

	mvcc_op_put_put(&one, &(struct v3_put){ .key = SLICE_LITERAL("k"),
	    .value = SLICE_LITERAL("old") });
	make_txn(&ops);
	apply_alone(&a, command_new_v3_write(7, 1,
	    &(struct msg_v3_write){ .low = 1, .compares = SLICE_EMPTY, .ops = buf_slice(&one) }),
	    1, 1);
	apply(&a, command_new_v3_write(7, 2,
	    &(struct msg_v3_write){ .low = 1, .compares = SLICE_EMPTY, .ops = buf_slice(&ops) }),
	    1, 1, &facts);
	read_answer(&a, &ops, blob_slice(facts.result.cause), V3_NONE, &first);
	blob_unref(&facts.result.cause);
	revision = mvcc_revision(a.replica->mvcc);
	load(&a);
	apply_alone(&a, command_new_v3_write(7, 3,
	    &(struct msg_v3_write){ .low = 1, .compares = SLICE_EMPTY, .ops = buf_slice(&one) }),
	    1, 1);
	apply(&a, command_new_v3_write(7, 2,
	    &(struct msg_v3_write){ .low = 1, .compares = SLICE_EMPTY, .ops = buf_slice(&ops) }),
	    1, 1, &facts);
	assert_int_equal(facts.seen, REQUEST_KNOWN);
	assert_int_equal(mvcc_revision(a.replica->mvcc), revision + 1);
	read_answer(&a, &ops, blob_slice(facts.result.cause), V3_NONE, &again);
	assert_true(first.size > 0 && slice_equal(buf_slice(&first), buf_slice(&again)));
	/* What it would show is gone: it was done, and nobody can say what it showed. */
	assert_int_equal(mvcc_compact(a.replica->mvcc, (int64_t)revision), V3_NONE);
	read_answer(&a, &ops, blob_slice(facts.result.cause), V3_TIMED_OUT, &again);
	blob_unref(&facts.result.cause);
	buf_free(&ops);
	buf_free(&one);
	buf_free(&first);
	buf_free(&again);
	end_applier(&a);
}

/* A worker may break its word: another body for the same request. */
TEST(an_outcome_of_another_request_does_no_harm)
{
	struct applier a = { .replica = replica_new(1) };
	struct buf one = BUF_INIT, ops = BUF_INIT, out = BUF_INIT;
	struct replica_facts facts;

	mvcc_op_put_put(&one, &(struct v3_put){ .key = SLICE_LITERAL("k"),
	    .value = SLICE_LITERAL("old") });
	make_txn(&ops);
	apply(&a, command_new_v3_write(7, 1,
	    &(struct msg_v3_write){ .low = 1, .compares = SLICE_EMPTY, .ops = buf_slice(&one) }),
	    1, 1, &facts);
	read_answer(&a, &ops, blob_slice(facts.result.cause), V3_NONE, &out);
	blob_unref(&facts.result.cause);
	apply(&a, command_new_v3_write(7, 2,
	    &(struct msg_v3_write){ .low = 1, .compares = SLICE_EMPTY, .ops = buf_slice(&ops) }),
	    1, 1, &facts);
	buf_clear(&one);
	mvcc_op_put_delete(&one, &(struct v3_delete){ .key = SLICE_LITERAL("k"),
	    .flags = V3_DELETE_PREV_KV });
	read_answer(&a, &one, blob_slice(facts.result.cause), V3_NONE, &out);
	blob_unref(&facts.result.cause);
	buf_free(&one);
	buf_free(&ops);
	buf_free(&out);
	end_applier(&a);
}

/* "An entry of a deposed leader must not kill a lease that the new one renewed." */
TEST(what_a_leader_says_of_leases_counts_in_its_own_term)
{
	static const uint64_t ids[] = { 1, 2 };
	struct applier a = { .replica = replica_new(1) };

	apply_alone(&a, command_new_v3_grant(7, 1,
	    &(struct msg_v3_grant){ .low = 1, .id = 1, .ttl_s = 10 }), 3, 100 * S);
	apply_alone(&a, command_new_v3_grant(7, 2,
	    &(struct msg_v3_grant){ .low = 1, .id = 2, .ttl_s = 20 }), 3, 100 * S);
	apply_alone(&a, command_new_v3_expire(2, ids, 2), 3, 110 * S);
	assert_int_equal(mvcc_lease_count(a.replica->mvcc), 2);
	/* The second is not due by what is replicated. */
	apply_alone(&a, command_new_v3_expire(3, ids, 2), 3, 110 * S);
	assert_int_equal(mvcc_lease_count(a.replica->mvcc), 1);
	apply_alone(&a, command_new_v3_expire(4, ids, 2), 4, 120 * S);
	assert_int_equal(mvcc_lease_count(a.replica->mvcc), 0);
	end_applier(&a);
}

TEST(so_many_leases_end_by_one_entry)
{
	static uint64_t ids[V3_EXPIRE_LEASES_MAX + 1];
	struct applier a = { .replica = replica_new(1) };
	struct replica_facts facts;

	for (size_t i = 0; i < ARRAY_COUNT(ids); i++) {
		ids[i] = i + 1;
		apply_alone(&a, command_new_v3_grant(7, i + 1,
		    &(struct msg_v3_grant){ .low = i + 1, .id = ids[i], .ttl_s = 2 }), 1, S);
	}
	apply(&a, command_new_v3_expire(1, ids, ARRAY_COUNT(ids)), 1, 9 * S, &facts);
	assert_int_equal(facts.result.error, ERR_RAFT_INTERNAL);
	blob_unref(&facts.result.cause);
	assert_int_equal(mvcc_lease_count(a.replica->mvcc), ARRAY_COUNT(ids));
	apply_alone(&a, command_new_v3_expire(1, ids, V3_EXPIRE_LEASES_MAX), 1, 9 * S);
	assert_int_equal(mvcc_lease_count(a.replica->mvcc), 1);
	end_applier(&a);
}

TEST(watches_go_on_at_the_replica_that_takes_the_place)
{
	struct mvcc_watch watch = { .owner = 1, .id = 1, .key = SLICE_LITERAL("k") };
	struct mvcc_past past = { .revisions_max = 9, .bytes_max = 1000, .looks = 100 };
	struct applier a = { .replica = replica_new(1) }, b = { .replica = replica_new(2) };
	const struct mvcc_hit *hits;
	struct buf one = BUF_INIT;
	size_t count;
	bool behind;

	mvcc_op_put_put(&one, &(struct v3_put){ .key = SLICE_LITERAL("k") });
	for (uint64_t i = 1; i <= 5; i++) {
		if (i <= 2)
			apply_alone(&a, command_new_v3_write(7, i,
			    &(struct msg_v3_write){ .low = 1, .compares = SLICE_EMPTY,
			    .ops = buf_slice(&one) }),
			    1, 1);
		apply_alone(&b, command_new_v3_write(7, i,
		    &(struct msg_v3_write){ .low = 1, .compares = SLICE_EMPTY,
		    .ops = buf_slice(&one) }), 1, 1);
	}
	assert_int_equal(mvcc_watch_add(a.replica->mvcc, &watch, &behind), V3_NONE);
	replica_adopt(b.replica, a.replica);
	assert_int_equal(mvcc_watch_past(b.replica->mvcc, 1, 1, &past, &hits, &count), V3_NONE);
	assert_int_equal(count, 3);
	assert_int_equal(hits[0].change->revision, 4);
	assert_true(past.live);
	buf_free(&one);
	end_applier(&a);
	end_applier(&b);
}

/* ---- in steps ------------------------------ */

#define MANY 100

static void
name_of(size_t i, char name[4])
{
	snprintf(name, 4, "%03u", (unsigned)(MANY - i) % 1000);
}

/* As many keys, on that lease. */
static void
put_many(struct applier *a, uint64_t lease)
{
	struct buf ops = BUF_INIT;
	char name[4];

	for (size_t i = 0; i < MANY; i++) {
		name_of(i, name);
		buf_clear(&ops);
		mvcc_op_put_put(&ops, &(struct v3_put){ .key = slice_text(name),
		    .lease = lease });
		apply_alone(a, command_new_v3_write(0, 0,
		    &(struct msg_v3_write){ .low = 0, .compares = SLICE_EMPTY,
		    .ops = buf_slice(&ops) }), 1,
		    1);
	}
	buf_free(&ops);
}

static void
watch_all(struct applier *a, uint64_t id, bool is_behind)
{
	struct mvcc_watch watch = { .owner = 1, .id = id, .key = ALL, .end = ALL };
	bool behind;

	assert_int_equal(mvcc_watch_add(a->replica->mvcc, &watch, &behind), V3_NONE);
	assert_int_equal(behind, is_behind);
}

/* All of it goes in the order of names. */
static void
expect_all_gone(const struct mvcc_hit *hits, size_t count, uint64_t revision)
{
	char name[4];

	assert_int_equal(count, MANY);
	for (size_t i = 0; i < count; i++) {
		name_of(MANY - 1 - i, name);
		assert_true(hits[i].change->gone);
		assert_int_equal(hits[i].change->revision, revision);
		assert_true(slice_equal(mvcc_key_name(hits[i].change->key), slice_text(name)));
	}
}

/*
 * One entry that takes all keys away, in steps of seven: who reads goes on as it was, who
 * watches hears of it when it is whole, whenever he began.
 */
static void
take_all_away(struct applier *a, struct blob *payload, uint64_t time_ns)
{
	struct raft_entry entry = { .term = 1, .index = ++a->index, .time_ns = time_ns,
		.type = RAFT_ENTRY_COMMAND, .payload = payload };
	struct mvcc *mvcc = a->replica->mvcc;
	struct mvcc_past past = { .revisions_max = 10, .bytes_max = 10000, .looks = 10000 };
	uint64_t revision = mvcc_revision(mvcc);
	const struct mvcc_hit *hits;
	struct mvcc_request *request;
	struct mvcc_answer *answer;
	struct replica_facts facts;
	struct buf ops = BUF_INIT, out = BUF_INIT;
	size_t steps = 0, looks, count;
	enum v3_error error;

	mvcc_op_put_range(&ops, &(struct v3_range){ .key = ALL, .end = ALL });
	assert_int_equal(mvcc_request_new(SLICE_EMPTY, buf_slice(&ops), NULL, &request), V3_NONE);
	assert_int_equal(mvcc_answer_open(mvcc, request, NULL, 0, &answer), V3_NONE);
	watch_all(a, 1, false);
	while (!replica_apply(a->replica, &entry, 7, &a->effects, &facts)) {
		steps++;
		looks = 10;
		assert_int_not_equal(mvcc_answer_read(answer, &out, SIZE_MAX, &looks, &error),
		    MVCC_ANSWER_LOST);
		assert_int_equal(mvcc_revision(mvcc), revision);
		assert_int_equal(mvcc_take_hits(mvcc, &hits), 0);
		if (steps == 10)
			watch_all(a, 2, true);
		replica_invariants(a->replica);
	}
	blob_unref(&facts.result.cause);
	blob_unref(&payload);
	assert_in_range(steps, MANY / 7, 2 * MANY / 7);
	assert_int_equal(mvcc_revision(mvcc), revision + 1);
	assert_int_equal(mvcc_key_count(mvcc), 0);
	do {
		looks = 10;
	} while (mvcc_answer_read(answer, &out, SIZE_MAX, &looks, &error) != MVCC_ANSWER_END);
	assert_int_equal(mvcc_answer_results(answer, &count)->kvs, MANY);
	mvcc_answer_close(&answer);
	count = mvcc_take_hits(mvcc, &hits);
	expect_all_gone(hits, count, revision + 1);
	assert_int_equal(mvcc_watch_past(mvcc, 1, 2, &past, &hits, &count), V3_NONE);
	expect_all_gone(hits, count, revision + 1);
	assert_true(past.live);
	buf_free(&ops);
	buf_free(&out);
}

TEST(a_delete_of_many_keys_takes_steps_and_is_one_revision)
{
	struct applier a = { .replica = replica_new(1) };
	struct buf ops = BUF_INIT;

	put_many(&a, 0);
	mvcc_op_put_delete(&ops, &(struct v3_delete){ .key = ALL, .end = ALL });
	take_all_away(&a, command_new_v3_write(0, 0,
	    &(struct msg_v3_write){ .low = 0, .compares = SLICE_EMPTY, .ops = buf_slice(&ops) }),
	    2);
	load(&a);
	buf_free(&ops);
	end_applier(&a);
}

TEST(a_lease_with_many_keys_is_revoked_in_steps)
{
	struct applier a = { .replica = replica_new(1) };

	apply_alone(&a, command_new_v3_grant(0, 0,
	    &(struct msg_v3_grant){ .low = 0, .id = 5, .ttl_s = 60 }), 1, 1);
	put_many(&a, 5);
	take_all_away(&a, command_new_v3_revoke(0, 0,
	    &(struct msg_v3_revoke){ .low = 0, .id = 5 }), 2);
	assert_int_equal(mvcc_lease_count(a.replica->mvcc), 0);
	load(&a);
	end_applier(&a);
}

TEST(a_lease_with_many_keys_expires_in_steps_between_others)
{
	struct applier a = { .replica = replica_new(1) };
	const uint64_t ids[] = { 4, 5, 6, 7 };

	apply_alone(&a, command_new_v3_grant(0, 0,
	    &(struct msg_v3_grant){ .low = 0, .id = 4, .ttl_s = 60 }), 1, 1);
	apply_alone(&a, command_new_v3_grant(0, 0,
	    &(struct msg_v3_grant){ .low = 0, .id = 5, .ttl_s = 60 }), 1, 1);
	apply_alone(&a, command_new_v3_grant(0, 0,
	    &(struct msg_v3_grant){ .low = 0, .id = 6, .ttl_s = 600 }), 1, 1);
	put_many(&a, 5);
	take_all_away(&a, command_new_v3_expire(1, ids, ARRAY_COUNT(ids)), 60 * S + 1);
	assert_int_equal(mvcc_lease_count(a.replica->mvcc), 1);
	load(&a);
	end_applier(&a);
}
