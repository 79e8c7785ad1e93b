/*
 * mvcc_test.c - the v3 key space at its edges: what holds compaction back, the order of errors,
 * limits, leases, watches. What it does in between is model_test's.
 */
#include "raftd/replica/mvcc/mvcc.h"

#include "common/clock.h"
#include "common/ipc/wire.h"
#include "raftd/replica/mvcc/key.h"
#include "tests/lib/test.h"

#include <stdio.h>

#define S NS_PER_SECOND

struct fix {
	struct mvcc *mvcc;
	struct buf effects, ops;
	struct mvcc_outcome outcome;	/* of the last write */
};

static void
begin(struct fix *f)
{
	*f = (struct fix){ .mvcc = mvcc_new(1) };
}

static void
end(struct fix *f)
{
	mvcc_invariants(f->mvcc);
	mvcc_free(&f->mvcc);
	buf_free(&f->effects);
	buf_free(&f->ops);
	mvcc_outcome_free(&f->outcome);
}

static struct mvcc_request *
request_of(struct fix *f)
{
	struct blob *holder = blob_new(buf_slice(&f->ops));
	struct mvcc_request *request;

	assert_int_equal(mvcc_request_new(SLICE_EMPTY, blob_slice(holder), holder, &request),
	    V3_NONE);
	blob_unref(&holder);
	return request;
}

static enum v3_error
write_request(struct fix *f, struct mvcc_request *request)
{
	mvcc_outcome_free(&f->outcome);
	mvcc_write_begin(f->mvcc, request);
	assert_true(mvcc_write_on(f->mvcc, SIZE_MAX, &f->effects));
	mvcc_write_end(f->mvcc, &f->outcome);
	return f->outcome.error;
}

/* What stands in f->ops. */
static enum v3_error
write_ops(struct fix *f)
{
	struct mvcc_request *request = request_of(f);

	return write_request(f, request);
}

static enum v3_error
put_with(struct fix *f, const struct v3_put *put)
{
	buf_clear(&f->ops);
	mvcc_op_put_put(&f->ops, put);
	return write_ops(f);
}

static void
put(struct fix *f, const char *key, const char *value)
{
	assert_int_equal(put_with(f, &(struct v3_put){ .key = slice_text(key),
	    .value = slice_text(value) }), V3_NONE);
}

static void
delete(struct fix *f, const char *key)
{
	buf_clear(&f->ops);
	mvcc_op_put_delete(&f->ops, &(struct v3_delete){ .key = slice_text(key) });
	assert_int_equal(write_ops(f), V3_NONE);
}

static enum v3_error
open_range(struct fix *f, const struct v3_range *range, struct mvcc_answer **answer)
{
	buf_clear(&f->ops);
	mvcc_op_put_range(&f->ops, range);
	return mvcc_answer_open(f->mvcc, request_of(f), NULL, 5, answer);
}

static const uint8_t zero;
#define ALL slice_of(&zero, 1)

static void
sweep(struct fix *f)
{
	while (mvcc_sweep(f->mvcc, 1, &f->effects))
		;
}

/* ---- compaction ------------------------------ */

TEST(an_answer_holds_back_what_is_freed_not_what_is_refused)
{
	struct v3_range old = { .key = SLICE_LITERAL("k"), .revision = 2 };
	struct mvcc_answer *answer, *other;
	enum v3_error error;
	size_t looks = 100;
	struct buf out = BUF_INIT;
	struct fix f;

	begin(&f);
	put(&f, "k", "1");
	put(&f, "k", "2");
	put(&f, "k", "3");
	assert_int_equal(open_range(&f, &old, &answer), V3_NONE);
	assert_int_equal(mvcc_compact(f.mvcc, 4), V3_NONE);
	sweep(&f);
	assert_int_equal(mvcc_change_count(f.mvcc), 3);
	assert_false(mvcc_is_swept(f.mvcc, 4));
	assert_int_equal(open_range(&f, &old, &other), V3_COMPACTED);
	assert_int_equal(mvcc_answer_read(answer, &out, 100, &looks, &error), MVCC_ANSWER_END);
	assert_true(out.size > 0 && out.data[out.size - 1] == '1');
	mvcc_answer_close(&answer);
	sweep(&f);
	assert_true(mvcc_is_swept(f.mvcc, 4));
	assert_int_equal(mvcc_change_count(f.mvcc), 1);
	buf_free(&out);
	end(&f);
}

