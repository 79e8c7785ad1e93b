/*
 * node_priv.h - the conductor's state, shared by the files it is cut into:
 *
 *	node.c		its life, the turn, and what waits for the disk
 *	input.c		what workers and other nodes say
 *	submit.c	one batch for the disk: what the core wants, what was applied
 *	begin.c		how a cluster begins: at one node, or at all of them
 *	apply.c		committed entries to the replica; what follows from them
 *	propose.c	workers that wait for a commit; forwarding to the leader
 *	change.c	membership changes that wait for their turn at the leader
 *	demote.c	members that the leader removes by itself: too many, or silent
 *	query.c		workers that wait for a read
 *	listing.c	workers that read a listing in pieces
 *	v3_watch.c	watches of the v3 keys
 *	expiry.c	keys whose time is over
 *	leases.c	leases of the v3 keys whose time is over
 *	lease_ask.c	who renews leases, or looks at them
 *	v3_quota.c	the alarm of a quota for the v3 keys
 *	auto_compact.c	compaction of the v3 keys by themselves
 *	v3_state.c	what is asked on all of the v3 keys
 *	compact.c	trimming the log; sending and installing snapshots
 *	backup.c	images of the applied state for operators
 *	disk.c		a disk that is full or hangs: refuse, hand leadership over, tell
 *	announce.c	which paths changed, for the caches of workers
 *	followers.c	appends counted and timed, for /v2/stats
 *	conditions.c	what other members tell of themselves, for /v2/stats/node
 *	move.c		leadership that the operator wants elsewhere
 *	status.c	what workers and operators are told
 *	ending.c	how it ends by itself
 *
 * Each part owns its struct below and is called by node.c and input.c only, but for the
 * functions named here that parts use of each other.
 */
#ifndef MOOTHALL_RAFTD_NODE_PRIV_H
#define MOOTHALL_RAFTD_NODE_PRIV_H

#include "common/hash.h"
#include "common/limits.h"
#include "common/tails.h"
#include "raftd/auto_compact.h"
#include "raftd/cluster_time.h"
#include "raftd/command.h"
#include "raftd/node.h"
#include "raftd/outbox.h"
#include "raftd/replica/replica.h"
#include "raftd/v3_tokens.h"

#include <sys/queue.h>

#include <inttypes.h>

/* An outcome that waits for the turn's end. */
struct waiting_outcome {
	uint64_t session, request_id;
	enum err error;
	struct blob *cause;		/* owned */
	struct blob *event;		/* owned */
	uint64_t store_index, raft_index, raft_term;
	bool more;			/* pieces of the event follow */
};

/* ---- propose.c ------------------------------------------------------------ */

/* A worker's write or membership change until it is applied here.
 *
 *	pending --leader known--> submitted	in a log, or on its way to one
 *	submitted --leader or term changed, forward maybe lost--> pending
 *	any --applied, refused, deadline--> freed
 */
struct proposal {
	struct hash_link link;
	TAILQ_ENTRY(proposal) by_age;	/* all, oldest first */
	TAILQ_ENTRY(proposal) by_state;	/* pending or submitted */
	uint64_t id[2];			/* session, sequence */
	uint64_t started_ns;		/* monotonic */
	struct blob *payload;		/* as it is in the entry */
	bool conf;			/* a membership change: goes through change.c */
	bool pending;
	bool submitted_once;		/* so a time-out does not mean it did not happen */
	uint64_t deadline_ms;
	uint64_t leader_deadline_ms;	/* without ever having met a leader */
	uint64_t retry_ms;		/* submitted by forwarding: again at this time */
};

TAILQ_HEAD(proposal_list, proposal);

/* At the leader: another node's, from its coming to the turn. */
struct forwarded {
	STAILQ_ENTRY(forwarded) link;
	peer_id from;
	struct blob *payload;
};

struct proposal_share {
	uint64_t session;
	size_t bytes;
};

