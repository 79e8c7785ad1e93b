/*
 * reader.c - see reader.h.
 *
 * All below the lock is guarded by it; `snapshots` is the thread's own, but while
 * it is paused. Blobs are made here and counted by the loop's thread from then
 * on: the lock hands them over.
 *
 * Each read sees one state of the disk (an iterator, or a LevelDB snapshot), so
 * the marks and what they speak of belong together. What LevelDB shows is
 * synced: it shows a batch only after its sync.
 * Source: pitfalls compaction-overtakes, unseen-damage, deleted-scan and short-read of
 * docs/testing.md.
 */
#include "raftd/wal/reader.h"

#include "common/ipc/message.h"
#include "common/xmem.h"
#include "raftd/wal/keyspace.h"
#include "raftd/wal/record.h"
#include "raftd/wal/thread.h"
#include "raftd/wal/wakeup.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Garbage found in one job: what is deleted in one batch. */
#define GARBAGE_KEYS_MAX 1024
#define GARBAGE_BYTES_MAX (64 * KIB)

struct snapshot {
	LIST_ENTRY(snapshot) link;
	uint64_t id;
	const leveldb_snapshot_t *image;
	struct disk_marks marks;
	struct buf next;		/* LevelDB key to go on from */
	bool ended;			/* the last record was read */
};

struct wal_reader {
	struct db *db;
	int wakeup_fd;
	bool started;
	pthread_t thread;
	LIST_HEAD(, snapshot) snapshots;

	pthread_mutex_t lock;
	pthread_cond_t added;
	pthread_cond_t done;		/* a job, while a pause is waited for */
	struct wal_reader_jobs jobs, answers;
	bool busy;
	bool paused;
	bool stop;
};

struct wal_reader_job *
wal_reader_job_new(enum read_kind kind)
{
	struct wal_reader_job *job = xzalloc(sizeof(*job));

	job->kind = kind;
	return job;
}

void
wal_reader_job_free(struct wal_reader_job **job_pointer)
{
	struct wal_reader_job *job = *job_pointer;

	for (size_t i = 0; i < job->count && job->entries != NULL; i++)
		blob_unref(&job->entries[i].payload);
	free(job->entries);
	free(job->sentence);
	buf_free(&job->key);
	buf_free(&job->key_end);
	buf_free(&job->records);
	free(job);
	*job_pointer = NULL;
}

/* ---- checked access ------------------------------------------------------- */

static enum err
damaged(struct wal_reader *reader, const char *what, char **sentence)
{
	*sentence = db_sentence(ERR_CORRUPT, "cannot read", reader->db->path, what);
	return ERR_CORRUPT;
}

/* Open the value the iterator is at. */
static enum err
open_here(struct wal_reader *reader, const leveldb_iterator_t *iterator, const char *what,
    struct slice *content, char **sentence)
{
	enum err err = record_open(db_iterator_key(iterator), db_iterator_value(iterator),
	    content);

	return err == ERR_NONE ? ERR_NONE : damaged(reader, what, sentence);
}

/* The marks of the state that the iterator sees. */
static enum err
read_marks(struct wal_reader *reader, leveldb_iterator_t *iterator, struct disk_marks *marks,
    char **sentence)
{
	struct keyspace_key key = keyspace_marks();
	struct slice content;
	struct reader in;
	enum err err;

	db_iterator_seek(iterator, keyspace_slice(&key));
	err = db_iterator_error(reader->db, iterator, sentence);
	if (err != ERR_NONE)
		return err;
	if (!leveldb_iter_valid(iterator) ||
	    !slice_equal(db_iterator_key(iterator), keyspace_slice(&key)))
		return damaged(reader, "no marks", sentence);
	err = open_here(reader, iterator, "marks", &content, sentence);
	if (err != ERR_NONE)
		return err;
	in = reader_of(content);
	if (!disk_marks_get(&in, marks) || !reader_done(&in))
		return damaged(reader, "marks", sentence);
	return ERR_NONE;
}

/* ---- entries -------------------------------------------------------------- */

/* The entry of that index, which must be where the iterator is. */
static enum err
read_entry(struct wal_reader *reader, leveldb_iterator_t *iterator, raft_index index,
    struct raft_entry *entry, struct slice *payload, char **sentence)
{
	char what[40];
	struct slice content;
	raft_index found;
	enum err err = db_iterator_error(reader->db, iterator, sentence);