/* Without order of its own, and sorted. */
TEST(for_an_answer_that_takes_long_history_is_not_kept)
{
	struct v3_range all = { .key = ALL, .end = ALL };
	struct v3_range sorted = { .key = ALL, .end = ALL, .target = V3_SORT_VALUE,
		.order = V3_SORT_DESCEND };
	struct mvcc_answer *answer, *other;
	enum v3_error error;
	size_t looks = 100;
	struct buf out = BUF_INIT;
	struct fix f;

	begin(&f);
	put(&f, "k", "1");
	put(&f, "l", "2");
	put(&f, "m", "3");
	assert_int_equal(open_range(&f, &all, &answer), V3_NONE);
	assert_int_equal(open_range(&f, &sorted, &other), V3_NONE);
	mvcc_answers_expire(f.mvcc, 5);
	assert_int_equal(mvcc_answer_read(answer, &out, 1, &looks, &error), MVCC_ANSWER_MORE);
	assert_int_equal(mvcc_answer_read(other, &out, 1, &looks, &error), MVCC_ANSWER_MORE);
	mvcc_answers_expire(f.mvcc, 6);
	put(&f, "m", "other");
	/* What is there yet is shown. */
	assert_int_equal(mvcc_answer_read(answer, &out, 1, &looks, &error), MVCC_ANSWER_MORE);
	assert_int_equal(mvcc_answer_read(other, &out, 1, &looks, &error), MVCC_ANSWER_LOST);
	assert_int_equal(mvcc_compact(f.mvcc, 4), V3_NONE);
	assert_int_equal(mvcc_answer_read(answer, &out, 1, &looks, &error), MVCC_ANSWER_END);
	mvcc_answer_close(&answer);
	mvcc_answer_close(&other);
	assert_int_equal(open_range(&f, &all, &answer), V3_NONE);
	assert_int_equal(mvcc_answer_read(answer, &out, 1, &looks, &error), MVCC_ANSWER_MORE);
	mvcc_answers_expire(f.mvcc, 6);
	put(&f, "m", "again");
	assert_int_equal(mvcc_compact(f.mvcc, 6), V3_NONE);
	sweep(&f);
	assert_true(mvcc_is_swept(f.mvcc, 6));
	assert_int_equal(mvcc_answer_read(answer, &out, 1, &looks, &error), MVCC_ANSWER_LOST);
	assert_int_equal(error, V3_TIMED_OUT);
	mvcc_answer_close(&answer);
	/* One that is not measured by then is lost. */
	assert_int_equal(open_range(&f, &all, &answer), V3_NONE);
	mvcc_answers_expire(f.mvcc, 6);
	assert_int_equal(mvcc_answer_read(answer, &out, 1, &looks, &error), MVCC_ANSWER_LOST);
	mvcc_answer_close(&answer);
	/* Also one whose keys are gone. */
	assert_int_equal(open_range(&f, &all, &answer), V3_NONE);
	buf_free(&out);
	end(&f);
	assert_int_equal(mvcc_answer_read(answer, &out, 1, &looks, &error), MVCC_ANSWER_LOST);
	mvcc_answer_close(&answer);
}

/* In one turn: two changes, and a compaction to the second. */
TEST(hits_that_were_not_taken_hold_their_changes)
{
	struct mvcc_watch watch = { .owner = 1, .id = 1, .key = SLICE_LITERAL("k"),
		.flags = MVCC_WATCH_PREV_KV };
	const struct mvcc_hit *hits;
	bool behind;
	struct fix f;

	begin(&f);
	put(&f, "k", "1");
	assert_int_equal(mvcc_watch_add(f.mvcc, &watch, &behind), V3_NONE);
	put(&f, "k", "2");
	delete(&f, "k");
	put(&f, "x", "");
	assert_int_equal(mvcc_compact(f.mvcc, 5), V3_NONE);
	sweep(&f);
	assert_int_equal(mvcc_take_hits(f.mvcc, &hits), 2);
	assert_int_equal(hits[0].change->revision, 3);
	assert_int_equal(hits[0].previous->revision, 2);
	assert_true(hits[1].change->gone);
	assert_int_equal(hits[1].previous->revision, 3);
	sweep(&f);
	assert_int_equal(mvcc_change_count(f.mvcc), 1);
	end(&f);
}

