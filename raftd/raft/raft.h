/*
 * raft.h - the Raft core: a pure state machine.
 *
 * No I/O, no clock, no diag, no global; random numbers come from the seed it is
 * given. Input: time, messages, proposals, reads, "persisted", "applied".
 * Output: raft_ready, taken once a turn and ended by raft_advance.
 *
 *	follower --timeout--> pre-candidate --quorum would vote--> candidate
 *	candidate --quorum voted--> leader		[election.c]
 *	any --higher term--> follower
 *	leader --no quorum heard for an election timeout--> follower (check-quorum)
 *	follower --leader's node is gone (hint)--> pre-candidate at once
 *
 * Order a conductor must keep, for each raft_ready r:
 *  1. hand r.hard_state, r.truncate_from and r.entries to the disk as one
 *     atomic synced batch, after all earlier ones;
 *  2. send messages that are not after_persist at once, the others when that
 *     batch is synced (at once if neither it nor an earlier one is pending);
 *  3. apply r.committed in order;
 *  4. raft_advance. Later, when the batch is synced, raft_persisted.
 * Between raft_ready and raft_advance there is no input, only questions.
 *
 * Sources: Ongaro & Ousterhout 2014 (the paper); Ongaro's dissertation (thesis)
 * 3.10 transfer, 4.1-4.2 membership with the correction of 2015 (no change
 * before an entry of the own term is committed), 6.4 ReadIndex, 9.6 pre-vote;
 * docs/testing.md, "What shows what".
 */
#ifndef MOOTHALL_RAFTD_RAFT_RAFT_H
#define MOOTHALL_RAFTD_RAFT_RAFT_H

#include "common/err.h"
#include "raftd/raft/message.h"

struct raft;

struct raft_config {
	peer_id id;
	raft_tick heartbeat_ticks;
	raft_tick election_ticks;	/* timeouts are drawn from [t, 2t) */
	uint64_t seed;
	size_t append_bytes_max;	/* payload in one append; one entry may pass it */
	size_t inflight_messages_max;	/* appends under way to one peer */
	size_t inflight_bytes_max;
	size_t memory_bytes_max;	/* applied entries kept in memory for slow peers */
};

/* What the disk had. Entries follow by raft_restore_entry. */
struct raft_restored {
	struct raft_hard_state hard_state;
	struct raft_position compacted;	/* last entry no longer in the log on disk */
	struct raft_position applied;	/* the applied state is of this entry; >= compacted */
	raft_index commit;		/* known committed; >= applied.index */
	struct raft_conf conf;		/* as of applied */
};

/*
 * A core that has what was on disk. It is a follower, silent until it is
 * ticked. memory_first in the log is set by the first restored entry.
 */
struct raft *raft_new(const struct raft_config *config, const struct raft_restored *restored);
/* Log entries of the disk in index order, without gap, ending at the last.
 * At least all after applied must be given; earlier ones down to compacted + 1
 * may be. The payload is referenced. Before the first tick. */
void raft_restore_entry(struct raft *raft, const struct raft_entry *entry);
void raft_free(struct raft **raft);

/* ---- input ---------------------------------------------------------------- */

/*
 * Time is now; never goes back; called before any other input but bootstrap.
 * wall_ns is what entries of this turn are stamped with if they are ours,
 * raised if it would fall along the log: but behind a snapshot the last stamp
 * is not known, so wall_ns must not be below the stamp of the applied state.
 * A gap longer than a heartbeat counts as one where check-quorum is concerned:
 * while this node stood still it could hear nobody.
 */
void raft_time(struct raft *raft, raft_tick now, uint64_t wall_ns);
/* When raft_time must be called at the latest even if nothing happens;
 * UINT64_MAX: never (a cluster of one leads without timers). */
raft_tick raft_deadline(const struct raft *raft);

/* A message of another node. Anything may be in it: what makes no sense is
 * ignored. Borrowed; payloads that are kept are referenced. */
void raft_step(struct raft *raft, const struct raft_message *message);

/*
 * Append a command to the log of a leader. The payload is referenced.
 *
 *	position	out: where it will be if it is ever committed
 *
 * ERR_NONE; ERR_NOT_LEADER; ERR_AGAIN while leadership is being transferred.
 */
