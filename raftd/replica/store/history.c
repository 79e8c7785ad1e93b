/*
 * history.c - the newest events, and older ones that somebody still refers to.
 *
 * Owns one reference on each event's bytes.
 *
 *	window ---> gone	it falls out, not retained	[history_add]
 *	window ---> kept	it falls out, retained		[history_add]
 *	kept -----> gone	the last release		[history_release]
 *	kept -----> gone	too much is kept		[kept_bound]
 *	parts ----> kept	the last part was loaded	[history_load]
 *	kept -----> window	all was loaded			[history_loaded]
 */
#include "raftd/replica/store/history.h"

#include "common/xmem.h"

#include <stdlib.h>

struct kept_event {
	struct hash_link link;
	TAILQ_ENTRY(kept_event) age;
	uint64_t store_index;
	uint32_t retained;
	uint32_t part_count, parts_seen;
	struct event event;			/* no record while parts are missing */
	struct blob *parts[EVENT_PARTS_MAX];	/* while loading */
};

static inline struct kept_event *
kept_of(const struct hash_link *link)
{
	return CONTAINER_OF(link, struct kept_event, link);
}

static inline struct slice
index_key(const uint64_t *store_index)
{
	return slice_of(store_index, sizeof(*store_index));
}

static bool
kept_match(const struct hash_link *link, struct slice key)
{
	return slice_equal(index_key(&kept_of(link)->store_index), key);
}

static struct kept_event *
kept_find(const struct history *history, uint64_t store_index)
{
	struct hash_link *link = hash_find(&history->kept, index_key(&store_index));

	return link == NULL ? NULL : kept_of(link);
}

static struct kept_event *
kept_new(struct history *history, uint64_t store_index)
{
	struct kept_event *kept = xzalloc(sizeof(*kept));

	kept->store_index = store_index;
	hash_insert(&history->kept, &kept->link, index_key(&kept->store_index));
	return kept;
}

/* Out of the table already. */
static void
kept_free(struct kept_event *kept)
{
	size_t i;

	for (i = 0; i < EVENT_PARTS_MAX; i++)
		blob_unref(&kept->parts[i]);
	blob_unref(&kept->event.record);
	free(kept);
}

static void
kept_drop(struct history *history, struct kept_event *kept, struct effects *effects)
{
	effects_event_gone(effects, kept->store_index, blob_slice(kept->event.record).size);
	history->kept_bytes -= kept->event.record->size;
	hash_remove(&history->kept, &kept->link);
	TAILQ_REMOVE(&history->by_age, kept, age);
	kept_free(kept);
}

/* Events leave the window in the order of their age, so they come here in it. */
static void
kept_append(struct history *history, struct kept_event *kept)
{
	history->kept_bytes += kept->event.record->size;
	TAILQ_INSERT_TAIL(&history->by_age, kept, age);
}

static void
kept_bound(struct history *history, struct effects *effects)
{
	while (history->kept_bytes > HISTORY_KEPT_TIMES * history->bytes_max &&
	    history->kept.count > 1)
		kept_drop(history, TAILQ_FIRST(&history->by_age), effects);
}

void
history_init(struct history *history, uint64_t seed, struct pool *pool)
{
	memset(history, 0, sizeof(*history));
	history->pool = pool;
	history->first = 1;
	history->events_max = HISTORY_EVENTS_DEFAULT;
	history->bytes_max = HISTORY_BYTES_DEFAULT;
	hash_init(&history->kept, seed, kept_match);
	TAILQ_INIT(&history->by_age);
}

static size_t
piece_of(uint64_t store_index)
{
	return store_index / HISTORY_PIECE_SLOTS % HISTORY_PIECES;
}

static struct history_slot *
slot_of(const struct history *history, uint64_t store_index)
{
	return &history->pieces[piece_of(store_index)][store_index % HISTORY_PIECE_SLOTS];
}

/* The slot of an index that joins the window at its end. */
static struct history_slot *
slot_add(struct history *history, uint64_t store_index)
{
	struct history_slot **piece = &history->pieces[piece_of(store_index)];

	if (*piece == NULL)
		*piece = xzalloc(HISTORY_PIECE_SLOTS * sizeof(**piece));
	return slot_of(history, store_index);
}