struct proposals {
	struct hash by_id;
	struct proposal_list all, pending, submitted;
	STAILQ_HEAD(, forwarded) forwarded;
	size_t bytes;			/* of all payloads */
	size_t submitted_bytes;		/* of those in submitted */
	size_t forwarded_bytes;
	bool held;			/* some wait because too much is in work */
	uint64_t leader_until_ms;	/* nobody gives up waiting for a leader before */
	struct proposal_share *shares;	/* of them, each session's; none is 0 */
	size_t share_count, share_capacity;
	uint64_t failed;		/* refused, or not applied in time */
	raft_term term;			/* what submitted was submitted under */
	peer_id leader;
	uint64_t update_retry_ms;	/* our own changed address: propose again then */
	bool address_is_given;		/* by a client: it is not proposed any more */
};

void proposals_init(struct proposals *proposals, uint64_t seed);
void proposals_free(struct proposals *proposals);
/* Takes payload. A proposal of that id that waits already is kept instead; above
 * PROPOSAL_BYTES_MAX in all, or SESSION_PROPOSAL_BYTES_MAX of a session, it is refused
 * with an answer. again: see node_write. */
void proposals_add(struct node *node, uint64_t session, uint64_t sequence, struct blob *payload,
    bool conf, bool again);
void proposals_session_gone(struct node *node, uint64_t session);
/* It was applied, or refused: the waiter, if there is one, is freed. True if there was. */
bool proposals_finish(struct node *node, uint64_t session, uint64_t sequence);
/* The stream to the leader is new: what was forwarded may be lost. */
void proposals_resend(struct node *node);
void proposals_turn(struct node *node);
uint64_t proposals_deadline(const struct node *node);
/* A forwarded proposal of another node came. ERR_MALFORMED: no entry can hold it. */
enum err proposals_forwarded(struct node *node, peer_id from,
    const struct msg_forward_proposal *m) MUST_CHECK;
void proposals_refused(struct node *node, const struct msg_forward_refused *m);

/* ---- change.c --------------------------------------------------------------- */

/* At the leader: a join or removal that waits until a change may be made. */
struct waiting_change {
	TAILQ_ENTRY(waiting_change) link;
	uint64_t session, sequence;
	peer_id origin;			/* who forwarded it; 0: a worker of ours */
	uint64_t deadline_ms;
	raft_index decided_index;	/* the entry that refuses it or, of a place, brings it
					 * about: the next waits for it; 0: not decided */
	struct blob *payload;
};

TAILQ_HEAD(change_list, waiting_change);

void changes_add(struct node *node, peer_id origin, struct blob *payload);
void changes_turn(struct node *node);
void changes_clear(struct node *node);
uint64_t changes_deadline(const struct node *node);

/* ---- demote.c --------------------------------------------------------------- */

/* At the leader: since when nothing was heard of a member. */
struct member_silence {
	peer_id id;
	uint64_t since_ms;
};

struct demotion {
	raft_term term;			/* what follows is of this leadership; 0: of none */
	uint64_t look_ms;		/* next */
	size_t count;
	struct member_silence members[MEMBERS_MAX];
};

/* Behind changes_turn: a machine that asked goes first. */
void demote_turn(struct node *node);
uint64_t demote_deadline(const struct node *node);

/* ---- query.c ------------------------------------------------------------------ */

/* A read that waits.
 *
 *	plain --turn's end, and its worker takes answers--> answered, or a view
 *	idle --leader known--> asked --quorum--> confirmed --applied--> plain
 *	asked --dropped--> idle;	idle, asked, confirmed --deadline--> failed
 */
struct query {
	TAILQ_ENTRY(query) link;
	uint64_t session, request_id;	/* session 0: the node's own */
	uint64_t read_id;		/* of raft_read; asked only */
	raft_index read_index;		/* confirmed only */
	uint64_t started_ns;		/* monotonic */
	uint64_t deadline_ms, leader_deadline_ms;
	uint8_t flags;
	bool looks;			/* at a lock, for the entry lock_index */
	bool v3;			/* of the v3 keys: key is compares, and behind them ops */
	size_t compares_bytes;
	uint8_t state;			/* V3_STATE_*; 0: it is another */
	uint64_t revision;		/* of that */
	uint64_t lock_index;
	uint8_t size;			/* plain only: enum query_size, as far as is known */
	size_t key_bytes;
	uint8_t key[];
};

enum query_size {
	QUERY_SMALL,			/* or not looked at yet */
	QUERY_MIDDLE,
	QUERY_LARGE,			/* too much for one answer */
};

