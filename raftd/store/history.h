/*
 * history.h - the last HISTORY_EVENTS events, and older ones that somebody
 * still refers to.
 *
 * Each store index has exactly one event, so the window is the last
 * HISTORY_EVENTS indexes, or all from 1 while there are fewer. An event that
 * is retained when it leaves the window is kept aside until it is released.
 *
 * While loading, parts of events come in any order and are all kept aside;
 * history_loaded moves the window to its place.
 *
 * Source: docs/api.md, "Watching": waitIndex.
 */
#ifndef MOOTHALL_RAFTD_STORE_HISTORY_H
#define MOOTHALL_RAFTD_STORE_HISTORY_H

#include "common/hash.h"
#include "common/limits.h"
#include "raftd/store/effect.h"
#include "raftd/store/event.h"

struct history_slot {
	struct event event;
	uint32_t retained;
};

struct history {
	struct history_slot window[HISTORY_EVENTS]; /* by store index % HISTORY_EVENTS */
	uint64_t last;			/* newest in the window; 0: empty */
	struct hash kept;		/* older ones, struct kept_event */
};

void history_init(struct history *history, uint64_t seed);
void history_free(struct history *history);

/* Oldest in the window; 1 if the window is empty. */
uint64_t history_first(const struct history *history);
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

/* The indexes kept aside, rising; an array of *count for free(), or NULL. */
uint64_t *history_kept(const struct history *history, size_t *count);

/* One record of the disk. ERR_CORRUPT if it cannot be. */
enum err history_load(struct history *history, uint64_t store_index, size_t part,
    const struct stored_event *stored) MUST_CHECK;
/* All were given: true if the events are whole and none is missing in the
 * window that ends at last. *where: what is wrong, a static sentence. */
bool history_loaded(struct history *history, uint64_t last, const char **where) MUST_CHECK;

#endif
