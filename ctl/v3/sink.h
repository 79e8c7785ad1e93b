/*
 * sink.h - writes to the cluster that is made the same as another: many in one transaction, and
 * leases under the same ids.
 *
 * All may be done twice without harm. A lease lives on here while it does at the source:
 * ctl3_sink_renew keeps it.
 */
#ifndef MOOTHALL_CTL_V3_SINK_H
#define MOOTHALL_CTL_V3_SINK_H

#include "common/hash.h"
#include "ctl/etcd_snapshot.h"
#include "ctl/v3/call.h"

struct ctl3_sink {
	struct ctl3 *target;
	struct ctl3 *source;		/* of the leases; or: */
	const struct etcd_snapshot *file;
	uint64_t puts, deletes, leases;	/* that were done */
	int signal;			/* came in the middle of a request, which was finished;
					 * 0: none */
	/* The rest is sink.c's. */
	struct buf ops;			/* of the transaction in the making */
	size_t op_count;
	struct hash changed;		/* its keys */
	struct hash known;		/* leases */
	struct ctl3_sink_lease **by_turn;
	size_t lease_count, lease_capacity, turn;
};

void ctl3_sink_init(struct ctl3_sink *sink);
void ctl3_sink_free(struct ctl3_sink *sink);

/* These return CTL3_DONE, or it was said and this is the exit code. */

/* lease 0: none. One that the source has not any more is none. */
int ctl3_sink_put(struct ctl3_sink *sink, struct slice key, struct slice value, uint64_t lease)
    MUST_CHECK;
int ctl3_sink_delete(struct ctl3_sink *sink, struct slice key) MUST_CHECK;
/* What was asked for is done. */
int ctl3_sink_flush(struct ctl3_sink *sink) MUST_CHECK;
/* Leases that no key hangs on, too. */
int ctl3_sink_all_leases(struct ctl3_sink *sink) MUST_CHECK;
/* Some of those that are due are renewed, or revoked if the source has them no more. */
int ctl3_sink_renew(struct ctl3_sink *sink) MUST_CHECK;

#endif