TAILQ_HEAD(query_list, query);

struct queries {
	struct query_list idle, asked, confirmed, plain;
	uint64_t next_read_id;
	uint64_t ask_at_ms;		/* idle ones not before */
	uint64_t plain_due_ms;		/* when plain ones that stayed are to be looked at, */
	size_t plain_count;		/* and how many these are */
};

void queries_init(struct queries *queries);
void queries_free(struct queries *queries);
void queries_add(struct node *node, uint64_t session, uint64_t request_id,
    const struct msg_read *read);
/* A look at a lock: as a quorum read, and always small. */
void queries_add_look(struct node *node, uint64_t session, uint64_t request_id,
    const struct msg_lock_look *look);
/* The lists of the message were checked. */
void queries_add_v3(struct node *node, uint64_t session, uint64_t request_id,
    const struct msg_v3_read *read);
/* On the v3 keys as a whole (v3_state.c). */
void queries_add_v3_state(struct node *node, uint64_t session, uint64_t request_id,
    const struct msg_v3_state *m);
/* The node's own read: once it could be answered, or is late, the node is current. */
void queries_catch_up(struct node *node);
void queries_session_gone(struct node *node, uint64_t session);
void queries_ready(struct node *node, const struct raft_ready *ready);
/* Ask for idle ones, fail late ones, move confirmed ones that are applied. */
void queries_turn(struct node *node);
/* Answer what is plain now, as much as workers take and a turn may do. */
void queries_answer(struct node *node);
uint64_t queries_deadline(const struct node *node);

/* ---- listing.c ---------------------------------------------------------------- */

struct view_read;

struct views {
	TAILQ_HEAD(view_read_list, view_read) list;	/* whose turn it is first */
	size_t count;
	bool ending;			/* no other one is begun */
};

void views_init(struct views *views);
void views_free(struct views *views);
/*
 * Begin to read the answer of a plain query in pieces; the first one is sent by
 * views_turn. False: there are as many as may be; *retry_ms is set to when one of
 * them may have ended by its time, UINT64_MAX: never.
 */
bool views_begin(struct node *node, const struct query *query, uint64_t *retry_ms);
void views_more(struct node *node, uint64_t session, uint64_t request_id);
bool views_stop(struct node *node, uint64_t session, uint64_t request_id);
void views_session_gone(struct node *node, uint64_t session);
/* Send pieces that were asked for, a turn's share. */
void views_turn(struct node *node);
uint64_t views_deadline(const struct node *node);
/* Begin no other one. True as long as there are some. */
bool views_end(struct node *node);

/* ---- v3.c --------------------------------------------------------------------- */

struct v3_reading;

struct v3_readings {
	TAILQ_HEAD(v3_reading_list, v3_reading) list;	/* whose turn it is first */
	size_t looks;			/* that are left in this turn */
	bool ending;			/* no other read is begun */
};

void node_v3_init(struct v3_readings *readings);
void node_v3_free(struct v3_readings *readings);
/* A write was applied, now or before: tell it, and what it shows, at once or in pieces.
 *
 *	payload	its command; referenced
 *	answer	taken; its cause is a v3_outcome, unless it has an error */
void node_v3_answer_write(struct node *node, struct blob *payload,
    struct waiting_outcome answer);
/* Answer a plain query, if that takes no more than a small share of the turn; else false, and
 * nothing is done. *looks: what is left of the turn; *bytes: out, of the answer. */
bool node_v3_answer_at_once(struct node *node, const struct query *query, size_t *looks,
    size_t bytes_max, size_t *bytes);
/* Begin to answer it in pieces. False: that worker reads as many as it may. */
bool node_v3_begin(struct node *node, const struct query *query);
void node_v3_more(struct node *node, uint64_t session, uint64_t request_id);
bool node_v3_stop(struct node *node, uint64_t session, uint64_t request_id);
void node_v3_session_gone(struct node *node, uint64_t session);
/* Before anything is applied: a turn's share is there again, and what took too long goes. */
void node_v3_turn_begins(struct node *node);
/* Send pieces that were asked for, as far as the turn's share goes. */
void node_v3_turn(struct node *node);
uint64_t node_v3_deadline(const struct node *node);
bool node_v3_end(struct node *node);

