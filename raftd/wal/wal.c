/*
 * wal.c - the life of the handle, and completions on the loop's thread.
 *
 * Called by main.c. turn.c fills batches, writer.c sends them, reader.c reads,
 * recover.c believes the disk or not, upkeep.c cleans. All callbacks are made
 * from completed(), so one turn of the loop sees each at most once.
 */
#include "raftd/wal/wal_priv.h"

#include "common/rand.h"
#include "common/xmem.h"
#include "raftd/wal/directory.h"
#include "raftd/wal/wakeup.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- opening --------------------------------------------------------------- */

/* Give a new directory its identity, in batch 1. */
static enum err
make_identity(struct wal *wal, const struct wal_options *options, char **sentence)
{
	size_t length = options->name == NULL ? 0 : strlen(options->name);
	struct disk_identity identity;
	struct wal_batch batch;
	enum err err;

	if (length == 0 || length > NAME_BYTES_MAX) {
		*sentence = xasprintf("a new node needs a name of 1 to %d bytes; choose a -name",
		    NAME_BYTES_MAX);
		return ERR_INVALID;
	}
	wal->identity = (struct wal_identity){ .node_id = rand_entropy() };
	memcpy(wal->identity.name, options->name, length);
	wal->marks = (struct disk_marks){
		.batch = 1,
		.generation = 1,
		.generation_last = 1,
		.trimmed = 1,
	};
	identity = turn_identity(wal);
	batch_init(&batch);
	batch_put_identity(&batch, &identity);
	batch_put_marks(&batch, &wal->marks);
	err = db_write(wal->db, batch.handle, batch_log_bytes(&batch), sentence);
	batch_free(&batch);
	return err;
}

/* Nobody knows a node that was never in a cluster by its name: the name was taken there,
 * and it tries another. Its id stays, so that a join that was not heard of is found. */
static enum err
rename_identity(struct wal *wal, const char *name, char **sentence)
{
	struct disk_identity identity;
	struct wal_batch batch;
	enum err err;

	ASSERT(strlen(name) <= NAME_BYTES_MAX);
	snprintf(wal->identity.name, sizeof(wal->identity.name), "%s", name);
	identity = turn_identity(wal);
	batch_init(&batch);
	batch_put_identity(&batch, &identity);
	err = db_write(wal->db, batch.handle, batch_log_bytes(&batch), sentence);
	batch_free(&batch);
	return err;
}

/* The identity that is there, or a new one if there may be none. */
static enum err
open_identity(struct wal *wal, const struct wal_options *options, enum wal_directory_kind kind,
    struct wal_recovered *recovered, char **sentence)
{
	enum err err = recover_identity(wal, sentence);

	if (err == ERR_NOT_FOUND && !wal_directory_is_ours(kind))
		return make_identity(wal, options, sentence);
	if (err == ERR_NOT_FOUND) {
		*sentence = db_sentence(ERR_CORRUPT, "cannot use", wal->db->path,
		    "the identity is missing");
		return ERR_CORRUPT;
	}
	if (err == ERR_NONE)
		err = recover_marks(wal, &recovered->hard_state, sentence);
	if (err != ERR_NONE)
		return err;
	if (!wal_directory_is_ours(kind) && wal->marks.batch > 1) {
		*sentence = db_sentence(ERR_CORRUPT, "cannot use", wal->db->path,
		    "it is in use but FORMAT is missing beside it");
		return ERR_CORRUPT;
	}
	if (options->name == NULL || options->name[0] == '\0' ||
	    strcmp(options->name, wal->identity.name) == 0)
		return ERR_NONE;
	if (wal->identity.cluster_id != 0) {
		*sentence = xasprintf("%s belongs to node %s, not to %s (-name); "
		    "start it with -name %s or choose another -data-dir; or, if nothing in it "
		    "is needed, empty it, and the node begins anew", wal->data_dir,
		    wal->identity.name, options->name, wal->identity.name);
		return ERR_INVALID;
	}
	return rename_identity(wal, options->name, sentence);
}