/* "A fresh store can be compacted to 0 once"; the same revision again is refused each time. */
TEST(a_revision_is_compacted_once)
{
	struct fix f;

	begin(&f);
	assert_int_equal(mvcc_compact(f.mvcc, -1), V3_COMPACTED);
	assert_int_equal(mvcc_compact(f.mvcc, 2), V3_FUTURE_REVISION);
	assert_int_equal(mvcc_compact(f.mvcc, 0), V3_NONE);
	assert_int_equal(mvcc_compact(f.mvcc, 0), V3_COMPACTED);
	assert_int_equal(mvcc_compact(f.mvcc, 1), V3_NONE);
	assert_int_equal(mvcc_compact(f.mvcc, 1), V3_COMPACTED);
	assert_int_equal(mvcc_revision(f.mvcc), 1);
	end(&f);
}

/* "The tombstone of a delete at that revision stays, older ones go." */
TEST(a_delete_at_the_compacted_revision_is_still_told)
{
	struct mvcc_watch watch = { .owner = 1, .id = 1, .key = ALL, .end = ALL,
		.start_revision = 4, .flags = MVCC_WATCH_PREV_KV };
	struct mvcc_past past = { .revisions_max = 10, .bytes_max = 1000, .looks = 100 };
	const struct mvcc_hit *hits;
	size_t count;
	bool behind;
	struct fix f;

	begin(&f);
	put(&f, "a", "1");
	put(&f, "k", "1");
	delete(&f, "k");
	assert_int_equal(mvcc_compact(f.mvcc, 4), V3_NONE);
	sweep(&f);
	assert_int_equal(mvcc_change_count(f.mvcc), 2);
	assert_int_equal(mvcc_watch_add(f.mvcc, &watch, &behind), V3_NONE);
	assert_true(behind);
	assert_int_equal(mvcc_watch_past(f.mvcc, 1, 1, &past, &hits, &count), V3_NONE);
	assert_int_equal(count, 1);
	assert_true(hits[0].change->gone);
	assert_null(hits[0].previous);
	assert_true(past.live);
	watch.id = 2;
	watch.start_revision = 3;
	assert_int_equal(mvcc_watch_add(f.mvcc, &watch, &behind), V3_COMPACTED);
	put(&f, "b", "");
	assert_int_equal(mvcc_take_hits(f.mvcc, &hits), 1);
	assert_int_equal(mvcc_compact(f.mvcc, 5), V3_NONE);
	sweep(&f);
	assert_int_equal(mvcc_change_count(f.mvcc), 2);
	end(&f);
}

/* However many changes one key has, a look frees at most two. */
TEST(a_sweep_does_no_more_than_it_may)
{
	size_t before;
	struct fix f;

	begin(&f);
	for (unsigned i = 0; i < 5000; i++)
		put(&f, "k", "v");
	assert_int_equal(mvcc_compact(f.mvcc, 5001), V3_NONE);
	do {
		before = mvcc_change_count(f.mvcc);
		(void)mvcc_sweep(f.mvcc, 100, &f.effects);
		assert_true(before - mvcc_change_count(f.mvcc) <= 200);
	} while (mvcc_has_to_sweep(f.mvcc));
	assert_int_equal(mvcc_change_count(f.mvcc), 1);
	end(&f);
}

/* ---- errors ------------------------------ */

static enum v3_error
put_in_txn(struct fix *f, const struct v3_put *put, uint64_t revision)
{
	buf_clear(&f->ops);
	mvcc_op_put_branch(&f->ops, &(struct v3_branch){ .success_end = 4, .failure_end = 4 });
	mvcc_op_put_range(&f->ops, &(struct v3_range){ .key = SLICE_LITERAL("k"),
	    .revision = revision });
	mvcc_op_put_put(&f->ops, &(struct v3_put){ .key = SLICE_LITERAL("other") });
	mvcc_op_put_put(&f->ops, put);
	return write_ops(f);
}