	if (err != ERR_NONE)
		return err;
	snprintf(what, sizeof(what), "entry %" PRIu64, index);
	if (!leveldb_iter_valid(iterator) ||
	    !keyspace_is_log(db_iterator_key(iterator), &found) || found != index)
		return damaged(reader, what, sentence);
	err = open_here(reader, iterator, what, &content, sentence);
	if (err != ERR_NONE)
		return err;
	if (record_get_entry(content, entry, payload) != ERR_NONE || entry->index != index)
		return damaged(reader, what, sentence);
	return ERR_NONE;
}

static enum err
collect_entries(struct wal_reader *reader, leveldb_iterator_t *iterator, struct wal_reader_job *job)
{
	struct keyspace_key key;
	struct disk_marks marks;
	struct raft_entry entry;
	struct slice payload;
	size_t capacity = 0, bytes = 0;
	enum err err = read_marks(reader, iterator, &marks, &job->sentence);

	if (err != ERR_NONE)
		return err;
	/* Compacted, or not there yet: the answer without entries. */
	if (job->from <= marks.compacted_index || job->from > marks.last_index)
		return ERR_NONE;
	job->position = (struct raft_position){ marks.compacted_index, marks.compacted_term };
	key = keyspace_log(job->from);
	if (job->from - 1 > marks.compacted_index) {
		key = keyspace_log(job->from - 1);
		db_iterator_seek(iterator, keyspace_slice(&key));
		err = read_entry(reader, iterator, job->from - 1, &entry, &payload,
		    &job->sentence);
		if (err != ERR_NONE)
			return err;
		job->position = (struct raft_position){ entry.index, entry.term };
		leveldb_iter_next(iterator);
	} else {
		db_iterator_seek(iterator, keyspace_slice(&key));
	}
	for (raft_index index = job->from; index <= marks.last_index; index++) {
		err = read_entry(reader, iterator, index, &entry, &payload, &job->sentence);
		if (err != ERR_NONE)
			return err;
		bytes += db_iterator_value(iterator).size;
		if (job->count > 0 && bytes > job->bytes_max)
			break;
		if (payload.size > 0)
			entry.payload = blob_new(payload);
		job->entries = xgrow(job->entries, &capacity, job->count + 1, sizeof(entry));
		job->entries[job->count++] = entry;
		leveldb_iter_next(iterator);
	}
	return ERR_NONE;
}

static void
do_entries(struct wal_reader *reader, struct wal_reader_job *job)
{
	leveldb_iterator_t *iterator = db_iterate(reader->db, NULL);

	job->err = collect_entries(reader, iterator, job);
	leveldb_iter_destroy(iterator);
}

/* ---- images --------------------------------------------------------------- */

static void
do_snapshot_begin(struct wal_reader *reader, struct wal_reader_job *job)
{
	struct snapshot *snapshot = xzalloc(sizeof(*snapshot));

	snapshot->id = job->id;
	snapshot->image = leveldb_create_snapshot(reader->db->handle);
	LIST_INSERT_HEAD(&reader->snapshots, snapshot, link);
}

static struct snapshot *
snapshot_find(struct wal_reader *reader, uint64_t id)
{
	struct snapshot *snapshot;

	LIST_FOREACH(snapshot, &reader->snapshots, link) {
		if (snapshot->id == id)
			return snapshot;
	}
	return NULL;
}

static void
snapshot_free(struct wal_reader *reader, struct snapshot *snapshot)
{
	LIST_REMOVE(snapshot, link);
	leveldb_release_snapshot(reader->db->handle, snapshot->image);
	buf_free(&snapshot->next);
	free(snapshot);
}

static enum err
collect_records(struct wal_reader *reader, leveldb_iterator_t *iterator,
    struct snapshot *snapshot, struct wal_reader_job *job)
{
	enum err err;