/* The window begins behind that index, whose slot is empty. */
static void
slot_drop(struct history *history, uint64_t store_index)
{
	struct history_slot **piece = &history->pieces[piece_of(store_index)];

	if (store_index / HISTORY_PIECE_SLOTS == (store_index + 1) / HISTORY_PIECE_SLOTS)
		return;
	free(*piece);
	*piece = NULL;
}

void
history_free(struct history *history)
{
	struct hash_link *link;

	for (uint64_t at = history->first; at <= history->last; at++)
		blob_unref(&slot_of(history, at)->event.record);
	for (size_t i = 0; i < HISTORY_PIECES; i++)
		free(history->pieces[i]);
	while ((link = hash_pop(&history->kept)) != NULL)
		kept_free(kept_of(link));
	hash_free(&history->kept);
}

uint64_t
history_first(const struct history *history)
{
	return history->first;
}

uint64_t
history_first_by_count(uint64_t last)
{
	return last < HISTORY_EVENTS_DEFAULT ? 1 : last - HISTORY_EVENTS_DEFAULT + 1;
}

static bool
in_window(const struct history *history, uint64_t store_index)
{
	return store_index >= history_first(history) && store_index <= history->last;
}

const struct event *
history_at(const struct history *history, uint64_t store_index)
{
	return in_window(history, store_index) ? &slot_of(history, store_index)->event : NULL;
}

const struct event *
history_find(const struct history *history, uint64_t store_index)
{
	const struct kept_event *kept;

	if (in_window(history, store_index))
		return history_at(history, store_index);
	kept = kept_find(history, store_index);
	return kept == NULL || kept->event.record == NULL ? NULL : &kept->event;
}

/* The oldest event of the window goes, or aside. */
static void
window_shift(struct history *history, struct effects *effects)
{
	struct history_slot *slot = slot_of(history, history->first);
	struct event *event = &slot->event;

	history->first++;
	history->bytes -= event->record->size;
	if (slot->retained > 0) {
		struct kept_event *kept = kept_new(history, event->store_index);

		kept->retained = slot->retained;
		kept->event = *event;
		kept_append(history, kept);
		event->record = NULL;
		kept_bound(history, effects);
	} else {
		effects_event_gone(effects, event->store_index, event->record->size);
		blob_unref(&event->record);
	}
	slot->retained = 0;
	slot_drop(history, history->first - 1);
}

bool
history_is_above(const struct history *history)
{
	return history->first < history->last && (history->bytes > history->bytes_max ||
	    history->last + 1 - history->first > history->events_max);
}

static void
window_bound(struct history *history, struct effects *effects)
{
	for (size_t n = 0; n < HISTORY_EVENTS_SHED && history_is_above(history); n++)
		window_shift(history, effects);
	history->shedding = history->shedding && history_is_above(history);
}

void
history_add(struct history *history, struct event event, struct effects *effects)
{
	ASSERT(event.store_index == history->last + 1);
	slot_add(history, event.store_index)->event = event;
	history->last = event.store_index;
	history->bytes += event.record->size;
	effects_event(effects, event.store_index, event.record);
	window_bound(history, effects);
}

void
history_limit(struct history *history, const struct history_limits *limits,
    struct effects *effects)
{
	ASSERT(limits->events > 0 && limits->events <= HISTORY_EVENTS_MAX);
	history->events_max = limits->events;
	history->bytes_max = limits->bytes;
	if (effects == NULL)
		return;
	history->shedding = true;
	window_bound(history, effects);
	kept_bound(history, effects);
}

void
history_retain(struct history *history, uint64_t store_index)
{
	struct kept_event *kept;

	if (in_window(history, store_index)) {
		slot_of(history, store_index)->retained++;
		return;
	}
	kept = kept_find(history, store_index);
	if (kept != NULL)
		kept->retained++;
}

void
history_release(struct history *history, uint64_t store_index, struct effects *effects)
{
	struct kept_event *kept;

	if (in_window(history, store_index)) {
		struct history_slot *slot = slot_of(history, store_index);

		if (slot->retained > 0)
			slot->retained--;
		return;
	}
	kept = kept_find(history, store_index);
	if (kept == NULL)
		return;
	if (kept->retained > 0)
		kept->retained--;
	if (kept->retained == 0)
		kept_drop(history, kept, effects);
}

