/*
 * checksum_test.c - the checksum of history: the same however it is cut, whatever was freed, and
 * in whichever order two replicas got there; another one for other history.
 */
#include "raftd/replica/mvcc/mvcc.h"

#include "common/ipc/wire.h"
#include "tests/lib/test.h"

#include <stdio.h>

struct fix {
	struct mvcc *mvcc;
	struct buf effects;
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
}

static void
write_ops(struct fix *f, struct buf *ops)
{
	struct mvcc_outcome outcome = { .error = V3_NONE };
	struct blob *holder = blob_new(buf_slice(ops));
	struct mvcc_request *request;

	assert_int_equal(mvcc_request_new(SLICE_EMPTY, blob_slice(holder), holder, &request),
	    V3_NONE);
	blob_unref(&holder);
	mvcc_write_begin(f->mvcc, request);
	assert_true(mvcc_write_on(f->mvcc, SIZE_MAX, &f->effects));
	mvcc_write_end(f->mvcc, &outcome);
	assert_int_equal(outcome.error, V3_NONE);
	mvcc_outcome_free(&outcome);
	buf_free(ops);
}

static void
put(struct fix *f, const char *key, const char *value)
{
	struct buf ops = BUF_INIT;

	mvcc_op_put_put(&ops, &(struct v3_put){ .key = slice_text(key),
	    .value = slice_text(value) });
	write_ops(f, &ops);
}

static void
delete(struct fix *f, const char *key)
{
	struct buf ops = BUF_INIT;

	mvcc_op_put_delete(&ops, &(struct v3_delete){ .key = slice_text(key) });
	write_ops(f, &ops);
}

static uint32_t
sum_in(const struct fix *f, int64_t revision, size_t looks)
{
	struct mvcc_checksum checksum = { 0 };
	bool done = false;
	uint32_t sum;

	assert_int_equal(mvcc_checksum_begin(f->mvcc, revision, &checksum), V3_NONE);
	while (!done) {
		size_t left = looks;

		assert_int_equal(mvcc_checksum_go_on(f->mvcc, &checksum, &left, &done), V3_NONE);
	}
	sum = checksum.sum;
	mvcc_checksum_free(&checksum);
	return sum;
}

/* Revisions 2 to 31: a key put often, others once, one deleted. */
static void
fill(struct fix *f)
{
	char key[8];

	for (unsigned i = 0; i < 14; i++) {
		snprintf(key, sizeof(key), "k%u", i);
		put(f, key, "v");
		put(f, "often", key);
	}
	delete(f, "k3");
	put(f, "z", "");
}

TEST(it_is_the_same_however_it_is_cut)
{
	struct fix f;

	begin(&f);
	fill(&f);
	for (int64_t revision = 1; revision <= 31; revision++)
		for (size_t looks = 1; looks < 40; looks += 3)
			assert_int_equal(sum_in(&f, revision, looks), sum_in(&f, revision, 1000));
	end(&f);
}

TEST(each_revision_has_another_one)
{
	struct fix f;

	begin(&f);
	fill(&f);
	for (int64_t revision = 2; revision <= 31; revision++)
		assert_true(sum_in(&f, revision, 1000) != sum_in(&f, revision - 1, 1000));
	assert_int_equal(sum_in(&f, 0, 1000), sum_in(&f, 31, 1000));
	end(&f);
}

TEST(what_is_written_later_does_not_count)
{
	uint32_t before;
	struct fix f;

	begin(&f);
	fill(&f);
	before = sum_in(&f, 20, 1000);
	put(&f, "a", "new");
	put(&f, "often", "new");
	delete(&f, "k5");
	assert_int_equal(sum_in(&f, 20, 1000), before);
	end(&f);
}

/* Nodes free at their own pace. */
TEST(it_does_not_count_what_is_compacted_freed_or_not)
{
	uint32_t before;
	struct fix f;

	begin(&f);
	fill(&f);
	before = sum_in(&f, 31, 1000);
	assert_int_equal(mvcc_compact(f.mvcc, 30), V3_NONE);
	assert_true(sum_in(&f, 31, 1000) != before);
	before = sum_in(&f, 31, 1000);
	while (mvcc_sweep(f.mvcc, 1, &f.effects))
		assert_int_equal(sum_in(&f, 31, 7), before);
	assert_int_equal(sum_in(&f, 31, 7), before);
	end(&f);
}

/* Also if the key where it stands is freed as a whole meanwhile. */
TEST(what_is_freed_between_two_slices_is_not_missed)
{
	size_t most = 40;
	struct fix f;

	for (size_t first = 1; first < most; first++) {
		struct mvcc_checksum checksum = { 0 };
		size_t looks = first;
		bool done;

		begin(&f);
		fill(&f);
		delete(&f, "often");
		put(&f, "z", "1");
		assert_int_equal(mvcc_compact(f.mvcc, 33), V3_NONE);
		assert_int_equal(mvcc_checksum_begin(f.mvcc, 33, &checksum), V3_NONE);
		assert_int_equal(mvcc_checksum_go_on(f.mvcc, &checksum, &looks, &done), V3_NONE);
		while (mvcc_sweep(f.mvcc, 1, &f.effects))
			;
		looks = 1000;
		if (!done)
			assert_int_equal(mvcc_checksum_go_on(f.mvcc, &checksum, &looks, &done),
			    V3_NONE);
		assert_true(done);
		assert_int_equal(checksum.sum, sum_in(&f, 33, 1000));
		mvcc_checksum_free(&checksum);
		end(&f);
	}
}

TEST(another_compaction_makes_it_begin_anew_or_ends_it)
{
	struct mvcc_checksum checksum = { 0 };
	size_t looks = 3;
	struct fix f;
	bool done;

	begin(&f);
	fill(&f);
	assert_int_equal(mvcc_checksum_begin(f.mvcc, 20, &checksum), V3_NONE);
	assert_int_equal(mvcc_checksum_go_on(f.mvcc, &checksum, &looks, &done), V3_NONE);
	assert_false(done);
	assert_int_equal(mvcc_compact(f.mvcc, 10), V3_NONE);
	looks = 1000;
	assert_int_equal(mvcc_checksum_go_on(f.mvcc, &checksum, &looks, &done), V3_NONE);
	assert_true(done);
	assert_int_equal(checksum.compacted, 10);
	assert_int_equal(checksum.sum, sum_in(&f, 20, 5));
	assert_int_equal(mvcc_checksum_begin(f.mvcc, 20, &checksum), V3_NONE);
	assert_int_equal(mvcc_compact(f.mvcc, 21), V3_NONE);
	assert_int_equal(mvcc_checksum_go_on(f.mvcc, &checksum, &looks, &done), V3_COMPACTED);
	assert_int_equal(mvcc_checksum_begin(f.mvcc, 20, &checksum), V3_COMPACTED);
	assert_int_equal(mvcc_checksum_begin(f.mvcc, 21, &checksum), V3_NONE);
	assert_int_equal(mvcc_checksum_begin(f.mvcc, 32, &checksum), V3_FUTURE_REVISION);
	mvcc_checksum_free(&checksum);
	end(&f);
}
