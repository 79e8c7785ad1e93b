/*
 * sim_machine.h - one machine: raftd's process around the real conductor, its
 * clocks, its workers and its disk.
 *
 * Life of raftd: machine_start, inputs and turns, machine_crash; `life` rises
 * at each of them. All inputs that come in one millisecond are one turn.
 */
#ifndef MOOTHALL_TESTS_SIM_MACHINE_H
#define MOOTHALL_TESTS_SIM_MACHINE_H

#include "raftd/node.h"
#include "tests/sim/sim_disk.h"
#include "tests/sim/sim_fault.h"
#include "tests/sim/sim_worker.h"

enum machine_crash_kind {
	CRASH_RAFTD,	/* the process alone: workers live and ask again */
	CRASH_NODE,	/* all processes; the kernel refuses connects */
	CRASH_POWER,	/* silence */
};

struct machine {
	struct world *world;
	size_t number;
	char name[16];
	char peer_url[64], client_url[64];
	struct node_config config;

	struct sim_disk *disk;		/* NULL: never started */
	struct sim_disk **old_disks;	/* data directories that were lost */
	size_t old_count, old_capacity;

	struct node *node;		/* NULL: raftd does not run */
	uint64_t life;
	uint64_t muted_life;		/* frames of this and earlier lives are lost */
	bool join;			/* next start on an empty directory joins */
	uint64_t begins_at_ms;		/* together with the others, not before */
	uint64_t retire_wait_ms;	/* with EXIT_RETIRED */
	bool raftd_died;		/* and nothing else did since the last start */
	bool retired;			/* not in the cluster: no restart by itself */
	bool doomed;			/* crashes at the next moment of this kind */
	enum fault_moment doom;
	bool ended;			/* raftd asked to end for good */
	enum exit_code end_code;
	uint64_t started_ms;

	uint64_t paused_until;
	int64_t wall_offset_ns;
	uint64_t clock_base_ms, clock_since_ms;	/* monotonic = base + (now - since) * rate / 1000 */
	uint64_t clock_rate;

	struct sim_event *turn, *timer;
	uint64_t drains_at_ms;		/* a full worker has room again then */
	struct turns_at {		/* how far the last turn was that came further: */
		uint64_t ms;
		raft_index applied;
		uint64_t event;		/* the last */
		size_t nodes;		/* of the tree, and of what is still to be freed */
	} turns_at;
	uint64_t turns_in_ms;		/* turns since, */
	uint64_t looks_in_ms;		/* and what the past has for watches at most */
	struct buf peer_out;

	/* The first is the peer worker; the last may be senseless. */
	size_t worker_count;
	struct sim_worker **workers;

	/* Kept by the checks. */
	raft_index checked_applied;
	raft_term checked_term;
	struct raft_conf conf_before;	/* as of the last turn */
	uint64_t seen_store_index;	/* of answers since raftd started */
	bool hash_due;
	bool belonged;			/* was a member since its start, or raftd alone started */
	raft_index away_until;		/* committed when it started */
};

struct machine *machine_new(struct world *world, size_t number);
void machine_free(struct machine **machine);

void machine_start(struct machine *machine);
/* No effect if it is down. */
void machine_crash(struct machine *machine, enum machine_crash_kind kind);
/* Put its data aside: the next start is with an empty directory. */
void machine_wipe(struct machine *machine);
void machine_pause(struct machine *machine, uint64_t ms);
/* Change its monotonic clock's rate (per mille) from now on. */
void machine_set_rate(struct machine *machine, uint64_t rate);
/* An input was given to the node: a turn follows. */
void machine_wake(struct machine *machine);
/* A member that runs. */
bool machine_serves(const struct machine *machine);
uint64_t machine_node_id(const struct machine *machine);
struct machine *machine_of_id(struct world *world, uint64_t node_id);
struct clock_time machine_clock(const struct machine *machine);
/* Phase as it says itself; PHASE_RECOVERING when it is down. */
int machine_phase(const struct machine *machine);

#endif
