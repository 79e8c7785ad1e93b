/*
 * progress.h - what a leader knows of one peer.
 *
 *	probe ---------> replicate	it accepted an append  [progress_replicate]
 *	replicate -----> probe		it refused one, or its stream was lost  [progress_probe]
 *	any -----------> snapshot	what it needs is compacted  [progress_snapshot]
 *	snapshot ------> probe		taken or failed  [progress_probe]
 *
 * Probe: one append at a time, until it is known where the logs agree.
 * Replicate: appends are sent ahead of their answers, within a window.
 *
 * Invariants: match < next; match never falls; the window holds appends in
 * order of their last entry, all of them above match.
 * Source: Raft paper 5.3; thesis 10.2.1 (pipelining); pitfalls stale-messages and
 * unbounded-appends.
 */
#ifndef MOOTHALL_RAFTD_RAFT_PROGRESS_H
#define MOOTHALL_RAFTD_RAFT_PROGRESS_H

#include "raftd/raft/types.h"

enum progress_state {
	PROGRESS_PROBE = 1,
	PROGRESS_REPLICATE = 2,
	PROGRESS_SNAPSHOT = 3,
};

struct inflight {
	raft_index last;		/* of the append's entries */
	size_t bytes;
};

struct progress {
	peer_id id;
	enum progress_state state;
	raft_index match;		/* known to be on its disk up to here */
	raft_index next;		/* first entry to send; > match */
	raft_term tail_term;		/* term of entry next - 1; 0: look it up */
	raft_index commit_told;		/* commit index it has surely been sent */

	bool probe_sent;		/* probe: wait for the answer */
	bool probe_plain;		/* probe again: without entries, it may be slow */
	bool nudge;			/* replicate: ask whether appends were lost */
	bool quiet;			/* no answer to an append since its last heartbeat */
	bool unfit;			/* it said so: leadership does not go there by itself */
	bool unreachable;		/* its node is gone: send heartbeats only */

	struct inflight *window;	/* ring of window_max */
	size_t window_max, window_first, window_count;
	size_t window_bytes;

	uint64_t fetch;			/* the disk was asked under this number; 0: it was not */
	raft_index fetch_from;		/* for entries from here on */
	bool fetched_sent;		/* in this turn's output: freed when it was taken */
	struct raft_position fetched_prev;
	struct raft_entry *fetched;	/* owned copies, payloads referenced */
	size_t fetched_count;

	bool heard;			/* ever, in this term */
	raft_tick heard_at;
	raft_tick active_at;		/* for check-quorum; begins when we became leader */
	uint64_t context_acked;		/* newest ReadIndex round it answered */
	bool read_wanted;		/* it asked for a read index */
	uint64_t read_context;		/* with this context */

	bool leaving;			/* removed; told of it before it is forgotten */
	raft_index leave_index;		/* by this entry */
	raft_tick leave_deadline;	/* 0: not yet committed */
};

struct progress *progress_new(peer_id id, raft_index next, size_t window_max);
void progress_free(struct progress **progress);

void progress_probe(struct progress *progress, raft_index next);
void progress_replicate(struct progress *progress);
void progress_snapshot(struct progress *progress);

/* True if one more append may be under way. */
bool progress_has_room(const struct progress *progress, size_t bytes_max);
/* Entries up to last were sent ahead. */
void progress_sent(struct progress *progress, struct raft_position last, size_t bytes);
/* The peer has all up to index. True if that is news. */
bool progress_matched(struct progress *progress, raft_index index);

/* Keep entries from the disk until they were sent; payloads are referenced. */
void progress_keep_fetched(struct progress *progress, struct raft_position prev,
    const struct raft_entry *entries, size_t count);
void progress_drop_fetched(struct progress *progress);

#endif
