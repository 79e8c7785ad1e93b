/*
 * sim_disk.h - a disk with the promises of raftd/wal/wal.h and no others.
 *
 * Turns become durable in order, some time after they were submitted; those
 * that come while one batch is synced share the next. A crash loses all that
 * was not synced, but any prefix of the batch under way may have made it.
 * Reads are done one after the other, see what is synced when their turn comes,
 * and may take very long: what they bring can be old by then. It may hang; it
 * may be full: nearly, which is told, or so that nothing is written any more; a
 * sync may fail, which ends the process.
 *
 * One disk is one life of a data directory: one node id. A machine that loses
 * its data gets a new disk; the old one is kept for the checks.
 */
#ifndef MOOTHALL_TESTS_SIM_DISK_H
#define MOOTHALL_TESTS_SIM_DISK_H

#include "raftd/wal/wal.h"
#include "tests/sim/sim_world.h"

#include <sys/queue.h>

/* A log: entries behind `before`; payloads are referenced. */
struct sim_log {
	struct raft_position before;
	struct raft_entry *entries;
	size_t start, count, capacity;
};

raft_index sim_log_last(const struct sim_log *log);
/* NULL if it is compacted or not there. */
const struct raft_entry *sim_log_at(const struct sim_log *log, raft_index index);
/* 0: unknown. Knows the term of `before` too. */
raft_term sim_log_term(const struct sim_log *log, raft_index index);

struct sim_record {
	struct blob *key, *value;
};

/* The applied state: records in key order. */
struct sim_state {
	struct sim_record *records;
	size_t count, capacity;
};

struct sim_op;
struct sim_image;
struct sim_fetch;

struct sim_disk {
	struct machine *machine;
	struct wal_identity identity;
	bool is_new;
	bool lost;			/* the machine has another disk now */

	/* Durable. */
	struct raft_hard_state hard_state;
	struct raft_position applied;
	raft_index commit;
	struct sim_log log;
	struct sim_state state, next_state;

	/* Handed in, maybe not durable: what the node believes. */
	struct raft_hard_state written_hard_state;
	struct sim_log written;

	TAILQ_HEAD(sim_ops, sim_op) waiting, syncing;
	uint64_t life;			/* rises with every crash: late completions are void */
	uint64_t last_ticket;
	bool busy;
	uint64_t hangs_until_ms;
	struct wal_space space;		/* as the node is told */
	bool held;			/* nothing is written */
	uint64_t reads_until_ms;	/* when all reads that were asked for will be done */
	LIST_HEAD(, sim_fetch) fetches;
	LIST_HEAD(, sim_image) images;
	uint64_t last_image;
	unsigned images_lost;		/* by chance; not by a disk that was full */
	struct raft_position acked;	/* up to where, to the leader of which term; this life */
	size_t vote_count;		/* what it granted: vote_terms[i] -> votes[i] */
	size_t vote_capacity;
	struct raft_hard_state *votes;
};

/* An empty directory; the identity is made now. */
struct sim_disk *sim_disk_new(struct machine *machine, const char *name);
void sim_disk_free(struct sim_disk **disk);
/* Nothing is synced before then. */
void sim_disk_hang(struct sim_disk *disk, uint64_t until_ms);
/* Full or not; held: nothing is written either. */
void sim_disk_fill(struct sim_disk *disk, bool full, bool held);
/* The process died. */
void sim_disk_crash(struct sim_disk *disk);

void sim_disk_recovered(const struct sim_disk *disk, struct wal_recovered *recovered);

/* As node_io has them; answers go to disk->machine. */
uint64_t sim_disk_submit(struct sim_disk *disk, const struct wal_turn *turn);
void sim_disk_fetch(struct sim_disk *disk, uint64_t id, raft_index from, size_t bytes_max);
uint64_t sim_disk_snapshot_begin(struct sim_disk *disk);
void sim_disk_snapshot_read(struct sim_disk *disk, uint64_t snapshot, size_t bytes_max);
void sim_disk_snapshot_end(struct sim_disk *disk, uint64_t snapshot);
uint64_t sim_disk_install_begin(struct sim_disk *disk);
uint64_t sim_disk_install_records(struct sim_disk *disk, struct slice records);
uint64_t sim_disk_install_commit(struct sim_disk *disk, struct raft_position position,
    bool keep_log_after);

#endif
