/*
 * hit.h - who watches, and what he gets: for the keys, for those who ask them, and for
 * watch_set.h, which makes hits.
 */
#ifndef MOOTHALL_RAFTD_REPLICA_MVCC_HIT_H
#define MOOTHALL_RAFTD_REPLICA_MVCC_HIT_H

#include "common/slice.h"

struct mvcc_change;

#define MVCC_WATCH_NO_PUT 0x01u
#define MVCC_WATCH_NO_DELETE 0x02u
#define MVCC_WATCH_PREV_KV 0x04u

struct mvcc_watch {
	uint64_t owner, id;		/* id is unique with the owner */
	struct slice key, end;		/* as of a range; key empty: "\0" */
	uint64_t start_revision;	/* 0: from the next on; may be to come */
	unsigned flags;			/* MVCC_WATCH_* */
};

/* A change that watches of one owner want. Valid until anything else is called. */
struct mvcc_hit {
	const struct mvcc_change *change;	/* key.h has its wire form */
	const struct mvcc_change *previous;	/* NULL: there was none, or it is compacted */
	uint64_t owner;
	const uint64_t *ids;
	size_t id_count;
	bool wants_previous;		/* one of them does */
};

#endif