	if (snapshot->next.size == 0) {
		struct keyspace_key first;

		err = read_marks(reader, iterator, &snapshot->marks, &job->sentence);
		if (err != ERR_NONE)
			return err;
		first = keyspace_generation(snapshot->marks.generation);
		buf_append_slice(&snapshot->next, keyspace_slice(&first));
	}
	job->position = (struct raft_position){ snapshot->marks.applied_index,
		snapshot->marks.applied_term };
	db_iterator_seek(iterator, buf_slice(&snapshot->next));
	for (; leveldb_iter_valid(iterator); leveldb_iter_next(iterator)) {
		struct state_record record;
		uint32_t generation;

		if (!keyspace_is_state(db_iterator_key(iterator), &generation, &record.key) ||
		    generation != snapshot->marks.generation)
			break;
		if (job->records.size >= job->bytes_max && job->records.size > 0) {
			buf_clear(&snapshot->next);
			buf_append_slice(&snapshot->next, db_iterator_key(iterator));
			return ERR_NONE;
		}
		err = open_here(reader, iterator, "a record of the applied state",
		    &record.value, &job->sentence);
		if (err != ERR_NONE)
			return err;
		state_record_put(&job->records, &record);
	}
	err = db_iterator_error(reader->db, iterator, &job->sentence);
	if (err == ERR_NONE)
		job->last = snapshot->ended = true;
	return err;
}

/* True if there is an answer to it: none once the image is gone or all was read. */
static bool
do_snapshot(struct wal_reader *reader, struct wal_reader_job *job)
{
	struct snapshot *snapshot = snapshot_find(reader, job->id);
	leveldb_iterator_t *iterator;

	if (snapshot == NULL || snapshot->ended)
		return false;
	iterator = db_iterate(reader->db, snapshot->image);
	job->err = collect_records(reader, iterator, snapshot, job);
	leveldb_iter_destroy(iterator);
	return true;
}

static void
do_snapshot_end(struct wal_reader *reader, struct wal_reader_job *job)
{
	struct snapshot *snapshot = snapshot_find(reader, job->id);

	if (snapshot != NULL)
		snapshot_free(reader, snapshot);
}

/* ---- garbage -------------------------------------------------------------- */

static void
do_garbage(struct wal_reader *reader, struct wal_reader_job *job)
{
	leveldb_iterator_t *iterator = db_iterate(reader->db, NULL);

	job->last = true;
	db_iterator_seek(iterator, buf_slice(&job->key));
	while (leveldb_iter_valid(iterator)) {
		struct slice bytes = db_iterator_key(iterator), key;
		uint32_t generation;

		if (!keyspace_is_state(bytes, &generation, &key) ||
		    generation > job->generation_last)
			break;
		if (generation == job->generation || generation == job->generation_kept) {
			struct keyspace_key after = keyspace_generation(generation + 1);

			db_iterator_seek(iterator, keyspace_slice(&after));
			continue;
		}
		if (job->count == GARBAGE_KEYS_MAX || job->records.size >= GARBAGE_BYTES_MAX) {
			job->last = false;
			break;
		}
		codec_put_bytes(&job->records, bytes);
		job->count++;
		leveldb_iter_next(iterator);
	}
	job->err = db_iterator_error(reader->db, iterator, &job->sentence);
	leveldb_iter_destroy(iterator);
}

/* ---- the thread ----------------------------------------------------------- */

/* True if the job is an answer now. */
static bool
work_on(struct wal_reader *reader, struct wal_reader_job *job)
{
	switch (job->kind) {
	case READ_ENTRIES:
		do_entries(reader, job);
		return true;
	case READ_SNAPSHOT_BEGIN:
		do_snapshot_begin(reader, job);
		return false;
	case READ_SNAPSHOT:
		return do_snapshot(reader, job);
	case READ_SNAPSHOT_END:
		do_snapshot_end(reader, job);
		return false;
	case READ_GARBAGE:
		do_garbage(reader, job);
		return true;
	case READ_COMPACT:
		/* Its errors show at the next write. */
		leveldb_compact_range(reader->db->handle, (const char *)job->key.data,
		    job->key.size, (const char *)job->key_end.data, job->key_end.size);
		return false;
	}
	return false;
}

