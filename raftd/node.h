/*
 * node.h - the conductor: inputs -> core -> write, send, apply, reply.
 *
 * As pure as the core: no OS calls, no clock, no diag; what it needs of the
 * world it asks through struct node_io. So the simulator runs the real
 * proposals, sessions, applies, reads, watches and snapshots.
 *
 * A turn: any number of inputs, then node_turn once. Only node_turn (and
 * node_start) call into node_io, but for node_stats and node_watch's refusals.
 * Time is an argument and never goes back (monotonic) between calls.
 *
 * What goes out of a turn, in order: the disk batch, messages to nodes that may
 * go at once, the status if it changed, changed paths, events to watchers, outcomes.
 * Messages that wait for the disk go in the turn that learns it is synced.
 */
#ifndef MOOTHALL_RAFTD_NODE_H
#define MOOTHALL_RAFTD_NODE_H

#include "common/clock.h"
#include "common/cluster_config.h"
#include "common/initial_cluster.h"
#include "common/ipc/wire.h"
#include "raftd/node_io.h"
#include "raftd/raft/raft.h"

struct node;

struct node_config {
	const char *peer_url;		/* of this node; borrowed for its life */
	const char *client_url;
	const char *data_dir;		/* to name it to operators */
	uint64_t heartbeat_ms, election_ms;
	uint64_t request_timeout_ms;	/* how long a write or quorum read waits */
	bool trim_log;			/* -snapshot */
	uint64_t trim_entries;		/* -snapshot-count */
	uint64_t watches_max;
	uint64_t v3_quota_bytes;	/* of the v3 keys with history; 0: any */
	uint64_t v3_compact_ms;		/* so old their history is at most, about; 0: any; */
	uint64_t v3_compact_revisions;	/* or so many; 0: any */
	bool members_fixed;		/* clients do not change the members here */
	size_t append_bytes_max;	/* of limits.h if 0, and so the next */
	size_t log_memory_bytes;
	uint64_t effects_entries_max;	/* applied until their effects are handed to the disk, */
	size_t effects_bytes_max;	/* or until these are so many; 0 as in */
	size_t sweep_nodes_max;		/* node.c: of what was removed, freed in one turn */
	size_t catch_up_bytes, catch_up_looks, catch_up_untaken, watch_piece_bytes;
	size_t turn_hits_max;
	size_t v3_piece_bytes, v3_past_looks;
	size_t tail_bytes_min;		/* TAIL_BYTES_MIN if 0 */
	size_t answer_piece_bytes;
	size_t session_answer_bytes;
	uint64_t seed;			/* election timeouts and hash tables */
	uint64_t new_cluster_id;	/* used if this node starts a cluster; random, not 0; */
	struct cluster_config cluster;	/* and so this; 0 there: the default */
	const struct initial_cluster *initial;	/* begun at all its nodes together, this one among
					 * them; NULL: by this node alone. Borrowed for its life */
	bool join;			/* empty directory: wait for node_joined */
	const char *peers;		/* whom the operator said to ask, by commas; NULL: nobody.
					 * Borrowed for its life */
	const char *rejoin;		/* of one who was removed: peers to ask, by commas; */
	uint64_t rejoin_wait_ms;	/* then. NULL: none. Borrowed for its life */
	bool resumes;			/* the machine was not away: raftd alone starts again */
};

/*
 * Made from what the disk had: node_new, then node_load_state for every state
 * record, node_load_entry for every log entry, then node_start.
 */
struct node *node_new(const struct node_config *config, struct node_io io,
    const struct wal_recovered *recovered);
enum err node_load_state(struct node *node, struct slice key, struct slice value) MUST_CHECK;
enum err node_load_entry(struct node *node, const struct raft_entry *entry) MUST_CHECK;
/* ERR_CORRUPT with *where (static) if what was loaded does not fit together. */
enum err node_start(struct node *node, struct clock_time now, const char **where) MUST_CHECK;
void node_free(struct node **node);
/*
 * What was applied before this start may not all be known as committed yet, so
 * an answer now could be older than one that was given then. Asks the cluster;
 * the node is current once all that was committed before this call is applied,
 * or if no leader is found in time: plain reads go on without one.
 */
void node_catch_up(struct node *node);
bool node_is_current(const struct node *node);

/* ---- inputs: workers. session: the worker's; messages borrowed ------------------- */

/* again: it was sent before, so its first copy may be in a log. */
void node_write(struct node *node, uint64_t session, uint64_t sequence, bool again,
    const struct msg_write *write);
void node_member_change(struct node *node, uint64_t session, uint64_t sequence, bool again,
    const struct msg_member_change *change);
void node_place_change(struct node *node, uint64_t session, uint64_t sequence, bool again,
    const struct msg_place_change *change);
