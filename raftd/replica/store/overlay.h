/*
 * overlay.h - what a view still has to show and the tree no longer says, by path.
 *
 * Entries are in the order of a listing: names in byte order, a directory before
 * what is in it. So that this is the order of bytes, a path is turned into a key, in
 * which the slash is the lowest of all bytes:
 *
 *	/	0, and the root is the empty key
 *	0..46	1..47, the bytes below the slash move up by one
 *	others	themselves
 *
 * A path and its key have the same size, but for the root.
 */
#ifndef MOOTHALL_RAFTD_REPLICA_STORE_OVERLAY_H
#define MOOTHALL_RAFTD_REPLICA_STORE_OVERLAY_H

#include "raftd/replica/store/doomed.h"
#include "raftd/replica/store/names.h"
#include "raftd/replica/store/tree.h"

/* A node as it was before the first change. */
struct kept_node {
	struct name_link link;		/* by key */
	bool described;			/* the fields up to value count: it is still to be shown */
	uint8_t flags;			/* NODE_* of wire.h */
	uint64_t modified, created, expire_at_ns;
	struct blob *value;
	struct doomed *held;		/* the directory was removed: with what was in it, */
	struct tree_node *dir;		/* and where that begins; else both are NULL */
	uint8_t key[];
};

/* A struct of zeros with a seed is an empty one. */
struct overlay {
	struct name_link *root;
	uint64_t seed;
	size_t bytes;			/* what all entries count for */
	size_t held;			/* entries that hold a directory */
};

/* Append a path's key, or to a path the rest of a key; in both the root is empty. */
void overlay_key_put(struct buf *out, struct slice path);
void overlay_path_put(struct buf *out, struct slice key);
/* Is it the key of what is at or below top's? */
bool overlay_key_is_at_or_below(struct slice key, struct slice top);

static inline struct slice
kept_key(const struct kept_node *kept)
{
	return name_of(&kept->link);
}

/* The entry with that key, or NULL. */
struct kept_node *overlay_find(const struct overlay *overlay, struct slice key);
/* The first entry behind that key, or NULL. */
struct kept_node *overlay_after(const struct overlay *overlay, struct slice key);
/* A new entry, which says nothing yet. */
struct kept_node *overlay_add(struct overlay *overlay, struct slice key);
/* The entry says what the node is now. */
void overlay_describe(struct overlay *overlay, struct kept_node *kept,
    const struct tree_node *node);
/* What was in the directory is there, at or below the top of what is doomed. */
void overlay_hold(struct overlay *overlay, struct kept_node *kept, struct doomed_list *list,
    struct doomed *doomed, struct tree_node *dir);
void overlay_drop(struct overlay *overlay, struct kept_node *kept, struct doomed_list *list);
/* Drop all. */
void overlay_clear(struct overlay *overlay, struct doomed_list *list);

#endif
