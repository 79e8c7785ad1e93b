/*
 * keys_priv.h - the nodes of the tree of keys, for keys.c and walk.c only.
 */
#ifndef MOOTHALL_RAFTD_REPLICA_MVCC_KEYS_PRIV_H
#define MOOTHALL_RAFTD_REPLICA_MVCC_KEYS_PRIV_H

#include "raftd/replica/mvcc/keys.h"

#define FAN MVCC_KEYS_FAN

struct mvcc_node {
	uint32_t count;
	uint32_t living;		/* a leaf: bit i is of keys[i] */
};

struct mvcc_leaf {
	struct mvcc_node node;
	struct mvcc_key *keys[FAN];
};

struct mvcc_inner {
	struct mvcc_node node;
	size_t common;			/* bytes that all first keys begin with, or fewer */
	uint64_t words[FAN];		/* of each what is behind them */
	struct mvcc_key *first[FAN];
	uint64_t living[FAN];
	struct mvcc_node *children[FAN];
};

/* From the root to a leaf, with the place in each. */
struct node_path {
	struct mvcc_node *nodes[MVCC_KEYS_DEPTH_MAX];
	unsigned places[MVCC_KEYS_DEPTH_MAX];
};

static inline struct mvcc_leaf *
leaf_of(const struct mvcc_node *node)
{
	return CONTAINER_OF(node, struct mvcc_leaf, node);
}

static inline struct mvcc_inner *
inner_of(const struct mvcc_node *node)
{
	return CONTAINER_OF(node, struct mvcc_inner, node);
}

/* Of the bits below place. */
static inline uint32_t
bits_below(unsigned place)
{
	return place >= 32 ? UINT32_MAX : (1u << place) - 1;
}

static inline unsigned
bits_count(uint32_t bits)
{
	return (unsigned)__builtin_popcount(bits);
}

/* The leaf in which name is or would be; the place in it is that of the first key not before
 * it. The tree is not empty. */
struct mvcc_leaf *mvcc_keys_descend(const struct mvcc_keys *tree, struct slice name,
    struct node_path *path);

#endif