TEST(which_error_is_found_first_differs_between_a_put_and_a_txn)
{
	struct v3_put both = { .key = SLICE_LITERAL("k"), .lease = 9,
		.flags = V3_PUT_IGNORE_VALUE };
	struct v3_put unknown = { .key = SLICE_LITERAL("k"), .lease = 9 };
	struct fix f;

	begin(&f);
	assert_int_equal(put_with(&f, &both), V3_LEASE_NOT_FOUND);
	assert_int_equal(put_in_txn(&f, &both, 0), V3_KEY_NOT_FOUND);
	/* Puts before ranges, wherever they stand. */
	assert_int_equal(put_in_txn(&f, &unknown, 7), V3_LEASE_NOT_FOUND);
	unknown.lease = 0;
	assert_int_equal(put_in_txn(&f, &unknown, 7), V3_FUTURE_REVISION);
	assert_int_equal(mvcc_revision(f.mvcc), 1);
	assert_int_equal(f.effects.size, 0);
	assert_int_equal(put_in_txn(&f, &unknown, 1), V3_NONE);
	/* Future before compacted. */
	assert_int_equal(mvcc_compact(f.mvcc, 2), V3_NONE);
	assert_int_equal(put_in_txn(&f, &unknown, 1), V3_COMPACTED);
	assert_int_equal(put_in_txn(&f, &unknown, 3), V3_FUTURE_REVISION);
	end(&f);
}

TEST(values_that_are_kept_are_bounded_together)
{
	struct buf value = BUF_INIT;
	struct fix f;
	char key[16];

	begin(&f);
	memset(buf_reserve(&value, 9 * MIB), 'x', 9 * MIB);
	buf_added(&value, 9 * MIB);
	for (unsigned i = 0; i < 2; i++) {
		snprintf(key, sizeof(key), "k%u", i);
		assert_int_equal(put_with(&f, &(struct v3_put){ .key = slice_text(key),
		    .value = buf_slice(&value) }), V3_NONE);
		buf_clear(&f.effects);
	}
	for (unsigned keys = 1; keys <= 2; keys++) {
		buf_clear(&f.ops);
		mvcc_op_put_branch(&f.ops, &(struct v3_branch){ .success_end = keys + 1,
		    .failure_end = keys + 1 });
		for (unsigned i = 0; i < keys; i++) {
			snprintf(key, sizeof(key), "k%u", i);
			mvcc_op_put_put(&f.ops, &(struct v3_put){ .key = slice_text(key),
			    .flags = V3_PUT_IGNORE_VALUE });
		}
		assert_int_equal(write_ops(&f), keys == 1 ? V3_NONE : V3_REQUEST_TOO_LARGE);
		buf_clear(&f.effects);
	}
	buf_free(&value);
	end(&f);
}

/* Nobody lets it happen; it does no harm. */
TEST(a_key_that_is_put_twice_in_one_txn_has_two_changes)
{
	struct mvcc_answer *answer;
	size_t looks = 10, count;
	enum v3_error error;
	struct buf out = BUF_INIT;
	struct fix f;

	begin(&f);
	buf_clear(&f.ops);
	mvcc_op_put_branch(&f.ops, &(struct v3_branch){ .success_end = 4, .failure_end = 4 });
	for (unsigned i = 0; i < 2; i++)
		mvcc_op_put_put(&f.ops, &(struct v3_put){ .key = SLICE_LITERAL("k"),
		    .value = i == 0 ? SLICE_LITERAL("1") : SLICE_LITERAL("2") });
	mvcc_op_put_delete(&f.ops, &(struct v3_delete){ .key = SLICE_LITERAL("k"),
	    .flags = V3_DELETE_PREV_KV });
	assert_int_equal(write_ops(&f), V3_NONE);
	assert_int_equal(mvcc_revision(f.mvcc), 2);
	assert_int_equal(mvcc_change_count(f.mvcc), 3);
	assert_int_equal(mvcc_key_count(f.mvcc), 0);
	assert_int_equal(mvcc_answer_open(f.mvcc, request_of(&f), &f.outcome, 0, &answer), V3_NONE);
	assert_int_equal(mvcc_answer_read(answer, &out, 100, &looks, &error), MVCC_ANSWER_END);
	assert_int_equal(mvcc_answer_results(answer, &count)[3].kvs, 1);
	assert_int_equal(count, 4);
	mvcc_answer_close(&answer);
	buf_free(&out);
	end(&f);
}