/* ---- v3_watch.c --------------------------------------------------------------- */

struct progress_asker;

struct v3_watches {
	struct progress_asker *asked;		/* how far all is, by workers, in this turn */
	size_t asked_count, asked_capacity;
	uint64_t told_revision;		/* that all workers with watches were told, and when */
	uint64_t told_ms;
	int64_t told_compacted;
	struct buf events, wire, previous; /* of what is being sent */
	size_t piece_bytes, past_looks;
};

void node_v3_watches_init(struct v3_watches *watches, const struct node_config *config);
void node_v3_watches_free(struct v3_watches *watches);
void node_v3_watches_gone(struct node *node, uint64_t session);
/* Behind all that is applied in a turn, before its outcomes. */
void node_v3_watches_turn(struct node *node);
uint64_t node_v3_watches_deadline(const struct node *node);
/* ---- v3_state.c --------------------------------------------------------------- */

struct v3_states {
	TAILQ_HEAD(, v3_state_ask) list; /* that take time, oldest first */
	size_t looks;			/* that are left in this turn */
};

void node_v3_states_init(struct v3_states *states);
void node_v3_states_free(struct v3_states *states);
void node_v3_states_session_gone(struct node *node, uint64_t session);
/* It may be answered from here on. */
void node_v3_state_take(struct node *node, uint64_t session, uint64_t request_id, uint8_t what,
    uint64_t revision);
/* Go on with those that take time, as far as the turn's share goes. */
void node_v3_states_turn(struct node *node);
/* Somebody waits for what was compacted to be freed. */
bool node_v3_states_want_sweep(const struct node *node);
uint64_t node_v3_states_deadline(const struct node *node);

/* ---- expiry.c ------------------------------------------------------------------- */

/* The leader proposes that what is due goes. */
void expiry_turn(struct node *node);
/* When the next key is due at the leader, monotonic; UINT64_MAX: never. */
uint64_t expiry_deadline(const struct node *node);

/* ---- leases.c ------------------------------------------------------------------- */

/* What the leader has under way for leases of the v3 keys. */
struct lease_work {
	raft_term led_term;		/* in which it began to keep their deadlines; 0: never */
	struct raft_position expiring, settling; /* of the commands proposed last; zeros: none */
	uint64_t settle_ms;		/* when long ones are looked for again */
};

/* The leader proposes that leases end that are due, and when others will. */
void node_leases_turn(struct node *node);
/* When there is something to do at the leader, monotonic; UINT64_MAX: never. */
uint64_t node_leases_deadline(const struct node *node);
/* Of some that may not be renewed as they are settled (MVCC_LEASE_SETTLED), V3_EXPIRE_LEASES_MAX
 * at most: they are not when the command is applied that this proposes, if nothing happens to the
 * lead. position: of it, zeros: it was not taken. */
void node_leases_withdraw(struct node *node, const uint64_t *ids, size_t count,
    struct raft_position *position);
/* May this node renew leases, once a quorum has confirmed that it leads? */
bool node_leases_are_led(const struct node *node);
/* The same; if it may since now, it begins to keep their deadlines. */
bool node_leases_lead(struct node *node);

/* Of a command that the leader itself proposed in its term: it is not applied yet. */
bool node_own_is_under_way(const struct node *node, const struct raft_position *position);
/* Propose such a command; takes payload. position: of it; zeros: it was not taken. */
void node_own_propose(struct node *node, struct blob *payload, struct raft_position *position);

/* ---- lease_ask.c ----------------------------------------------------------------- */

/* Within so long of the question that confirmed it a leader promises clients something. */
#define LEASE_CONFIRMED_MS 500

TAILQ_HEAD(lease_ask_list, lease_ask);

struct lease_asks {
	struct hash by_number;
	struct lease_ask_list all;	/* oldest first; and by place, enum lease_ask_place: */
	struct lease_ask_list places[5];
	size_t of_members;		/* that members have sent */
	uint64_t next_number;
	raft_term term;			/* what was forwarded was so under */
	peer_id leader;
	uint64_t ask_at_ms;		/* idle ones go on, not before */
	uint64_t renewed;		/* since node_new */
};

