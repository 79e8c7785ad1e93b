/*
 * heap.c - intrusive binary min-heap.
 */
#include "common/heap.h"
#include "common/xmem.h"

#include <stdlib.h>

void
heap_init(struct heap *heap, bool (*before)(const struct heap_link *, const struct heap_link *))
{
	*heap = (struct heap){ .before = before };
}

void
heap_free(struct heap *heap)
{
	for (size_t i = 0; i < heap->count; i++)
		heap->links[i]->place = 0;
	free(heap->links);
	heap->links = NULL;
	heap->count = 0;
	heap->capacity = 0;
}

static void
put_at(struct heap *heap, size_t index, struct heap_link *link)
{
	heap->links[index] = link;
	link->place = index + 1;
}

/* Move the link up from index as far as it comes before its parents. */
static size_t
sift_up(struct heap *heap, size_t index, struct heap_link *link)
{
	while (index > 0) {
		size_t parent = (index - 1) / 2;

		if (!heap->before(link, heap->links[parent]))
			break;
		put_at(heap, index, heap->links[parent]);
		index = parent;
	}
	put_at(heap, index, link);
	return index;
}

static void
sift_down(struct heap *heap, size_t index, struct heap_link *link)
{
	for (;;) {
		size_t child = index * 2 + 1;

		if (child >= heap->count)
			break;
		if (child + 1 < heap->count &&
		    heap->before(heap->links[child + 1], heap->links[child]))
			child++;
		if (!heap->before(heap->links[child], link))
			break;
		put_at(heap, index, heap->links[child]);
		index = child;
	}
	put_at(heap, index, link);
}

void
heap_insert(struct heap *heap, struct heap_link *link)
{
	ASSERT(link->place == 0);
	heap->links = xgrow(heap->links, &heap->capacity, heap->count + 1,
	    sizeof(struct heap_link *));
	heap->count++;
	sift_up(heap, heap->count - 1, link);
}

void
heap_remove(struct heap *heap, struct heap_link *link)
{
	size_t index = link->place - 1;
	struct heap_link *last;

	ASSERT(link->place > 0);
	ASSERT(link->place <= heap->count);
	ASSERT(heap->links[index] == link);
	link->place = 0;
	last = heap->links[--heap->count];
	if (last != link) {
		put_at(heap, index, last);
		heap_update(heap, last);
	}
}

void
heap_update(struct heap *heap, struct heap_link *link)
{
	size_t index = link->place - 1;

	ASSERT(link->place > 0);
	ASSERT(heap->links[index] == link);
	if (sift_up(heap, index, link) == index)
		sift_down(heap, index, link);
}

struct heap_link *
heap_first(const struct heap *heap)
{
	return heap->count == 0 ? NULL : heap->links[0];
}
