/*
 * writer.c - see writer.h.
 *
 * All of struct wal_writer below `lock` is guarded by it; what is above is the
 * thread's own. The lock is never held over I/O. Nothing polls but a thread that
 * waits for space: it sleeps until there is a batch. Metrics of the disk are counted
 * by it and by nobody else (common/metric.h).
 * Source: pitfalls sync-again, no-sync, on-after-error, reused-log-files, directory-sync
 * and disk-full of docs/testing.md.
 */
#include "raftd/wal/writer.h"

#include "common/clock.h"
#include "common/metric.h"
#include "common/xmem.h"
#include "raftd/wal/keyspace.h"
#include "raftd/wal/thread.h"
#include "raftd/wal/wakeup.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>

/* How often a full disk is looked at, and how long one is believed to be as it was. */
#define SPACE_RETRY_MS 250
#define SPACE_LOOK_MS 1000
/* How large the database is, when it is written to. */
#define MEASURE_MS 5000

struct wal_writer {
	struct db *db;
	struct mark *mark;
	struct wal_reader *reader;
	int wakeup_fd;
	bool started;
	pthread_t thread;

	struct wal_batch writing;
	uint64_t measured_ns;		/* when the sizes were looked at; 0: never */
	size_t unmeasured_bytes;	/* written since the sizes were looked at */
	struct wal_space space;		/* as last seen */
	uint64_t looked_ns;		/* when that was; 0: never */
	size_t unseen_bytes;		/* written since */

	/* Posted when there is more to do than before. A condition would cost a call more for
	 * each batch: its lock counts as fought for once somebody has waited. */
	sem_t called;

	pthread_mutex_t lock;
	struct wal_batch collecting;
	bool has_batch;			/* collecting has something */
	bool look;			/* how much room is there? */
	bool stop;
	bool poisoned;
	uint64_t ticket;		/* highest in collecting */
	struct disk_marks marks;	/* to go with it; batch: number of the last one taken */
	uint64_t node_id;
	struct writer_news news;
};

struct wal_writer *
writer_new(struct db *db, struct mark *mark, struct wal_reader *reader, uint64_t batch,
    int wakeup_fd)
{
	struct wal_writer *writer = xzalloc(sizeof(*writer));

	writer->db = db;
	writer->mark = mark;
	writer->reader = reader;
	writer->wakeup_fd = wakeup_fd;
	writer->marks.batch = batch;
	batch_init(&writer->collecting);
	batch_init(&writer->writing);
	pthread_mutex_init(&writer->lock, NULL);
	MUST(sem_init(&writer->called, 0, 0) == 0);
	return writer;
}

struct wal_batch *
writer_begin(struct wal_writer *writer)
{
	pthread_mutex_lock(&writer->lock);
	return &writer->collecting;
}

void
writer_end(struct wal_writer *writer, uint64_t ticket, const struct disk_marks *marks,
    uint64_t node_id)
{
	uint64_t batch = writer->marks.batch;
	bool more;

	writer->marks = *marks;
	writer->marks.batch = batch;
	writer->node_id = node_id;
	if (ticket != 0)
		writer->ticket = ticket;
	more = !writer->has_batch;
	writer->has_batch = true;
	pthread_mutex_unlock(&writer->lock);
	if (more)
		sem_post(&writer->called);
}

/* Write and sync the batch; then, and only then, raise the mark. */
static enum err
write_batch(struct wal_writer *writer, const struct disk_marks *marks, uint64_t node_id,
    char **sentence)
{
	struct disk_synced synced = {
		.node_id = node_id,
		.batch = marks->batch,
		.last_index = marks->last_index,
		.last_term = marks->last_term,
		.applied_index = marks->applied_index,
	};
	struct db *db = writer->db;
	uint64_t begun_ns = clock_monotonic_ns();
	enum err err = db_write(db, writer->writing.handle,
	    batch_log_bytes(&writer->writing), sentence);

	if (err != ERR_NONE)
		return err;
	metric_observe(METRIC_wal_fsync, clock_monotonic_ns() - begun_ns);
	metric_add(METRIC_disk_written, writer->writing.bytes);
	if (writer->writing.entries > 0)
		metric_observe(METRIC_batch_entries, writer->writing.entries);
	err = db_sync_names(db, sentence);
	if (err != ERR_NONE)
		return err;
	return db->sync ? mark_write(writer->mark, &synced, sentence) : ERR_NONE;
}

/* ---- room ------------------------------------------------------------------- */

