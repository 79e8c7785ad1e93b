/*
 * ready.h - the turn's output while it is collected, and what was handed to
 * the disk and not yet reported back.
 */
#ifndef MOOTHALL_RAFTD_RAFT_READY_H
#define MOOTHALL_RAFTD_RAFT_READY_H

#include "raftd/raft/raft.h"

/* What one turn gave to the disk. */
struct write {
	struct raft_hard_state hard_state;
	struct raft_position last;	/* of its entries; {0,0}: it had none */
};

struct raft_output {
	struct raft_message *messages;
	size_t message_count, message_capacity;
	struct raft_fetch *fetches;
	size_t fetch_count, fetch_capacity;
	peer_id *snapshots;
	size_t snapshot_count, snapshot_capacity;

	struct write *writes;		/* queue: writes[head .. head + count) */
	size_t write_head, write_count, write_capacity;

	bool taken;			/* between raft_ready and raft_advance */
	raft_index commit;		/* as of the last turn; it never falls */
	raft_index committed_to;	/* last of what was handed out to apply */
	struct raft_hard_state hard_state_given;	/* last one handed out */
};

void raft_output_free(struct raft_output *output);
/* A message to `to`, zero but for its type, sender, receiver and our term.
 * Borrowed until the next one is added. */
struct raft_message *raft_output_message(struct raft *raft, enum raft_message_type type,
    peer_id to);
/* Ask the disk for entries from there on; returns the number of the question, never 0. */
uint64_t raft_output_fetch(struct raft *raft, raft_index from);
void raft_output_snapshot(struct raft *raft, peer_id peer);

#endif