/* ---- limits ------------------------------ */

TEST(so_many_answers_are_open_at_a_time)
{
	static struct mvcc_answer *answers[V3_ANSWERS_MAX];
	struct v3_range all = { .key = ALL, .end = ALL };
	struct mvcc_answer *more;
	struct fix f;

	begin(&f);
	for (size_t i = 0; i < V3_ANSWERS_MAX; i++)
		assert_int_equal(open_range(&f, &all, &answers[i]), V3_NONE);
	assert_int_equal(open_range(&f, &all, &more), V3_TOO_MANY_REQUESTS);
	assert_null(more);
	mvcc_answer_close(&answers[0]);
	assert_int_equal(open_range(&f, &all, &answers[0]), V3_NONE);
	for (size_t i = 0; i < V3_ANSWERS_MAX; i++)
		mvcc_answer_close(&answers[i]);
	end(&f);
}

static enum mvcc_answer_state
read_sorted(struct fix *f, enum v3_error *error, struct mvcc_answer **answer)
{
	struct v3_range range = { .key = ALL, .end = ALL, .target = V3_SORT_MOD,
		.order = V3_SORT_DESCEND, .limit = 1 };
	enum mvcc_answer_state state;
	struct buf out = BUF_INIT;
	size_t looks;

	assert_int_equal(open_range(f, &range, answer), V3_NONE);
	do {
		looks = 1000;
		state = mvcc_answer_read(*answer, &out, 100, &looks, error);
	} while (state == MVCC_ANSWER_MEASURES);
	buf_free(&out);
	return state;
}

TEST(so_many_keys_are_put_in_another_order)
{
	struct mvcc_answer *answer;
	enum v3_error error;
	struct fix f;
	char key[16];

	begin(&f);
	for (size_t i = 0; i < V3_SORTED_KEYS_MAX; i++) {
		snprintf(key, sizeof(key), "%zu", i);
		put(&f, key, "");
		buf_clear(&f.effects);
	}
	assert_int_equal(read_sorted(&f, &error, &answer), MVCC_ANSWER_END);
	mvcc_answer_close(&answer);
	put(&f, "x", "");
	assert_int_equal(read_sorted(&f, &error, &answer), MVCC_ANSWER_LOST);
	assert_int_equal(error, V3_TOO_MANY_REQUESTS);
	mvcc_answer_close(&answer);
	end(&f);
}

TEST(values_that_make_the_order_have_so_many_bytes)
{
	struct v3_range range = { .key = ALL, .end = ALL, .target = V3_SORT_VALUE };
	struct mvcc_answer *answer;
	struct buf value = BUF_INIT, out = BUF_INIT;
	size_t looks, bytes = V3_SORTED_BYTES_MAX / 2 - 16;
	enum v3_error error;
	struct fix f;

	begin(&f);
	memset(buf_reserve(&value, bytes), 'x', bytes);
	buf_added(&value, bytes);
	for (unsigned i = 0; i < 3; i++) {
		char key[] = { (char)('a' + i), '\0' };

		/* The third is as small as can be. */
		assert_int_equal(put_with(&f, &(struct v3_put){ .key = slice_text(key),
		    .value = i < 2 ? buf_slice(&value) : slice_of(value.data, 100) }), V3_NONE);
		buf_clear(&f.effects);
		looks = 100;
		assert_int_equal(open_range(&f, &range, &answer), V3_NONE);
		assert_int_equal(mvcc_answer_read(answer, &out, SIZE_MAX, &looks, &error),
		    i < 2 ? MVCC_ANSWER_END : MVCC_ANSWER_LOST);
		assert_int_equal(error, i < 2 ? V3_NONE : V3_TOO_MANY_REQUESTS);
		mvcc_answer_close(&answer);
		buf_clear(&out);
	}
	buf_free(&out);
	buf_free(&value);
	end(&f);
}

