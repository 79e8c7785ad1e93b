/*
 * batch.c - see batch.h.
 */
#include "raftd/wal/batch.h"

#include "common/ipc/message.h"
#include "common/xmem.h"
#include "raftd/wal/keyspace.h"

#include <stdlib.h>

/* A LevelDB batch keeps its memory when cleared: above this it is made anew. */
#define BATCH_KEEP_BYTES (256 * KIB)
/* What LevelDB writes around what it is given: before a batch; before a key and a value,
 * their lengths and what they are; before each piece in a block of its log. */
#define BATCH_HEAD_BYTES ((size_t)12)
#define RECORD_HEAD_BYTES ((size_t)11)
#define LOG_PIECE_BYTES ((size_t)7)
#define LOG_BLOCK_BYTES ((size_t)32768)
/* A record has its key, lengths and a seal beside its value. */
#define RECORD_ROOM ((size_t)256)

void
batch_init(struct wal_batch *batch)
{
	*batch = (struct wal_batch){ .handle = leveldb_writebatch_create() };
}

void
batch_release(struct wal_batch *batch)
{
	for (size_t i = 0; i < batch->spent_count; i++)
		blob_unref(&batch->spent[i]);
	batch->spent_count = 0;
}

void
batch_pass_spent(struct wal_batch *from, struct wal_batch *to)
{
	to->spent = xgrow(to->spent, &to->spent_capacity, to->spent_count + from->spent_count,
	    sizeof(struct blob *));
	for (size_t i = 0; i < from->spent_count; i++)
		to->spent[to->spent_count++] = from->spent[i];
	from->spent_count = 0;
}

void
batch_free(struct wal_batch *batch)
{
	for (size_t i = 0; i < batch->piece_count; i++) {
		struct batch_piece *piece = &batch->pieces[i];

		leveldb_writebatch_destroy(piece->before);
		blob_unref(&piece->entry.payload);
		buf_free(&piece->records);
		tails_free(&piece->tails);
	}
	batch_release(batch);
	leveldb_writebatch_destroy(batch->handle);
	buf_free(&batch->key);
	buf_free(&batch->value);
	free(batch->pieces);
	free(batch->spent);
}

void
batch_clear(struct wal_batch *batch)
{
	ASSERT(batch->piece_count == 0);
	if (batch->bytes > BATCH_KEEP_BYTES) {
		leveldb_writebatch_destroy(batch->handle);
		batch->handle = leveldb_writebatch_create();
	} else {
		leveldb_writebatch_clear(batch->handle);
	}
	batch->bytes = 0;
	batch->records = 0;
	batch->entries = 0;
	buf_recycle(&batch->key, BATCH_KEEP_BYTES);
	buf_recycle(&batch->value, BATCH_KEEP_BYTES);
}

size_t
batch_log_bytes(const struct wal_batch *batch)
{
	size_t bytes = BATCH_HEAD_BYTES + batch->bytes + batch->records * RECORD_HEAD_BYTES;

	return bytes + (bytes / LOG_BLOCK_BYTES + 2) * LOG_PIECE_BYTES;
}

/* Begin a value of so many bytes. One that is too small goes first: grown, it would be there
 * together with the larger one. */
static void
begin_value(struct wal_batch *batch, size_t bytes)
{
	if (bytes + RECORD_ROOM > batch->value.capacity)
		buf_free(&batch->value);
	buf_clear(&batch->value);
	buf_reserve(&batch->value, bytes + RECORD_ROOM);
	record_begin(&batch->value);
}

/* Seal what was appended to batch->value and put it under key. */
static void
batch_put(struct wal_batch *batch, struct slice key)
{
	record_seal(&batch->value, key);
	leveldb_writebatch_put(batch->handle, (const char *)key.data, key.size,
	    (const char *)batch->value.data, batch->value.size);
	batch->bytes += key.size + batch->value.size;
	batch->records++;
}

void
batch_delete(struct wal_batch *batch, struct slice key)
{
	leveldb_writebatch_delete(batch->handle, (const char *)key.data, key.size);
	batch->bytes += key.size;
	batch->records++;
}

/* A new piece behind all that there is; for the caller to fill. */
static struct batch_piece *
add_piece(struct wal_batch *batch)
{
	struct batch_piece *piece;

	batch->pieces = xgrow(batch->pieces, &batch->piece_capacity, batch->piece_count + 1,
	    sizeof(*batch->pieces));
	piece = &batch->pieces[batch->piece_count++];
	*piece = (struct batch_piece){ .before = batch->handle };
	batch->handle = leveldb_writebatch_create();
	return piece;
}

static void
put_entry(struct wal_batch *batch, const struct raft_entry *entry)
{
	struct keyspace_key key = keyspace_log(entry->index);

	begin_value(batch, blob_slice(entry->payload).size);
	record_put_entry(&batch->value, entry);
	batch_put(batch, keyspace_slice(&key));
}

void
batch_put_entry(struct wal_batch *batch, const struct raft_entry *entry)
{
	struct batch_piece *piece;

	batch->entries++;
	if (blob_slice(entry->payload).size < BATCH_LARGE_BYTES) {
		put_entry(batch, entry);
		return;
	}
	piece = add_piece(batch);
	piece->is_entry = true;
	piece->entry = *entry;
	blob_ref(entry->payload);
}

void
batch_delete_entries(struct wal_batch *batch, raft_index first, raft_index last)
{
	for (raft_index index = first; index <= last; index++) {
		struct keyspace_key key = keyspace_log(index);

		batch_delete(batch, keyspace_slice(&key));
	}
}

