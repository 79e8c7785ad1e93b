/*
 * v3_model.c - see v3_model.h.
 */
#include "tests/unit/raftd/replica/mvcc/v3_model.h"

#include "common/ipc/wire.h"
#include "common/xmem.h"

#include <inttypes.h>
#include <stdlib.h>

#define NS_PER_S UINT64_C(1000000000)

void
v3_model_init(struct v3_model *model)
{
	*model = (struct v3_model){ .revision = 1, .compacted = -1 };
}

static struct slice
own(struct slice bytes)
{
	uint8_t *copy = xmalloc(bytes.size + 1);

	if (bytes.size > 0)
		memcpy(copy, bytes.data, bytes.size);
	return slice_of(copy, bytes.size);
}

static void
change_free(struct v3_model_change *change)
{
	free((void *)(uintptr_t)change->key.data);
	free((void *)(uintptr_t)change->value.data);
}

void
v3_model_free(struct v3_model *model)
{
	for (size_t i = 0; i < model->count; i++)
		change_free(&model->changes[i]);
	free(model->changes);
	free(model->leases);
}

void
v3_model_answer_free(struct v3_model_answer *answer)
{
	buf_free(&answer->results);
	buf_free(&answer->bytes);
}

static int64_t
int64_of(uint64_t number)
{
	int64_t value;

	memcpy(&value, &number, sizeof(value));
	return value;
}

/* ---- states ------------------------------ */

bool
v3_model_in_range(struct slice name, struct slice key, struct slice end)
{
	if (end.size == 0)
		return slice_equal(name, key);
	if (end.size == 1 && end.data[0] == 0)
		return slice_compare(name, key) >= 0;
	return slice_compare(name, key) >= 0 && slice_compare(name, end) < 0;
}

/* Copies, whose bytes are those of the changes. */
struct state {
	struct v3_model_change kvs[512];
	size_t count;
};

static int
compare_keys(const void *a, const void *b)
{
	const struct v3_model_change *left = a, *right = b;

	return slice_compare(left->key, right->key);
}

static bool
is_living(const struct v3_model_change *change, const void *argument UNUSED)
{
	return !change->gone;
}

/* Those stay that are wanted. */
static void
keep(struct state *state, bool (*wanted)(const struct v3_model_change *, const void *),
    const void *argument)
{
	size_t kept = 0;

	for (size_t i = 0; i < state->count; i++)
		if (wanted(&state->kvs[i], argument))
			state->kvs[kept++] = state->kvs[i];
	state->count = kept;
}

/* What there is in a range after the first so many changes. */
static void
make_state(const struct v3_model *model, size_t changes, struct slice key, struct slice end,
    struct state *state)
{
	state->count = 0;
	for (size_t i = changes; i-- > 0;) {
		const struct v3_model_change *change = &model->changes[i];
		bool known = false;

		if (!v3_model_in_range(change->key, key, end))
			continue;
		for (size_t n = 0; n < state->count && !known; n++)
			known = slice_equal(state->kvs[n].key, change->key);
		ASSERT(known || state->count < ARRAY_COUNT(state->kvs));
		if (!known)
			state->kvs[state->count++] = *change;
	}
	qsort(state->kvs, state->count, sizeof(state->kvs[0]), compare_keys);
	keep(state, is_living, NULL);
}

static size_t
changes_to(const struct v3_model *model, uint64_t revision)
{
	size_t count = 0;

	while (count < model->count && model->changes[count].revision <= revision)
		count++;
	return count;
}

const struct v3_model_change *
v3_model_previous(const struct v3_model *model, const struct v3_model_change *change)
{
	if (model->compacted >= 0 && change->revision <= (uint64_t)model->compacted)
		return NULL;
	for (const struct v3_model_change *at = change; at-- > model->changes;)
		if (slice_equal(at->key, change->key))
			return at->gone ? NULL : at;
	return NULL;
}

/* ---- wire form ------------------------------ */

static void
put_varint(struct buf *out, uint64_t number)
{
	for (; number >= 128; number /= 128)
		buf_append_byte(out, (uint8_t)(number % 128 + 128));
	buf_append_byte(out, (uint8_t)number);
}

static void
put_number(struct buf *out, uint8_t field, uint64_t number)
{
	if (number == 0)
		return;
	put_varint(out, (uint64_t)field * 8);
	put_varint(out, number);
}

static void
put_bytes(struct buf *out, uint8_t field, struct slice bytes)
{
	if (bytes.size == 0)
		return;
	put_varint(out, (uint64_t)field * 8 + 2);
	put_varint(out, bytes.size);
	buf_append_slice(out, bytes);
}

