/*
 * condition.h - what a node tells the others of itself, for the page and whoever reads
 * /v2/stats/node: nothing depends on it.
 *
 * Taken from the counters that all its processes share, by raftd for other nodes and by a client
 * worker for its own; read from another node's bytes by a client worker, raftd carries them.
 */
#ifndef MOOTHALL_COMMON_CONDITION_H
#define MOOTHALL_COMMON_CONDITION_H

#include "common/buf.h"
#include "common/metric.h"

#define CONDITION_VERSION_BYTES 32	/* with its NUL */
#define CONDITION_RESTARTS_MAX 8	/* kinds of processes */
#define CONDITION_CERTIFICATES_MAX 4	/* ports */

struct condition {
	char version[CONDITION_VERSION_BYTES];
	bool syncs_known;		/* its buckets are those of this program */
	uint64_t syncs[METRIC_CELLS_MAX];	/* METRIC_wal_fsync, since it started */
	size_t restart_count;
	struct {
		char process[METRIC_PROCESS_BYTES];	/* "raftd", "client" */
		uint64_t count;
	} restarts[CONDITION_RESTARTS_MAX];
	size_t certificate_count;
	struct {
		char port[METRIC_PROCESS_BYTES];	/* "client", "peer" */
		uint64_t ends_s;		/* since 1970 */
	} certificates[CONDITION_CERTIFICATES_MAX];
};

/* That of the node of this process. */
void condition_take(struct condition *condition);
/* Append it, in at most CONDITION_BYTES_MAX (limits.h). */
void condition_put(struct buf *out, const struct condition *condition);
/* Read what condition_put made, maybe of another version. False: it is not that, and condition
 * is empty. */
bool condition_get(struct condition *condition, struct slice bytes) MUST_CHECK;

#endif
