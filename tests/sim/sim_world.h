/*
 * sim_world.h - a whole cluster in one process, repeated exactly by its seed.
 *
 * The world owns virtual time, the queue of events, the only source of
 * randomness and the machines. Real: raftd's core, store and conductor, and
 * every frame between them and to the workers. Simulated: network (sim_net),
 * disks (sim_disk), processes and clocks (sim_machine), workers and clients
 * (sim_worker, sim_load, sim_watch), operators (sim_operator), faults
 * (sim_fault). Checked all the time by sim_check against sim_model.
 *
 *	world_new --> faults and load until fault_end_ms --> healed: probes must
 *	succeed and everything must agree before quiet_end_ms --> world_free
 *
 * Nothing here reads a clock or walks a table in the order of its addresses,
 * so a seed is a complete description of a run.
 */
#ifndef MOOTHALL_TESTS_SIM_WORLD_H
#define MOOTHALL_TESTS_SIM_WORLD_H

#include "common/base.h"
#include "common/blob.h"
#include "common/buf.h"
#include "common/heap.h"
#include "common/initial_cluster.h"
#include "common/rand.h"

#include <stdio.h>

#define SIM_MACHINES_MAX 5

struct world;
struct machine;
struct sim_net;
struct sim_check;
struct sim_model;
struct sim_operator;
struct sim_senseless;

/* What the seed made of this run; swarm testing: each seed leaves most faults out. */
struct sim_profile {
	size_t machines;
	uint64_t fault_ms;		/* length of the part with faults */

	uint64_t latency_min_ms, latency_max_ms;
	unsigned loss, twice, reorder;	/* of frames, per mille */
	uint64_t sync_min_ms, sync_max_ms;
	unsigned stall, sync_fails;	/* of syncs, per mille */
	uint64_t stall_ms;
	unsigned slow_reads;		/* that take longer than two elections, per mille */
	bool clocks_drift;		/* monotonic clocks run at different rates */

	/* Mean time between two faults of a kind; 0: none. */
	uint64_t crash_ms, partition_ms, pause_ms, clock_ms, transfer_ms, member_ms, worker_ms;
	uint64_t blackout_ms;		/* all machines at once */
	uint64_t hang_ms, full_ms;	/* of disks */
	unsigned new_leader_dies;	/* soon after its election, per mille */

	size_t workers;			/* client workers of each machine */
	size_t clients, watches;	/* of each worker */
	uint64_t think_ms;
	unsigned reads;			/* per mille of operations */
	uint64_t trim_entries;
	size_t append_bytes_max, log_memory_bytes;	/* 0: as in production, and so these: */
	size_t catch_up_bytes, catch_up_looks, catch_up_untaken, watch_piece_bytes;
	size_t answer_piece_bytes, session_answer_bytes;
	size_t turn_hits_max, effects_bytes_max;
	uint64_t effects_entries_max;
	unsigned slow_pieces;		/* pieces that are not asked for at once, per mille */
	uint64_t heartbeat_ms, election_ms, request_timeout_ms;
	/* Mean time between two; 0: none. */
	uint64_t limits_ms;		/* writes at the limits of keys */
	uint64_t users_ms;		/* users and roles change, and users write */
	uint64_t v3_ms;			/* commands of the v3 keys */
	uint64_t v3_quota_bytes;	/* of them; 0: none */
	uint64_t v3_compact_ms;		/* their history is compacted by its age; 0: it is not */
	uint64_t moves_ms;		/* places and members get other URLs */
	uint64_t senseless_ms;		/* turns of a worker that was taken over */
	bool locks;			/* clients ask for locks, too */
};

struct sim_event {
	struct heap_link link;
	uint64_t at_ms, order;
	void (*run)(struct world *world, struct sim_event *event);
	struct machine *machine;	/* a pause of it holds the event back; may be NULL */
	void *object;			/* whatever run wants; not owned */
	uint64_t life;			/* for run to find out that its object ended */
	uint64_t number, flags;
	struct blob *bytes;		/* owned */
};

struct world {
	uint64_t seed;
	uint64_t now_ms;
	struct rand rand;
	struct heap events;
	uint64_t order;
	struct sim_event **spare;
	size_t spare_count, spare_capacity;
	struct sim_profile profile;
	bool formed;			/* all machines were members once */
	bool healed;
	uint32_t trace_hash;		/* equal for two runs of a seed */
	FILE *trace;			/* NULL: do not tell */

	struct initial_cluster initial;	/* empty: the first machine begins alone */
	size_t machine_count;
	struct machine *machines[SIM_MACHINES_MAX];
	struct sim_net *net;
	struct sim_check *check;
	struct sim_model *model;
	struct sim_operator *operator;
	struct sim_v3 *v3;
	struct sim_senseless *senseless; /* NULL: not in this seed */
	struct rand lock_rand;		/* of what clients ask of locks */

	uint64_t value_count;		/* makes values unique */
	/* For the report. */
	uint64_t operations, answered, unknown, events_seen, pieces;
	uint64_t crashes, partitions, snapshots, elections, disk_faults;
	uint64_t fetches, late_fetches;	/* of entries; answered in a later leadership */
	uint64_t rights, refused;	/* changes of users and roles; writes of who may not */
	uint64_t v3_writes, leases;	/* of the v3 keys; of those that expired */
	uint64_t renewals;		/* of leases, answered */
	uint64_t moves;			/* places and members that got another URL */
	uint64_t limits;		/* changes of what keys may have and the history keeps */
	uint64_t senseless_frames;
	uint64_t looks;			/* at locks, answered */
};

struct world_options {
	uint64_t seed;
	size_t machines;		/* 0: by the seed */
	uint64_t fault_ms;		/* 0: by the seed */
	FILE *trace;
};

struct world *world_new(const struct world_options *options);
/* To the end; a broken promise ends the process by sim_fail. */
void world_run(struct world *world);
void world_free(struct world **world);

/* An event after delay_ms, to be filled in by the caller. */
struct sim_event *world_after(struct world *world, uint64_t delay_ms,
    void (*run)(struct world *, struct sim_event *));
/* Take an event back that has not run. */
void world_cancel(struct world *world, struct sim_event **event);
/* One world of four has a remove delay that silent members reach. */
bool world_removes_silent(const struct world *world);

uint64_t world_below(struct world *world, uint64_t bound);
/* Uniform in [low, high]. */
uint64_t world_between(struct world *world, uint64_t low, uint64_t high);
bool world_chance(struct world *world, unsigned per_mille);
/* When the next fault of a kind with that mean distance comes, in ms. */
uint64_t world_gap(struct world *world, uint64_t mean_ms);
void world_mix(struct world *world, struct slice bytes);

/* One line of the trace; machine may be NULL. */
void world_tell(const struct world *world, const struct machine *machine, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* A promise is broken: seed, time, reason on standard output; exit code 1. */
NORETURN void sim_fail(const struct world *world, const struct machine *machine,
    const char *format, ...) PRINTF_LIKE(3, 4);

#endif
