/*
 * batch.h - one atomic write in the making: records are sealed and put into a
 * LevelDB batch. No I/O. Filled by the loop's thread, sent by the writer.
 */
#ifndef MOOTHALL_RAFTD_WAL_BATCH_H
#define MOOTHALL_RAFTD_WAL_BATCH_H

#include "raftd/wal/record.h"

#include <leveldb/c.h>

struct batch {
	leveldb_writebatch_t *handle;
	size_t bytes;		/* of keys and values in it */
	size_t entries;		/* of the log in it */
	struct buf key, value;	/* being made; kept for their memory */
};

void batch_init(struct batch *batch);
void batch_free(struct batch *batch);
/* Empty it; gives back the memory of a large one. */
void batch_clear(struct batch *batch);

void batch_put_entry(struct batch *batch, const struct raft_entry *entry);
/* Delete the entries from first to last, both included; none if last < first. */
void batch_delete_entries(struct batch *batch, raft_index first, raft_index last);
void batch_put_hard_state(struct batch *batch, const struct raft_hard_state *hard_state);
void batch_put_identity(struct batch *batch, const struct disk_identity *identity);
/* An empty value deletes the key. */
void batch_put_state(struct batch *batch, uint32_t generation, struct slice key,
    struct slice value);
/* Delete a whole LevelDB key. */
void batch_delete(struct batch *batch, struct slice key);
/* The marks and the footprint of marks->batch: last of every batch. */
void batch_put_marks(struct batch *batch, const struct disk_marks *marks);

#endif