enum err raft_propose(struct raft *raft, struct blob *payload,
    struct raft_position *position) MUST_CHECK;

/*
 * Propose a change of the members, with what the store shall do in the same
 * entry (payload may be NULL). It counts as soon as it is appended.
 *
 * ERR_NONE; ERR_NOT_LEADER; ERR_BUSY: another change is not yet applied, or no
 * entry of this term is committed yet; ERR_INVALID: makes no sense (a peer
 * that is there already or is not, the last voter removed, too many);
 * ERR_AGAIN: PROMOTE of a learner that has not caught up, or a transfer is on.
 * ADD_VOTER is ERR_INVALID but through raft_bootstrap.
 */
enum err raft_propose_conf(struct raft *raft, enum raft_conf_op op, peer_id peer,
    struct blob *payload, struct raft_position *position) MUST_CHECK;

/*
 * Start a new cluster of one: to be called once on an empty log, before anybody
 * was heard of. Makes this node the only voter and its leader of term 1; the
 * first entry is ADD_VOTER of itself with payload, stamped wall_ns.
 */
void raft_bootstrap(struct raft *raft, struct blob *payload, uint64_t wall_ns);

/*
 * Begin as every other member of a new cluster does: to be called once on an empty log,
 * with the same entries on each of them, which make them voters. They get term 1 and
 * indexes from 1 on; their stamps stay, their payloads are referenced. They count as
 * committed, since no log of that cluster is without them.
 */
void raft_begin_together(struct raft *raft, const struct raft_entry *entries, size_t count);

/* A linearizable read is asked for; it comes back in ready.reads with the same
 * id, or in ready.reads_dropped (leader lost, none known): ask again later.
 * Works on a follower too, through its leader. Ids are the caller's. */
void raft_read(struct raft *raft, uint64_t id);

/*
 * A batch is synced. Called once for each ready that had something for the
 * disk (a hard state, entries, a truncation), in their order, and for no
 * other; position is that of its last entry, {0,0} if it had none. Calls for
 * consecutive readies may be left out if a later one with entries follows. A
 * position whose entry was replaced meanwhile does not count (pitfall log-disk-disagree).
 * Our own vote counts by this too, so even a cluster of one needs it to lead.
 */
void raft_persisted(struct raft *raft, struct raft_position position);

/* The leader goes; to = 0: the best voter that is fit. ERR_NONE: under way, watch the
 * role; ERR_NOT_LEADER; ERR_INVALID: nobody to go to. Given up after an election timeout. */
enum err raft_transfer(struct raft *raft, peer_id to) MUST_CHECK;

/* This node cannot keep what it is sent, or only slowly: it says so to its leader,
 * which then looks for another successor. It stays a member and a voter. */
void raft_set_unfit(struct raft *raft, bool unfit);

/* The stream to that peer closed and its node refuses connections: a leader
 * stops filling its window; a follower whose leader it was campaigns at once
 * after a short random wait (far below the election timeout). */
void raft_peer_unreachable(struct raft *raft, peer_id peer);
/* The stream to that peer is new: what was in flight is lost, probe again. */
void raft_peer_connected(struct raft *raft, peer_id peer);

/*
 * Answer to ready.fetches: entries from the disk for a peer that lags. May come
 * at any time: what nobody waits for any more is ignored.
 *
 *	fetch	id of the question
 *	prev	the position before entries[0]
 *	entries	borrowed; count may be 0: they are compacted, send a snapshot
 */
void raft_fetched(struct raft *raft, uint64_t fetch, struct raft_position prev,
    const struct raft_entry *entries, size_t count);

/* The snapshot that ready.snapshots asked for was taken by the peer up to
 * index, or failed (index 0; it will be asked for again when the peer answers
 * heartbeats). Allowed at once, between raft_ready and raft_advance. */
void raft_snapshot_sent(struct raft *raft, peer_id peer, raft_index index);

/*
 * A received snapshot is the applied state now: durable, or to be so in a
 * batch before that of the next ready. The log before it is gone; entries
 * behind it stay if ours at position has its term (raft_term_at), else all
 * go: the same is done on disk, in the same batch. Ignored (false) if it is
 * not past the commit index: ask raft_wants_snapshot before installing. Tells
 * the leader, after persist.
 */
