/*
 * history.h - the newest events, and older ones that somebody still refers to.
 *
 * Each store index has exactly one event. The window is the newest of them: at
 * most events_max, and together no more than bytes_max, but always the last
 * one. When one of these is lowered, HISTORY_EVENTS_SHED go at once and as many with
 * each event that comes, until it fits. An event that is retained when it leaves the
 * window is kept aside until it is released; of these the oldest go when together they
 * are more than HISTORY_KEPT_TIMES bytes_max, but for the newest one. What is kept follows from
 * the events and the limits alone, so it is the same on every node.
 *
 * While loading, parts of events come in any order and are all kept aside;
 * history_loaded moves the window to its place.
 *
 * Source: docs/api.md, "Watching": waitIndex.
 */
#ifndef MOOTHALL_RAFTD_REPLICA_STORE_HISTORY_H
#define MOOTHALL_RAFTD_REPLICA_STORE_HISTORY_H

#include "common/hash.h"
#include "common/limits.h"
#include "raftd/replica/store/effect.h"
#include "raftd/replica/store/event.h"

#include <sys/queue.h>

struct history_slot {
	struct event event;
	uint32_t retained;
};

/* The window is a ring of pieces, each there while it has an event. */
#define HISTORY_PIECE_SLOTS 512
#define HISTORY_PIECES 2048

struct history {
	struct history_slot *pieces[HISTORY_PIECES]; /* by store index, and in each */
	uint64_t first, last;		/* of the window; last 0: empty */
	size_t events_max;
	size_t bytes;			/* of the records in it */
	size_t bytes_max;
	bool shedding;			/* it was bounded, and does not fit yet */
	struct hash kept;		/* older ones, struct kept_event */
	TAILQ_HEAD(, kept_event) by_age; /* the same, oldest first; not while loading */
	size_t kept_bytes;
	struct pool *pool;		/* borrowed, or NULL */
};

#define HISTORY_KEPT_TIMES 4

_Static_assert(HISTORY_EVENTS_MAX + HISTORY_PIECE_SLOTS <= HISTORY_PIECES * HISTORY_PIECE_SLOTS,
    "the longest window that there can be fits the ring, wherever it begins");

/* pool: of events that are loaded, outlives the history; NULL: malloc. */
void history_init(struct history *history, uint64_t seed, struct pool *pool);
void history_free(struct history *history);

/* How many events the window may have and how much they may weigh. effects NULL: while
 * loading, when nothing is there that could be too much. */
struct history_limits {
	size_t events, bytes;
};
void history_limit(struct history *history, const struct history_limits *limits,
    struct effects *effects);
/* Is the window above its limits, but for its last event? */
bool history_is_above(const struct history *history);

/* Oldest in the window; 1 if the window is empty. */
uint64_t history_first(const struct history *history);
/* The same of a window that was bounded by HISTORY_EVENTS_DEFAULT only. */
uint64_t history_first_by_count(uint64_t last);
/* The event of an index in the window, history_first .. last; else NULL. */
const struct event *history_at(const struct history *history, uint64_t store_index);
/* The event of an index in the window or kept aside; else NULL. */
const struct event *history_find(const struct history *history, uint64_t store_index);

/* Take the next event (its index is last + 1), with its reference. What falls
 * out of the window and is not retained goes from the disk too. */
void history_add(struct history *history, struct event event, struct effects *effects);

/* Counted; an index that is not there is ignored. */
void history_retain(struct history *history, uint64_t store_index);
void history_release(struct history *history, uint64_t store_index, struct effects *effects);

/* How often the event of an index is retained; 0 if it is not there. */
uint32_t history_retained(const struct history *history, uint64_t store_index);

/* The indexes kept aside, rising; an array of *count for free(), or NULL. */
uint64_t *history_kept(const struct history *history, size_t *count);

/* One record of the disk. ERR_CORRUPT if it cannot be. */
enum err history_load(struct history *history, uint64_t store_index, size_t part,
    const struct stored_event *stored) MUST_CHECK;
/* All were given: true if the events are whole and none is missing in the
 * window first .. last. *where: what is wrong, a static sentence. */
bool history_loaded(struct history *history, uint64_t first, uint64_t last,
    const char **where) MUST_CHECK;

#endif
