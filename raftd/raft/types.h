/*
 * types.h - the words of consensus: terms, indexes, entries, members.
 *
 * Pure data; numbers that are stored or sent are written out.
 */
#ifndef MOOTHALL_RAFTD_RAFT_TYPES_H
#define MOOTHALL_RAFTD_RAFT_TYPES_H

#include "common/blob.h"
#include "common/limits.h"

typedef uint64_t raft_index;	/* of the log, from 1; 0: before the first */
typedef uint64_t raft_term;	/* from 1; 0: none yet */
typedef uint64_t peer_id;	/* node id; 0: nobody */
typedef uint64_t raft_tick;	/* the core's unit of time: one millisecond, monotonic */

struct raft_position {
	raft_index index;
	raft_term term;
};

enum raft_entry_type {
	RAFT_ENTRY_NOOP = 1,	/* a new leader's first; no payload */
	RAFT_ENTRY_COMMAND = 2,	/* payload is the store's */
	RAFT_ENTRY_CONF = 3,	/* changes members; may have a payload for the store too */
};

enum raft_conf_op {
	RAFT_CONF_NONE = 0,
	RAFT_CONF_ADD_LEARNER = 1,
	RAFT_CONF_PROMOTE = 2,	/* learner to voter */
	RAFT_CONF_REMOVE = 3,	/* voter or learner */
	RAFT_CONF_ADD_VOTER = 4,/* only as the first entry of a new cluster */
};

struct raft_entry {
	raft_term term;
	raft_index index;
	uint64_t time_ns;	/* the leader's stamp; never falls along the log */
	enum raft_entry_type type;
	enum raft_conf_op conf_op;	/* NONE unless type is CONF */
	peer_id conf_peer;
	struct blob *payload;	/* may be NULL; a reference where the owner says so */
};

/* Who is in the cluster. Both lists are sorted by id and disjoint. */
struct raft_conf {
	size_t voter_count, learner_count;
	peer_id voters[VOTERS_MAX + 1];
	peer_id learners[MEMBERS_MAX];
};

/* What must be on disk before any answer that follows from it. */
struct raft_hard_state {
	raft_term term;
	peer_id vote;		/* in this term; 0: nobody yet */
};

enum raft_role {
	RAFT_FOLLOWER = 1,
	RAFT_PRE_CANDIDATE = 2,
	RAFT_CANDIDATE = 3,
	RAFT_LEADER = 4,
};

#endif
