/*
 * journal.c - see journal.h.
 */
#include "raftd/replica/mvcc/journal.h"

#include "common/xmem.h"

#include <stdlib.h>

#define CHUNK_BYTES (JOURNAL_CHUNK * sizeof(struct mvcc_change *))

void
journal_init(struct journal *journal, struct pool *pool)
{
	*journal = (struct journal){ .pool = pool };
}

void
journal_free(struct journal *journal)
{
	for (size_t i = 0; i < journal->chunk_count; i++)
		pool_give(journal->chunks[journal->start + i], CHUNK_BYTES);
	free(journal->chunks);
	journal_init(journal, journal->pool);
}

static void
add_chunk(struct journal *journal)
{
	if (journal->start + journal->chunk_count == journal->capacity) {
		if (journal->start > journal->chunk_count) {
			memmove(journal->chunks, journal->chunks + journal->start,
			    journal->chunk_count * sizeof(*journal->chunks));
			journal->start = 0;
		} else {
			journal->chunks = xgrow(journal->chunks, &journal->capacity,
			    journal->capacity + 1, sizeof(*journal->chunks));
		}
	}
	journal->chunks[journal->start + journal->chunk_count++] =
	    pool_take(journal->pool, CHUNK_BYTES);
}

void
journal_add(struct journal *journal, struct mvcc_change *change)
{
	size_t place = journal->first + journal->count;

	if (place == journal->chunk_count * JOURNAL_CHUNK)
		add_chunk(journal);
	journal->chunks[journal->start + place / JOURNAL_CHUNK][place % JOURNAL_CHUNK] = change;
	journal->count++;
}

struct mvcc_change *
journal_at(const struct journal *journal, size_t place)
{
	ASSERT(place < journal->count);
	place += journal->first;
	return journal->chunks[journal->start + place / JOURNAL_CHUNK][place % JOURNAL_CHUNK];
}

void
journal_drop_first(struct journal *journal)
{
	ASSERT(journal->count > 0);
	journal->count--;
	if (++journal->first < JOURNAL_CHUNK)
		return;
	pool_give(journal->chunks[journal->start++], CHUNK_BYTES);
	journal->chunk_count--;
	journal->first = 0;
}

size_t
journal_find(const struct journal *journal, struct mvcc_position position)
{
	size_t below = 0, above = journal->count;

	while (below < above) {
		size_t middle = below + (above - below) / 2;

		if (mvcc_change_is_before(journal_at(journal, middle), position))
			below = middle + 1;
		else
			above = middle;
	}
	return below;
}
