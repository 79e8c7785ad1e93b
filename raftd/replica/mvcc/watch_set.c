/*
 * watch_set.c - see watch_set.h.
 */
#include "raftd/replica/mvcc/watch_set.h"

#include "common/limits.h"
#include "common/xmem.h"

#include <stdlib.h>

struct mvcc_watch_spot {
	struct interval interval;	/* of a range; of a point from alone counts */
	struct hash_link link;		/* of a point */
	bool point;
	bool apart;			/* of one that is behind alone: in no table */
	LIST_HEAD(, mvcc_watcher) watchers;
	size_t size;			/* of both ends */
	uint8_t bytes[];
};

/* A change that a watcher is to be given, if it is still there. */
struct watch_raw {
	const struct mvcc_change *change, *previous;
	struct watcher_id who;
	uint64_t serial;
	bool wants_previous;
};

static bool
match_watcher(const struct hash_link *link, struct slice key)
{
	const struct mvcc_watcher *watcher = CONTAINER_OF(link, struct mvcc_watcher, link);

	return slice_equal(slice_of(&watcher->who, sizeof(watcher->who)), key);
}

static bool
match_owner(const struct hash_link *link, struct slice key)
{
	const struct mvcc_watch_owner *owner = CONTAINER_OF(link, struct mvcc_watch_owner, link);

	return slice_equal(slice_of(&owner->id, sizeof(owner->id)), key);
}

static bool
match_spot(const struct hash_link *link, struct slice key)
{
	return slice_equal(CONTAINER_OF(link, struct mvcc_watch_spot, link)->interval.from, key);
}

void
watch_set_init(struct watch_set *set, uint64_t seed)
{
	*set = (struct watch_set){ .bytes = 0 };
	hash_init(&set->by_id, seed, match_watcher);
	hash_init(&set->owners, seed, match_owner);
	hash_init(&set->points, seed, match_spot);
	TAILQ_INIT(&set->wanting);
	TAILQ_INIT(&set->fallen);
	set->raw_max = V3_TURN_CHANGES_MAX;
}

/* ---- watchers ------------------------------ */

struct mvcc_watcher *
watch_set_find(const struct watch_set *set, uint64_t owner, uint64_t id)
{
	const struct watcher_id who = { owner, id };
	struct hash_link *link = hash_find(&set->by_id, slice_of(&who, sizeof(who)));

	return link == NULL ? NULL : CONTAINER_OF(link, struct mvcc_watcher, link);
}

static struct mvcc_watch_spot *
find_spot(const struct watch_set *set, const struct mvcc_span *span)
{
	struct interval *interval;
	struct hash_link *link;

	if (span->point) {
		link = hash_find(&set->points, span->from);
		return link == NULL ? NULL : CONTAINER_OF(link, struct mvcc_watch_spot, link);
	}
	interval = interval_find(&set->ranges, span->from, span->to, span->open);
	return interval == NULL ? NULL : CONTAINER_OF(interval, struct mvcc_watch_spot, interval);
}

/* apart: in no table, where no change finds it. */
static struct mvcc_watch_spot *
add_spot(struct watch_set *set, const struct mvcc_span *span, bool apart)
{
	size_t size = span->from.size + span->to.size;
	struct mvcc_watch_spot *spot = xzalloc(sizeof(*spot) + size);
	uint8_t *to = spot->bytes + span->from.size;

	memcpy(spot->bytes, span->from.data, span->from.size);
	if (span->to.size > 0)
		memcpy(to, span->to.data, span->to.size);
	spot->interval.from = slice_of(spot->bytes, span->from.size);
	spot->interval.to = slice_of(to, span->to.size);
	spot->interval.open = span->open;
	spot->point = span->point;
	spot->apart = apart;
	spot->size = size;
	LIST_INIT(&spot->watchers);
	set->bytes += sizeof(*spot) + size;
	if (apart)
		return spot;
	if (span->point)
		hash_insert(&set->points, &spot->link, spot->interval.from);
	else
		interval_insert(&set->ranges, &spot->interval);
	return spot;
}

static void
remove_spot(struct watch_set *set, struct mvcc_watch_spot *spot)
{
	if (spot->point && !spot->apart)
		hash_remove(&set->points, &spot->link);
	else if (!spot->apart)
		interval_remove(&set->ranges, &spot->interval);
	set->bytes -= sizeof(*spot) + spot->size;
	free(spot);
}

struct mvcc_watch_owner *
watch_set_owner(const struct watch_set *set, uint64_t id)
{
	struct hash_link *link = hash_find(&set->owners, slice_of(&id, sizeof(id)));

	return link == NULL ? NULL : CONTAINER_OF(link, struct mvcc_watch_owner, link);
}

