/*
 * cluster_time.h - the time that entries are stamped with and TTLs count in.
 *
 * A follower takes over what its leader says and goes on from there by its
 * monotonic clock. A leader goes on by its monotonic clock too, and nears its wall
 * clock no faster than a quartz may be wrong. So no key goes early and none stays
 * for hours because clocks differ or somebody set one, on whatever node.
 *
 *	begun, by the wall clock --heartbeat--> the leader's	[cluster_time_heard]
 *	any --an applied stamp is later--> that stamp		[cluster_time_turn]
 *
 * Owned by node.c. Pure: time is given.
 * Source: pitfalls own-clock-expiry and clock-back of docs/testing.md.
 */
#ifndef MOOTHALL_RAFTD_CLUSTER_TIME_H
#define MOOTHALL_RAFTD_CLUSTER_TIME_H

#include "common/clock.h"

struct cluster_time {
	uint64_t ns;		/* as of the last turn */
	uint64_t monotonic_ns;	/* of the last turn */
	uint64_t heard_ns;	/* said by the leader since the last turn; 0: nothing */
	uint64_t apart_ns;	/* monotonic: far from the wall clock since then; 0: it is not */
	bool begun, said;
	bool followed;		/* it is the cluster's: heard or led since it was begun */
};

/*
 * Once a turn, and once before the first.
 *
 *	applied_ns	stamp of the last applied entry: never before that
 *
 * True, once, when the wall clock has been far from it for some seconds.
 */
bool cluster_time_turn(struct cluster_time *time, struct clock_time now, uint64_t applied_ns,
    bool leads);
/* The leader said so just now. It counts from the next turn on. */
void cluster_time_heard(struct cluster_time *time, uint64_t ns);

#endif