bool raft_snapshot_installed(struct raft *raft, struct raft_position position,
    const struct raft_conf *conf);
/* True if a snapshot at position of a leader of term would move us on. */
bool raft_wants_snapshot(const struct raft *raft, struct raft_position position, raft_term term);
/* Chunks of a snapshot are coming from the leader of that term: it is alive. */
void raft_snapshot_progress(struct raft *raft, peer_id from, raft_term term);

/* The log up to here (<= applied) was deleted from the disk, or will be before
 * any later fetch is answered. */
void raft_compacted(struct raft *raft, raft_index index);

/* ---- output --------------------------------------------------------------- */

struct raft_read {
	uint64_t id;
	raft_index index;	/* serve when applied reached it */
};

struct raft_fetch {
	uint64_t id;		/* not 0; no two questions of this core have the same */
	raft_index from;	/* first entry wanted; the one before it too, for its term */
	size_t bytes_max;
};

struct raft_ready {
	bool hard_state_changed;
	struct raft_hard_state hard_state;
	raft_index truncate_from;		/* delete entries >= this first; 0: none */
	size_t entry_count;			/* new entries to persist */
	const struct raft_entry *entries;
	size_t message_count;
	const struct raft_message *messages;
	size_t committed_count;			/* bounded a turn; the rest comes next turn */
	const struct raft_entry *committed;
	size_t read_count;
	const struct raft_read *reads;
	size_t dropped_count;
	const uint64_t *reads_dropped;
	size_t fetch_count;			/* ask the disk, answer by raft_fetched */
	const struct raft_fetch *fetches;
	size_t snapshot_count;			/* peers that need one; once each until answered */
	const peer_id *snapshots;
	bool more;		/* there is more to apply: take another turn at once */
};

/* What this turn brought. Everything in it is borrowed until raft_advance. */
void raft_ready(struct raft *raft, struct raft_ready *ready);
/* The turn's output was taken; committed entries handed out count as applied. */
/* Of the committed entries only the first so many were applied: the others come again.
 * Between raft_ready and raft_advance; without it all were. */
void raft_took(struct raft *raft, size_t count);
void raft_advance(struct raft *raft);

/* ---- questions ------------------------------------------------------------ */

enum raft_role raft_role(const struct raft *raft);
peer_id raft_leader(const struct raft *raft);		/* 0: none known */
raft_term raft_current_term(const struct raft *raft);
raft_index raft_commit(const struct raft *raft);
raft_index raft_applied(const struct raft *raft);
struct raft_position raft_last(const struct raft *raft);
raft_index raft_first(const struct raft *raft);		/* compacted + 1 */
/* Of the entries that are in memory, about. */
size_t raft_log_bytes(const struct raft *raft);
/* The members as of the last entry of the log. Borrowed until the next input. */
const struct raft_conf *raft_conf(const struct raft *raft);
/* True if this node has heard a leader's append since it was made, or led: commit is what
 * that leader knew as committed then. Heartbeats say less, so they do not count. */
bool raft_met_leader(const struct raft *raft, raft_index *commit);
/* Leader: there is a voter that raft_transfer would find. */
bool raft_has_successor(const struct raft *raft);
bool raft_is_learner(const struct raft *raft, peer_id peer);
/* Leader: an entry of its term is committed and no change is under way. */
bool raft_can_change_conf(const struct raft *raft);
/* Leader: the learner's log is within one append and one second of ours: promote it. */
bool raft_caught_up(const struct raft *raft, peer_id peer);
/* Leader: how many ticks ago that peer was heard; UINT64_MAX: never. */
raft_tick raft_heard_ago(const struct raft *raft, peer_id peer);
/* Leader: matched index of that peer; 0 if unknown. */
raft_index raft_match(const struct raft *raft, peer_id peer);
/* An entry that this node acknowledged and does not have: its disk was put back to
 * what it had been before. It must not vote any more. 0: none that we know of. */
raft_index raft_lost(const struct raft *raft);
/* Term of an entry that is in memory; 0 if it is not. */
raft_term raft_term_at(const struct raft *raft, raft_index index);

/* Every promise inside, asserted. Called by the core itself; here for tests. */
void raft_invariants(const struct raft *raft);

#endif