static struct mvcc_watch_owner *
add_owner(struct watch_set *set, uint64_t id)
{
	struct mvcc_watch_owner *owner = xzalloc(sizeof(*owner));

	owner->id = id;
	LIST_INIT(&owner->watchers);
	TAILQ_INIT(&owner->wanting);
	hash_insert(&set->owners, &owner->link, slice_of(&owner->id, sizeof(owner->id)));
	return owner;
}

/* With others that watch the same, or apart if it is behind. */
static void
take_spot(struct watch_set *set, struct mvcc_watcher *watcher, const struct mvcc_span *span)
{
	struct mvcc_watch_spot *spot = watcher->behind ? NULL : find_spot(set, span);

	if (spot == NULL)
		spot = add_spot(set, span, watcher->behind);
	LIST_INSERT_HEAD(&spot->watchers, watcher, by_spot);
	watcher->spot = spot;
}

static void
leave_spot(struct watch_set *set, struct mvcc_watcher *watcher)
{
	LIST_REMOVE(watcher, by_spot);
	if (LIST_EMPTY(&watcher->spot->watchers))
		remove_spot(set, watcher->spot);
}

/* Its spot is that of one that is behind, or is not. */
static void
change_spot(struct watch_set *set, struct mvcc_watcher *watcher)
{
	struct mvcc_watch_spot *old = watcher->spot;
	struct mvcc_span span = watch_set_span(watcher);

	LIST_REMOVE(watcher, by_spot);
	take_spot(set, watcher, &span);
	if (LIST_EMPTY(&old->watchers))
		remove_spot(set, old);
}

void
watch_set_is_behind(struct watch_set *set, struct mvcc_watcher *watcher, bool behind)
{
	if (watcher->behind == behind)
		return;
	watcher->behind = behind;
	change_spot(set, watcher);
}

struct mvcc_watcher *
watch_set_add(struct watch_set *set, const struct mvcc_watch *watch, uint64_t next)
{
	struct mvcc_span span = mvcc_span_of(watch->key, watch->end);
	struct mvcc_watcher *watcher = xzalloc(sizeof(*watcher));

	watcher->who = (struct watcher_id){ watch->owner, watch->id };
	watcher->serial = ++set->last_serial;
	watcher->next = next;
	watcher->flags = watch->flags;
	take_spot(set, watcher, &span);
	watcher->owner = watch_set_owner(set, watch->owner);
	if (watcher->owner == NULL)
		watcher->owner = add_owner(set, watch->owner);
	watcher->owner->count++;
	LIST_INSERT_HEAD(&watcher->owner->watchers, watcher, by_owner);
	hash_insert(&set->by_id, &watcher->link, slice_of(&watcher->who, sizeof(watcher->who)));
	set->bytes += sizeof(*watcher);
	return watcher;
}

void
watch_set_queue(struct watch_set *set, struct mvcc_watcher *watcher, enum mvcc_watch_queue queue)
{
	struct mvcc_watch_owner *owner = watcher->owner;

	if (watcher->queue == MVCC_QUEUE_FALLEN)
		TAILQ_REMOVE(&set->fallen, watcher, by_queue);
	if (watcher->queue == MVCC_QUEUE_WANTING) {
		TAILQ_REMOVE(&owner->wanting, watcher, by_queue);
		if (TAILQ_EMPTY(&owner->wanting))
			TAILQ_REMOVE(&set->wanting, owner, by_turn);
	}
	if (queue == MVCC_QUEUE_FALLEN)
		TAILQ_INSERT_TAIL(&set->fallen, watcher, by_queue);
	if (queue == MVCC_QUEUE_WANTING) {
		if (TAILQ_EMPTY(&owner->wanting))
			TAILQ_INSERT_TAIL(&set->wanting, owner, by_turn);
		TAILQ_INSERT_TAIL(&owner->wanting, watcher, by_queue);
	}
	watcher->queue = queue;
}

void
watch_set_fall(struct watch_set *set, struct mvcc_watcher *watcher, uint64_t next, bool told)
{
	watcher->next = next;
	if (watcher->behind)
		return;
	watch_set_is_behind(set, watcher, true);
	watch_set_queue(set, watcher, told ? MVCC_QUEUE_NONE : MVCC_QUEUE_FALLEN);
}

/* It is out of the table by id. */
static void
forget(struct watch_set *set, struct mvcc_watcher *watcher)
{
	struct mvcc_watch_owner *owner = watcher->owner;

	watch_set_queue(set, watcher, MVCC_QUEUE_NONE);
	leave_spot(set, watcher);
	LIST_REMOVE(watcher, by_owner);
	owner->count--;
	if (LIST_EMPTY(&owner->watchers)) {
		hash_remove(&set->owners, &owner->link);
		free(owner);
	}
	set->bytes -= sizeof(*watcher);
	free(watcher);
}

