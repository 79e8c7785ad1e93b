/*
 * interval_tree.h - ranges of keys, and which of them a key is in.
 *
 * An AVL tree by (from, to) that knows for each node how far those below it reach. Intrusive:
 * a member embeds struct interval, whose bytes are the member's. Pure.
 */
#ifndef MOOTHALL_RAFTD_REPLICA_MVCC_INTERVAL_TREE_H
#define MOOTHALL_RAFTD_REPLICA_MVCC_INTERVAL_TREE_H

#include "common/slice.h"

/* Of a tree with 2^64 nodes, and more. */
#define INTERVAL_DEPTH_MAX 96

struct interval {
	struct slice from, to;		/* [from, to), or from on if open */
	bool open;
	/* The tree's. */
	struct interval *left, *right;
	unsigned height;
	const struct interval *far;	/* of it and those below, the one that reaches farthest */
};

struct interval_tree {
	struct interval *root;
};

/* The one with those ends, or NULL. */
struct interval *interval_find(const struct interval_tree *tree, struct slice from,
    struct slice to, bool open);
/* No other has its ends. */
void interval_insert(struct interval_tree *tree, struct interval *interval);
void interval_remove(struct interval_tree *tree, struct interval *interval);
/* Call visit for each that has that key in it. */
void interval_stab(const struct interval_tree *tree, struct slice key,
    void (*visit)(void *argument, struct interval *interval), void *argument);
/* Any of them, or NULL: for tearing a tree down. */
struct interval *interval_any(const struct interval_tree *tree);
/* Assert what always holds; how many there are. Tests and checks only. */
size_t interval_invariants(const struct interval_tree *tree);

#endif
