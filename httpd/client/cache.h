/*
 * cache.h - rendered bodies of keys that were asked for, so that a plain GET
 * needs no hop to raftd.
 *
 * Owns its entries, bounded in bytes, least recently used first out; and the
 * GETs of this turn that it may be able to answer. raftd announces which paths
 * changed, and raises an index that all workers share before anything that
 * follows from the changes leaves for any of them. The cache answers at the end
 * of a turn, and only if it has taken the announcement of that very index: so no
 * answer is older than what a client of this node had seen when it asked.
 *
 *	asked --index is ours, body is there--> answered from it   [cache_turn]
 *	asked --dropped meanwhile, or we lag--> asked of raftd
 *
 * A body with an expiry in it shows a "ttl" that is true up to a second: it is
 * not kept past that. When raftd is lost everything goes.
 */
#ifndef MOOTHALL_HTTPD_CLIENT_CACHE_H
#define MOOTHALL_HTTPD_CLIENT_CACHE_H

#include "common/ipc/message.h"
#include "httpd/http/request.h"

struct cache;

struct cache *cache_new(struct worker *worker);
void cache_free(struct cache **cache);

/*
 * If there is a body for a plain GET of key, keep the request for the turn's
 * end and return true; ask() is called then if it is gone by that time.
 *
 *	key	borrowed from the request's arena
 */
bool cache_take(struct cache *cache, struct request *request, struct slice key, bool recursive,
    void (*ask)(struct request *request, struct slice key, bool recursive));

/* What a plain or quorum GET was answered: body as rendered from event. */
void cache_fill(struct cache *cache, struct slice key, bool recursive, struct slice event,
    struct slice body, const struct msg_outcome *outcome);

/* raftd: these paths changed; or it is lost and nothing is known any more. */
void cache_changed(struct cache *cache, const struct msg_changed *changed);
void cache_clear(struct cache *cache);

/* The end of a turn: answer what was kept. */
void cache_turn(struct cache *cache);

#endif