void
watch_set_remove(struct watch_set *set, struct mvcc_watcher *watcher)
{
	hash_remove(&set->by_id, &watcher->link);
	forget(set, watcher);
}

void
watch_set_remove_all(struct watch_set *set, uint64_t id)
{
	struct mvcc_watch_owner *owner;

	/* It goes with its last watcher. */
	while ((owner = watch_set_owner(set, id)) != NULL)
		watch_set_remove(set, LIST_FIRST(&owner->watchers));
}

void
watch_set_free(struct watch_set *set)
{
	struct hash_link *link;

	while ((link = hash_pop(&set->by_id)) != NULL)
		forget(set, CONTAINER_OF(link, struct mvcc_watcher, link));
	hash_free(&set->by_id);
	hash_free(&set->owners);
	hash_free(&set->points);
	free(set->raw);
	free(set->hits);
	free(set->ids);
}

void
watch_set_move(struct watch_set *to, struct watch_set *from)
{
	uint64_t seed = from->by_id.seed;

	ASSERT(to->by_id.count == 0);
	watch_set_free(to);
	*to = *from;
	to->raw_count = 0;
	/* Their heads are elsewhere now. */
	TAILQ_INIT(&to->wanting);
	TAILQ_CONCAT(&to->wanting, &from->wanting, by_turn);
	TAILQ_INIT(&to->fallen);
	TAILQ_CONCAT(&to->fallen, &from->fallen, by_queue);
	watch_set_init(from, seed);
}

struct mvcc_span
watch_set_span(const struct mvcc_watcher *watcher)
{
	const struct interval *interval = &watcher->spot->interval;

	return (struct mvcc_span){ .from = interval->from, .to = interval->to,
		.point = watcher->spot->point, .open = interval->open };
}

/* ---- changes ------------------------------ */

bool
watch_set_wants(const struct mvcc_watcher *watcher, const struct mvcc_change *change)
{
	unsigned filter = change->gone ? MVCC_WATCH_NO_DELETE : MVCC_WATCH_NO_PUT;

	return change->revision >= watcher->next && (watcher->flags & filter) == 0;
}

struct noting {
	struct watch_set *set;
	const struct mvcc_change *change, *previous;
};

static void
note_spot(const struct noting *noting, const struct mvcc_watch_spot *spot)
{
	struct watch_set *set = noting->set;
	struct mvcc_watcher *watcher;

	LIST_FOREACH(watcher, &spot->watchers, by_spot) {
		if (watcher->behind || !watch_set_wants(watcher, noting->change))
			continue;
		/* It gets nothing of this turn but what it asks for: all of it in its order. */
		if (set->raw_count >= set->raw_max) {
			watcher->next = MAX_OF(watcher->next, watch_set_first_waiting(set));
			watcher->behind = true;
			watch_set_queue(set, watcher, MVCC_QUEUE_FALLEN);
			set->falling++;
			continue;
		}
		set->raw = xgrow(set->raw, &set->raw_capacity, set->raw_count + 1,
		    sizeof(set->raw[0]));
		set->raw[set->raw_count++] = (struct watch_raw){
			.change = noting->change,
			.previous = noting->previous,
			.who = watcher->who,
			.serial = watcher->serial,
			.wants_previous = (watcher->flags & MVCC_WATCH_PREV_KV) != 0,
		};
	}
}

static void
note_interval(void *argument, struct interval *interval)
{
	note_spot(argument, CONTAINER_OF(interval, struct mvcc_watch_spot, interval));
}

void
watch_set_note(struct watch_set *set, const struct mvcc_change *change,
    const struct mvcc_change *previous)
{
	struct noting noting = { set, change, previous };
	struct slice name = mvcc_key_name(change->key);
	struct mvcc_watcher *watcher;
	struct hash_link *link;

	if (set->by_id.count == 0)
		return;
	link = hash_find(&set->points, name);
	if (link != NULL)
		note_spot(&noting, CONTAINER_OF(link, struct mvcc_watch_spot, link));
	interval_stab(&set->ranges, name, note_interval, &noting);
	/* Not while the tables are gone over. The next change does not meet them any more. */
	for (watcher = TAILQ_LAST(&set->fallen, mvcc_watcher_queue); set->falling > 0;
	    watcher = TAILQ_PREV(watcher, mvcc_watcher_queue, by_queue), set->falling--)
		change_spot(set, watcher);
}

uint64_t
watch_set_first_waiting(const struct watch_set *set)
{
	return set->raw_count == 0 ? UINT64_MAX : set->raw[0].change->revision;
}

