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
 *	live ----> hit		one that is no stream got its event	[watch_hit]
 *	live, hit -> dropped	it was ended before its hits were taken	[watch_drop]
 *	hit, dropped -> freed	its hits were taken			[watch_take]
 *
 * A watch that was hit or dropped is in nobody's way: it counts as gone, and
 * its memory waits only for the hits that name it.
 *
 * Source: docs/api.md, "Watching".
 */
#ifndef MOOTHALL_RAFTD_STORE_WATCH_H
#define MOOTHALL_RAFTD_STORE_WATCH_H

#include "common/hash.h"
#include "raftd/store/event.h"
#include "raftd/store/store.h"
#include "raftd/store/tree.h"

struct watcher;
struct watch_spot;
struct watch_raw_hit;
struct watch_frame;

struct watch {
	struct watch_spot *root;	/* of the trie of watched paths */
	uint64_t seed;
	struct hash watchers;		/* live and hit ones, by owner and id */
	struct hash owners;		/* struct watch_owner, by number */
	size_t live;
	size_t spot_bytes;		/* of the trie */
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

/*
 * A new watch, not yet live: it must be hit, or made live, before anything
 * else is asked. One of the same owner and id is dropped first: the owner is
 * another process, which may break the rule that they are unique.
 */
struct watcher *watch_new(struct watch *watch, uint64_t owner, uint64_t id, unsigned flags);
/* From now on it gets the events on key with an index of at least since. */
void watch_live(struct watch *watch, struct watcher *watcher, struct slice key, uint64_t since);
/* It gets this event; if it is no stream, it is live no more. */
void watch_hit(struct watch *watch, struct watcher *watcher, const struct event *event);

/* Unknown ones are ignored. Hits that were not taken are lost. */
void watch_drop(struct watch *watch, uint64_t owner, uint64_t id);
void watch_drop_all(struct watch *watch, uint64_t owner);

/*
 * Give an event to all who want it. Refreshes are the caller's to leave out.
 *
 *	removed	the directory that goes with this event and is still in the
 *		tree: who watches what exists below gets the event too; or NULL
 */
void watch_deliver(struct watch *watch, const struct event *event, const struct node *removed);
/* The same for an event of the past, by the rules of looking back (10.3). */
void watch_deliver_past(struct watch *watch, const struct event *event);

/* End every live watch that waits for an index below first: it gets
 * ERR_WATCHER_CLEARED, which counts as a hit of index store_index. */
void watch_clear_before(struct watch *watch, uint64_t first, uint64_t store_index);

/* As store_take_hits. */
size_t watch_take(struct watch *watch, const struct store_hit **hits);

#endif