void
batch_put_hard_state(struct wal_batch *batch, const struct raft_hard_state *hard_state)
{
	struct keyspace_key key = keyspace_hard_state();
	struct disk_hard_state record = { .term = hard_state->term, .vote = hard_state->vote };

	record_begin(&batch->value);
	disk_hard_state_put(&batch->value, &record);
	batch_put(batch, keyspace_slice(&key));
}

void
batch_put_identity(struct wal_batch *batch, const struct disk_identity *identity)
{
	struct keyspace_key key = keyspace_identity();

	record_begin(&batch->value);
	disk_identity_put(&batch->value, identity);
	batch_put(batch, keyspace_slice(&key));
}

static void
put_state(struct wal_batch *batch, uint32_t generation, struct slice key, struct slice value,
    struct slice tail)
{
	keyspace_state(&batch->key, generation, key);
	if (value.size == 0) {
		batch_delete(batch, buf_slice(&batch->key));
		return;
	}
	begin_value(batch, value.size + tail.size);
	buf_append_slice(&batch->value, value);
	buf_append_slice(&batch->value, tail);
	batch_put(batch, buf_slice(&batch->key));
}

void
batch_put_state(struct wal_batch *batch, uint32_t generation, struct slice key, struct slice value)
{
	put_state(batch, generation, key, value, SLICE_EMPTY);
}

static void
put_records(struct wal_batch *batch, uint32_t generation, struct slice records,
    const struct tails *tails)
{
	struct reader in = reader_of(records);
	struct state_record record;
	size_t next = 0;

	while (!reader_done(&in)) {
		bool whole = state_record_get(&in, &record);

		ASSERT(whole);
		put_state(batch, generation, record.key, record.value,
		    tails_next(tails, &next, records.size - reader_left(&in)));
	}
	ASSERT(next == tails->count);
}

void
batch_put_records(struct wal_batch *batch, uint32_t generation, struct slice records,
    struct buf *owner, struct tails *tails)
{
	static const struct tails NONE = { 0 };
	bool has_tails = tails != NULL && tails->count > 0;
	struct batch_piece *piece;

	ASSERT(owner != NULL || !has_tails);
	if (owner == NULL || (records.size < BATCH_LARGE_BYTES && !has_tails)) {
		put_records(batch, generation, records, &NONE);
		return;
	}
	ASSERT(owner->data == records.data && owner->size == records.size);
	piece = add_piece(batch);
	piece->generation = generation;
	piece->records = *owner;
	buf_init(owner, owner->limit);
	if (has_tails) {
		piece->tails = *tails;
		*tails = (struct tails){ .min = tails->min };
	}
}

#define MARKS_RECORDS 2		/* what batch_put_marks will add */

/* How large the batch will be, at most: of what is in it, its pieces and the marks. Records of a
 * list have less beside them there: half as much again is more than they get. */
static size_t
bytes_when_finished(const struct wal_batch *batch)
{
	size_t bytes = batch_log_bytes(batch) + MARKS_RECORDS * RECORD_ROOM;

	for (size_t i = 0; i < batch->piece_count; i++) {
		const struct batch_piece *piece = &batch->pieces[i];

		bytes += (1 + piece->tails.count) * RECORD_ROOM +
		    blob_slice(piece->entry.payload).size +
		    piece->records.size + piece->records.size / 2 + piece->tails.bytes;
	}
	return bytes;
}

/* An empty batch with room for so much. LevelDB has no call for that: its batch doubles, and
 * holds the old and the new at that moment. But cleared it keeps what it has. */
static leveldb_writebatch_t *
batch_with_room(size_t bytes)
{
	leveldb_writebatch_t *handle = leveldb_writebatch_create();
	void *zeros = xmap_zeros(bytes);

	leveldb_writebatch_put(handle, zeros, 0, zeros, bytes);
	leveldb_writebatch_clear(handle);
	xunmap(zeros, bytes);
	return handle;
}

static void
spend(struct wal_batch *batch, struct blob *blob)
{
	batch->spent = xgrow(batch->spent, &batch->spent_capacity, batch->spent_count + 1,
	    sizeof(struct blob *));
	batch->spent[batch->spent_count++] = blob;
}

void
batch_finish(struct wal_batch *batch)
{
	leveldb_writebatch_t *behind = batch->handle;

	if (batch->piece_count == 0)
		return;
	batch->handle = batch_with_room(bytes_when_finished(batch));
	for (size_t i = 0; i < batch->piece_count; i++) {
		struct batch_piece *piece = &batch->pieces[i];

		leveldb_writebatch_append(batch->handle, piece->before);
		leveldb_writebatch_destroy(piece->before);
		if (piece->is_entry) {
			put_entry(batch, &piece->entry);
			spend(batch, piece->entry.payload);
		} else {
			put_records(batch, piece->generation, buf_slice(&piece->records),
			    &piece->tails);
			buf_free(&piece->records);
			for (size_t k = 0; k < piece->tails.count; k++)
				spend(batch, piece->tails.list[k].blob);
			free(piece->tails.list);
		}
	}
	leveldb_writebatch_append(batch->handle, behind);
	leveldb_writebatch_destroy(behind);
	batch->piece_count = 0;
	buf_recycle(&batch->value, BATCH_KEEP_BYTES);
}

void
batch_put_marks(struct wal_batch *batch, const struct disk_marks *marks)
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