/* ---- what is given out ------------------------------ */

/* Is it still there, and not behind from there on? */
static bool
is_wanted(const struct watch_set *set, const struct watch_raw *raw)
{
	const struct mvcc_watcher *watcher = watch_set_find(set, raw->who.owner, raw->who.id);

	return watcher != NULL && watcher->serial == raw->serial &&
	    (!watcher->behind || raw->change->revision < watcher->next);
}

static void
give(struct watch_set *set, const struct watch_raw *raw)
{
	struct mvcc_hit *last = set->hit_count == 0 ? NULL : &set->hits[set->hit_count - 1];

	if (last == NULL || last->change != raw->change || last->owner != raw->who.owner) {
		set->hits = xgrow(set->hits, &set->hit_capacity, set->hit_count + 1,
		    sizeof(set->hits[0]));
		last = &set->hits[set->hit_count++];
		*last = (struct mvcc_hit){ .change = raw->change, .previous = raw->previous,
			.owner = raw->who.owner };
	}
	set->ids = xgrow(set->ids, &set->id_capacity, set->id_count + 1, sizeof(set->ids[0]));
	set->ids[set->id_count++] = raw->who.id;
	last->id_count++;
	last->wants_previous = last->wants_previous || raw->wants_previous;
}

/* Where the ids of each are is known when there are no more. */
static size_t
end_giving(struct watch_set *set, const struct mvcc_hit **hits)
{
	size_t at = 0;

	for (size_t i = 0; i < set->hit_count; i++) {
		set->hits[i].ids = set->ids + at;
		at += set->hits[i].id_count;
	}
	*hits = set->hits;
	return set->hit_count;
}

static int
compare_raw(const void *a, const void *b)
{
	const struct watch_raw *left = a, *right = b;

	if (left->who.owner != right->who.owner)
		return left->who.owner < right->who.owner ? -1 : 1;
	return (left->who.id > right->who.id) - (left->who.id < right->who.id);
}

size_t
watch_set_take(struct watch_set *set, const struct mvcc_hit **hits)
{
	set->hit_count = 0;
	set->id_count = 0;
	for (size_t i = 0, end; i < set->raw_count; i = end) {
		for (end = i + 1; end < set->raw_count; end++)
			if (set->raw[end].change != set->raw[i].change)
				break;
		qsort(set->raw + i, end - i, sizeof(set->raw[0]), compare_raw);
		for (size_t n = i; n < end; n++)
			if (is_wanted(set, &set->raw[n]))
				give(set, &set->raw[n]);
	}
	set->raw_count = 0;
	return end_giving(set, hits);
}

void
watch_set_begin_past(struct watch_set *set)
{
	set->hit_count = 0;
	set->id_count = 0;
}

void
watch_set_give_past(struct watch_set *set, const struct mvcc_watcher *watcher,
    const struct mvcc_change *change, const struct mvcc_change *previous)
{
	give(set, &(struct watch_raw){ .change = change, .previous = previous,
	    .who = watcher->who, .wants_previous = (watcher->flags & MVCC_WATCH_PREV_KV) != 0 });
}

size_t
watch_set_end_past(struct watch_set *set, const struct mvcc_hit **hits)
{
	return end_giving(set, hits);
}

/* ---- as a whole ------------------------------ */

void
watch_set_each(struct watch_set *set, void (*visit)(void *argument,
    struct mvcc_watcher *watcher), void *argument)
{
	for (struct hash_link *link = hash_first(&set->by_id); link != NULL;
	    link = hash_next(&set->by_id, link))
		visit(argument, CONTAINER_OF(link, struct mvcc_watcher, link));
}

void
watch_set_invariants(const struct watch_set *set)
{
	size_t ranges = interval_invariants(&set->ranges), count = 0;
	size_t bytes = set->by_id.count * sizeof(struct mvcc_watcher);

	ASSERT(set->falling == 0);
	for (struct hash_link *link = hash_first(&set->by_id); link != NULL;
	    link = hash_next(&set->by_id, link)) {
		const struct mvcc_watcher *watcher =
		    CONTAINER_OF(link, struct mvcc_watcher, link);
		const struct mvcc_watch_spot *spot = watcher->spot;

		ASSERT(!LIST_EMPTY(&spot->watchers));
		ASSERT(spot->apart == watcher->behind);
		/* Each spot once: with the first of its watchers. */
		if (LIST_FIRST(&spot->watchers) == watcher) {
			bytes += sizeof(*spot) + spot->size;
			count += !spot->apart;
		}
	}
	ASSERT(count == ranges + set->points.count);
	ASSERT(bytes == set->bytes);
}