/* A txn of two compares, which hold for all keys. */
static void
compare_all(struct fix *f, struct buf *compares)
{
	buf_clear(compares);
	for (unsigned i = 0; i < 2; i++)
		v3_compare_put(compares, &(struct v3_compare){ .result = V3_GREATER,
		    .target = V3_COMPARE_VERSION, .key = ALL, .end = ALL });
	buf_clear(&f->ops);
	mvcc_op_put_branch(&f->ops, &(struct v3_branch){ .compares = 2, .success_end = 1,
	    .failure_end = 1 });
}

TEST(compares_look_at_so_many_keys)
{
	struct buf compares = BUF_INIT;
	struct mvcc_request *request;
	struct mvcc_answer *answer;
	struct fix f;
	char key[16];

	begin(&f);
	for (size_t i = 0; i <= V3_COMPARED_KEYS_MAX / 2; i++) {
		enum v3_error wanted = i < V3_COMPARED_KEYS_MAX / 2 ? V3_NONE :
		    V3_TOO_MANY_OPERATIONS;

		snprintf(key, sizeof(key), "%zu", i);
		put(&f, key, "");
		buf_clear(&f.effects);
		if (i + 1 < V3_COMPARED_KEYS_MAX / 2)
			continue;
		compare_all(&f, &compares);
		assert_int_equal(mvcc_request_new(buf_slice(&compares), buf_slice(&f.ops), NULL,
		    &request), V3_NONE);
		assert_int_equal(write_request(&f, request), wanted);
		/* As a read, too. */
		assert_int_equal(mvcc_request_new(buf_slice(&compares), buf_slice(&f.ops), NULL,
		    &request), V3_NONE);
		assert_int_equal(mvcc_answer_open(f.mvcc, request, NULL, 0, &answer), wanted);
		mvcc_answer_close(&answer);
	}
	buf_free(&compares);
	end(&f);
}

TEST(all_reads_together_sort_so_many_keys)
{
	struct mvcc_answer *answers[5];
	struct v3_range range = { .key = ALL, .end = ALL, .target = V3_SORT_VERSION };
	enum v3_error error;
	struct buf out = BUF_INIT;
	size_t looks = SIZE_MAX, i;
	struct fix f;
	char key[16];

	begin(&f);
	for (i = 0; i < V3_SORTED_KEYS_MAX; i++) {
		snprintf(key, sizeof(key), "%zu", i);
		put(&f, key, "");
		buf_clear(&f.effects);
	}
	for (i = 0; i < V3_SORTED_ALL_MAX / V3_SORTED_KEYS_MAX; i++) {
		assert_int_equal(open_range(&f, &range, &answers[i]), V3_NONE);
		assert_int_equal(mvcc_answer_read(answers[i], &out, 1, &looks, &error),
		    MVCC_ANSWER_MORE);
	}
	assert_int_equal(open_range(&f, &range, &answers[i]), V3_NONE);
	assert_int_equal(mvcc_answer_read(answers[i], &out, 1, &looks, &error), MVCC_ANSWER_LOST);
	assert_int_equal(error, V3_TOO_MANY_REQUESTS);
	mvcc_answer_close(&answers[i]);
	mvcc_answer_close(&answers[0]);
	assert_int_equal(open_range(&f, &range, &answers[0]), V3_NONE);
	assert_int_equal(mvcc_answer_read(answers[0], &out, 1, &looks, &error), MVCC_ANSWER_MORE);
	while (i-- > 0)
		mvcc_answer_close(&answers[i]);
	buf_free(&out);
	end(&f);
}