void
v3_model_wire(struct buf *out, uint8_t tag, const struct v3_model_change *change, bool keys_only)
{
	struct buf kv = BUF_INIT;

	put_bytes(&kv, 1, change->key);
	put_number(&kv, 2, change->gone ? 0 : change->create);
	put_number(&kv, 3, change->revision);
	put_number(&kv, 4, change->gone ? 0 : change->version);
	put_number(&kv, 6, change->gone ? 0 : change->lease);
	if (!keys_only)
		put_bytes(&kv, 5, change->value);
	buf_append_byte(out, tag);
	put_varint(out, kv.size);
	buf_append_slice(out, buf_slice(&kv));
	buf_free(&kv);
}

void
v3_model_line(struct buf *out, uint8_t kind, bool more, bool succeeded, uint64_t responses,
    uint64_t revision, uint64_t count, uint64_t kvs)
{
	buf_printf(out, "kind=%u more=%d succeeded=%d responses=%" PRIu64 " revision=%" PRIu64
	    " count=%" PRIu64 " kvs=%" PRIu64 "\n", kind, more, succeeded, responses, revision,
	    count, kvs);
}

/* ---- changes ------------------------------ */

struct writing {
	struct v3_model *model;
	struct v3_model_answer *answer;
	const struct v3_op *ops;
	size_t op_count;
	const struct v3_compare *compares;
	size_t compare_count;
	size_t next_compare;
	size_t before;			/* changes that there were before it */
	uint64_t subs;
	bool checks;			/* nothing is done: look for errors in puts, */
	bool ranges;			/* or in ranges */
	bool takes[256];		/* by txns in order, for all passes */
	size_t txns;
};

static void
add_change(struct writing *w, struct v3_model_change change)
{
	struct v3_model *model = w->model;

	change.revision = model->revision + 1;
	change.sub = w->subs++;
	change.key = own(change.key);
	change.value = own(change.value);
	model->changes = xgrow(model->changes, &model->capacity, model->count + 1,
	    sizeof(model->changes[0]));
	model->changes[model->count++] = change;
}

struct v3_model_lease *
v3_model_lease(struct v3_model *model, uint64_t id)
{
	for (size_t i = 0; i < model->lease_count; i++)
		if (model->leases[i].id == id)
			return &model->leases[i];
	return NULL;
}

static uint64_t
revision_now(const struct writing *w)
{
	return w->model->revision + (w->subs > 0);
}

/* ---- operations ------------------------------ */

static uint64_t
sort_number(const struct v3_model_change *kv, uint8_t target)
{
	return target == V3_SORT_VERSION ? kv->version : target == V3_SORT_CREATE ? kv->create :
	    target == V3_SORT_MOD ? kv->revision : 0;
}

/* Below, at or above zero; by the target alone. */
static int
sort_order(const struct v3_model_change *a, const struct v3_model_change *b, uint8_t target)
{
	uint64_t left = sort_number(a, target), right = sort_number(b, target);

	if (target == V3_SORT_KEY)
		return slice_compare(a->key, b->key);
	if (target == V3_SORT_VALUE)
		return slice_compare(a->value, b->value);
	return (left > right) - (left < right);
}

static bool
passes(uint64_t value, uint64_t min, uint64_t max)
{
	return (min == 0 || int64_of(value) >= int64_of(min)) &&
	    (max == 0 || int64_of(value) <= int64_of(max));
}

static bool
is_filtered_in(const struct v3_model_change *kv, const void *argument)
{
	const struct v3_range *range = argument;

	return passes(kv->revision, range->min_mod, range->max_mod) &&
	    passes(kv->create, range->min_create, range->max_create);
}

/* Stable: equal ones stay in the order of keys. */
static void
sort(struct state *state, const struct v3_range *range)
{
	for (size_t i = 1; i < state->count; i++)
		for (size_t n = i; n > 0; n--) {
			struct v3_model_change kv = state->kvs[n];
			int order = sort_order(&state->kvs[n - 1], &kv, range->target);

			if (range->order == V3_SORT_DESCEND ? order >= 0 : order <= 0)
				break;
			state->kvs[n] = state->kvs[n - 1];
			state->kvs[n - 1] = kv;
		}
}

