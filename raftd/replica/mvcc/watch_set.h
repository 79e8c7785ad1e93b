/*
 * watch_set.h - who watches which keys.
 *
 * Watches of one key, or of one range, share a spot; spots of keys are in a hash table, those of
 * ranges in an interval tree. So a change costs a look and a step for each range that it is in.
 *
 *	behind ---> live	the past was given out		[mvcc_watch_past]
 *	live -----> behind	its owner was too slow, or too much happened at once
 *								[watch_set_fall]
 *
 * A live watch gets what changes from its next revision on; one that is behind gets nothing by
 * itself. Not replicated. Pure.
 */
#ifndef MOOTHALL_RAFTD_REPLICA_MVCC_WATCH_SET_H
#define MOOTHALL_RAFTD_REPLICA_MVCC_WATCH_SET_H

#include "common/hash.h"
#include "raftd/replica/mvcc/hit.h"
#include "raftd/replica/mvcc/interval_tree.h"
#include "raftd/replica/mvcc/key.h"
#include "raftd/replica/mvcc/request.h"

#include <sys/queue.h>

struct mvcc_watch_spot;
struct watch_raw;

TAILQ_HEAD(mvcc_watcher_queue, mvcc_watcher);

struct mvcc_watch_owner {
	struct hash_link link;
	TAILQ_ENTRY(mvcc_watch_owner) by_turn;	/* if one of its watches wants a piece */
	uint64_t id;
	size_t count;
	LIST_HEAD(, mvcc_watcher) watchers;
	struct mvcc_watcher_queue wanting;
};

struct watcher_id {
	uint64_t owner, id;
};

struct mvcc_watcher {
	struct hash_link link;
	LIST_ENTRY(mvcc_watcher) by_spot, by_owner;
	struct watcher_id who;
	struct mvcc_watch_owner *owner;
	struct mvcc_watch_spot *spot;
	uint64_t serial;		/* tells it from another of the same id */
	uint64_t next;			/* revision: what was before is not for it */
	unsigned flags;			/* MVCC_WATCH_* */
	bool behind;
	enum mvcc_watch_queue {
		MVCC_QUEUE_NONE,	/* live; or behind, and its owner has not asked on */
		MVCC_QUEUE_WANTING,	/* of its owner: he waits for a piece of the past */
		MVCC_QUEUE_FALLEN,	/* its owner does not know yet that it is behind */
	} queue;
	TAILQ_ENTRY(mvcc_watcher) by_queue;
};

struct watch_set {
	struct hash by_id, owners, points;
	struct interval_tree ranges;
	TAILQ_HEAD(mvcc_owner_queue, mvcc_watch_owner) wanting; /* whose turn it is first */
	struct mvcc_watcher_queue fallen;
	uint64_t last_serial;
	size_t bytes;			/* of watchers and spots */
	struct watch_raw *raw;		/* hits that were not taken */
	size_t raw_count, raw_capacity, raw_max; /* above, who would get more falls behind */
	size_t falling;			/* at the end of the fallen, by the change that is noted */
	struct mvcc_hit *hits;		/* what was given out last */
	size_t hit_count, hit_capacity;
	uint64_t *ids;
	size_t id_count, id_capacity;
};

void watch_set_init(struct watch_set *set, uint64_t seed);
void watch_set_free(struct watch_set *set);
/* to, which is empty, gets all of from, which is then; hits that were not taken are lost. */
void watch_set_move(struct watch_set *to, struct watch_set *from);

struct mvcc_watcher *watch_set_find(const struct watch_set *set, uint64_t owner, uint64_t id);
/* Live from next on; no other has that owner and id. The range is not empty. */
struct mvcc_watcher *watch_set_add(struct watch_set *set, const struct mvcc_watch *watch,
    uint64_t next);
void watch_set_remove(struct watch_set *set, struct mvcc_watcher *watcher);
void watch_set_remove_all(struct watch_set *set, uint64_t owner);
/* What it watches; borrowed. */
struct mvcc_span watch_set_span(const struct mvcc_watcher *watcher);

/* A change came; previous: the one before it of its key, or NULL. */
void watch_set_note(struct watch_set *set, const struct mvcc_change *change,
    const struct mvcc_change *previous);
/* Does that watcher want such a change, if it is one of its keys? */
bool watch_set_wants(const struct mvcc_watcher *watcher, const struct mvcc_change *change);
/* It is behind, or live, from now on: what is behind meets no change. */
void watch_set_is_behind(struct watch_set *set, struct mvcc_watcher *watcher, bool behind);
/* It is behind from that revision on; told: its owner knows. */
void watch_set_fall(struct watch_set *set, struct mvcc_watcher *watcher, uint64_t next, bool told);
/* In which queue it waits, at the end. */
void watch_set_queue(struct watch_set *set, struct mvcc_watcher *watcher,
    enum mvcc_watch_queue queue);
struct mvcc_watch_owner *watch_set_owner(const struct watch_set *set, uint64_t owner);
/* As mvcc_take_hits. */
size_t watch_set_take(struct watch_set *set, const struct mvcc_hit **hits);
/* The revision of the first hit that waits; UINT64_MAX: none does. */
uint64_t watch_set_first_waiting(const struct watch_set *set);

/* What is given to one watch alone: begin, then any hits, which take has then. */
void watch_set_begin_past(struct watch_set *set);
void watch_set_give_past(struct watch_set *set, const struct mvcc_watcher *watcher,
    const struct mvcc_change *change, const struct mvcc_change *previous);
size_t watch_set_end_past(struct watch_set *set, const struct mvcc_hit **hits);

/* Every watcher, in no order that counts. */
void watch_set_each(struct watch_set *set, void (*visit)(void *argument,
    struct mvcc_watcher *watcher), void *argument);
/* Assert what always holds. Tests and checks only. */
void watch_set_invariants(const struct watch_set *set);

#endif