static void *
wal_reader_run(void *argument)
{
	struct wal_reader *reader = argument;
	struct wal_reader_job *job;
	bool answer;

	pthread_mutex_lock(&reader->lock);
	while (!reader->stop) {
		job = STAILQ_FIRST(&reader->jobs);
		if (job == NULL || reader->paused) {
			pthread_cond_wait(&reader->added, &reader->lock);
			continue;
		}
		STAILQ_REMOVE_HEAD(&reader->jobs, link);
		reader->busy = true;
		pthread_mutex_unlock(&reader->lock);
		answer = work_on(reader, job);
		if (!answer)
			wal_reader_job_free(&job);
		pthread_mutex_lock(&reader->lock);
		reader->busy = false;
		pthread_cond_signal(&reader->done);
		if (answer) {
			STAILQ_INSERT_TAIL(&reader->answers, job, link);
			wakeup_send(reader->wakeup_fd);
		}
	}
	pthread_mutex_unlock(&reader->lock);
	return NULL;
}

struct wal_reader *
wal_reader_new(struct db *db, int wakeup_fd)
{
	struct wal_reader *reader = xzalloc(sizeof(*reader));

	reader->db = db;
	reader->wakeup_fd = wakeup_fd;
	LIST_INIT(&reader->snapshots);
	STAILQ_INIT(&reader->jobs);
	STAILQ_INIT(&reader->answers);
	pthread_mutex_init(&reader->lock, NULL);
	pthread_cond_init(&reader->added, NULL);
	pthread_cond_init(&reader->done, NULL);
	return reader;
}

void
wal_reader_start(struct wal_reader *reader)
{
	reader->started = true;
	thread_start(&reader->thread, wal_reader_run, reader);
}

/* With the lock held. */
static void
snapshot_lose(struct wal_reader *reader, struct snapshot *snapshot)
{
	struct wal_reader_job *answer;

	if (!snapshot->ended) {
		answer = wal_reader_job_new(READ_SNAPSHOT);
		answer->id = snapshot->id;
		answer->lost = true;
		STAILQ_INSERT_TAIL(&reader->answers, answer, link);
		wakeup_send(reader->wakeup_fd);
	}
	snapshot_free(reader, snapshot);
}

void
wal_reader_pause(struct wal_reader *reader)
{
	pthread_mutex_lock(&reader->lock);
	reader->paused = true;
	while (reader->busy)
		pthread_cond_wait(&reader->done, &reader->lock);
	while (!LIST_EMPTY(&reader->snapshots))
		snapshot_lose(reader, LIST_FIRST(&reader->snapshots));
	pthread_mutex_unlock(&reader->lock);
}

void
wal_reader_resume(struct wal_reader *reader)
{
	pthread_mutex_lock(&reader->lock);
	reader->paused = false;
	pthread_cond_signal(&reader->added);
	pthread_mutex_unlock(&reader->lock);
}

void
wal_reader_add(struct wal_reader *reader, struct wal_reader_job *job)
{
	pthread_mutex_lock(&reader->lock);
	STAILQ_INSERT_TAIL(&reader->jobs, job, link);
	pthread_cond_signal(&reader->added);
	pthread_mutex_unlock(&reader->lock);
}

void
wal_reader_take(struct wal_reader *reader, struct wal_reader_jobs *answers)
{
	pthread_mutex_lock(&reader->lock);
	STAILQ_CONCAT(answers, &reader->answers);
	pthread_mutex_unlock(&reader->lock);
}

static void
jobs_free(struct wal_reader_jobs *jobs)
{
	while (!STAILQ_EMPTY(jobs)) {
		struct wal_reader_job *job = STAILQ_FIRST(jobs);

		STAILQ_REMOVE_HEAD(jobs, link);
		wal_reader_job_free(&job);
	}
}

void
wal_reader_free(struct wal_reader **reader_pointer)
{
	struct wal_reader *reader = *reader_pointer;

	if (reader == NULL)
		return;
	pthread_mutex_lock(&reader->lock);
	reader->stop = true;
	pthread_cond_signal(&reader->added);
	pthread_mutex_unlock(&reader->lock);
	if (reader->started)
		pthread_join(reader->thread, NULL);
	while (!LIST_EMPTY(&reader->snapshots))
		snapshot_free(reader, LIST_FIRST(&reader->snapshots));
	jobs_free(&reader->jobs);
	jobs_free(&reader->answers);
	pthread_cond_destroy(&reader->added);
	pthread_cond_destroy(&reader->done);
	pthread_mutex_destroy(&reader->lock);
	free(reader);
	*reader_pointer = NULL;
}