/* full: whatever the numbers say, nothing can be written now. */
static void
look(struct wal_writer *writer, bool full)
{
	space_look(writer->db->directory_fd, &writer->space);
	writer->looked_ns = clock_monotonic_ns();
	writer->unseen_bytes = 0;
	writer->space.full = writer->space.full || full;
	pthread_mutex_lock(&writer->lock);
	if (writer->look || writer->news.space.full != writer->space.full) {
		writer->look = false;
		writer->news.looked = true;
		wakeup_send(writer->wakeup_fd);
	}
	writer->news.space = writer->space;
	pthread_mutex_unlock(&writer->lock);
}

/* True: it is that time; false: somebody called before. */
static bool
wait_until(struct wal_writer *writer, const struct timespec *until)
{
	int result;

	do {
		result = sem_clockwait(&writer->called, CLOCK_MONOTONIC, until);
	} while (result == -1 && errno == EINTR);
	return result == -1;
}

/* False: the thread is to end, or to write nothing any more. */
static bool
pause_for_space(struct wal_writer *writer)
{
	uint64_t until_ns = clock_monotonic_ns() + SPACE_RETRY_MS * NS_PER_MS;
	struct timespec until = {
		.tv_sec = (time_t)(until_ns / NS_PER_SECOND),
		.tv_nsec = (long)(until_ns % NS_PER_SECOND),
	};
	bool go_on;

	do {
		pthread_mutex_lock(&writer->lock);
		go_on = !writer->stop && !writer->poisoned;
		pthread_mutex_unlock(&writer->lock);
	} while (go_on && !wait_until(writer, &until));
	return go_on;
}

/* Others fill a disk, too. A write that finds it full all the same loses nothing (open_again). */
static bool
looked_lately(const struct wal_writer *writer)
{
	return writer->looked_ns != 0 &&
	    clock_monotonic_ns() - writer->looked_ns < SPACE_LOOK_MS * NS_PER_MS &&
	    space_is_plenty(&writer->space, writer->unseen_bytes);
}

/* Hold the batch back until it fits. False: it is not to be written any more. */
static bool
wait_for_room(struct wal_writer *writer)
{
	writer->unseen_bytes += writer->writing.bytes;
	if (looked_lately(writer))
		return true;
	look(writer, false);
	while (!space_has_room(&writer->space, writer->writing.bytes)) {
		look(writer, true);
		if (!pause_for_space(writer))
			return false;
	}
	writer->unseen_bytes = writer->writing.bytes;
	return true;
}

/* What was opened again must have all that was synced before this batch. */
static enum err
check_opened(struct wal_writer *writer, uint64_t batch, char **sentence)
{
	struct keyspace_key key = keyspace_marks();
	struct buf value = BUF_INIT;
	struct disk_marks marks = { .batch = 0 };
	struct slice content;
	struct reader in;
	enum err err = db_get(writer->db, keyspace_slice(&key), &value, sentence);

	if (err == ERR_NONE && record_open(keyspace_slice(&key), buf_slice(&value),
	    &content) == ERR_NONE) {
		in = reader_of(content);
		if (!disk_marks_get(&in, &marks))
			marks.batch = 0;
	}
	buf_free(&value);
	if (err != ERR_NONE && err != ERR_NOT_FOUND)
		return err;
	if (marks.batch == batch || marks.batch + 1 == batch)
		return ERR_NONE;
	*sentence = db_sentence(ERR_CORRUPT, "cannot use", writer->db->path,
	    "synced data was gone when it was opened again after the disk was full");
	return ERR_CORRUPT;
}

/* A write found no space: this handle has seen its last. ERR_AGAIN, without a
 * sentence: ended while it waited. */
static enum err
open_again(struct wal_writer *writer, uint64_t batch, char **sentence)
{
	enum err err = ERR_NO_SPACE;

	wal_reader_pause(writer->reader);
	db_shut(writer->db);
	while (err == ERR_NO_SPACE) {
		free(*sentence);
		*sentence = NULL;
		do {
			look(writer, true);
			if (!pause_for_space(writer))
				return ERR_AGAIN;
		} while (!space_is_enough(&writer->space));
		err = db_open_again(writer->db, sentence);
	}
	if (err == ERR_NONE)
		err = check_opened(writer, batch, sentence);
	if (err == ERR_NONE)
		wal_reader_resume(writer->reader);
	return err;
}

/* Write the batch, now or when the disk has room for it. ERR_AGAIN, without a
 * sentence: not any more. */
static enum err
keep_batch(struct wal_writer *writer, const struct disk_marks *marks, uint64_t node_id,
    char **sentence)
{
	enum err err;

	for (;;) {
		if (!wait_for_room(writer))
			return ERR_AGAIN;
		err = write_batch(writer, marks, node_id, sentence);
		if (err == ERR_NO_SPACE)
			err = open_again(writer, marks->batch, sentence);
		else
			return err;
		if (err != ERR_NONE)
			return err;
	}
}

