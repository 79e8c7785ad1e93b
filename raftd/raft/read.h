/*
 * read.h - linearizable reads that wait for their read index.
 */
#ifndef MOOTHALL_RAFTD_RAFT_READ_H
#define MOOTHALL_RAFTD_RAFT_READ_H

#include "raftd/raft/message.h"
#include "raftd/raft/raft.h"

struct progress;

struct read_wait {
	peer_id peer;		/* who asked; 0: we ourselves */
	uint64_t id;		/* the caller's id, or the peer's context */
	raft_index index;	/* leader: commit index when its round began */
	uint64_t round;		/* 0: not begun */
};

struct reads {
	struct read_wait *waits;	/* ring-less queue: waits[head .. head + count) */
	size_t head, count, capacity;
	size_t begun;			/* the first so many have a round; rounds rise */
	uint64_t round;			/* last one begun; as leader also the heartbeat's context */
	raft_tick repeat_at;		/* follower: when to ask the leader again */

	struct raft_read *ready;	/* output of this turn */
	size_t ready_count, ready_capacity;
	uint64_t *dropped;
	size_t dropped_count, dropped_capacity;
};

void reads_free(struct reads *reads);
/* We ask. */
void reads_ask(struct raft *raft, uint64_t id);
/* Leader: a peer asks. */
void reads_asked(struct raft *raft, const struct raft_message *message);
/* Follower: the leader answers. */
void reads_answered(struct raft *raft, const struct raft_message *message);
/* Leader: a peer answered the heartbeat of this round. */
void reads_acked(struct raft *raft, struct progress *progress, uint64_t round);
/* The turn ends: what was asked in it begins a round. */
void reads_begin(struct raft *raft);
/* Follower: repeat what may have been lost. */
void reads_time(struct raft *raft);
/* When reads_time has something to do; UINT64_MAX: never. */
raft_tick reads_deadline(const struct raft *raft);
/* The leader is another one or none: whoever waits must ask again. */
void reads_drop(struct raft *raft);

#endif
