/*
 * stats.h - this machine's counters of store operations. Not replicated.
 *
 * Source: docs/api.md, "Client port".
 */
#ifndef MOOTHALL_RAFTD_REPLICA_STORE_STATS_H
#define MOOTHALL_RAFTD_REPLICA_STORE_STATS_H

#include "common/ipc/wire.h"

struct stats {
	uint64_t numbers[STORE_STAT_COUNT]; /* STAT_WATCHERS stays 0: it is counted elsewhere */
};

void stats_get(struct stats *stats, bool success);
/* An in-order create counts as create; failures under their own kind. */
void stats_write(struct stats *stats, enum write_op op, bool success);
void stats_expire(struct stats *stats);

#endif
