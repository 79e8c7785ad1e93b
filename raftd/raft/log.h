/*
 * log.h - the log, as much of it as is in memory.
 *
 * Owns a reference on every payload it holds. Called by the core only. The
 * entries are one array, so what ready hands out points into it: nothing may
 * be added or dropped while a turn's output is borrowed.
 *
 *	 on disk only	   in memory, applied	  in memory
 *	compacted ... base | base+1 ... applied | ... persisted ... submitted ... last
 *
 * Entries up to min(applied, persisted) may leave memory; those up to
 * compacted have left the disk. Truncation lowers persisted and submitted, so
 * nothing is ever thought durable that was replaced (pitfall log-disk-disagree).
 */
#ifndef MOOTHALL_RAFTD_RAFT_LOG_H
#define MOOTHALL_RAFTD_RAFT_LOG_H

#include "raftd/raft/types.h"

/* What an entry without payload is counted as, in memory and in an append. */
#define RAFT_ENTRY_BYTES ((size_t)64)

struct raft_log {
	struct raft_entry *entries;	/* allocated; the first one held is entries[head] */
	size_t head, count, capacity;
	struct raft_position base;	/* of the entry before the first in memory */
	uint64_t base_time_ns;		/* its stamp; 0: not known */
	size_t bytes;			/* of all entries held */
	raft_index compacted;		/* last one no longer on disk */
	raft_index submitted;		/* handed out for the disk up to here; <= last */
	raft_index persisted;		/* synced up to here; <= submitted */
	raft_index truncate_from;	/* to be deleted on disk before what comes next; 0: none */
};

/* An empty log behind position, which is durable. */
void raft_log_init(struct raft_log *log, struct raft_position position, raft_index compacted);
void raft_log_clear(struct raft_log *log);

struct raft_position raft_log_last(const struct raft_log *log);
uint64_t raft_log_last_time(const struct raft_log *log);
/* The entry in memory, or NULL. Borrowed until the log changes. */
const struct raft_entry *raft_log_entry(const struct raft_log *log, raft_index index);
/* Term of an entry in memory or of the one just before; 0: not known. */
raft_term raft_log_term(const struct raft_log *log, raft_index index);
/* Stamp, likewise. */
uint64_t raft_log_time(const struct raft_log *log, raft_index index);
/* What one entry counts for. */
size_t raft_entry_bytes(const struct raft_entry *entry);

/* Append one entry; its payload is referenced. Asserts that it is the next
 * one and that its term is not below the last one's. */
void raft_log_push(struct raft_log *log, const struct raft_entry *entry);
/* Drop the entries from this one on. */
void raft_log_truncate(struct raft_log *log, raft_index from);
/* Drop from memory the entries up to this one. */
void raft_log_forget(struct raft_log *log, raft_index index);
/* Begin anew behind position, which is durable: everything held is dropped. */
void raft_log_reset(struct raft_log *log, struct raft_position position);

/*
 * The largest index at or below index whose term is at or below term, found by
 * bisection since terms never fall. Where that is not in memory: the smaller
 * of index and base.
 * Source: Raft paper 5.3, the optimization of nextIndex; pitfall slow-backing-off.
 */
raft_index raft_log_seek(const struct raft_log *log, raft_index index, raft_term term);

#endif