/* How large the database is, looked at first of all, when it may have changed and now and then. */
static void
measure(struct wal_writer *writer, size_t bytes, uint64_t now_ns)
{
	uint64_t files, tables;

	writer->unmeasured_bytes += bytes;
	if (writer->measured_ns != 0 && writer->unmeasured_bytes < DB_WRITE_BUFFER_BYTES &&
	    now_ns - writer->measured_ns < MEASURE_MS * NS_PER_MS)
		return;
	writer->measured_ns = now_ns;
	writer->unmeasured_bytes = 0;
	db_sizes(writer->db, &files, &tables);
	metric_set(METRIC_db_size, files);
	metric_set(METRIC_db_in_use, tables);
}

/* ---- the thread --------------------------------------------------------------- */

/* With the lock held, and a batch there: write it with the lock released. */
static void
take_batch(struct wal_writer *writer)
{
	struct wal_batch taken = writer->collecting;
	uint64_t ticket = writer->ticket, node_id = writer->node_id;
	struct disk_marks marks;
	char *sentence = NULL;
	uint64_t begun_ns;
	size_t bytes;
	enum err err;

	writer->collecting = writer->writing;
	writer->writing = taken;
	writer->has_batch = false;
	writer->marks.batch++;
	marks = writer->marks;
	pthread_mutex_unlock(&writer->lock);

	begun_ns = clock_monotonic_ns();
	batch_finish(&writer->writing);
	batch_put_marks(&writer->writing, &marks);
	bytes = writer->writing.bytes;
	err = keep_batch(writer, &marks, node_id, &sentence);
	metric_observe(METRIC_backend_commit, clock_monotonic_ns() - begun_ns);
	batch_clear(&writer->writing);
	if (err == ERR_NONE)
		measure(writer, bytes, begun_ns);

	pthread_mutex_lock(&writer->lock);
	batch_pass_spent(&writer->writing, &writer->collecting);
	if (err == ERR_AGAIN) {
		/* Later batches must not go without this one. */
		writer->poisoned = true;
		return;
	}
	if (err != ERR_NONE) {
		writer->poisoned = true;
		writer->news.err = err;
		writer->news.sentence = sentence;
	} else {
		writer->news.ticket = ticket;
		writer->news.batches++;
	}
	pthread_mutex_unlock(&writer->lock);
	wakeup_send(writer->wakeup_fd);
	pthread_mutex_lock(&writer->lock);
}

static void *
writer_run(void *argument)
{
	struct wal_writer *writer = argument;

	measure(writer, 0, clock_monotonic_ns());
	pthread_mutex_lock(&writer->lock);
	while (!writer->poisoned) {
		if (writer->has_batch) {
			take_batch(writer);
		} else if (writer->stop) {
			break;
		} else if (writer->look) {
			pthread_mutex_unlock(&writer->lock);
			look(writer, false);
			pthread_mutex_lock(&writer->lock);
		} else {
			pthread_mutex_unlock(&writer->lock);
			while (sem_wait(&writer->called) == -1)
				ASSERT(errno == EINTR);
			pthread_mutex_lock(&writer->lock);
		}
	}
	pthread_mutex_unlock(&writer->lock);
	return NULL;
}

void
writer_start(struct wal_writer *writer)
{
	writer->started = true;
	thread_start(&writer->thread, writer_run, writer);
}

void
writer_take_news(struct wal_writer *writer, struct writer_news *news)
{
	pthread_mutex_lock(&writer->lock);
	*news = writer->news;
	batch_release(&writer->collecting);
	writer->news.sentence = NULL;
	writer->news.looked = false;
	pthread_mutex_unlock(&writer->lock);
}

void
writer_look(struct wal_writer *writer)
{
	pthread_mutex_lock(&writer->lock);
	writer->look = true;
	pthread_mutex_unlock(&writer->lock);
	sem_post(&writer->called);
}

void
writer_poison(struct wal_writer *writer)
{
	pthread_mutex_lock(&writer->lock);
	writer->poisoned = true;
	pthread_mutex_unlock(&writer->lock);
	sem_post(&writer->called);
}

void
writer_free(struct wal_writer **writer_pointer)
{
	struct wal_writer *writer = *writer_pointer;

	if (writer == NULL)
		return;
	pthread_mutex_lock(&writer->lock);
	writer->stop = true;
	pthread_mutex_unlock(&writer->lock);
	sem_post(&writer->called);
	if (writer->started)
		pthread_join(writer->thread, NULL);
	else
		writer_run(writer);
	batch_free(&writer->collecting);
	batch_free(&writer->writing);
	sem_destroy(&writer->called);
	pthread_mutex_destroy(&writer->lock);
	free(writer->news.sentence);
	free(writer);
	*writer_pointer = NULL;
}
