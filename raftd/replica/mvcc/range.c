/*
 * range.c - a range as a part of an answer: which keys it has at its position, in which order, how
 * many are shown, and their bytes.
 *
 * How many there are now is two descents; in the past all are looked at. With another order than
 * that of keys they are collected, sorted, and cut.
 */
#include "raftd/replica/mvcc/answer_priv.h"

#include "common/ipc/wire.h"
#include "common/xmem.h"

#include <stdlib.h>

struct reading {
	struct mvcc_answer *answer;
	struct answer_part *part;
	struct v3_range range;
	struct mvcc_span span;
	struct mvcc_position position;
	bool now, backward;
};

static struct reading
reading_of(struct mvcc_answer *answer, struct answer_part *part)
{
	struct reading r = { .answer = answer, .part = part, .range = mvcc_op_range(part->op),
		.position = mvcc_answer_position(answer, part) };
	int64_t revision = mvcc_int64(r.range.revision);

	r.span = mvcc_span_of(r.range.key, r.range.end);
	if (revision > 0)
		r.position = (struct mvcc_position){ (uint64_t)revision + 1, 0 };
	r.now = mvcc_is_now(answer->mvcc, r.position);
	r.backward = r.range.target == V3_SORT_KEY && r.range.order == V3_SORT_DESCEND;
	return r;
}

static uint64_t
limit_of(const struct reading *r)
{
	int64_t limit = mvcc_int64(r->range.limit);

	if ((r->range.flags & V3_RANGE_COUNT_ONLY) != 0)
		return 0;
	return limit <= 0 ? UINT64_MAX : (uint64_t)limit;
}

static bool
is_within(uint64_t number, uint64_t min, uint64_t max)
{
	int64_t least = mvcc_int64(min), most = mvcc_int64(max), value = (int64_t)number;

	return (least == 0 || value >= least) && (most == 0 || value <= most);
}

static bool
has_filters(const struct v3_range *range)
{
	return (range->min_mod | range->max_mod | range->min_create | range->max_create) != 0;
}

static bool
passes(const struct v3_range *range, const struct mvcc_change *change)
{
	struct mvcc_fields fields;

	if (!has_filters(range))
		return true;
	mvcc_change_fields(change, &fields);
	return is_within(fields.mod_revision, range->min_mod, range->max_mod) &&
	    is_within(fields.create_revision, range->min_create, range->max_create);
}

/* How many keys are in it now: two descents. */
static uint64_t
count_now(const struct reading *r)
{
	const struct mvcc_keys *keys = &r->answer->mvcc->keys;
	const struct mvcc_key *key;
	size_t end, begin;

	if (r->span.point) {
		key = mvcc_keys_find(keys, r->span.from);
		return key != NULL && mvcc_key_living(key) != NULL;
	}
	begin = mvcc_keys_living_before(keys, r->span.from);
	end = r->span.open ? keys->living : mvcc_keys_living_before(keys, r->span.to);
	return end > begin ? end - begin : 0;
}

/* The first key, or the next behind the one that was looked at last. */
static struct mvcc_key *
walk_begin(const struct reading *r, struct mvcc_walk *walk)
{
	struct mvcc_answer *answer = r->answer;
	const struct mvcc_keys *keys = &answer->mvcc->keys;
	struct slice last = buf_slice(&answer->last);

	if (r->span.point)
		return answer->begun ? NULL : mvcc_keys_find(keys, r->span.from);
	if (r->backward)
		return mvcc_walk_before(walk, keys, r->now, answer->begun ? &last :
		    r->span.open ? NULL : &r->span.to);
	return mvcc_walk_from(walk, keys, r->now, answer->begun ? last : r->span.from,
	    answer->begun);
}

static bool
is_inside(const struct reading *r, const struct mvcc_key *key)
{
	return mvcc_span_has(&r->span, mvcc_key_name(key));
}

/*
 * Show step each key of the range that there is at its position, from where it was left. Step
 * says whether it wants more. False: looks are used up.
 */
static bool
walk_range(const struct reading *r, size_t *looks,
    bool (*step)(const struct reading *r, struct mvcc_change *change, void *argument),
    void *argument)
{
	struct mvcc_answer *answer = r->answer;
	struct mvcc_walk walk;
	struct mvcc_key *key = walk_begin(r, &walk), *looked = NULL;
	bool more = true;

	while (key != NULL && is_inside(r, key) && more && *looks > 0) {
		struct mvcc_change *change = mvcc_key_at(key, r->position);

		--*looks;
		if (change != NULL)
			more = step(r, change, argument);
		looked = key;
		if (more)
			key = r->span.point ? NULL : r->backward ? mvcc_walk_previous(&walk) :
			    mvcc_walk_next(&walk);
	}
	if (looked != NULL) {
		buf_clear(&answer->last);
		buf_append_slice(&answer->last, mvcc_key_name(looked));
		answer->begun = true;
	}
	return !more || key == NULL || !is_inside(r, key);
}

static uint64_t
number_of(const struct v3_range *range, const struct mvcc_change *change)
{
	struct mvcc_fields fields;

	mvcc_change_fields(change, &fields);
	switch ((enum v3_sort_target)range->target) {
	case V3_SORT_VERSION:
		return fields.version;
	case V3_SORT_CREATE:
		return fields.create_revision;
	case V3_SORT_MOD:
		return fields.mod_revision;
	case V3_SORT_KEY:
	case V3_SORT_VALUE:
		break;
	}
	return 0;
}

/* ---- the first pass over a range ------------------------------ */

static bool
is_sorted(const struct v3_range *range)
{
	return range->target != V3_SORT_KEY;
}