void node_auth_change(struct node *node, uint64_t session, uint64_t sequence, bool again,
    const struct msg_auth_change *change);
/* of_client: it came from the client port. */
void node_config_change(struct node *node, uint64_t session, uint64_t sequence, bool again,
    bool of_client, const struct msg_config_change *change);
/* A write of the v3 keys: payload is one of command_new_v3_*, of this session and sequence;
 * taken. What becomes of it is the cause of its outcome: a v3_outcome. */
void node_v3_write(struct node *node, uint64_t session, uint64_t sequence, bool again,
    struct blob *payload);
/* Are these lists one operation of the v3 keys that may stand in the log? Or, if it does not
 * write, one that changes nothing. What no state makes right a worker has refused before. */
bool node_v3_is_request(struct slice compares, struct slice ops, bool writes);
/* The same as commands are made of them here; the lists are a request. */
void node_v3_change(struct node *node, uint64_t session, uint64_t sequence, bool again,
    const struct msg_v3_write *write);
void node_v3_compact(struct node *node, uint64_t session, uint64_t sequence, bool again,
    const struct msg_v3_compact *compact);
void node_v3_grant(struct node *node, uint64_t session, uint64_t sequence, bool again,
    const struct msg_v3_grant *grant);
void node_v3_revoke(struct node *node, uint64_t session, uint64_t sequence, bool again,
    const struct msg_v3_revoke *revoke);
void node_v3_alarm(struct node *node, uint64_t session, uint64_t sequence, bool again,
    const struct msg_v3_alarm *alarm);
void node_v3_auth_change(struct node *node, uint64_t session, uint64_t sequence, bool again,
    const struct msg_v3_auth_change *change);
/* Its worker says that these tokens were used. */
void node_v3_tokens_used(struct node *node, struct slice indexes);
/* Its worker knows these from the raftd before. ERR_MALFORMED: they are no list of tokens. */
enum err node_v3_tokens_kept(struct node *node, struct slice records) MUST_CHECK;
void node_v3_read(struct node *node, uint64_t session, uint64_t request_id,
    const struct msg_v3_read *read);
/* A watch of the v3 keys: answered by io.v3_watching at once. More: of one that is behind, the
 * next piece of the past. Drop: what came of that revision and later was not taken. */
void node_v3_watch(struct node *node, uint64_t session, uint64_t watch_id,
    const struct msg_v3_watch *watch);
void node_v3_unwatch(struct node *node, uint64_t session, uint64_t watch_id);
void node_v3_watch_more(struct node *node, uint64_t session, uint64_t watch_id);
void node_v3_watch_drop(struct node *node, uint64_t session, uint64_t watch_id, uint64_t revision);
void node_v3_progress_ask(struct node *node, uint64_t session, uint64_t request_id);
void node_v3_state(struct node *node, uint64_t session, uint64_t request_id,
    const struct msg_v3_state *m);
void node_v3_lease(struct node *node, uint64_t session, uint64_t request_id,
    const struct msg_v3_lease *m);
void node_read(struct node *node, uint64_t session, uint64_t request_id,
    const struct msg_read *read);
void node_lock_look(struct node *node, uint64_t session, uint64_t request_id,
    const struct msg_lock_look *look);
/* Of a read that was answered with more to come: the next piece, or no more of it. Stop:
 * true if there was one, which is not answered any further. */
void node_read_more(struct node *node, uint64_t session, uint64_t request_id);
bool node_read_stop(struct node *node, uint64_t session, uint64_t request_id);
void node_watch(struct node *node, uint64_t session, uint64_t watch_id,
    const struct msg_watch *watch);
/* A watch that is given the past may get its next piece. */
void node_watch_more(struct node *node, uint64_t session, uint64_t watch_id);
/* The worker has worked off events of so many past_bytes. */
void node_watch_taken(struct node *node, uint64_t session, uint64_t past_bytes);
void node_unwatch(struct node *node, uint64_t session, uint64_t watch_id);
void node_stats(struct node *node, uint64_t session, uint64_t request_id, uint8_t kind);
/* A backup of the applied state: sequence 0 begins one, the others ask for the next
 * piece. of_clients: it comes by the client port. Answered by io.backup_piece. */
void node_backup_ask(struct node *node, uint64_t session, uint64_t request_id,
    uint64_t sequence, bool of_clients);
void node_backup_stop(struct node *node, uint64_t session, uint64_t request_id);
/* So many client workers have a session. */
void node_set_workers(struct node *node, size_t count);
/* The worker's channel closed: nobody waits for its answers, its watches end. */
void node_session_gone(struct node *node, uint64_t session);
/* Our join through another node was answered. */
void node_joined(struct node *node, const struct msg_joined *joined);
/* Nobody has a cluster to join: start one; or, of one that begins at all its nodes together,
 * enough of them agree. Does nothing once there is anything in the log, so it may be said
 * again. */