void node_lease_asks_init(struct lease_asks *asks, uint64_t seed);
void node_lease_asks_free(struct lease_asks *asks);
void node_lease_asks_session_gone(struct node *node, uint64_t session);
void node_lease_asks_ready(struct node *node, const struct raft_ready *ready);
/* The stream to the leader is new: what was forwarded may be lost. */
void node_lease_asks_resend(struct node *node);
/* Ask for idle ones, answer those that may be, fail late ones. */
void node_lease_asks_turn(struct node *node);
/* Behind the last output of the core in a turn: answer those that may be. */
void node_lease_asks_answer(struct node *node);
uint64_t node_lease_asks_deadline(const struct node *node);
/* Of a member: it asks. ERR_MALFORMED: nobody asks so. */
enum err node_lease_asks_asked(struct node *node, peer_id from, const struct msg_lease_ask *m)
    MUST_CHECK;
/* The leader says. */
void node_lease_asks_told(struct node *node, const struct msg_lease_told *m);

/* ---- known.c --------------------------------------------------------------------- */

/* The leader of upgraded nodes proposes that they take the same removals for known. */
void known_turn(struct node *node);

/* ---- compact.c ------------------------------------------------------------------- */

/* A snapshot on its way to a peer. */
struct snapshot_sending {
	peer_id peer;			/* 0: free */
	uint64_t snapshot;		/* id at the disk */
	struct raft_position position;	/* 0 until the first read came */
	uint64_t next, taken;		/* chunk to send; chunks below taken have credit */
	bool reading;			/* the disk was asked for the next chunk */
	bool ended;			/* the last one was sent */
	bool lost;			/* failed, whatever credit still comes */
	uint64_t deadline_ms;		/* without credit until then: failed */
};

/* A snapshot being received. */
struct install {
	peer_id from;			/* 0: none */
	struct raft_position position;
	raft_term term;			/* of the leader that sends */
	uint64_t next;			/* chunk expected */
	uint64_t deadline_ms;		/* no chunk until then: dropped */
	struct replica *replica;	/* what the chunks make, beside the node's own */
};

struct compaction {
	raft_index compacted;		/* durable or on its way */
	uint64_t trims, sent, received;	/* counts; of snapshots: whole ones */
	struct snapshot_sending sendings[SNAPSHOT_SENDINGS_MAX];
	struct install install;
};

void compact_free(struct node *node);
/* What the next disk batch may delete: 0, or entries up to it. */
raft_index compact_target(const struct node *node);
void compact_send(struct node *node, peer_id peer);
void compact_read(struct node *node, uint64_t snapshot, struct raft_position position,
    struct slice records, bool last);
void compact_lost(struct node *node, uint64_t snapshot);
void compact_credit(struct node *node, peer_id from, const struct msg_snapshot_credit *credit);
void compact_chunk(struct node *node, peer_id from, const struct msg_snapshot_chunk *chunk);
/* The stream to that peer is new. */
void compact_peer_connected(struct node *node, peer_id peer);
void compact_turn(struct node *node);
uint64_t compact_deadline(const struct node *node);

/* ---- backup.c ---------------------------------------------------------------------- */

enum backup_phase {
	BACKUP_FREE,
	BACKUP_ASKED,			/* what is applied is to go to the disk first */
	BACKUP_SYNCING,			/* it is on its way, by ticket */
	BACKUP_READING,			/* the disk was asked for a piece; the image is open */
	BACKUP_SENT,			/* the worker has it, and may ask for the next */
};

struct backup {
	enum backup_phase phase;
	uint64_t session, request_id;	/* who asked, */
	bool of_clients;		/* by the client port */
	uint64_t ticket;
	uint64_t snapshot;		/* id at the disk */
	uint64_t next;			/* sequence of the next piece */
	uint64_t store_index;		/* 0: its record was not among them yet */
	uint64_t begun_ms, deadline_ms;
};

void backups_ask(struct node *node, uint64_t session, uint64_t request_id, uint64_t sequence,
    bool of_clients);
void backups_stop(struct node *node, uint64_t session, uint64_t request_id);
void backups_session_gone(struct node *node, uint64_t session);
/* True if that image is a backup's. */
bool backups_read(struct node *node, uint64_t snapshot, struct raft_position position,
    struct slice records, bool last);
