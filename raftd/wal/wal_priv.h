/*
 * wal_priv.h - the handle, shared by wal.c (life and completions), recover.c
 * (start-up reads), turn.c (what goes to the disk) and upkeep.c (garbage). All
 * of it belongs to the loop's thread.
 */
#ifndef MOOTHALL_RAFTD_WAL_WAL_PRIV_H
#define MOOTHALL_RAFTD_WAL_WAL_PRIV_H

#include "raftd/wal/reader.h"
#include "raftd/wal/terms.h"
#include "raftd/wal/wal.h"
#include "raftd/wal/writer.h"

/* Looking for state records of generations that are neither current nor being
 * received, and deleting them:
 *
 *	idle -----> asked	there may be some	[upkeep_sweep, sweep_start]
 *	asked ----> writing	found some: deleted in the next batch	[upkeep_found]
 *	asked ----> idle	found none
 *	writing --> asked	a batch is on disk: pace, not order	[upkeep_step]
 */
enum sweep { SWEEP_IDLE, SWEEP_ASKED, SWEEP_WRITING };

struct wal {
	char *data_dir;
	struct db *db;
	struct mark *mark;
	struct wal_identity identity;
	bool recovered;			/* terms are known */
	bool poisoned;

	struct disk_marks marks;	/* after all that was submitted; batch is the writer's */
	struct terms terms;		/* of entries from compacted on */
	uint64_t ticket;		/* last given out */
	uint64_t done;			/* last reported */
	uint64_t batches;		/* written since the start, as last heard */
	uint32_t install_generation;	/* being received; 0: none */

	int wakeup_fd;
	struct wal_writer *writer;
	struct wal_reader *reader;
	struct loop_io *io;		/* NULL until started */
	struct wal_callbacks callbacks;

	uint64_t snapshot_last;		/* id last given out */
	uint64_t *snapshots;		/* ids in use */
	size_t snapshot_count, snapshot_capacity;

	enum sweep sweep;
	bool sweep_wanted;		/* from the start, when this one is through */
	uint64_t sweep_after;		/* and this ticket is on disk: what is to be found, too */
	struct buf sweep_from;		/* LevelDB key to go on from */
	struct buf swept_first, swept_last; /* range deleted by this sweep */
	raft_index trimmed_compacted;	/* LevelDB compacted the log's range up to here */
};

/* ---- recover.c: used by wal_open ------------------------------------------ */

/* Fill wal->identity. ERR_NOT_FOUND, without a sentence: there is none. */
enum err recover_identity(struct wal *wal, char **sentence) MUST_CHECK;
/* Fill wal->marks and the hard state, checked for sense. */
enum err recover_marks(struct wal *wal, struct raft_hard_state *hard_state,
    char **sentence) MUST_CHECK;
/* Check the marks and the mark file against each other. */
enum err recover_check_mark(struct wal *wal, const struct disk_synced *synced,
    char **sentence) MUST_CHECK;

/* ---- turn.c ---------------------------------------------------------------- */

/* The identity as its record; the name is borrowed. */
struct disk_identity turn_identity(const struct wal *wal);

/* ---- upkeep.c -------------------------------------------------------------- */

/* Delete a bounded piece of the log that was compacted, in this batch. */
void upkeep_trim(struct wal *wal, struct wal_batch *batch);
/* There may be records of a generation that is not wanted. */
void upkeep_sweep(struct wal *wal);
/* The reader found some, or none. */
void upkeep_found(struct wal *wal, const struct wal_reader_job *job);
/* Another batch was written, or none was yet: go on with the next piece. */
void upkeep_step(struct wal *wal);
/* Free what is kept for it. */
void upkeep_free(struct wal *wal);

#endif
