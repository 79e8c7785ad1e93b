/*
 * duplicate.c - see duplicate.h.
 *
 * Two questions. Puts with each other: sorted by key, those of one key stand together in the
 * order of the list; of three, the first and the last part ways where one of the two pairs
 * between them does, so neighbours are enough. Puts with deletes: the list is gone over once,
 * and each branch that is open knows the deletes that count for what comes: its own, and those
 * of the txns in it that are over.
 */
#include "httpd/v3/duplicate.h"

#include "common/ipc/wire.h"
#include "common/limits.h"

#include <stdlib.h>

/* ---- puts with each other ------------------------------ */

struct placed_key {
	struct slice key;
	uint32_t place;
};

static int
compare_placed(const void *left, const void *right)
{
	const struct placed_key *a = left, *b = right;
	int order = slice_compare(a->key, b->key);

	return order != 0 ? order : (a->place > b->place) - (a->place < b->place);
}

/* Are they in the two branches of one txn? The innermost one around both says so. */
static bool
exclude_each_other(const struct v3_flat_op *ops, const uint32_t *around, uint32_t first,
    uint32_t second)
{
	uint32_t txn = around[first];

	while (second >= ops[txn].failure_end)
		txn = around[txn];
	return first < ops[txn].success_end && second >= ops[txn].success_end;
}

/* The txn that each operation is in; of the whole itself. */
static uint32_t *
find_around(const struct v3_flat_op *ops, size_t count, struct arena *arena)
{
	uint32_t *around = arena_alloc(arena, count * sizeof(*around));
	uint32_t txn = 0;

	around[0] = 0;
	for (uint32_t i = 1; i < count; i++) {
		while (i >= ops[txn].failure_end)
			txn = around[txn];
		around[i] = txn;
		if (ops[i].kind == V3_OP_TXN)
			txn = i;
	}
	return around;
}

static bool
is_put_twice(const struct v3_flat_op *ops, size_t count, struct arena *arena)
{
	struct placed_key *puts = arena_alloc(arena, count * sizeof(*puts));
	const uint32_t *around = find_around(ops, count, arena);
	size_t n = 0;

	for (uint32_t i = 0; i < count; i++)
		if (ops[i].kind == V3_OP_PUT)
			puts[n++] = (struct placed_key){ ops[i].key, i };
	qsort(puts, n, sizeof(*puts), compare_placed);
	for (size_t i = 1; i < n; i++)
		if (slice_equal(puts[i - 1].key, puts[i].key) &&
		    !exclude_each_other(ops, around, puts[i - 1].place, puts[i].place))
			return true;
	return false;
}

/* ---- puts with deletes ------------------------------ */

/* [from, to), or from on. */
struct stretch {
	struct slice from, to;
	bool point, open;
};

/* In order, and apart. */
struct deletes {
	struct stretch *items;
	size_t count;
};

static struct stretch
interval_of(const struct v3_flat_op *op)
{
	bool open = op->end.size == 1 && op->end.data[0] == 0;

	return (struct stretch){ .from = op->key, .to = op->end, .point = op->end.size == 0,
		.open = open };
}

static bool
is_empty(const struct stretch *i)
{
	return !i->point && !i->open && slice_compare(i->to, i->from) <= 0;
}

static bool
has_key(const struct stretch *i, struct slice key)
{
	if (i->point)
		return slice_equal(i->from, key);
	return slice_compare(key, i->from) >= 0 && (i->open || slice_compare(key, i->to) < 0);
}

static int
compare_intervals(const void *left, const void *right)
{
	const struct stretch *a = left, *b = right;
	int order = slice_compare(a->from, b->from);

	/* Of those that begin alike the longer one first: a point is within it. */
	return order != 0 ? order : a->point - b->point;
}

/* Add one that begins no earlier than those that are there. */
static void
add_interval(struct deletes *to, const struct stretch *added)
{
	struct stretch *last = to->count == 0 ? NULL : &to->items[to->count - 1];

	if (last == NULL || !has_key(last, added->from)) {
		to->items[to->count++] = *added;
		return;
	}
	if (added->point || last->open)
		return;
	if (last->point || added->open || slice_compare(added->to, last->to) > 0) {
		last->to = added->to;
		last->open = added->open;
		last->point = false;
	}
}