static enum err
open_all(struct wal *wal, const struct wal_options *options, struct wal_recovered *recovered,
    char **sentence)
{
	struct disk_synced synced;
	enum wal_directory_kind kind;
	char *path = NULL;
	enum err err;

	if (!options->rebuilding) {
		err = wal_directory_check_rebuilt(wal->data_dir, sentence);
		if (err != ERR_NONE)
			return err;
	}
	err = wal_directory_inspect(wal->data_dir, &kind, sentence);
	if (err != ERR_NONE)
		return err;
	err = mark_open(wal->data_dir, options->sync, &wal->mark, &synced, sentence);
	if (err == ERR_NONE && !wal_directory_is_ours(kind))
		err = wal_directory_make_db(wal->data_dir, sentence);
	if (err != ERR_NONE)
		return err;
	path = xasprintf("%s/db", wal->data_dir);
	err = db_open(path, !wal_directory_is_ours(kind), options->cache_bytes, options->sync,
	    &wal->db, sentence);
	free(path);
	if (err != ERR_NONE)
		return err;
	err = open_identity(wal, options, kind, recovered, sentence);
	if (err == ERR_NONE)
		err = recover_check_mark(wal, &synced, sentence);
	if (err == ERR_NONE && kind != DIRECTORY_OURS)
		err = wal_directory_finish(wal->data_dir, options->sync, sentence);
	recovered->is_new = !wal_directory_is_ours(kind);
	return err;
}

enum err
wal_open(const struct wal_options *options, struct wal **result, struct wal_recovered *recovered,
    char **sentence)
{
	struct wal *wal = xzalloc(sizeof(*wal));
	struct wal_recovered found = { .is_new = false };
	enum err err;

	wal->data_dir = xstrdup(options->data_dir);
	wal->wakeup_fd = -1;
	err = open_all(wal, options, &found, sentence);
	if (err != ERR_NONE)
		goto fail;
	err = wakeup_open(&wal->wakeup_fd);
	if (err != ERR_NONE) {
		*sentence = db_sentence(err, "cannot open", wal->db->path, "event descriptor");
		goto fail;
	}
	wal->reader = wal_reader_new(wal->db, wal->wakeup_fd);
	wal->writer = writer_new(wal->db, wal->mark, wal->reader, wal->marks.batch,
	    wal->wakeup_fd);
	wal->trimmed_compacted = wal->marks.trimmed;
	found.identity = wal->identity;
	found.compacted = (struct raft_position){ wal->marks.compacted_index,
		wal->marks.compacted_term };
	found.applied = (struct raft_position){ wal->marks.applied_index,
		wal->marks.applied_term };
	found.last = (struct raft_position){ wal->marks.last_index, wal->marks.last_term };
	found.commit = wal->marks.commit;
	*recovered = found;
	*result = wal;
	return ERR_NONE;
fail:
	wal_close(&wal);
	return err;
}

void
wal_close(struct wal **wal_pointer)
{
	struct wal *wal = *wal_pointer;

	if (wal == NULL)
		return;
	loop_io_free(&wal->io);
	writer_free(&wal->writer);
	wal_reader_free(&wal->reader);
	db_close(&wal->db);
	mark_close(&wal->mark);
	if (wal->wakeup_fd != -1)
		close(wal->wakeup_fd);
	terms_free(&wal->terms);
	upkeep_free(wal);
	free(wal->snapshots);
	free(wal->data_dir);
	free(wal);
	*wal_pointer = NULL;
}

/* ---- completions ----------------------------------------------------------- */

/* The first error: report it once, write and report nothing any more. Takes sentence. */
static void
poison(struct wal *wal, enum err err, char *sentence)
{
	if (!wal->poisoned) {
		wal->poisoned = true;
		writer_poison(wal->writer);
		wal->callbacks.failed(wal->callbacks.argument, err, sentence);
	}
	free(sentence);
}

static bool
snapshot_in_use(const struct wal *wal, uint64_t snapshot)
{
	for (size_t i = 0; i < wal->snapshot_count; i++) {
		if (wal->snapshots[i] == snapshot)
			return true;
	}
	return false;
}

