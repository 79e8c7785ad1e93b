/*
 * upkeep.c - deleting what nobody needs, in bounded pieces that share the
 * batches of the turns: entries that were compacted, and state records of
 * generations that are gone. Then LevelDB compacts the range, on the reader's
 * thread, so that no later scan wades through the deletions.
 *
 * Called by wal.c and turn.c. Garbage is never read at start: the marks say
 * where the log begins and which generation counts, so what a crash leaves
 * here costs nothing and is found again.
 * Source: pitfalls compaction-overtakes and deleted-scan of docs/testing.md.
 */
#include "raftd/wal/keyspace.h"
#include "raftd/wal/wal_priv.h"

/* Entries deleted with one batch. */
#define TRIM_ENTRIES_MAX 1024
/* LevelDB compacts the log's range after so many deletions. */
#define COMPACT_ENTRIES 65536

static void
compact_range(struct wal *wal, struct slice first, struct slice end)
{
	struct wal_reader_job *job = wal_reader_job_new(READ_COMPACT);

	buf_append_slice(&job->key, first);
	buf_append_slice(&job->key_end, end);
	wal_reader_add(wal->reader, job);
}

/* True if compacted entries are left to delete. */
static bool
trim_wanted(const struct wal *wal)
{
	return wal->marks.trimmed <= wal->marks.compacted_index;
}

void
upkeep_trim(struct wal *wal, struct wal_batch *batch)
{
	raft_index first = wal->marks.trimmed;
	raft_index last = MIN_OF(wal->marks.compacted_index, first + TRIM_ENTRIES_MAX - 1);

	if (!trim_wanted(wal))
		return;
	batch_delete_entries(batch, first, last);
	wal->marks.trimmed = last + 1;
	if (wal->marks.trimmed - wal->trimmed_compacted >= COMPACT_ENTRIES) {
		struct keyspace_key from = keyspace_log(wal->trimmed_compacted);
		struct keyspace_key to = keyspace_log(last);

		wal->trimmed_compacted = last;
		compact_range(wal, keyspace_slice(&from), keyspace_slice(&to));
	}
}

/* Ask the reader for the next piece of garbage. */
static void
sweep_ask(struct wal *wal)
{
	struct wal_reader_job *job = wal_reader_job_new(READ_GARBAGE);

	if (wal->sweep_from.size == 0) {
		struct keyspace_key first = keyspace_generation(0);

		buf_append_slice(&wal->sweep_from, keyspace_slice(&first));
	}
	buf_append_slice(&job->key, buf_slice(&wal->sweep_from));
	job->generation = wal->marks.generation;
	job->generation_kept = wal->install_generation;
	job->generation_last = wal->marks.generation_last;
	wal->sweep = SWEEP_ASKED;
	wal_reader_add(wal->reader, job);
}

/* Begin a sweep if one is wanted and can begin. */
static void
sweep_start(struct wal *wal)
{
	if (!wal->sweep_wanted || wal->sweep != SWEEP_IDLE || wal->done < wal->sweep_after)
		return;
	wal->sweep_wanted = false;
	buf_clear(&wal->sweep_from);
	buf_clear(&wal->swept_first);
	sweep_ask(wal);
}

void
upkeep_sweep(struct wal *wal)
{
	wal->sweep_wanted = true;
	wal->sweep_after = wal->ticket;
	sweep_start(wal);
}

/* Nothing is left behind sweep_from. */
static void
sweep_done(struct wal *wal)
{
	wal->sweep = SWEEP_IDLE;
	if (wal->swept_first.size > 0)
		compact_range(wal, buf_slice(&wal->swept_first), buf_slice(&wal->swept_last));
	sweep_start(wal);
}

void
upkeep_found(struct wal *wal, const struct wal_reader_job *job)
{
	struct reader in = reader_of(buf_slice(&job->records));
	struct wal_batch *batch;
	struct slice key = SLICE_EMPTY;

	if (job->count == 0) {
		sweep_done(wal);
		return;
	}
	batch = writer_begin(wal->writer);
	while (codec_get_bytes(&in, &key)) {
		batch_delete(batch, key);
		if (wal->swept_first.size == 0)
			buf_append_slice(&wal->swept_first, key);
	}
	writer_end(wal->writer, 0, &wal->marks, wal->identity.node_id);
	buf_clear(&wal->swept_last);
	buf_append_slice(&wal->swept_last, key);
	buf_clear(&wal->sweep_from);
	buf_append_slice(&wal->sweep_from, key);
	buf_append_byte(&wal->sweep_from, 0);	/* the key that comes next in order */
	wal->sweep = SWEEP_WRITING;
}

void
upkeep_step(struct wal *wal)
{
	if (wal->sweep == SWEEP_WRITING)
		sweep_ask(wal);
	sweep_start(wal);
	if (trim_wanted(wal)) {
		struct wal_batch *batch = writer_begin(wal->writer);

		upkeep_trim(wal, batch);
		writer_end(wal->writer, 0, &wal->marks, wal->identity.node_id);
	}
}

void
upkeep_free(struct wal *wal)
{
	buf_free(&wal->sweep_from);
	buf_free(&wal->swept_first);
	buf_free(&wal->swept_last);
}