void node_create_cluster(struct node *node);
/* The same of one whose nodes have told each other of themselves. ERR_MALFORMED: that is no list
 * of nodes, or no token. */
enum err node_begin_cluster(struct node *node, const struct msg_begin_cluster *begin) MUST_CHECK;
/* The cluster to join is full. leader_url: its leader's for clients, or empty. */
void node_standby(struct node *node, struct slice leader_url);
/* The join was refused, as its id was removed, maybe for good, before this node knew that
 * it was a member. */
void node_join_removed(struct node *node, bool forgotten);
/* A member of another cluster calls, which has this node in its list. */
void node_foreign_call(struct node *node, const struct msg_foreign_call *call);
/* One of -peers is of another cluster. */
void node_other_cluster(struct node *node, const struct msg_other_cluster *other);
void node_peer_unreachable(struct node *node, uint64_t peer);
void node_peer_connected(struct node *node, uint64_t peer);

/* ---- inputs: nodes ----------------------------------------------------------------- */

/* A frame of another node (request id = its node id). ERR_MALFORMED: it was
 * no message of ours; nothing changed. */
enum err node_peer_frame(struct node *node, const struct frame *frame) MUST_CHECK;

/* ---- inputs: the disk ---------------------------------------------------------------- */

void node_persisted(struct node *node, uint64_t ticket);
void node_fetched(struct node *node, uint64_t fetch, struct raft_position prev,
    const struct raft_entry *entries, size_t count);
void node_snapshot_read(struct node *node, uint64_t snapshot, struct raft_position position,
    struct slice records, bool last);
/* That image gives nothing more (wal.h): its backup fails, its sending starts over. */
void node_snapshot_lost(struct node *node, uint64_t snapshot);
/* How much space there is, now and then; while it is full clients' writes are refused. */
void node_disk_space(struct node *node, const struct wal_space *space);

/* ---- inputs: the operator -------------------------------------------------------------- */

/* From the next request on. */
void node_set_limits(struct node *node, uint64_t request_timeout_ms, uint64_t watches_max);

/* Lead somewhere else; to: a name or empty. Answered by io.moved. */
void node_move_leader(struct node *node, struct slice to);

/* The node stops soon: listings that are being read come to their end, no other one is
 * begun. True as long as there are any. */
bool node_reads_end(struct node *node);

/* ---- the turn ---------------------------------------------------------------------------- */

void node_turn(struct node *node, struct clock_time now);
/* When the next turn is due at the latest (monotonic ms); UINT64_MAX: never.
 * At or before now: take another turn at once. */
uint64_t node_deadline(const struct node *node);
/* Fill in the present status; slices in it are borrowed until the next input. */
void node_status(struct node *node, struct msg_status *status);
/* Users and roles as they are; borrowed until the next call. */
void node_auth(struct node *node, struct msg_auth *auth);
/* Those of the v3 API, and all tokens, for a worker that comes. */
void node_v3_auth(struct node *node, struct msg_v3_auth *auth, struct msg_v3_tokens *tokens);
/* Figures for operators, as of now. */
struct node_counts {
	uint64_t term, commit, applied;
	size_t proposals;		/* of workers, waiting to be applied */
	uint64_t proposals_failed;	/* since node_new */
	size_t reads_pending;		/* that the last turn looked at and could not answer */
	size_t reads_under_way;		/* that are answered in pieces */
	uint64_t log_entries;		/* kept */
	uint64_t log_trims, snapshots_sent, snapshots_received; /* since node_new */
	uint64_t disk_stalls;		/* writes that hung, since node_new */
	uint64_t deduplicated;		/* copies in the log without effect, since node_new */
	size_t places_open, places_taken; /* for members */
	size_t keys;			/* nodes of the tree, without the root */
	uint64_t v3_revision, v3_compacted; /* of the v3 keys */
	size_t v3_keys, v3_changes, v3_bytes, v3_watchers;
	size_t v3_size;			/* of which there may be a quota */
	size_t v3_alarms;		/* that stand */
	size_t leases;
	uint64_t lease_renewals;	/* answered, since node_new */
	uint64_t store_index;
	uint64_t store[STORE_STAT_COUNT]; /* wire.h's order */
};
void node_count(const struct node *node, struct node_counts *counts);
/* Bytes that it holds, and those of which the last turn let go, about. */
size_t node_memory(const struct node *node);
/* The node's own name; static text for its life. */
const char *node_name(const struct node *node);

/* ---- for checks ------------------------------------------------------------------------------ */

/* Hash over all replicated state: tree, history, members, sessions. Equal on
 * every node at the same applied index. */
uint32_t node_hash(const struct node *node);
const struct raft *node_raft(const struct node *node);

#endif
