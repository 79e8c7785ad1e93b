/*
 * ttl.h - which nodes expire, in order of (expiration, created, depth).
 *
 * What was created first goes first; of one write, which makes the nodes of one path,
 * the upper one. Only nodes with a TTL have an entry. No clock: the caller compares.
 *
 * Source: docs/api.md, "Operations": ttl.
 */
#ifndef MOOTHALL_RAFTD_REPLICA_STORE_TTL_H
#define MOOTHALL_RAFTD_REPLICA_STORE_TTL_H

#include "raftd/replica/store/tree.h"

#include <sys/queue.h>

struct ttl {
	struct pool *pool;		/* of the entries, borrowed */
	struct heap heap;
	TAILQ_HEAD(, ttl_entry) aside;
};

/* pool: outlives it. */
void ttl_init(struct ttl *ttl, struct pool *pool);
/* Frees all entries, before the tree goes whose nodes point to them. */
void ttl_free(struct ttl *ttl);

/* The node, whose created index is what it will be, expires then, and not when it did
 * before. */
void ttl_set(struct ttl *ttl, struct tree_node *node, uint64_t at_ns);
/* The node is permanent. */
void ttl_clear(struct ttl *ttl, struct tree_node *node);
/* The entry that is due first, or NULL. */
const struct ttl_entry *ttl_first(const struct ttl *ttl);
/* The node, which has an entry, keeps it, but is never first any more. */
void ttl_put_aside(struct ttl *ttl, struct tree_node *node);

/* The instant ttl_s after time_ns; false if it is past 2^63 - 1 ns: no expiry. */
bool ttl_instant(uint64_t time_ns, uint64_t ttl_s, uint64_t *at_ns);

#endif
