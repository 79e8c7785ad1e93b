/*
 * batch.h - one atomic write in the making: records are sealed and put into a
 * LevelDB batch. No I/O. Filled by the loop's thread, sent by the writer.
 *
 * What is large is only kept on the loop's thread, which has others to serve, and
 * sealed and put in its place by the writer: batch_finish.
 */
#ifndef MOOTHALL_RAFTD_WAL_BATCH_H
#define MOOTHALL_RAFTD_WAL_BATCH_H

#include "common/tails.h"
#include "raftd/wal/record.h"

#include <leveldb/c.h>

/* At this size it is large: an entry's payload, a turn's effects. Those with tails always
 * are. */
#define BATCH_LARGE_BYTES (64 * KIB)

/* Something large, and the records that go before it. */
struct batch_piece {
	leveldb_writebatch_t *before;
	bool is_entry;
	struct raft_entry entry;	/* its payload is referenced */
	uint32_t generation;		/* no entry: of the records */
	struct buf records;
	struct tails tails;		/* of the records */
};

struct wal_batch {
	leveldb_writebatch_t *handle;	/* what comes behind the pieces */
	size_t bytes;		/* of keys and values in it */
	size_t records;		/* keys that are put or deleted */
	size_t entries;		/* of the log in it */
	struct buf key, value;	/* being made; kept for their memory */
	struct batch_piece *pieces;
	size_t piece_count, piece_capacity;
	struct blob **spent;	/* of finished pieces: payloads and tails, referenced */
	size_t spent_count, spent_capacity;
};

void batch_init(struct wal_batch *batch);
/* Also with pieces in it; the loop's thread. */
void batch_free(struct wal_batch *batch);
/* Put the pieces where they belong: all of it is in handle. What they referred to is spent. */
void batch_finish(struct wal_batch *batch);
/* How much of LevelDB's log a finished one takes, at most. */
size_t batch_log_bytes(const struct wal_batch *batch);
/* Empty a finished one, but for what is spent; gives back the memory of a large one. */
void batch_clear(struct wal_batch *batch);
/* What is spent in one is to be released with the other. */
void batch_pass_spent(struct wal_batch *from, struct wal_batch *to);
/* Drop what is spent: blobs are the loop's thread's (common/blob.h). */
void batch_release(struct wal_batch *batch);

void batch_put_entry(struct wal_batch *batch, const struct raft_entry *entry);
/* Delete the entries from first to last, both included; none if last < first. */
void batch_delete_entries(struct wal_batch *batch, raft_index first, raft_index last);
void batch_put_hard_state(struct wal_batch *batch, const struct raft_hard_state *hard_state);
void batch_put_identity(struct wal_batch *batch, const struct disk_identity *identity);
/* An empty value deletes the key. */
void batch_put_state(struct wal_batch *batch, uint32_t generation, struct slice key,
    struct slice value);
/* A list of state_records that decodes. owner, if not NULL, is the buffer in which it is
 * all there is: may be taken, and is empty then. So are tails, which have an owner. */
void batch_put_records(struct wal_batch *batch, uint32_t generation, struct slice records,
    struct buf *owner, struct tails *tails);
/* Delete a whole LevelDB key. */
void batch_delete(struct wal_batch *batch, struct slice key);
/* The marks and the footprint of marks->batch: last of every batch. */
void batch_put_marks(struct wal_batch *batch, const struct disk_marks *marks);

#endif
