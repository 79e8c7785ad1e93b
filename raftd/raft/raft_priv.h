/*
 * raft_priv.h - the core's inside: its state, and what its files ask of each
 * other. Included by no one outside this directory.
 */
#ifndef MOOTHALL_RAFTD_RAFT_RAFT_PRIV_H
#define MOOTHALL_RAFTD_RAFT_RAFT_PRIV_H

#include "common/rand.h"
#include "raftd/raft/confchange.h"
#include "raftd/raft/log.h"
#include "raftd/raft/progress.h"
#include "raftd/raft/quorum.h"
#include "raftd/raft/raft.h"
#include "raftd/raft/read.h"
#include "raftd/raft/ready.h"

/* No index or term of a message may be above: adding to one cannot wrap. */
#define RAFT_NUMBER_MAX (UINT64_MAX >> 2)
#define RAFT_NEVER UINT64_MAX

struct votes {
	size_t count, granted;
	peer_id from[VOTERS_MAX + 1];
};

struct raft {
	struct raft_config config;
	struct rand rand;
	bool started;			/* raft_time was called */
	raft_tick now;
	uint64_t wall_ns;

	struct raft_hard_state hard_state;	/* as it is now */
	struct raft_hard_state durable;		/* as it is surely on disk */
	enum raft_role role;
	peer_id leader;			/* 0: none known; lost at a time-out */
	peer_id term_leader;		/* who led this term; kept until the term ends */
	bool met_leader;		/* ever; then what was committed as of the first one */
	raft_index met_commit;
	struct raft_log log;
	raft_index commit;		/* never falls */
	raft_index applied;		/* <= commit */

	struct raft_conf conf;		/* as of the last entry of the log */
	struct raft_conf conf_applied;	/* as of applied */
	raft_index conf_index;		/* last change in the log; > applied: under way */

	raft_tick election_deadline;
	raft_tick leader_heard_at;
	peer_id dead_peer;		/* its node was found gone and not heard since */
	raft_tick dead_deadline;	/* when to act on that; RAFT_NEVER: not */
	uint8_t campaign_flags;
	struct votes votes;

	struct progress **peers;	/* leader: sorted by id, without ourselves */
	size_t peer_count, peer_capacity;
	raft_index term_start;		/* leader: its no-op */
	uint64_t fetch_last;		/* number of the last question to the disk; never falls */
	raft_tick heartbeat_at;
	bool heartbeat_due;
	raft_index lost;		/* a leader knows that we had it, and we do not; 0: none */
	bool unfit;			/* our disk is full or hangs */
	bool leaving;			/* it removed itself and said so: steps down */
	peer_id transfer_to;		/* 0: no transfer under way */
	raft_tick transfer_deadline;
	bool transfer_sent;

	struct reads reads;
	struct raft_output output;
};

/* ---- election.c: roles and time-outs -------------------------------------- */

/* Be a follower of leader (0: none known) in that term, >= the current one. */
void role_follow(struct raft *raft, raft_term term, peer_id leader);
/* Stand for election: ask who would vote (pre), or for real. */
void election_campaign(struct raft *raft, bool pre, uint8_t flags);
void election_time(struct raft *raft);
raft_tick election_deadline(const struct raft *raft);
void election_vote(struct raft *raft, const struct raft_message *message);
void election_vote_reply(struct raft *raft, const struct raft_message *message);
/* The hard state reached the disk: our own vote may count now. */
void election_persisted(struct raft *raft);
/* A leader that knows this commit index; only the first one is kept. */
void election_met(struct raft *raft, raft_index commit);
/* A leader of this term speaks. False: it cannot be one, ignore it. */
bool election_heard(struct raft *raft, peer_id leader);
/* The peer's node is gone, or back. */
void election_peer_gone(struct raft *raft, peer_id peer);
void election_peer_back(struct raft *raft, peer_id peer);
/* True if this node is a voter or its removal is not applied. */
bool election_can_stand(const struct raft *raft);

/* ---- replicate.c: a leader and its followers ------------------------------ */

void replicate_start(struct raft *raft);
void replicate_stop(struct raft *raft);
/* Look after exactly the members that the log names now. */
void replicate_members(struct raft *raft);
/* Append an entry of ours. */
struct raft_position replicate_append(struct raft *raft, struct raft_entry entry);
/* Raise the commit index as far as a quorum allows. */
void replicate_commit(struct raft *raft);
void replicate_time(struct raft *raft, raft_tick stood_still);
raft_tick replicate_deadline(const struct raft *raft);
void replicate_append_reply(struct raft *raft, const struct raft_message *message);
void replicate_heartbeat_reply(struct raft *raft, const struct raft_message *message);
/* Make this turn's appends and heartbeats. */
void replicate_output(struct raft *raft);
/* They were taken. */
void replicate_advance(struct raft *raft);
struct progress *replicate_peer(const struct raft *raft, peer_id peer);
/* True if an entry of the leader's term is committed. */
bool replicate_is_settled(const struct raft *raft);

/* ---- follow.c: what a follower does with its leader's messages ------------ */

void follow_append(struct raft *raft, const struct raft_message *message);
void follow_heartbeat(struct raft *raft, const struct raft_message *message);
/* Acknowledge all up to match, once it is on disk. */
void follow_accept(struct raft *raft, peer_id leader, raft_index match);
/* Tell a leader of an older term that there is a newer one. */
void follow_refuse_stale(struct raft *raft, const struct raft_message *message);
/* False: no correct peer sends such a message. */
bool follow_append_is_sane(const struct raft_message *message);

/* ---- transfer.c: handing leadership over ---------------------------------- */

/* The voter with the longest log that was heard of late; 0: none. */
peer_id transfer_best(const struct raft *raft);
void transfer_time(struct raft *raft);
void transfer_output(struct raft *raft);
void transfer_cancel(struct raft *raft);
void transfer_timeout_now(struct raft *raft, const struct raft_message *message);

/* ---- confchange.c: the members as entries come and go --------------------- */

void conf_entry_appended(struct raft *raft, const struct raft_entry *entry);
/* Entries were truncated or replaced by a snapshot. */
void conf_rebuild(struct raft *raft);
void conf_entry_applied(struct raft *raft, const struct raft_entry *entry);

#endif