uint32_t
history_retained(const struct history *history, uint64_t store_index)
{
	const struct kept_event *kept;

	if (in_window(history, store_index))
		return slot_of(history, store_index)->retained;
	kept = kept_find(history, store_index);
	return kept == NULL ? 0 : kept->retained;
}

static int
compare_indexes(const void *a, const void *b)
{
	const uint64_t *index_a = a, *index_b = b;

	return *index_a < *index_b ? -1 : *index_a > *index_b;
}

uint64_t *
history_kept(const struct history *history, size_t *count)
{
	const struct hash_link *link;
	uint64_t *indexes;
	size_t n = 0;

	*count = history->kept.count;
	if (*count == 0)
		return NULL;
	indexes = xmalloc(*count * sizeof(*indexes));
	for (link = hash_first(&history->kept); link != NULL;
	    link = hash_next(&history->kept, link))
		indexes[n++] = kept_of(link)->store_index;
	qsort(indexes, n, sizeof(*indexes), compare_indexes);
	return indexes;
}

/* The last part came: put the bytes together and look whether they are an event. */
static enum err
assemble(const struct history *history, struct kept_event *kept)
{
	struct blob *record;
	size_t size = 0, at = 0;
	size_t i;

	for (i = 0; i < kept->part_count; i++)
		size += kept->parts[i]->size;
	record = blob_alloc_in(history->pool, size);
	for (i = 0; i < kept->part_count; i++) {
		struct slice part = blob_slice(kept->parts[i]);

		if (part.size > 0)
			memcpy(record->data + at, part.data, part.size);
		at += part.size;
		blob_unref(&kept->parts[i]);
	}
	if (event_parse(record, &kept->event)) {
		if (kept->event.store_index == kept->store_index)
			return ERR_NONE;
		kept->event.record = NULL;
	}
	blob_unref(&record);
	return ERR_CORRUPT;
}

enum err
history_load(struct history *history, uint64_t store_index, size_t part,
    const struct stored_event *stored)
{
	struct kept_event *kept;

	if (stored->part_count == 0 || stored->part_count > EVENT_PARTS_MAX ||
	    part >= stored->part_count || stored->part.size > EVENT_PART_BYTES)
		return ERR_CORRUPT;
	kept = kept_find(history, store_index);
	if (kept == NULL) {
		kept = kept_new(history, store_index);
		kept->part_count = stored->part_count;
	}
	if (kept->part_count != stored->part_count || kept->event.record != NULL ||
	    kept->parts[part] != NULL)
		return ERR_CORRUPT;
	kept->parts[part] = blob_new(stored->part);
	kept->parts_seen++;
	return kept->parts_seen < kept->part_count ? ERR_NONE : assemble(history, kept);
}

/* What is left of what was loaded, by age. */
static void
order_kept(struct history *history)
{
	size_t count;
	uint64_t *indexes = history_kept(history, &count);

	for (size_t i = 0; i < count; i++)
		kept_append(history, kept_find(history, indexes[i]));
	free(indexes);
}

bool
history_loaded(struct history *history, uint64_t first, uint64_t last, const char **where)
{
	const struct hash_link *link;
	uint64_t store_index;

	for (link = hash_first(&history->kept); link != NULL;
	    link = hash_next(&history->kept, link)) {
		const struct kept_event *kept = kept_of(link);

		if (kept->event.record == NULL) {
			*where = "a part of an event is missing";
			return false;
		}
		if (kept->store_index > last || kept->store_index == 0) {
			*where = "an event lies beyond the store index";
			return false;
		}
	}
	/* Nothing was written yet: both are 0. */
	first = MAX_OF(first, 1);
	if (first > MAX_OF(last, 1) || last + 1 - first > HISTORY_EVENTS_MAX) {
		*where = "the history window begins where it cannot";
		return false;
	}
	history->first = first;
	for (store_index = first; store_index <= last; store_index++) {
		struct kept_event *kept = kept_find(history, store_index);

		if (kept == NULL) {
			*where = "an event of the history window is missing";
			return false;
		}
		slot_add(history, store_index)->event = kept->event;
		history->last = store_index;
		history->bytes += kept->event.record->size;
		kept->event.record = NULL;
		hash_remove(&history->kept, &kept->link);
		kept_free(kept);
	}
	history->shedding = true;
	order_kept(history);
	return true;
}
