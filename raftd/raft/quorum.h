/*
 * quorum.h - majorities, as plain arithmetic.
 *
 * Pure functions; they know numbers, not peers.
 */
#ifndef MOOTHALL_RAFTD_RAFT_QUORUM_H
#define MOOTHALL_RAFTD_RAFT_QUORUM_H

#include "common/base.h"

enum quorum_result {
	QUORUM_OPEN = 1,	/* may still go either way */
	QUORUM_WON = 2,
	QUORUM_LOST = 3,
};

/* How many of so many voters are a majority. */
size_t quorum_size(size_t voters);

/*
 * The largest value that a majority has reached; 0 if there are no voters.
 * Sorts values, one for each voter, in place.
 * Source: Raft paper 5.3, "a majority of matchIndex[i] >= N".
 */
uint64_t quorum_value(uint64_t *values, size_t voters);

/* How an election of so many voters stands. Without voters nobody wins. */
enum quorum_result quorum_election(size_t voters, size_t granted, size_t rejected);

#endif
