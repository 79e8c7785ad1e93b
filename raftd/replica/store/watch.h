/*
 * watch.h - who waits for what, and what they got.
 *
 * Watched paths form a trie of their own, made of the same ordered names as
 * the tree, in which only paths that are watched and those above them exist.
 * So a change costs one step for each name of its key, however many watch
 * elsewhere; and the removal of a directory finds those who watch below it by
 * walking the trie and the tree side by side, leaving out what is in only one
 * of them.
 *
 *	new ------> live	nothing of the past is for it		[watch_live]
 *	new ------> behind	something is, or was not looked at yet	[watch_behind]
 *	behind ---> paused	it was given a piece			[watch_pause]
 *	paused ---> behind	its owner wants the next one		[watch_go_on]
 *	behind ---> live	it has all of the past			[watch_live]
 *	behind, live -> hit	one that is no stream got its event	[watch_hit]
 *	behind, live -> hit	what it waits for is lost		[watch_clear]
 *	any ------> dropped	it was ended before its hits were taken	[watch_drop]
 *	hit, dropped -> freed	its hits were taken			[watch_take]
 *
 * A watch that was hit or dropped is in nobody's way: it counts as gone, and
 * its memory waits only for the hits that name it.
 *
 * Source: docs/api.md, "Watching".
 */
#ifndef MOOTHALL_RAFTD_REPLICA_STORE_WATCH_H
#define MOOTHALL_RAFTD_REPLICA_STORE_WATCH_H

#include "common/hash.h"
#include "raftd/replica/store/event.h"
#include "raftd/replica/store/hit.h"
#include "raftd/replica/store/tree.h"

#include <sys/queue.h>

struct watcher;
struct watch_spot;
struct watch_raw_hit;
struct watch_frame;
struct watch_owner;

TAILQ_HEAD(watch_owner_queue, watch_owner);

/* What a watch that is behind may be asked and told; the rest is watch.c's. */
struct watch_past {
	struct slice key;
	unsigned flags;			/* WATCH_FLAG_* */
	uint64_t next;			/* store index to look at */
	uint64_t asked_at;		/* the store index when it was asked for */
	size_t given;			/* bytes of events since it was asked for last */
};

struct watch {
	struct watch_spot *root;	/* of the trie of watched paths */
	uint64_t seed;
	struct hash watchers;		/* live and hit ones, by owner and id */
	struct hash owners;		/* struct watch_owner, by number */
	size_t live;
	size_t behind;			/* paused ones too */
	size_t bytes;			/* of all watches and spots */
	struct watch_owner_queue lagging; /* owners of some that are behind and not paused */
	struct watch_raw_hit *raw;	/* hits not yet taken, in order of coming */
	size_t raw_count, raw_capacity;
	struct store_hit *hits;		/* what watch_take gave out last */
	size_t hit_count, hit_capacity;
	uint64_t *ids;
	size_t id_capacity;
	struct watch_frame *frames;	/* stack of the walk below a directory */
	size_t frame_capacity;
};

void watch_init(struct watch *watch, uint64_t seed);
void watch_free(struct watch *watch);
/* to, which has no watch yet, gets all of from, which has none then. */
void watch_move(struct watch *to, struct watch *from);

/*
 * A new watch, not yet live: it must be hit, or made live, before anything
 * else is asked. One of the same owner and id is dropped first: the owner is
 * another process, which may break the rule that they are unique.
 */
struct watcher *watch_new(struct watch *watch, uint64_t owner, uint64_t id, unsigned flags);
/* From now on it gets the events on key with an index of at least since. One that
 * was behind is told so: a hit of index store_index. */
void watch_live(struct watch *watch, struct watcher *watcher, struct slice key, uint64_t since,
    uint64_t store_index);
/* It gets this event; if it is no stream, it is live or behind no more. cost: see
 * watch_taken; 0 for what is not of the past. */
void watch_hit(struct watch *watch, struct watcher *watcher, const struct event *event,
    size_t cost);

/* ---- those that are given the past ------------------------------------------- */

/* It is to be given the past from next on. */
void watch_behind(struct watch *watch, struct watcher *watcher, struct slice key, uint64_t next,
    uint64_t asked_at);
/* May an owner of some that are behind and not paused be given something? */
bool watch_may_catch_up(const struct watch *watch, const struct store_catch_up *how);
/* Ask how->has_room once for each owner, for the calls of watch_next_owner that follow. */
void watch_ask_room(struct watch *watch, const struct store_catch_up *how);
/* Owners take turns. NULL: none may be given anything. */
struct watch_owner *watch_next_owner(struct watch *watch, size_t untaken_max);
/* The next one of them; NULL: there is none any more. */
struct watcher *watch_first_behind(const struct watch_owner *owner);
/* All others of its owner come before it. */
void watch_to_back(struct watcher *watcher);
/* Its state; changes to next and given are kept. Good until it is behind no more. */
struct watch_past *watch_past(struct watcher *watcher);
/* That much of what was given to the owner's watches (cost of watch_hit) was taken. */
void watch_taken(struct watch *watch, uint64_t owner, uint64_t bytes);
/* It gets no more until its owner asks (unknown ones and others are ignored). */
void watch_pause(struct watch *watch, struct watcher *watcher);
void watch_go_on(struct watch *watch, uint64_t owner, uint64_t id);
/* What it waits for is gone: it gets ERR_WATCHER_CLEARED, a hit of index store_index. */
void watch_clear(struct watch *watch, struct watcher *watcher, uint64_t store_index);

/* Unknown ones are ignored. Hits that were not taken are lost. */
void watch_drop(struct watch *watch, uint64_t owner, uint64_t id);
void watch_drop_all(struct watch *watch, uint64_t owner);

/*
 * Give an event to all who want it. Refreshes are the caller's to leave out.
 *
 *	removed	the directory that goes with this event and is still in the
 *		tree: watchers of what exists below get the event too; or NULL
 */
void watch_deliver(struct watch *watch, const struct event *event, const struct tree_node *removed);
/* The same for an event of the past, by the rules of looking back (10.3). */
void watch_deliver_past(struct watch *watch, const struct event *event);

/* End every live watch that waits for an index below first, if what it waits for may be
 * missed: it gets ERR_WATCHER_CLEARED, which counts as a hit of index store_index. */
void watch_clear_before(struct watch *watch, uint64_t first, uint64_t store_index,
    bool (*missed)(void *argument, struct slice key, uint64_t since), void *argument);

/* How many one owner has, dropped ones too. */
size_t watch_owner_count(const struct watch *watch, uint64_t owner);
/* The sum of what each of these would take by itself. Paths are shared, so all of them
 * together may take less. */
size_t watch_owner_bytes(const struct watch *watch, uint64_t owner);

/* As store_take_hits. */
size_t watch_take(struct watch *watch, const struct store_hit **hits);

#endif
