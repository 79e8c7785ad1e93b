/*
 * v3_work.c - see v3_work.h.
 */
#include "tests/unit/raftd/replica/mvcc/v3_work.h"

#include "common/ipc/wire.h"
#include "raftd/replica/mvcc/request.h"

static uint64_t
below(struct v3_work *w, uint64_t bound)
{
	return rand_below(w->rand, bound);
}

static bool
chance(struct v3_work *w, unsigned per_mille)
{
	return rand_chance(w->rand, per_mille);
}

struct slice
v3_work_key(struct v3_work *w)
{
	static const char *const keys[] = { "a", "b", "c", "ab", "abc", "b/", "b/1", "b/2", "b/3",
		"\xff", "\xff\xff", "ba", "bb", "d", "e", "\1", "zz", "zz0", "zz1" };

	return slice_text(keys[below(w, ARRAY_COUNT(keys))]);
}

struct slice
v3_work_end(struct v3_work *w)
{
	switch (below(w, 4)) {
	case 0:
		return SLICE_EMPTY;
	case 1:
		return slice_of("\0", 1);
	default:
		return v3_work_key(w);
	}
}

uint64_t
v3_work_lease(struct v3_work *w)
{
	return below(w, 6);
}

uint64_t
v3_work_revision(struct v3_work *w)
{
	uint64_t now = w->model->revision;

	switch (below(w, 8)) {
	case 0:
		return now + below(w, 3);
	case 1:
		return (uint64_t)w->model->compacted + below(w, 3) - 1;
	case 2:
		return UINT64_MAX - below(w, 2);
	default:
		return now - MIN_OF(now, below(w, 40));
	}
}

void
v3_work_range(struct v3_work *w, struct buf *ops)
{
	struct v3_range range = { .key = v3_work_key(w), .end = v3_work_end(w) };

	if (chance(w, 300))
		range.key = slice_of("\0", 1);
	range.flags = chance(w, 150) ? V3_RANGE_COUNT_ONLY : chance(w, 150) ?
	    V3_RANGE_KEYS_ONLY : 0;
	if (chance(w, 400))
		range.limit = below(w, 6) - 1;
	if (chance(w, 300))
		range.revision = v3_work_revision(w);
	if (chance(w, 400)) {
		range.order = (uint8_t)below(w, 3);
		range.target = (uint8_t)below(w, 5);
	}
	if (chance(w, 100))
		range.min_mod = v3_work_revision(w);
	if (chance(w, 100))
		range.max_mod = v3_work_revision(w);
	if (chance(w, 100))
		range.min_create = v3_work_revision(w);
	if (chance(w, 100))
		range.max_create = v3_work_revision(w);
	mvcc_op_put_range(ops, &range);
}

void
v3_work_put(struct v3_work *w, struct buf *ops)
{
	static const char *const values[] = { "", "1", "2", "22", "three",
		"a value that is not as short as the others are, to be told from them by its "
		"length as well, which takes more than a byte if it goes on for some time yet, "
		"as this one does" };
	struct v3_put put = { .key = v3_work_key(w) };

	if (chance(w, 100))
		put.flags |= V3_PUT_IGNORE_VALUE;
	else
		put.value = slice_text(values[below(w, ARRAY_COUNT(values))]);
	if (chance(w, 100))
		put.flags |= V3_PUT_IGNORE_LEASE;
	else if (chance(w, 300))
		put.lease = v3_work_lease(w);
	if (chance(w, 300))
		put.flags |= V3_PUT_PREV_KV;
	mvcc_op_put_put(ops, &put);
}

void
v3_work_delete(struct v3_work *w, struct buf *ops)
{
	struct v3_delete delete = { .key = v3_work_key(w), .end = chance(w, 600) ? SLICE_EMPTY :
		v3_work_key(w), .flags = chance(w, 400) ? V3_DELETE_PREV_KV : 0 };

	if (chance(w, 10))
		delete.end = v3_work_end(w);
	mvcc_op_put_delete(ops, &delete);
}

static void
put_compare(struct v3_work *w, struct buf *compares)
{
	struct v3_compare compare = { .result = (uint8_t)below(w, 4),
		.target = (uint8_t)below(w, 5), .key = v3_work_key(w) };

	if (chance(w, 300))
		compare.end = v3_work_end(w);
	if (compare.target == V3_COMPARE_VALUE)
		compare.value = slice_text(chance(w, 500) ? "2" : "");
	else if (compare.target == V3_COMPARE_VERSION)
		compare.number = below(w, 4);
	else if (compare.target == V3_COMPARE_LEASE)
		compare.number = v3_work_lease(w);
	else
		compare.number = v3_work_revision(w);
	v3_compare_put(compares, &compare);
}

uint32_t
v3_work_txn(struct v3_work *w, struct buf *compares, struct buf *ops, uint32_t place,
    unsigned depth, bool reads)
{
	struct v3_branch branch = { .compares = (uint32_t)below(w, 3) };
	struct buf within = BUF_INIT;
	uint32_t next = place + 1;

	for (uint32_t i = 0; i < branch.compares; i++)
		put_compare(w, compares);
	for (unsigned side = 0; side < 2; side++) {
		for (uint64_t left = below(w, 4); left > 0; left--) {
			uint64_t kind = below(w, depth < 3 ? 10 : 8);

			if (kind >= 8) {
				next = v3_work_txn(w, compares, &within, next, depth + 1, reads);
				continue;
			}
			if (reads || kind < 2)
				v3_work_range(w, &within);
			else if (kind < 6)
				v3_work_put(w, &within);
			else
				v3_work_delete(w, &within);
			next++;
		}
		if (side == 0)
			branch.success_end = next;
	}
	branch.failure_end = next;
	mvcc_op_put_branch(ops, &branch);
	buf_append_slice(ops, buf_slice(&within));
	buf_free(&within);
	return next;
}
