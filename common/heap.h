/*
 * heap.h - intrusive binary min-heap: timers, expiry.
 *
 * A member embeds struct heap_link and knows its own place, so removing from
 * the middle is logarithmic. The heap does not own its members.
 */
#ifndef MOOTHALL_COMMON_HEAP_H
#define MOOTHALL_COMMON_HEAP_H

#include "common/base.h"

struct heap_link {
	size_t place;		/* index in the heap + 1; 0: in none */
};

struct heap {
	struct heap_link **links;
	size_t count, capacity;
	bool (*before)(const struct heap_link *a, const struct heap_link *b);
};

void heap_init(struct heap *heap,
    bool (*before)(const struct heap_link *, const struct heap_link *));
void heap_free(struct heap *heap);
void heap_insert(struct heap *heap, struct heap_link *link);
void heap_remove(struct heap *heap, struct heap_link *link);
/* The link's order changed: put it where it belongs. */
void heap_update(struct heap *heap, struct heap_link *link);
/* The first, or NULL. */
struct heap_link *heap_first(const struct heap *heap);

#endif