/* The same; then its asker is told. */
bool backups_lost(struct node *node, uint64_t snapshot);
/* What was applied has to go to the disk at once. */
bool backups_want_disk(const struct node *node);
/* Behind the turn's last batch. */
void backups_turn(struct node *node);
uint64_t backups_deadline(const struct node *node);

/* ---- disk.c --------------------------------------------------------------------------- */

/* Two minutes' worth of slow writes, counted in turns. */
struct slow_writes {
	uint64_t since_ms;		/* of the present one */
	unsigned counts[2];		/* it, and the one before */
	uint64_t longest_ms[2];
};

struct disk_health {
	struct wal_space space;
	unsigned scarce;		/* what operators were told of space: enum in disk.c */
	bool stalled;
	uint64_t stalled_since_ms;
	uint64_t told_ms;		/* that it is stalled */
	uint64_t excused_ms;		/* what was submitted before counts from here */
	uint64_t hand_over_ms;		/* try again then */
	bool handing;			/* the transfer under way is ours */
	uint64_t stalls;
	struct slow_writes slow;
};

/* Before the core's output is taken. */
void disk_turn(struct node *node);
uint64_t disk_deadline(const struct node *node);
/* That batch is synced. */
void disk_synced(struct node *node, uint64_t submitted_ms);
/* No new write of a client is to go into the log here. */
bool disk_refuses(const struct node *node);

/* Why clients' writes are refused here, as the cause of their error; NULL: they are not. */
const char *node_refusal_cause(const struct node *node);
/* The same for operators, static or for the node's life. */
const char *node_refusal(const struct node *node);

/* ---- followers.c ---------------------------------------------------------------------- */

/* What the leader knows of the latency of one follower. */
struct follower {
	peer_id id;
	uint64_t sent_ns;		/* of the append that is timed; 0: none */
	raft_index sent_index;
	uint64_t current, sum, square_sum_us, minimum, maximum;
	uint64_t successes, failures;
};

struct followers {
	uint64_t appends_received, appends_sent;
	uint64_t rate_since_ms;
	uint64_t rate_received, rate_sent, rate_bytes_received, rate_bytes_sent;
	uint64_t last_received[2], last_sent[2];	/* rates times 1000: packets, bytes */
	struct follower list[MEMBERS_MAX];
};

/* There is a new stream to it: what went out before and was not answered is not timed. */
void followers_connected(struct node *node, peer_id id);
/* A message goes out, or came. */
void followers_sent(struct node *node, const struct raft_message *message);
void followers_heard(struct node *node, const struct raft_message *message);
/* Answer counters of that kind, STATS_* of wire.h. */
void followers_stats(struct node *node, uint64_t session, uint64_t request_id, uint8_t kind);

/* ---- conditions.c --------------------------------------------------------------------- */

/* What another member told last. */
struct told_condition {
	peer_id id;			/* 0: nobody */
	uint64_t asked_ns;		/* wall, last; 0: it does not owe an answer */
	uint64_t owes_ms;		/* monotonic, since when it does */
	uint64_t heard_ms;		/* monotonic */
	uint64_t applied;
	uint64_t ahead_ns, behind_ns;	/* its clock, at least */
	struct blob *facts;		/* condition_record, not looked at; NULL: nothing yet */
};

struct conditions {
	uint64_t asked_ms;		/* monotonic; 0: never */
	uint64_t made_ms;		/* own was; 0: never */
	struct buf own;			/* condition_record of this node */
	struct told_condition list[MEMBERS_MAX];
};

/* Ask all other members, unless they just were. */
void conditions_ask(struct node *node);
/* Answer another one. */
void conditions_asked(struct node *node, peer_id from, uint64_t asked_ns);
/* It answered. ERR_MALFORMED: too much. */
enum err conditions_heard(struct node *node, peer_id from, const struct msg_condition *m);
/* Fill in what it told, if that was lately; borrowed until the next input. */
void conditions_put(struct node *node, peer_id id, struct progress_record *record);
void conditions_free(struct node *node);

/* ---- move.c ---------------------------------------------------------------------------- */

struct leader_move {
	bool under_way;			/* the operator asked for it */
	uint64_t deadline_ms;
};

