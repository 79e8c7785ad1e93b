/*
 * keys.h - the keys in byte order: a B+tree that knows how many of them live.
 *
 * Inner nodes have the first key of each child and how many keys below it have a value now, so
 * the number of those in a range is two descents, and a walk over the living leaves out what
 * is dead. Keys are the caller's; they stay where they are while they are in the tree.
 *
 * Depth is bounded: a node that is left with few keys joins a neighbour that has room. Pure.
 */
#ifndef MOOTHALL_RAFTD_REPLICA_MVCC_KEYS_H
#define MOOTHALL_RAFTD_REPLICA_MVCC_KEYS_H

#include "raftd/replica/mvcc/key.h"

#define MVCC_KEYS_FAN 32u
#define MVCC_KEYS_DEPTH_MAX 24

struct mvcc_node;

struct mvcc_keys {
	struct pool *pool;		/* of the nodes, borrowed */
	struct mvcc_node *root;		/* NULL: empty */
	unsigned depth;			/* levels of inner nodes above the leaves */
	size_t count, living;		/* keys */
	size_t bytes;			/* of the nodes */
};

void mvcc_keys_init(struct mvcc_keys *tree, struct pool *pool);
/* Free the nodes; the keys, too, if free_keys. */
void mvcc_keys_free(struct mvcc_keys *tree, bool free_keys);

/* The key of that name or NULL. */
struct mvcc_key *mvcc_keys_find(const struct mvcc_keys *tree, struct slice name);
/* There is none of that name. */
void mvcc_keys_insert(struct mvcc_keys *tree, struct mvcc_key *key, bool living);
/* A key of the tree has a value from now on, or has none any more: it was otherwise. */
void mvcc_keys_set_living(struct mvcc_keys *tree, const struct mvcc_key *key, bool living);
/* Take out a key that is not living. */
void mvcc_keys_remove(struct mvcc_keys *tree, const struct mvcc_key *key);

/* How many living keys are before that name. */
size_t mvcc_keys_living_before(const struct mvcc_keys *tree, struct slice name);

/* Where a walk stands. Good until the tree changes. */
struct mvcc_walk {
	const struct mvcc_keys *tree;
	bool living;			/* passes over the others */
	struct mvcc_node *nodes[MVCC_KEYS_DEPTH_MAX];
	unsigned places[MVCC_KEYS_DEPTH_MAX];
};

/* Begin at the first key that is not before name, or is after it if behind; the key or NULL. */
struct mvcc_key *mvcc_walk_from(struct mvcc_walk *walk, const struct mvcc_keys *tree, bool living,
    struct slice name, bool behind);
/* Begin at the last key that is before name; name NULL: at the last of all. */
struct mvcc_key *mvcc_walk_before(struct mvcc_walk *walk, const struct mvcc_keys *tree, bool living,
    const struct slice *name);
/* The one behind or before where it stands, or NULL: then it stands nowhere. */
struct mvcc_key *mvcc_walk_next(struct mvcc_walk *walk);
struct mvcc_key *mvcc_walk_previous(struct mvcc_walk *walk);

/* Assert what always holds. Walks everything: tests and checks only. */
void mvcc_keys_invariants(const struct mvcc_keys *tree);

#endif