/* False: it would be too much to put in order. */
static bool
collect(const struct reading *r, struct mvcc_change *change)
{
	struct mvcc *mvcc = r->answer->mvcc;
	struct answer_part *part = r->part;

	if (r->range.target == V3_SORT_VALUE)
		part->sorted_bytes += mvcc_change_wire_size(change, false) -
		    mvcc_change_wire_size(change, true);
	if (part->sorted_count == V3_SORTED_KEYS_MAX || mvcc->sorted_count == V3_SORTED_ALL_MAX ||
	    part->sorted_bytes > V3_SORTED_BYTES_MAX)
		return false;
	part->sorted = xgrow(part->sorted, &part->sorted_capacity, part->sorted_count + 1,
	    sizeof(part->sorted[0]));
	part->sorted[part->sorted_count] = (struct sorted){ .change = change,
		.number = number_of(&r->range, change), .place = (uint32_t)part->sorted_count };
	part->sorted_count++;
	mvcc->sorted_count++;
	return true;
}

static bool
measure_key(const struct reading *r, struct mvcc_change *change, void *argument)
{
	struct mvcc_answer *answer = r->answer;
	struct answer_part *part = r->part;
	struct mvcc_result *result = &part->result;
	bool *full = argument;

	result->count += !answer->counted;
	if ((r->range.flags & V3_RANGE_COUNT_ONLY) != 0 || !passes(&r->range, change))
		return true;
	if (is_sorted(&r->range)) {
		*full = !collect(r, change);
		return !*full;
	}
	if (answer->left == 0) {
		result->more = true;
		return !answer->counted;
	}
	answer->left--;
	result->kvs++;
	result->bytes += mvcc_framed_size(change, (r->range.flags & V3_RANGE_KEYS_ONLY) != 0);
	/* Without filters what is not counted is shown. */
	if (answer->left > 0 || !answer->counted || has_filters(&r->range))
		return true;
	result->more = result->count > result->kvs;
	return false;
}

static int
compare_places(const struct sorted *a, const struct sorted *b)
{
	return (a->place > b->place) - (a->place < b->place);
}

static int
compare_numbers(const struct sorted *a, const struct sorted *b)
{
	return (a->number > b->number) - (a->number < b->number);
}

static int
compare_values(const struct sorted *a, const struct sorted *b)
{
	struct mvcc_fields left, right;

	mvcc_change_fields(a->change, &left);
	mvcc_change_fields(b->change, &right);
	return slice_compare(left.value, right.value);
}

static int
numbers_rise(const void *a, const void *b)
{
	int order = compare_numbers(a, b);

	return order != 0 ? order : compare_places(a, b);
}

static int
numbers_fall(const void *a, const void *b)
{
	int order = compare_numbers(b, a);

	return order != 0 ? order : compare_places(a, b);
}

static int
values_rise(const void *a, const void *b)
{
	int order = compare_values(a, b);

	return order != 0 ? order : compare_places(a, b);
}

static int
values_fall(const void *a, const void *b)
{
	int order = compare_values(b, a);

	return order != 0 ? order : compare_places(a, b);
}

static void
sort_part(const struct reading *r)
{
	struct answer_part *part = r->part;
	struct mvcc_result *result = &part->result;
	bool falls = r->range.order == V3_SORT_DESCEND;

	if (part->sorted_count == 0)
		return;
	if (r->range.target == V3_SORT_VALUE)
		qsort(part->sorted, part->sorted_count, sizeof(part->sorted[0]),
		    falls ? values_fall : values_rise);
	else
		qsort(part->sorted, part->sorted_count, sizeof(part->sorted[0]),
		    falls ? numbers_fall : numbers_rise);
	result->kvs = MIN_OF(part->sorted_count, limit_of(r));
	result->more = part->sorted_count > result->kvs;
	for (size_t i = 0; i < result->kvs; i++)
		result->bytes += mvcc_framed_size(part->sorted[i].change,
		    (r->range.flags & V3_RANGE_KEYS_ONLY) != 0);
}

bool
mvcc_measure_range(struct mvcc_answer *answer, struct answer_part *part, size_t *looks, bool *full)
{
	struct reading r = reading_of(answer, part);

	if (!answer->begun && !answer->counted) {
		answer->left = limit_of(&r);
		if (r.now) {
			part->result.count = count_now(&r);
			answer->counted = true;
			if ((r.range.flags & V3_RANGE_COUNT_ONLY) != 0)
				return true;
		}
	}
	if (!walk_range(&r, looks, measure_key, full) || *full)
		return false;
	if (is_sorted(&r.range))
		sort_part(&r);
	return true;
}

/* ---- the second ------------------------------ */

static bool
stream_key(const struct reading *r, struct mvcc_change *change, void *argument)
{
	struct streaming *s = argument;

	if (!passes(&r->range, change))
		return true;
	mvcc_put_framed(s->out, TAG_FIELD_2, change, (r->range.flags & V3_RANGE_KEYS_ONLY) != 0);
	return --r->answer->left > 0 && !streaming_is_full(s);
}

bool
mvcc_stream_range(struct mvcc_answer *answer, struct answer_part *part, size_t *looks,
    struct streaming *s)
{
	struct reading r = reading_of(answer, part);
	bool keys_only = (r.range.flags & V3_RANGE_KEYS_ONLY) != 0;

	if (!is_sorted(&r.range)) {
		if (!answer->begun)
			answer->left = part->result.kvs;
		if (answer->left > 0)
			(void)walk_range(&r, looks, stream_key, s);
		return answer->left == 0;
	}
	for (; answer->place < part->result.kvs && *looks > 0 && !streaming_is_full(s); --*looks)
		mvcc_put_framed(s->out, TAG_FIELD_2, part->sorted[answer->place++].change,
		    keys_only);
	return answer->place == part->result.kvs;
}
