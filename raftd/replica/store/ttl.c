/*
 * ttl.c - which nodes expire, in order of (expiration, created, depth).
 *
 * Owns the entries; a node points to its own.
 */
#include "raftd/replica/store/ttl.h"

#include "common/clock.h"
#include "common/pool.h"

static inline struct ttl_entry *
entry_of(const struct heap_link *link)
{
	return CONTAINER_OF(link, struct ttl_entry, link);
}

static bool
before(const struct heap_link *link_a, const struct heap_link *link_b)
{
	const struct ttl_entry *a = entry_of(link_a), *b = entry_of(link_b);

	if (a->at_ns != b->at_ns)
		return a->at_ns < b->at_ns;
	if (a->node->created != b->node->created)
		return a->node->created < b->node->created;
	return tree_depth(a->node) < tree_depth(b->node);
}

void
ttl_init(struct ttl *ttl, struct pool *pool)
{
	ttl->pool = pool;
	heap_init(&ttl->heap, before);
	TAILQ_INIT(&ttl->aside);
}

void
ttl_free(struct ttl *ttl)
{
	/* From the end, where a removal moves nothing. */
	while (ttl->heap.count > 0)
		ttl_clear(ttl, entry_of(ttl->heap.links[ttl->heap.count - 1])->node);
	heap_free(&ttl->heap);
	while (!TAILQ_EMPTY(&ttl->aside))
		ttl_clear(ttl, TAILQ_FIRST(&ttl->aside)->node);
}

void
ttl_set(struct ttl *ttl, struct tree_node *node, uint64_t at_ns)
{
	struct ttl_entry *entry = node->expiry;

	if (entry != NULL) {
		entry->at_ns = at_ns;
		heap_update(&ttl->heap, &entry->link);
		return;
	}
	entry = pool_take(ttl->pool, sizeof(*entry));
	*entry = (struct ttl_entry){ .node = node, .at_ns = at_ns };
	node->expiry = entry;
	heap_insert(&ttl->heap, &entry->link);
}

void
ttl_clear(struct ttl *ttl, struct tree_node *node)
{
	if (node->expiry == NULL)
		return;
	if (node->expiry->link.place == 0)
		TAILQ_REMOVE(&ttl->aside, node->expiry, aside);
	else
		heap_remove(&ttl->heap, &node->expiry->link);
	pool_give(node->expiry, sizeof(*node->expiry));
	node->expiry = NULL;
}

const struct ttl_entry *
ttl_first(const struct ttl *ttl)
{
	const struct heap_link *link = heap_first(&ttl->heap);

	return link == NULL ? NULL : entry_of(link);
}

void
ttl_put_aside(struct ttl *ttl, struct tree_node *node)
{
	heap_remove(&ttl->heap, &node->expiry->link);
	TAILQ_INSERT_TAIL(&ttl->aside, node->expiry, aside);
}

bool
ttl_instant(uint64_t time_ns, uint64_t ttl_s, uint64_t *at_ns)
{
	if (time_ns > INT64_MAX || ttl_s > (INT64_MAX - time_ns) / NS_PER_SECOND)
		return false;
	*at_ns = time_ns + ttl_s * NS_PER_SECOND;
	return true;
}
