/*
 * mvcc_priv.h - the key space's own parts, for the files of this directory.
 */
#ifndef MOOTHALL_RAFTD_REPLICA_MVCC_MVCC_PRIV_H
#define MOOTHALL_RAFTD_REPLICA_MVCC_MVCC_PRIV_H

#include "raftd/replica/mvcc/journal.h"
#include "raftd/replica/mvcc/keys.h"
#include "raftd/replica/mvcc/lease.h"
#include "raftd/replica/mvcc/mvcc.h"
#include "raftd/replica/mvcc/watch_set.h"

#include <sys/queue.h>

struct mvcc {
	struct pool *pool;		/* of keys, changes, nodes */
	struct mvcc_keys keys;
	struct journal journal;		/* what is not below removed */
	struct leases leases;
	struct watch_set watches;
	uint64_t revision;		/* the newest that is complete; 1 at first */
	uint32_t changes;		/* of it */
	uint32_t writing;		/* changes of revision + 1 so far; 0 between writes */
	int64_t compacted;		/* -1: never */
	uint64_t removed;		/* below it is only what the compacted revision shows */
	size_t cleared;			/* of the journal: behind removed, and looked at */
	bool changed;			/* the record of these waits for mvcc_flush */
	bool meta_loaded;		/* while loading, */
	struct mvcc_position last_loaded; /* and so of its changes */
	struct mvcc_under_way {		/* write.c: what may take several calls: */
		struct mvcc_request *request;	/* a write; or NULL */
		struct mvcc_outcome outcome;
		struct mvcc_path path;
		size_t txns;			/* that were passed */
		const struct mvcc_op *delete;	/* that was left in the middle, or NULL: */
		bool begun;			/* it has taken keys, */
		struct buf last;		/* this one last, */
		uint32_t before;		/* and the changes before it */
		struct mvcc_lease *lease;	/* that ends; or NULL */
		struct mvcc_key **keys;		/* its keys that are left: a heap by name */
		size_t key_count;
		size_t unsorted;		/* of its beginning, that is no heap yet */
	} under_way;
	size_t change_count, change_bytes;
	size_t key_bytes;
	TAILQ_HEAD(answer_list, mvcc_answer) answers;	/* open ones, oldest first, */
	struct answer_list unkept;	/* and those that history is not kept for */
	size_t answer_count;
	size_t sorted_count;		/* changes that those have put in order */
};

/* Behind all that there is. */
static inline struct mvcc_position
mvcc_end(const struct mvcc *mvcc)
{
	return (struct mvcc_position){ mvcc->revision + 1, mvcc->writing };
}

/* Is nothing at or behind that position? */
static inline bool
mvcc_is_now(const struct mvcc *mvcc, struct mvcc_position position)
{
	struct mvcc_position end = mvcc_end(mvcc);

	if (mvcc->writing == 0 && position.revision == mvcc->revision)
		return position.sub >= mvcc->changes;
	return position.revision > end.revision ||
	    (position.revision == end.revision && position.sub >= end.sub);
}

/* write.c. The way of each txn by its compares: appended to outcome->path.
 * V3_TOO_MANY_OPERATIONS: the compares look at too many keys. */
enum v3_error mvcc_choose_path(const struct mvcc *mvcc, const struct mvcc_request *request,
    struct mvcc_outcome *outcome) MUST_CHECK;
/* May the ranges on that way be read at their revisions? */
enum v3_error mvcc_check_ranges(const struct mvcc *mvcc, const struct mvcc_request *request,
    const struct mvcc_outcome *outcome);

/* What is left of a write, when all goes. */
void mvcc_under_way_free(struct mvcc *mvcc);

/* records.c. */
void mvcc_record_change(struct buf *effects, const struct mvcc_change *change);
void mvcc_record_change_gone(struct buf *effects, const struct mvcc_change *change);
void mvcc_record_lease(struct buf *effects, const struct mvcc_lease *lease);
void mvcc_record_lease_gone(struct buf *effects, uint64_t id);
/* Put a change of a key at the end of all. */
void mvcc_add_change(struct mvcc *mvcc, struct mvcc_change *change);

/* answer.c. */
/* Below that revision nothing is needed by answers; UINT64_MAX: at all. */
uint64_t mvcc_answers_need(const struct mvcc *mvcc);
void mvcc_answers_lose(struct mvcc *mvcc);

/* compaction.c. Is that change of a key, the i-th, still there when all is freed? */
bool mvcc_survives(const struct mvcc *mvcc, const struct mvcc_key *key, size_t i);
/* The change before that one as history may show it, or NULL. */
const struct mvcc_change *mvcc_previous(const struct mvcc *mvcc,
    const struct mvcc_change *change);

#endif