TEST(a_ttl_has_a_least_and_a_greatest)
{
	uint64_t granted = 0;
	struct fix f;

	begin(&f);
	assert_int_equal(mvcc_lease_grant(f.mvcc, 0, 60, 0, &f.effects, &granted),
	    V3_LEASE_NOT_FOUND);
	assert_int_equal(mvcc_lease_grant(f.mvcc, 1, -5, 0, &f.effects, &granted), V3_NONE);
	assert_int_equal(granted, V3_LEASE_TTL_S_MIN);
	assert_int_equal(mvcc_lease_grant(f.mvcc, 2, (int64_t)V3_LEASE_TTL_S_MAX, 0, &f.effects,
	    &granted), V3_NONE);
	assert_int_equal(mvcc_lease_grant(f.mvcc, 3, (int64_t)V3_LEASE_TTL_S_MAX + 1, 0,
	    &f.effects, &granted), V3_LEASE_TTL_TOO_LARGE);
	assert_int_equal(mvcc_lease_grant(f.mvcc, 2, 60, 0, &f.effects, &granted),
	    V3_LEASE_EXISTS);
	/* Too large is found before that it exists. */
	assert_int_equal(mvcc_lease_grant(f.mvcc, 2, INT64_MAX, 0, &f.effects, &granted),
	    V3_LEASE_TTL_TOO_LARGE);
	end(&f);
}

/* ---- leases ------------------------------ */

static void
grant(struct fix *f, uint64_t id, int64_t ttl_s, uint64_t now_ns)
{
	uint64_t granted;

	assert_int_equal(mvcc_lease_grant(f->mvcc, id, ttl_s, now_ns, &f->effects, &granted),
	    V3_NONE);
}

/* By one revision; and nothing before what is replicated says so. */
TEST(a_lease_that_expires_takes_its_keys_and_no_lease_does_early)
{
	struct mvcc_lease_view view;
	struct buf keys = BUF_INIT;
	size_t changes_max = 10;
	struct fix f;

	begin(&f);
	grant(&f, 5, 10, 100 * S);
	assert_int_equal(put_with(&f, &(struct v3_put){ .key = SLICE_LITERAL("b"), .lease = 5 }),
	    V3_NONE);
	assert_int_equal(put_with(&f, &(struct v3_put){ .key = SLICE_LITERAL("a"), .lease = 5 }),
	    V3_NONE);
	assert_true(mvcc_lease_look(f.mvcc, 5, 101 * S, &view, &keys));
	assert_int_equal(view.left_s, 9);
	assert_int_equal(view.granted_s, 10);
	assert_true(slice_equal(buf_slice(&keys), slice_of("\1\0\0\0a\1\0\0\0b", 10)));
	assert_false(mvcc_lease_expire_begin(f.mvcc, 5, 110 * S - 1));
	assert_false(mvcc_lease_expire_begin(f.mvcc, 6, 200 * S));
	assert_int_equal(mvcc_key_count(f.mvcc), 2);
	assert_true(mvcc_lease_expire_begin(f.mvcc, 5, 110 * S));
	assert_true(mvcc_lease_end_on(f.mvcc, &changes_max, &f.effects));
	mvcc_lease_end_end(f.mvcc, &f.effects);
	assert_int_equal(mvcc_key_count(f.mvcc), 0);
	assert_int_equal(mvcc_revision(f.mvcc), 4);
	assert_false(mvcc_lease_look(f.mvcc, 5, 0, &view, NULL));
	assert_int_equal(mvcc_lease_revoke_begin(f.mvcc, 5), V3_LEASE_NOT_FOUND);
	buf_free(&keys);
	end(&f);
}

TEST(all_leases_are_listed)
{
	struct buf ids = BUF_INIT;
	struct reader in;
	uint64_t id, sum = 0;
	struct fix f;

	begin(&f);
	grant(&f, 3, 10, 0);
	grant(&f, UINT64_MAX, 10, 0);
	grant(&f, 1, 10, 0);
	mvcc_lease_ids(f.mvcc, &ids);
	assert_int_equal(ids.size, 3 * sizeof(id));
	in = reader_of(buf_slice(&ids));
	while (!reader_done(&in)) {
		assert_true(codec_get_u64(&in, &id));
		sum += id;
	}
	assert_int_equal(sum, 3);
	buf_free(&ids);
	end(&f);
}

/* ---- watches ------------------------------ */

