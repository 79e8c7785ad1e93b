/*
 * toy.h - a part of the applied state that only tests have: counters, each known by a letter.
 *
 * toy.c is all that it takes to add a state machine: the part, and a table with one row more.
 * A test that is linked with it has a replica, a conductor, backups and snapshots with counters.
 *
 *	key		value
 *	'x' letter	u64, not 0
 *	'x'		u64: the sum of all; kept back until effects go to the disk
 */
#ifndef MOOTHALL_TESTS_UNIT_RAFTD_REPLICA_TOY_H
#define MOOTHALL_TESTS_UNIT_RAFTD_REPLICA_TOY_H

#include "raftd/replica/part.h"
#include "raftd/replica/replica.h"

#define TOY_PREFIX "x"
#define TOY_ADD 200		/* u8 letter, u64 amount; 0 takes the counter away */

struct toy {
	uint64_t counts[256], sum;
	unsigned *looks;		/* how often its invariants were asked for */
	unsigned waiting;		/* who waits for it, as who watches: not replicated */
};

struct blob *toy_new_add(uint64_t session, uint64_t sequence, uint8_t letter, uint64_t amount);
struct toy *toy_of(const struct replica *replica);

#endif
