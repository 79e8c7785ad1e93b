/*
 * reader.h - the thread that reads old data: entries for peers that lag, images
 * of the applied state, and garbage to be deleted. It also has LevelDB compact
 * ranges that were deleted, which blocks its caller and nobody else.
 *
 * A job goes in, is worked on in order, and comes out as its own answer. Jobs
 * of kinds without an answer are freed by the thread.
 */
#ifndef MOOTHALL_RAFTD_WAL_READER_H
#define MOOTHALL_RAFTD_WAL_READER_H

#include "raftd/raft/types.h"
#include "raftd/wal/db.h"

#include <sys/queue.h>

enum read_kind {
	READ_ENTRIES,		/* answer: position (before the first), entries */
	READ_SNAPSHOT_BEGIN,	/* no answer */
	READ_SNAPSHOT,		/* answer: position, records, last; or lost, unasked */
	READ_SNAPSHOT_END,	/* no answer */
	READ_GARBAGE,		/* answer: records (list of bytes: LevelDB keys), count, last */
	READ_COMPACT,		/* no answer */
};

struct wal_reader_job {
	STAILQ_ENTRY(wal_reader_job) link;
	enum read_kind kind;
	uint64_t id;			/* ENTRIES: the asker's number; SNAPSHOT*: which */
	raft_index from;		/* ENTRIES: first index */
	size_t bytes_max;		/* ENTRIES, SNAPSHOT: about */
	uint32_t generation;		/* GARBAGE: the current one is none */
	uint32_t generation_kept;	/* GARBAGE: nor is this one; 0: no other */
	uint32_t generation_last;	/* GARBAGE: nor any above: begun meanwhile */
	struct buf key, key_end;	/* GARBAGE: scan from key; COMPACT: the range */

	enum err err;			/* answer: not ERR_NONE: the disk failed */
	char *sentence;			/* then */
	struct raft_position position;
	size_t count;
	struct raft_entry *entries;	/* payloads are referenced */
	struct buf records;
	bool last;
	bool lost;			/* SNAPSHOT: the image is gone (wal_reader_pause) */
};

STAILQ_HEAD(wal_reader_jobs, wal_reader_job);
struct wal_reader;

/* db and wakeup_fd are borrowed until wal_reader_free. */
struct wal_reader *wal_reader_new(struct db *db, int wakeup_fd);
void wal_reader_start(struct wal_reader *reader);
/* Finish the job at hand, drop the others, end the thread. Accepts NULL. */
void wal_reader_free(struct wal_reader **reader);

struct wal_reader_job *wal_reader_job_new(enum read_kind kind);
void wal_reader_job_free(struct wal_reader_job **job);
/*
 * Let go of LevelDB, which is about to be closed, until wal_reader_resume: waits for the
 * job at hand. Other jobs wait; images that were not read to their end are lost: one
 * answer says so at once, and what is asked of them is not answered. From another
 * thread than the reader's.
 */
void wal_reader_pause(struct wal_reader *reader);
void wal_reader_resume(struct wal_reader *reader);
/* Taken. */
void wal_reader_add(struct wal_reader *reader, struct wal_reader_job *job);
/* Move all answers there are to the end of answers, owned by the caller. */
void wal_reader_take(struct wal_reader *reader, struct wal_reader_jobs *answers);

#endif
