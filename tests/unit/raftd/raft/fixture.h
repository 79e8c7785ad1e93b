/*
 * fixture.h - a core with a disk of its own, and a network of such cores.
 *
 * The disk syncs batch by batch when it is told to: what was not synced is
 * gone after core_crash. Messages that wait for the disk are held back, as a
 * conductor must. All time is the test's.
 */
#ifndef MOOTHALL_TESTS_UNIT_RAFTD_RAFT_FIXTURE_H
#define MOOTHALL_TESTS_UNIT_RAFTD_RAFT_FIXTURE_H

#include "common/rand.h"
#include "raftd/raft/confchange.h"
#include "raftd/raft/raft.h"
#include "tests/lib/test.h"

#define HEARTBEAT ((raft_tick)10)
#define ELECTION ((raft_tick)100)
#define RAFT_TICK_MAX UINT64_MAX

/* What a node had before the test: an entry of each term, all on its disk. */
struct core_options {
	peer_id id;			/* 0: 1 */
	size_t voters, learners;	/* ids from 1 on, voters first */
	raft_term log_terms[16];	/* ends at 0 */
	raft_term term;			/* 0: that of the last entry */
	peer_id vote;
	raft_index applied;		/* also committed */
	raft_index compacted;
	size_t append_bytes_max, inflight_messages_max, inflight_bytes_max, memory_bytes_max;
	bool slow_disk;			/* batches wait for core_sync */
	bool bootstrap;			/* start a cluster of one, with the command "first" */
};

struct core_batch {
	bool for_raft;
	bool hard_state_set;
	struct raft_hard_state hard_state;
	raft_index truncate_from;
	struct raft_entry *entries;
	size_t entry_count;
	struct raft_position applied;
	raft_index commit;
	struct raft_conf conf;
	uint64_t applied_ns;
	struct raft_message *held;
	size_t held_count, held_capacity;
	bool snapshot;			/* installs the applied state, keeping the log or not */
	bool keep_log;
};

struct core {
	struct raft *raft;
	struct raft_config config;
	raft_tick now;
	uint64_t wall_ns;
	bool slow_disk;
	bool slow_reader;		/* fetches are not answered by themselves */
	bool up;
	bool bootstrap;

	/* The disk. */
	struct raft_restored disk;
	uint64_t disk_ns;		/* stamp of the applied state */
	struct raft_entry *log;		/* from disk.compacted + 1 on */
	size_t log_count, log_capacity;
	struct core_batch *batches;
	size_t batch_count, batch_capacity;

	/* The state machine. */
	struct raft_position applied;
	uint64_t applied_ns;
	struct raft_conf conf;
	struct raft_entry *done;	/* applied since start, payloads referenced */
	size_t done_count, done_capacity;

	/* Output, until core_forget. */
	struct raft_message *sent;	/* with entries of their own */
	size_t sent_count, sent_capacity;
	struct raft_read reads[64];
	size_t read_count;
	uint64_t dropped[64];
	size_t dropped_count;
	struct raft_fetch fetches[16];
	size_t fetch_count;
	peer_id snapshots[16];
	size_t snapshot_count;
};

struct core *core_new_with(struct core_options options);
#define core_new(...) core_new_with((struct core_options){ __VA_ARGS__ })
void core_free(struct core **core);

/* Free a message that was sent, with its entries. */
void message_free(struct raft_message *message);

/* One turn; with a fast disk also the syncs and the turns they cause. */
void core_turn(struct core *core);
/* Sync the oldest batch, then a turn. False: nothing was waiting. */
bool core_sync(struct core *core);
/* Lose what was not synced; core_start brings it back. */
void core_crash(struct core *core);
void core_start(struct core *core);
/* Time passes, in steps that keep every deadline. */
void core_wait(struct core *core, raft_tick ticks);
void core_step_with(struct core *core, struct raft_message message);
#define core_step(core, ...) \
	core_step_with((core), (struct raft_message){ .to = (core)->config.id, __VA_ARGS__ })
/* A command of that text; asserts that it was taken. */
struct raft_position core_propose(struct core *core, const char *text);
enum err core_propose_conf(struct core *core, enum raft_conf_op op, peer_id peer);
/* Delete the log on disk up to index. */
void core_compact(struct core *core, raft_index index);
/* Answer the oldest fetch from the disk. */
void core_fetch(struct core *core);
/* Take from's applied state as a snapshot. */
bool core_install(struct core *core, const struct core *from);
/* Forget the output seen so far. */
void core_forget(struct core *core);

/* The last message of that type sent to a peer (0: any), or NULL. */
const struct raft_message *core_sent(const struct core *core, enum raft_message_type type,
    peer_id to);
size_t core_count(const struct core *core, enum raft_message_type type, peer_id to);

/* Make it a leader by the votes of all others; their answers to its no-op
 * too if settled. Output is forgotten. */
void core_elect(struct core *core, bool settled);

/* Entries with the given first index and terms; static storage, no payload. */
const struct raft_entry *entries_of(raft_index first, const raft_term *terms, size_t count);
#define ENTRIES(first, ...) \
	.entries = entries_of((first), (const raft_term[]){ __VA_ARGS__ }, \
	    sizeof((const raft_term[]){ __VA_ARGS__ }) / sizeof(raft_term)), \
	.entry_count = sizeof((const raft_term[]){ __VA_ARGS__ }) / sizeof(raft_term)

/* ---- a network ------------------------------------------------------------ */

#define NODES_MAX 8

struct net {
	struct core *cores[NODES_MAX + 1];	/* by id */
	size_t count;
	struct raft_message *queue;
	size_t queue_count, queue_capacity;
	bool cut[NODES_MAX + 1][NODES_MAX + 1];	/* from, to */
};

/* The members are there from before the log began: no blank node may join, as
 * it would not find them in the log. */
struct net *net_new(size_t voters, size_t learners);
/* Node 1 starts a cluster of one, the others are blank. */
struct net *net_bootstrap(size_t count);
void net_free(struct net **net);
/* Carry messages until there are none. */
void net_settle(struct net *net);
void net_wait(struct net *net, raft_tick ticks);
/* Cut a node off, or heal everything. */
void net_isolate(struct net *net, peer_id id);
void net_heal(struct net *net);
/* The leader of the highest term, or NULL. */
struct core *net_leader(const struct net *net);
/* Wait until there is a leader that has committed in its term; asserts it. */
struct core *net_elect(struct net *net);
/* Let that node win. */
void net_make_leader(struct net *net, peer_id id);
/* Have that node campaign at once, as if its leader had told it to. */
void net_campaign(struct net *net, peer_id id);
/* Move what a core sent into the queue, subject to cuts. */
void net_collect(struct net *net, struct core *core);

#endif