static void
do_range(struct writing *w, const struct v3_range *range)
{
	struct state state;
	uint64_t count, limit = int64_of(range->limit) <= 0 ? UINT64_MAX : range->limit, kvs = 0;
	size_t changes = int64_of(range->revision) > 0 ? changes_to(w->model, range->revision) :
	    w->model->count;
	bool more = false;

	make_state(w->model, changes, range->key, range->end, &state);
	count = state.count;
	keep(&state, is_filtered_in, range);
	sort(&state, range);
	if ((range->flags & V3_RANGE_COUNT_ONLY) == 0) {
		more = state.count > limit;
		kvs = more ? limit : state.count;
		for (size_t i = 0; i < kvs; i++)
			v3_model_wire(&w->answer->bytes, 2 * 8 + 2, &state.kvs[i],
			    (range->flags & V3_RANGE_KEYS_ONLY) != 0);
	}
	v3_model_line(&w->answer->results, V3_OP_RANGE, more, false, 0, revision_now(w), count,
	    kvs);
}

static void
do_put(struct writing *w, const struct v3_put *put)
{
	struct state state;
	const struct v3_model_change *old;
	struct v3_model_change new = { .key = put->key, .value = put->value, .lease = put->lease,
		.create = w->model->revision + 1, .version = 1 };
	bool shown;

	make_state(w->model, w->model->count, put->key, SLICE_EMPTY, &state);
	old = state.count == 0 ? NULL : &state.kvs[0];
	shown = old != NULL && (put->flags & V3_PUT_PREV_KV) != 0;
	if (old != NULL) {
		new.create = old->create;
		new.version = old->version + 1;
	}
	if ((put->flags & V3_PUT_IGNORE_VALUE) != 0)
		new.value = old == NULL ? SLICE_EMPTY : old->value;
	if ((put->flags & V3_PUT_IGNORE_LEASE) != 0)
		new.lease = old == NULL ? 0 : old->lease;
	if (shown)
		v3_model_wire(&w->answer->bytes, 2 * 8 + 2, old, false);
	add_change(w, new);
	v3_model_line(&w->answer->results, V3_OP_PUT, false, false, 0, revision_now(w), 0, shown);
}

static void
do_delete(struct writing *w, const struct v3_delete *delete)
{
	struct state state;
	bool shown = (delete->flags & V3_DELETE_PREV_KV) != 0;

	make_state(w->model, w->model->count, delete->key, delete->end, &state);
	for (size_t i = 0; i < state.count && shown; i++)
		v3_model_wire(&w->answer->bytes, 3 * 8 + 2, &state.kvs[i], false);
	for (size_t i = 0; i < state.count; i++)
		add_change(w, (struct v3_model_change){ .gone = true, .key = state.kvs[i].key });
	v3_model_line(&w->answer->results, V3_OP_DELETE, false, false, 0, revision_now(w),
	    state.count, shown ? state.count : 0);
}

static bool
fits(int order, uint8_t result)
{
	return result == V3_EQUAL ? order == 0 : result == V3_GREATER ? order > 0 :
	    result == V3_LESS ? order < 0 : order != 0;
}

static bool
holds_for(const struct v3_compare *compare, const struct v3_model_change *kv)
{
	int64_t given = int64_of(compare->number), state = 0;

	if (compare->target == V3_COMPARE_VALUE)
		return kv != NULL && fits(slice_compare(kv->value, compare->value),
		    compare->result);
	if (kv != NULL)
		state = int64_of(compare->target == V3_COMPARE_VERSION ? kv->version :
		    compare->target == V3_COMPARE_CREATE ? kv->create :
		    compare->target == V3_COMPARE_MOD ? kv->revision : kv->lease);
	return fits((state > given) - (state < given), compare->result);
}

static bool
holds(const struct writing *w, const struct v3_compare *compare)
{
	struct state state;

	make_state(w->model, w->before, compare->key, compare->end, &state);
	if (state.count == 0)
		return holds_for(compare, NULL);
	for (size_t i = 0; i < state.count; i++)
		if (!holds_for(compare, &state.kvs[i]))
			return false;
	return true;
}

static enum v3_error
check_put(const struct writing *w, const struct v3_put *put)
{
	struct state state;
	bool missing, unknown = put->lease != 0 && v3_model_lease(w->model, put->lease) == NULL;

	make_state(w->model, w->before, put->key, SLICE_EMPTY, &state);
	missing = (put->flags & (V3_PUT_IGNORE_VALUE | V3_PUT_IGNORE_LEASE)) != 0 &&
	    state.count == 0;
	if (missing && !(unknown && w->op_count == 1))
		return V3_KEY_NOT_FOUND;
	return unknown ? V3_LEASE_NOT_FOUND : V3_NONE;
}