static struct deletes
merge(const struct deletes *a, const struct deletes *b, struct arena *arena)
{
	struct deletes merged = { NULL, 0 };
	size_t i = 0, j = 0;

	if (a->count == 0)
		return *b;
	if (b->count == 0)
		return *a;
	merged.items = arena_alloc(arena, (a->count + b->count) * sizeof(*merged.items));
	while (i < a->count || j < b->count) {
		bool left = j == b->count || (i < a->count &&
		    compare_intervals(&a->items[i], &b->items[j]) <= 0);

		add_interval(&merged, left ? &a->items[i++] : &b->items[j++]);
	}
	return merged;
}

/* Is the key in one of them? The last that does not begin behind it. */
static bool
have_key(const struct deletes *intervals, struct slice key)
{
	size_t low = 0, high = intervals->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (slice_compare(intervals->items[middle].from, key) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && has_key(&intervals->items[low - 1], key);
}

/* The next operation of the same branch. */
static uint32_t
behind(const struct v3_flat_op *ops, uint32_t place)
{
	return ops[place].kind == V3_OP_TXN ? ops[place].failure_end : place + 1;
}

static struct deletes
own_deletes(const struct v3_flat_op *ops, uint32_t begin, uint32_t end, struct arena *arena)
{
	struct deletes found = { NULL, 0 }, sorted = { NULL, 0 };
	size_t count = 0;

	for (uint32_t i = begin; i < end; i = behind(ops, i))
		count += ops[i].kind == V3_OP_DELETE;
	if (count == 0)
		return sorted;
	found.items = arena_alloc(arena, count * sizeof(*found.items));
	sorted.items = arena_alloc(arena, count * sizeof(*sorted.items));
	for (uint32_t i = begin; i < end; i = behind(ops, i)) {
		struct stretch interval = interval_of(&ops[i]);

		if (ops[i].kind == V3_OP_DELETE && !is_empty(&interval))
			found.items[found.count++] = interval;
	}
	qsort(found.items, found.count, sizeof(*found.items), compare_intervals);
	for (size_t i = 0; i < found.count; i++)
		add_interval(&sorted, &found.items[i]);
	return sorted;
}

/* A branch that is being gone over, and the other one of its txn if that is over. */
struct open_branch {
	uint32_t txn, begin, end;
	bool failure;			/* which one it is */
	struct deletes deletes;	/* that count for what comes in it */
	struct deletes success;	/* all of the branch that is over */
};

static void
open_branch(const struct v3_flat_op *ops, struct open_branch *branch, uint32_t txn, bool failure,
    struct arena *arena)
{
	branch->txn = txn;
	branch->failure = failure;
	branch->begin = failure ? ops[txn].success_end : txn + 1;
	branch->end = failure ? ops[txn].failure_end : ops[txn].success_end;
	branch->deletes = own_deletes(ops, branch->begin, branch->end, arena);
}

/* Of what a branch puts itself nothing may be deleted by what is in it, wherever. */
static bool
deletes_own(const struct v3_flat_op *ops, const struct open_branch *branch)
{
	for (uint32_t i = branch->begin; i < branch->end; i = behind(ops, i))
		if (ops[i].kind == V3_OP_PUT && have_key(&branch->deletes, ops[i].key))
			return true;
	return false;
}

/* By a branch around it, or by what is over in one. */
static bool
is_deleted(const struct open_branch *open, const struct open_branch *top, struct slice key)
{
	for (; open <= top; open++)
		if (have_key(&open->deletes, key))
			return true;
	return false;
}

static bool
is_put_and_deleted(const struct v3_flat_op *ops, struct arena *arena)
{
	struct open_branch *open = arena_zalloc(arena, (V3_DEPTH_MAX + 1) * sizeof(*open));
	struct open_branch *top = open;
	uint32_t i = 1;

	open_branch(ops, top, 0, false, arena);
	for (;;) {
		if (i < top->end) {
			if (ops[i].kind == V3_OP_PUT && is_deleted(open, top, ops[i].key))
				return true;
			if (ops[i].kind == V3_OP_TXN)
				open_branch(ops, ++top, i, false, arena);
			i++;
		} else if (deletes_own(ops, top)) {
			return true;
		} else if (!top->failure) {
			top->success = top->deletes;
			open_branch(ops, top, top->txn, true, arena);
		} else if (top == open) {
			return false;
		} else {
			struct deletes *around = &top[-1].deletes;

			*around = merge(around, &top->success, arena);
			*around = merge(around, &top->deletes, arena);
			top--;
		}
	}
}

bool
v3_has_duplicate(const struct v3_flat_op *ops, size_t count, struct arena *arena)
{
	return is_put_twice(ops, count, arena) || is_put_and_deleted(ops, arena);
}
