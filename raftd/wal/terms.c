/*
 * terms.c - see terms.h.
 *
 * Invariant: count > 0 after the first reset; indexes rise, terms rise.
 */
#include "raftd/wal/terms.h"

#include "common/xmem.h"

#include <stdlib.h>

void
terms_free(struct terms *terms)
{
	free(terms->runs);
	*terms = (struct terms){ 0 };
}

void
terms_reset(struct terms *terms, struct raft_position position)
{
	terms->runs = xgrow(terms->runs, &terms->capacity, 1, sizeof(*terms->runs));
	terms->runs[0] = position;
	terms->count = 1;
}

void
terms_append(struct terms *terms, struct raft_position position)
{
	struct raft_position *last = &terms->runs[terms->count - 1];

	ASSERT(position.index > last->index);
	ASSERT(position.term >= last->term);
	if (position.term == last->term)
		return;
	terms->runs = xgrow(terms->runs, &terms->capacity, terms->count + 1,
	    sizeof(*terms->runs));
	terms->runs[terms->count++] = position;
}

void
terms_truncate(struct terms *terms, raft_index index)
{
	while (terms->count > 1 && terms->runs[terms->count - 1].index >= index)
		terms->count--;
	ASSERT(terms->runs[0].index < index);
}

void
terms_drop_before(struct terms *terms, raft_index index)
{
	size_t gone = 0;

	while (gone + 1 < terms->count && terms->runs[gone + 1].index <= index)
		gone++;
	if (gone == 0)
		return;
	terms->count -= gone;
	memmove(terms->runs, terms->runs + gone, terms->count * sizeof(*terms->runs));
}

raft_term
terms_at(const struct terms *terms, raft_index index)
{
	size_t low = 0, high = terms->count;

	/* The last run that begins at or before index. */
	ASSERT(terms->runs[0].index <= index);
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (terms->runs[middle].index <= index)
			low = middle;
		else
			high = middle;
	}
	return terms->runs[low].term;
}
