/*
 * journal.h - changes in the order of (revision, sub): what watches are given from the past,
 * and what compaction goes over.
 *
 * Holds pointers only; a change in it is one of its key's. What compaction has passed leaves at
 * the front, so it has every change of each revision above that, and no others. Chunks of a
 * fixed size: adding one never moves many. Pure.
 */
#ifndef MOOTHALL_RAFTD_REPLICA_MVCC_JOURNAL_H
#define MOOTHALL_RAFTD_REPLICA_MVCC_JOURNAL_H

#include "raftd/replica/mvcc/key.h"

#define JOURNAL_CHUNK ((size_t)512)

struct journal {
	struct pool *pool;		/* of the chunks, borrowed */
	struct mvcc_change ***chunks;	/* [start, start + chunk_count) */
	size_t start, chunk_count, capacity;
	size_t first;			/* place of the first change in the first chunk */
	size_t count;
};

void journal_init(struct journal *journal, struct pool *pool);
void journal_free(struct journal *journal);
/* Behind all others. */
void journal_add(struct journal *journal, struct mvcc_change *change);
/* place < count; 0 is the first. */
struct mvcc_change *journal_at(const struct journal *journal, size_t place);
/* Take the first out. */
void journal_drop_first(struct journal *journal);
/* The place of the first change that is not before the position; count: there is none. */
size_t journal_find(const struct journal *journal, struct mvcc_position position);

#endif