static enum v3_error
check_range(const struct writing *w, const struct v3_range *range)
{
	int64_t revision = int64_of(range->revision);

	if (revision <= 0)
		return V3_NONE;
	if ((uint64_t)revision > w->model->revision)
		return V3_FUTURE_REVISION;
	return revision < w->model->compacted ? V3_COMPACTED : V3_NONE;
}

static enum v3_error do_ops(struct writing *w, size_t from, size_t to, uint64_t *responses);

/* The compares of txns that are not met are not counted twice: all passes meet the same. */
static size_t
compares_within(const struct writing *w, size_t from, size_t to)
{
	size_t sum = 0;

	for (size_t i = from; i < to; i++) {
		struct reader in = reader_of(w->ops[i].body);
		struct v3_branch branch;

		if (w->ops[i].kind == V3_OP_TXN && v3_branch_get(&in, &branch))
			sum += branch.compares;
	}
	return sum;
}

static enum v3_error
do_txn(struct writing *w, size_t place, const struct v3_branch *branch, bool outer)
{
	size_t first = w->next_compare, line = w->answer->results.size;
	struct buf behind = BUF_INIT;
	uint64_t responses = 0;
	enum v3_error error;
	bool success = true;

	if (w->checks && !w->ranges) {
		for (size_t i = 0; i < branch->compares; i++)
			success = success && holds(w, &w->compares[first + i]);
		w->takes[w->txns] = success;
	}
	success = w->takes[w->txns++];
	w->next_compare = first + branch->compares;
	if (success) {
		error = do_ops(w, place + 1, branch->success_end, &responses);
	} else {
		w->next_compare += compares_within(w, place + 1, branch->success_end);
		error = do_ops(w, branch->success_end, branch->failure_end, &responses);
	}
	w->next_compare = first + branch->compares + compares_within(w, place + 1,
	    branch->failure_end);
	if (w->checks || error != V3_NONE)
		return error;
	/* Its line stands before theirs, and knows what they did. */
	buf_append(&behind, w->answer->results.data + line, w->answer->results.size - line);
	w->answer->results.size = line;
	v3_model_line(&w->answer->results, V3_OP_TXN, false, success, responses,
	    outer ? revision_now(w) : 0, 0, 0);
	buf_append_slice(&w->answer->results, buf_slice(&behind));
	buf_free(&behind);
	return V3_NONE;
}

static enum v3_error
do_one(struct writing *w, size_t *place, bool outer)
{
	const struct v3_op *op = &w->ops[*place];
	struct reader in = reader_of(op->body);
	struct v3_range range;
	struct v3_put put;
	struct v3_delete delete;
	struct v3_branch branch;
	size_t at = (*place)++;

	switch (op->kind) {
	case V3_OP_RANGE:
		MUST(v3_range_get(&in, &range));
		if (w->checks)
			return w->ranges ? check_range(w, &range) : V3_NONE;
		do_range(w, &range);
		return V3_NONE;
	case V3_OP_PUT:
		MUST(v3_put_get(&in, &put));
		if (w->checks)
			return w->ranges ? V3_NONE : check_put(w, &put);
		do_put(w, &put);
		return V3_NONE;
	case V3_OP_DELETE:
		MUST(v3_delete_get(&in, &delete));
		if (!w->checks)
			do_delete(w, &delete);
		return V3_NONE;
	default:
		MUST(v3_branch_get(&in, &branch));
		*place = branch.failure_end;
		return do_txn(w, at, &branch, outer);
	}
}

static enum v3_error
do_ops(struct writing *w, size_t from, size_t to, uint64_t *responses)
{
	enum v3_error error = V3_NONE;

	for (size_t place = from; place < to && error == V3_NONE;) {
		error = do_one(w, &place, false);
		++*responses;
	}
	return error;
}

static enum v3_error
do_pass(struct writing *w, bool checks, bool ranges)
{
	size_t place = 0;

	w->checks = checks;
	w->ranges = ranges;
	w->txns = 0;
	w->next_compare = 0;
	return do_one(w, &place, true);
}

void
v3_model_write(struct v3_model *model, struct slice compares, struct slice ops,
    struct v3_model_answer *answer)
{
	struct v3_op list[256];
	struct v3_compare compare_list[256];
	struct writing w = { .model = model, .answer = answer, .ops = list,
		.compares = compare_list, .before = model->count };
	struct reader in = reader_of(ops);

