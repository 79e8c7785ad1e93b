/*
 * terms.h - which term each entry of the log has, without the log: runs of one
 * term, few because terms change seldom. Pure. Used by wal.c alone.
 */
#ifndef MOOTHALL_RAFTD_WAL_TERMS_H
#define MOOTHALL_RAFTD_WAL_TERMS_H

#include "raftd/raft/types.h"

struct terms {
	struct raft_position *runs;	/* index: the run's first */
	size_t count, capacity;
};

void terms_free(struct terms *terms);
/* Forget all; the next entry follows position, which stays known. */
void terms_reset(struct terms *terms, struct raft_position position);
/* The entry behind all others. Its term does not fall. */
void terms_append(struct terms *terms, struct raft_position position);
/* Entries from index on are gone; at least one before it is known. */
void terms_truncate(struct terms *terms, raft_index index);
/* Entries before index need not be known any more. */
void terms_drop_before(struct terms *terms, raft_index index);
/* Of an index that is known. */
raft_term terms_at(const struct terms *terms, raft_index index);

#endif
