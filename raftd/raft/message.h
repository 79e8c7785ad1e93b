/*
 * message.h - what cores say to each other; one struct for all kinds.
 *
 * Messages may be lost, doubled, late or reordered. Fields that a kind does
 * not name are zero.
 */
#ifndef MOOTHALL_RAFTD_RAFT_MESSAGE_H
#define MOOTHALL_RAFTD_RAFT_MESSAGE_H

#include "raftd/raft/types.h"

enum raft_message_type {
	RAFT_VOTE = 1,		/* log = candidate's last entry; pre, flags */
	RAFT_VOTE_REPLY,	/* pre, reject */
	RAFT_APPEND,		/* log = entry before entries[0]; commit; entries; flags */
	RAFT_APPEND_REPLY,	/* log.index = matched up to; or reject: the prev index
				 * refused, hint = where to try next (index, term) */
	RAFT_HEARTBEAT,		/* commit (<= what the receiver has matched); context;
				 * time_ns = what the leader would stamp an entry with */
	RAFT_HEARTBEAT_REPLY,	/* context; flags */
	RAFT_READ_INDEX,	/* follower to leader: context names the follower's round */
	RAFT_READ_INDEX_REPLY,	/* context; log.index = read index; or reject */
	RAFT_TIMEOUT_NOW,	/* leader to its successor: campaign at once */
	RAFT_MESSAGE_TYPES
};

#define RAFT_VOTE_TRANSFER 0x01		/* the leader asked for it: leases do not hold */
#define RAFT_VOTE_DEAD_LEADER 0x02	/* the candidate found the leader's node gone */
#define RAFT_APPEND_TELLS 0x01		/* no entries: tells the commit, is not to be accepted */
#define RAFT_REPLY_UNFIT 0x01		/* its disk is full or hangs: better not to lead */

struct raft_message {
	enum raft_message_type type;
	peer_id from, to;
	raft_term term;		/* of the sender; for a pre-vote the term it would have */
	struct raft_position log;
	struct raft_position hint;
	raft_index commit;
	uint64_t context;
	uint64_t time_ns;
	bool pre;
	bool reject;
	uint8_t flags;
	size_t entry_count;
	const struct raft_entry *entries;	/* borrowed, and so are their payloads */
	bool after_persist;	/* out only: may leave when this ready's and all earlier
				 * readies' writes are on disk; else at once */
};

#endif