static void
answer(struct wal *wal, struct wal_reader_job *job)
{
	void *argument = wal->callbacks.argument;

	if (wal->poisoned)
		return;
	if (job->err != ERR_NONE) {
		poison(wal, job->err, job->sentence);
		job->sentence = NULL;
	} else if (job->kind == READ_ENTRIES) {
		wal->callbacks.fetched(argument, job->id, job->position, job->entries, job->count);
	} else if (job->kind == READ_GARBAGE) {
		upkeep_found(wal, job);
	} else if (!snapshot_in_use(wal, job->id)) {
		return;
	} else if (job->lost) {
		wal->callbacks.snapshot_lost(argument, job->id);
	} else {
		wal->callbacks.snapshot_read(argument, job->id, job->position,
		    buf_slice(&job->records), job->last);
	}
}

static void
completed(void *argument, unsigned events UNUSED)
{
	struct wal_reader_jobs answers = STAILQ_HEAD_INITIALIZER(answers);
	struct wal *wal = argument;
	struct writer_news news;
	bool is_newer;

	wakeup_take(wal->wakeup_fd);
	writer_take_news(wal->writer, &news);
	wal_reader_take(wal->reader, &answers);
	if (news.err != ERR_NONE)
		poison(wal, news.err, news.sentence);
	while (!STAILQ_EMPTY(&answers)) {
		struct wal_reader_job *job = STAILQ_FIRST(&answers);

		STAILQ_REMOVE_HEAD(&answers, link);
		answer(wal, job);
		wal_reader_job_free(&job);
	}
	if (wal->poisoned)
		return;
	if (news.looked)
		wal->callbacks.space(wal->callbacks.argument, &news.space);
	is_newer = news.ticket > wal->done;
	wal->done = news.ticket;
	if (news.batches > wal->batches) {
		wal->batches = news.batches;
		upkeep_step(wal);
	}
	if (is_newer)
		wal->callbacks.persisted(wal->callbacks.argument, wal->done);
}

void
wal_start(struct wal *wal, struct loop *loop, struct wal_callbacks callbacks)
{
	ASSERT(wal->recovered);
	ASSERT(wal->io == NULL);
	wal->callbacks = callbacks;
	wal->io = loop_io_new(loop, wal->wakeup_fd, completed, wal);
	loop_io_want(wal->io, LOOP_READ);
	writer_start(wal->writer);
	wal_reader_start(wal->reader);
	/* What a crash left: garbage of an unfinished snapshot, of a compaction. */
	upkeep_sweep(wal);
	upkeep_step(wal);
}

/* ---- questions and reads --------------------------------------------------- */

void
wal_look(struct wal *wal)
{
	writer_look(wal->writer);
}

void
wal_fetch(struct wal *wal, uint64_t fetch, raft_index from, size_t bytes_max)
{
	struct wal_reader_job *job = wal_reader_job_new(READ_ENTRIES);

	ASSERT(from > 0);
	job->id = fetch;
	job->from = from;
	job->bytes_max = bytes_max;
	wal_reader_add(wal->reader, job);
}

uint64_t
wal_snapshot_begin(struct wal *wal)
{
	struct wal_reader_job *job = wal_reader_job_new(READ_SNAPSHOT_BEGIN);

	job->id = ++wal->snapshot_last;
	wal->snapshots = xgrow(wal->snapshots, &wal->snapshot_capacity, wal->snapshot_count + 1,
	    sizeof(*wal->snapshots));
	wal->snapshots[wal->snapshot_count++] = job->id;
	wal_reader_add(wal->reader, job);
	return wal->snapshot_last;
}

void
wal_snapshot_read(struct wal *wal, uint64_t snapshot, size_t bytes_max)
{
	struct wal_reader_job *job = wal_reader_job_new(READ_SNAPSHOT);

	ASSERT(snapshot_in_use(wal, snapshot));
	job->id = snapshot;
	job->bytes_max = bytes_max;
	wal_reader_add(wal->reader, job);
}

void
wal_snapshot_end(struct wal *wal, uint64_t snapshot)
{
	struct wal_reader_job *job = wal_reader_job_new(READ_SNAPSHOT_END);

	ASSERT(snapshot_in_use(wal, snapshot));
	for (size_t i = 0; i < wal->snapshot_count; i++) {
		if (wal->snapshots[i] == snapshot)
			wal->snapshots[i] = wal->snapshots[--wal->snapshot_count];
	}
	job->id = snapshot;
	wal_reader_add(wal->reader, job);
}