bool move_is_under_way(const struct node *node);
/* Tell whether it went. */
void move_turn(struct node *node);
uint64_t move_deadline(const struct node *node);

/* ---- the node ------------------------------------------------------------------------ */

/* What goes out once a batch is synced. */
struct disk_batch {
	STAILQ_ENTRY(disk_batch) link;
	uint64_t ticket;
	uint64_t submitted_ms;
	bool raft;			/* position is to be told to the core */
	struct raft_position position;
	raft_index compacted;		/* 0, or tell the core */
	size_t bytes;			/* of its entries and effects */
	struct buf frames;		/* for peers */
};

STAILQ_HEAD(disk_batch_list, disk_batch);

/* Another cluster that has this node in its list: see foreign.c. */
struct foreign {
	uint64_t cluster_id;		/* 0: none has called */
	struct buf sentence;		/* what is told of it, with a NUL */
	struct buf other;		/* a cluster that -peers are in, as a phrase with a NUL; */
	struct buf notice;		/* and why -peers do not count, with a NUL; */
	bool noticed;			/* which the operator was told */
};

struct node {
	struct node_config config;
	struct node_io io;
	char name[NAME_BYTES_MAX + 1];
	peer_id id;
	uint64_t cluster_id;		/* 0: not yet a member of one; */
	bool founded;			/* which this node started, empty */
	bool started;
	bool standby;			/* until the join is answered */
	char standby_url[URL_BYTES_MAX + 1];
	bool told_removed;		/* by another node: our log does not say so yet */
	bool told_forgotten;		/* the same, for good */
	bool belonged;			/* was a member while it ran: see node_note_member */
	bool over;			/* the world was told that this node has ended */
	bool members_told;		/* to operators; until then what changes in them is old, */
	raft_index told_after;		/* and so is what the log had up to here at the start */
	bool options_differ;		/* from those it began with: to be told then */
	struct clock_time now;
	struct cluster_time time;
	uint64_t started_ns;

	struct raft *raft;
	struct raft_restored restored;	/* until node_start */
	bool fresh;			/* nothing was in the log */
	bool current;			/* see node_catch_up */
	struct raft_entry *loaded;	/* until node_start: from loaded_first on, */
	size_t loaded_first, loaded_count, loaded_capacity; /* up to loaded_count */
	size_t loaded_bytes;

	struct replica *replica;	/* another one when a snapshot is installed */
	struct members joined_with;	/* of the join's answer, until the log says more */
	struct raft_position applied;
	raft_index stored;		/* applied as of what the disk was handed; <= applied */
	struct buf effects;		/* applied, not yet handed to the disk, */
	struct tails tails;		/* and what of it stays where it is */
	size_t squeeze_bytes;		/* effects above this are squeezed */
	bool applied_dirty;		/* applied or commit moved since the last batch */
	uint64_t effects_since_ms;	/* when effects became not empty */
	size_t turn_bytes;		/* effects that were handed over in this turn */
	bool behind;			/* the core has more for us at once */
	uint64_t written_cluster_id;	/* 0, or to be in the next batch */
	struct foreign foreign;

	struct proposals proposals;
	struct change_list changes;
	struct demotion demotion;
	struct queries queries;
	struct views views;
	struct v3_readings v3;
	struct v3_watches v3_watches;
	struct v3_states v3_states;
	struct compaction compaction;
	struct backup backups[BACKUPS_MAX];
	bool swept;			/* what was freed is in the effects: they go at once, */
	uint64_t swept_ticket;		/* with this batch, before which no more is freed, */
	uint64_t sweep_at_ms;		/* nor before this time; */
	size_t sweep_changes;		/* of the v3 keys, that were left then */
	bool wrote;			/* entries, since something was freed */
	struct raft_position expiry;	/* of the expire command proposed last; zeros: none */
	struct lease_work leases;
	struct lease_asks lease_asks;
	struct raft_position quota;	/* of the command that v3_quota.c proposed last, the same */
	struct auto_compact auto_compact;
	struct raft_position known;	/* of the command that known.c proposed, the same */

	struct disk_health disk;
	struct disk_batch_list batches;	/* submitted, not yet synced */
	uint64_t last_ticket, synced_ticket;
	size_t unsynced_bytes;		/* of batches */
	struct inbox inbox;
	struct buf scratch, event;

