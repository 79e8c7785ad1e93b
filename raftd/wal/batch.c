/*
 * batch.c - see batch.h.
 */
#include "raftd/wal/batch.h"

#include "raftd/wal/keyspace.h"

/* A LevelDB batch keeps its memory when cleared: above this it is made anew. */
#define BATCH_KEEP_BYTES (256 * KIB)

void
batch_init(struct batch *batch)
{
	*batch = (struct batch){ .handle = leveldb_writebatch_create() };
}

void
batch_free(struct batch *batch)
{
	leveldb_writebatch_destroy(batch->handle);
	buf_free(&batch->key);
	buf_free(&batch->value);
}

void
batch_clear(struct batch *batch)
{
	if (batch->bytes > BATCH_KEEP_BYTES) {
		leveldb_writebatch_destroy(batch->handle);
		batch->handle = leveldb_writebatch_create();
	} else {
		leveldb_writebatch_clear(batch->handle);
	}
	batch->bytes = 0;
	batch->entries = 0;
	buf_recycle(&batch->key, BATCH_KEEP_BYTES);
	buf_recycle(&batch->value, BATCH_KEEP_BYTES);
}

/* Seal what was appended to batch->value and put it under key. */
static void
batch_put(struct batch *batch, struct slice key)
{
	record_seal(&batch->value, key);
	leveldb_writebatch_put(batch->handle, (const char *)key.data, key.size,
	    (const char *)batch->value.data, batch->value.size);
	batch->bytes += key.size + batch->value.size;
}

void
batch_delete(struct batch *batch, struct slice key)
{
	leveldb_writebatch_delete(batch->handle, (const char *)key.data, key.size);
	batch->bytes += key.size;
}

void
batch_put_entry(struct batch *batch, const struct raft_entry *entry)
{
	struct keyspace_key key = keyspace_log(entry->index);

	record_begin(&batch->value);
	record_put_entry(&batch->value, entry);
	batch->entries++;
	batch_put(batch, keyspace_slice(&key));
}

void
batch_delete_entries(struct batch *batch, raft_index first, raft_index last)
{
	for (raft_index index = first; index <= last; index++) {
		struct keyspace_key key = keyspace_log(index);

		batch_delete(batch, keyspace_slice(&key));
	}
}

void
batch_put_hard_state(struct batch *batch, const struct raft_hard_state *hard_state)
{
	struct keyspace_key key = keyspace_hard_state();
	struct disk_hard_state record = { .term = hard_state->term, .vote = hard_state->vote };

	record_begin(&batch->value);
	disk_hard_state_put(&batch->value, &record);
	batch_put(batch, keyspace_slice(&key));
}

void
batch_put_identity(struct batch *batch, const struct disk_identity *identity)
{
	struct keyspace_key key = keyspace_identity();

	record_begin(&batch->value);
	disk_identity_put(&batch->value, identity);
	batch_put(batch, keyspace_slice(&key));
}

void
batch_put_state(struct batch *batch, uint32_t generation, struct slice key, struct slice value)
{
	keyspace_state(&batch->key, generation, key);
	if (value.size == 0) {
		batch_delete(batch, buf_slice(&batch->key));
		return;
	}
	record_begin(&batch->value);
	buf_append_slice(&batch->value, value);
	batch_put(batch, buf_slice(&batch->key));
}

void
batch_put_marks(struct batch *batch, const struct disk_marks *marks)
{
	struct keyspace_key key = keyspace_marks();
	struct keyspace_key footprint_key = keyspace_footprint(marks->batch);
	struct disk_footprint footprint = { .batch = marks->batch };

	record_begin(&batch->value);
	disk_marks_put(&batch->value, marks);
	batch_put(batch, keyspace_slice(&key));
	record_begin(&batch->value);
	disk_footprint_put(&batch->value, &footprint);
	batch_put(batch, keyspace_slice(&footprint_key));
}