TEST(a_slow_watch_goes_back_and_gets_all_once)
{
	struct mvcc_watch watch = { .owner = 1, .id = 1, .key = SLICE_LITERAL("k") };
	struct mvcc_past past = { .revisions_max = 1, .bytes_max = 1000, .looks = 100 };
	const struct mvcc_hit *hits;
	size_t count;
	bool behind;
	struct fix f;

	begin(&f);
	assert_int_equal(mvcc_watch_add(f.mvcc, &watch, &behind), V3_NONE);
	assert_false(behind);
	assert_int_equal(mvcc_watch_add(f.mvcc, &watch, &behind), V3_WATCH_ID_USED);
	for (unsigned i = 0; i < 3; i++)
		put(&f, "k", "v");
	/* It had room for the first alone. */
	mvcc_watch_fall_behind(f.mvcc, 1, 1, 3, true);
	assert_int_equal(mvcc_take_hits(f.mvcc, &hits), 1);
	assert_int_equal(hits[0].change->revision, 2);
	for (uint64_t revision = 3; revision <= 4; revision++) {
		assert_int_equal(mvcc_watch_past(f.mvcc, 1, 1, &past, &hits, &count), V3_NONE);
		assert_int_equal(count, 1);
		assert_int_equal(hits[0].change->revision, revision);
		assert_int_equal(past.live, revision == 4);
	}
	put(&f, "k", "v");
	assert_int_equal(mvcc_take_hits(f.mvcc, &hits), 1);
	assert_int_equal(mvcc_watch_past(f.mvcc, 1, 1, &past, &hits, &count), V3_NONE);
	assert_false(past.behind);
	/* What it waits for is compacted before it asks. */
	mvcc_watch_fall_behind(f.mvcc, 1, 1, 2, true);
	put(&f, "k", "v");
	assert_int_equal(mvcc_compact(f.mvcc, 6), V3_NONE);
	assert_int_equal(mvcc_watch_past(f.mvcc, 1, 1, &past, &hits, &count), V3_COMPACTED);
	assert_int_equal(mvcc_watch_count(f.mvcc), 0);
	end(&f);
}

TEST(a_watch_of_what_is_to_come_is_told_nothing_before)
{
	struct mvcc_watch watch = { .owner = 1, .id = 1, .key = SLICE_EMPTY, .end = ALL,
		.start_revision = 4 };
	const struct mvcc_hit *hits;
	bool behind;
	struct fix f;

	begin(&f);
	assert_int_equal(mvcc_watch_add(f.mvcc, &watch, &behind), V3_NONE);
	assert_false(behind);
	for (unsigned i = 0; i < 4; i++)
		put(&f, "k", "v");
	assert_int_equal(mvcc_take_hits(f.mvcc, &hits), 2);
	assert_int_equal(hits[0].change->revision, 4);
	watch.id = 3;
	watch.start_revision = UINT64_MAX;
	assert_int_equal(mvcc_watch_add(f.mvcc, &watch, &behind), V3_COMPACTED);
	watch = (struct mvcc_watch){ .owner = 1, .id = 2, .key = SLICE_LITERAL("b"),
		.end = SLICE_LITERAL("b") };
	assert_int_equal(mvcc_watch_add(f.mvcc, &watch, &behind), V3_WATCH_RANGE_EMPTY);
	end(&f);
}

/* A snapshot was installed: what happened between is the past. */
TEST(watches_of_a_state_that_is_replaced_are_behind_and_their_owners_are_told)
{
	struct mvcc_watch watch = { .owner = 1, .id = 1, .key = SLICE_LITERAL("k") };
	struct mvcc_fallen fallen;
	bool behind;
	struct fix old, fresh;

	begin(&old);
	begin(&fresh);
	put(&old, "k", "1");
	for (int i = 0; i < 4; i++)
		put(&fresh, "k", "1");
	assert_int_equal(mvcc_watch_add(old.mvcc, &watch, &behind), V3_NONE);
	watch.id = 2;
	watch.start_revision = 9;
	assert_int_equal(mvcc_watch_add(old.mvcc, &watch, &behind), V3_NONE);
	mvcc_adopt(fresh.mvcc, old.mvcc);
	assert_int_equal(mvcc_watch_count(fresh.mvcc), 2);
	assert_int_equal(mvcc_watch_count_of(fresh.mvcc, 1), 2);
	assert_true(mvcc_watch_take_fallen(fresh.mvcc, &fallen));
	assert_int_equal(fallen.id, 1);
	assert_int_equal(fallen.served, 2);
	assert_false(mvcc_watch_take_fallen(fresh.mvcc, &fallen));
	end(&old);
	end(&fresh);
}