	struct waiting_outcome *answers;
	size_t answer_count, answer_capacity;

	size_t client_workers;		/* that have a session */
	uint64_t announced;		/* store index up to which workers know of changes */

	uint64_t auth_told;		/* revision of users and roles that workers know */
	struct buf auth_bytes;
	struct v3_tokens v3_tokens;

	/* status.c */
	bool status_due;
	uint64_t status_sent_ms;
	uint64_t status_index;		/* store index last told */
	struct buf member_bytes, place_bytes, config_bytes;
	peer_id leader;
	peer_id last_leader;		/* and when that one was known first, in that term */
	raft_term last_leader_term;
	uint64_t leader_since_ns;	/* wall */
	enum raft_role role;
	raft_term term;

	struct leader_move move;
	struct followers followers;
	struct conditions conditions;
	uint64_t deduplicated;		/* copies in the log that did nothing any more */
};

/* Where to append frames for peers that may leave once ticket is synced; at
 * once if ticket is 0 or synced already. */
struct buf *node_after(struct node *node, uint64_t ticket);
/* Queue an outcome for the turn's end. Takes cause and event. */
void node_answer(struct node *node, struct waiting_outcome answer);
/* Queue an error outcome at the present indexes with a text as its cause. */
void node_answer_error(struct node *node, uint64_t session, uint64_t request_id, enum err error,
    const char *cause);
void node_note(struct node *node, enum diag_level level, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* The cluster's time: of stamps, of expiry, and for answers. */
uint64_t node_time_ns(const struct node *node);
/*
 * Has this node been a member since its start? Then its removal is one that sent it
 * away; else it was away when it was removed. It has if it is one as of what was
 * committed when it first met a leader. Called whenever more was applied.
 */
void node_note_member(struct node *node);
/* The log says that this node is a member no more. */
bool node_was_removed(const struct node *node);
/* Leader: it is this node, or was heard within two election time-outs. */
bool node_hears(const struct node *node, peer_id id);
/* A leader is known and reachable as far as we know. */
bool node_has_leader(const struct node *node);
/* At least two election time-outs, and a second: how long to wait for a leader. */
uint64_t node_leader_wait_ms(const struct node *node);

/* Has one worker, of what the others leave of so many, all but a part? (input.c) */
bool node_takes_too_much(uint64_t own, uint64_t all, uint64_t most);
/* Watchers are told at the turn's end, each of every event that it waits for. True if there
 * are so many already that what else is committed waits for the next turn. */
bool node_hits_are_many(const struct node *node);

/* apply.c */
/* As replica_apply: false, if the entry is to be given again in the next turn. */
bool node_apply(struct node *node, const struct raft_entry *entry);

/* submit.c */
/* Something is about to be appended to effects. */
void submit_begin_effects(struct node *node);
/* What was applied is to go to the disk; now, whatever else there is, since it is much. */
bool submit_is_due(const struct node *node);
bool submit_is_due_at_once(const struct node *node);
/* Make what was applied smaller, if it is much and was not lately. */
void submit_turn(struct node *node);
/* The disk has another state than what was applied here: that of the entry at index. */
void submit_replaced(struct node *node, raft_index index);
/* Hand over what the core wants there (ready NULL: nothing) and, when it is due, what was
 * applied. Returns the batch's ticket. */
uint64_t submit_batch(struct node *node, const struct raft_ready *ready);
/* When what was applied is due at the latest; UINT64_MAX: there is none. */
uint64_t submit_deadline(const struct node *node);

/* begin.c */
/* What is recovered is read: begin, if nobody is to be asked before. */
void begin_at_start(struct node *node);
/* What was in the log at the start is applied: are options given that the cluster has not? */
void begin_tell_options(struct node *node);

/* announce.c */
void announce_turn(struct node *node);
void announce_auth(struct node *node);
/* The state is another one: everything is said to have changed. */
void announce_replaced(struct node *node);

/* ending.c, behind all else of a turn */
void ending_turn(struct node *node);
/* See whether the operator's -peers are ignored, and say so. Before status_turn. */
void foreign_turn(struct node *node);

/* status.c */
void status_turn(struct node *node);
uint64_t status_deadline(const struct node *node);

#endif