	while (!reader_done(&in)) {
		ASSERT(w.op_count < ARRAY_COUNT(list));
		MUST(v3_op_get(&in, &list[w.op_count++]));
	}
	in = reader_of(compares);
	while (!reader_done(&in)) {
		ASSERT(w.compare_count < ARRAY_COUNT(compare_list));
		MUST(v3_compare_get(&in, &compare_list[w.compare_count++]));
	}
	answer->error = do_pass(&w, true, false);
	if (answer->error == V3_NONE)
		answer->error = do_pass(&w, true, true);
	if (answer->error == V3_NONE)
		MUST(do_pass(&w, false, false) == V3_NONE);
	model->revision = revision_now(&w);
	answer->revision = model->revision;
}

void
v3_model_read(struct v3_model *model, struct slice compares, struct slice ops,
    struct v3_model_answer *answer)
{
	size_t before = model->count;

	v3_model_write(model, compares, ops, answer);
	ASSERT(model->count == before);
}

/* ---- compaction ------------------------------ */

static bool
survives(const struct v3_model *model, size_t i)
{
	const struct v3_model_change *change = &model->changes[i];

	if (change->revision >= (uint64_t)model->compacted)
		return true;
	for (size_t n = i + 1; n < model->count &&
	    model->changes[n].revision <= (uint64_t)model->compacted; n++)
		if (slice_equal(model->changes[n].key, change->key))
			return false;
	return !change->gone;
}

enum v3_error
v3_model_compact(struct v3_model *model, int64_t revision)
{
	bool *stays;
	size_t kept = 0;

	if (revision <= model->compacted)
		return V3_COMPACTED;
	if (revision > (int64_t)model->revision)
		return V3_FUTURE_REVISION;
	model->compacted = revision;
	stays = xmalloc(model->count + 1);
	for (size_t i = 0; i < model->count; i++)
		stays[i] = survives(model, i);
	for (size_t i = 0; i < model->count; i++)
		if (stays[i])
			model->changes[kept++] = model->changes[i];
		else
			change_free(&model->changes[i]);
	model->count = kept;
	free(stays);
	return V3_NONE;
}

/* ---- leases ------------------------------ */

enum v3_error
v3_model_grant(struct v3_model *model, uint64_t id, int64_t ttl_s, uint64_t now_ns,
    uint64_t *granted_s)
{
	size_t place = 0;

	if (id == 0)
		return V3_LEASE_NOT_FOUND;
	if (ttl_s > INT64_C(9000000000))
		return V3_LEASE_TTL_TOO_LARGE;
	if (v3_model_lease(model, id) != NULL)
		return V3_LEASE_EXISTS;
	*granted_s = ttl_s < 2 ? 2 : (uint64_t)ttl_s;
	model->leases = xgrow(model->leases, &model->lease_capacity, model->lease_count + 1,
	    sizeof(model->leases[0]));
	while (place < model->lease_count && model->leases[place].id < id)
		place++;
	memmove(model->leases + place + 1, model->leases + place,
	    (model->lease_count - place) * sizeof(model->leases[0]));
	model->leases[place] = (struct v3_model_lease){ .id = id, .ttl_s = *granted_s,
		.expiry_ns = now_ns + *granted_s * NS_PER_S };
	model->lease_count++;
	return V3_NONE;
}

static bool
hangs_on(const struct v3_model_change *kv, const void *argument)
{
	return kv->lease == *(const uint64_t *)argument;
}

enum v3_error
v3_model_revoke(struct v3_model *model, uint64_t id)
{
	static const uint8_t zero;
	struct slice all = slice_of(&zero, 1);
	struct v3_model_lease *lease = v3_model_lease(model, id);
	struct writing w = { .model = model };
	struct state state;

	if (lease == NULL)
		return V3_LEASE_NOT_FOUND;
	make_state(model, model->count, all, all, &state);
	keep(&state, hangs_on, &id);
	for (size_t i = 0; i < state.count; i++)
		add_change(&w, (struct v3_model_change){ .gone = true, .key = state.kvs[i].key });
	model->revision = revision_now(&w);
	memmove(lease, lease + 1, (size_t)(model->leases + model->lease_count - lease - 1) *
	    sizeof(*lease));
	model->lease_count--;
	return V3_NONE;
}

void
v3_model_expire(struct v3_model *model, uint64_t id, uint64_t now_ns)
{
	const struct v3_model_lease *lease = v3_model_lease(model, id);

	if (lease != NULL && lease->expiry_ns <= now_ns)
		MUST(v3_model_revoke(model, id) == V3_NONE);
}

void
v3_model_checkpoint(struct v3_model *model, uint64_t id, uint64_t expiry_ns)
{
	struct v3_model_lease *lease = v3_model_lease(model, id);

	if (lease == NULL)
		return;
	lease->settled = expiry_ns != 0;
	if (expiry_ns > lease->expiry_ns)
		lease->expiry_ns = expiry_ns;
}
