/*
 * writer.c - see writer.h.
 *
 * All of struct wal_writer below `lock` is guarded by it; `writing` and
 * `unsynced_bytes` are the thread's own. The lock is never held over I/O.
 * Nothing polls: the thread sleeps until there is a batch. Metrics of the disk
 * are counted by it and by nobody else (common/metric.h).
 * Source: raft-pitfalls.md 3, 43, 46, 47; ecosystem.md 3 (2, 3, 5).
 */
#include "raftd/wal/writer.h"

#include "common/clock.h"
#include "common/metric.h"
#include "common/xmem.h"
#include "raftd/wal/thread.h"
#include "raftd/wal/wakeup.h"

#include <pthread.h>
#include <stdlib.h>

struct wal_writer {
	struct db *db;
	struct mark *mark;
	int wakeup_fd;
	bool started;
	pthread_t thread;

	struct batch writing;
	bool measured;
	size_t unmeasured_bytes;	/* written since the sizes were looked at */
	size_t unsynced_bytes;		/* written since the directory was synced */

	pthread_mutex_t lock;
	pthread_cond_t filled;
	struct batch collecting;
	bool has_batch;			/* collecting has something */
	bool stop;
	bool poisoned;
	uint64_t ticket;		/* highest in collecting */
	struct disk_marks marks;	/* to go with it; batch: number of the last one taken */
	uint64_t node_id;
	uint64_t collecting_since_ms;	/* first turn with a ticket; 0: none */
	uint64_t writing_since_ms;
	struct writer_news news;
};

struct wal_writer *
writer_new(struct db *db, struct mark *mark, uint64_t batch, int wakeup_fd)
{
	struct wal_writer *writer = xzalloc(sizeof(*writer));

	writer->db = db;
	writer->mark = mark;
	writer->wakeup_fd = wakeup_fd;
	writer->marks.batch = batch;
	batch_init(&writer->collecting);
	batch_init(&writer->writing);
	pthread_mutex_init(&writer->lock, NULL);
	pthread_cond_init(&writer->filled, NULL);
	return writer;
}

struct batch *
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

	writer->marks = *marks;
	writer->marks.batch = batch;
	writer->node_id = node_id;
	if (ticket != 0) {
		writer->ticket = ticket;
		if (writer->collecting_since_ms == 0)
			writer->collecting_since_ms = clock_monotonic_ns() / NS_PER_MS;
	}
	writer->has_batch = true;
	pthread_cond_signal(&writer->filled);
	pthread_mutex_unlock(&writer->lock);
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
	enum err err = db_write(db, writer->writing.handle, sentence);

	if (err != ERR_NONE)
		return err;
	metric_observe(METRIC_wal_fsync, clock_monotonic_ns() - begun_ns);
	metric_add(METRIC_disk_written, writer->writing.bytes);
	if (writer->writing.entries > 0)
		metric_observe(METRIC_batch_entries, writer->writing.entries);
	writer->unsynced_bytes += writer->writing.bytes;
	batch_clear(&writer->writing);
	/* LevelDB syncs the names of its new files only with its manifest. */
	if (writer->unsynced_bytes >= DB_WRITE_BUFFER_BYTES) {
		writer->unsynced_bytes = 0;
		err = db_sync_directory(db, sentence);
		if (err != ERR_NONE)
			return err;
	}
	return db->sync ? mark_write(writer->mark, &synced, sentence) : ERR_NONE;
}

/* How large the database is, looked at first of all and when it may have changed. */
static void
measure(struct wal_writer *writer, size_t bytes)
{
	uint64_t files, tables;

	writer->unmeasured_bytes += bytes;
	if (writer->measured && writer->unmeasured_bytes < DB_WRITE_BUFFER_BYTES)
		return;
	writer->measured = true;
	writer->unmeasured_bytes = 0;
	db_sizes(writer->db, &files, &tables);
	metric_set(METRIC_db_size, files);
	metric_set(METRIC_db_in_use, tables);
}

/* With the lock held, and a batch there: write it with the lock released. */
static void
take_batch(struct wal_writer *writer)
{
	struct batch taken = writer->collecting;
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
	writer->writing_since_ms = writer->collecting_since_ms;
	writer->collecting_since_ms = 0;
	pthread_mutex_unlock(&writer->lock);

	begun_ns = clock_monotonic_ns();
	batch_put_marks(&writer->writing, &marks);
	bytes = writer->writing.bytes;
	err = write_batch(writer, &marks, node_id, &sentence);
	metric_observe(METRIC_backend_commit, clock_monotonic_ns() - begun_ns);
	measure(writer, bytes);

	pthread_mutex_lock(&writer->lock);
	if (err != ERR_NONE) {
		writer->poisoned = true;
		writer->news.err = err;
		writer->news.sentence = sentence;
	} else {
		writer->news.ticket = ticket;
		writer->news.batches++;
		writer->writing_since_ms = 0;
	}
	wakeup_send(writer->wakeup_fd);
}

static void *
writer_run(void *argument)
{
	struct wal_writer *writer = argument;

	measure(writer, 0);
	pthread_mutex_lock(&writer->lock);
	while (!writer->poisoned) {
		if (writer->has_batch)
			take_batch(writer);
		else if (writer->stop)
			break;
		else
			pthread_cond_wait(&writer->filled, &writer->lock);
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
	writer->news.sentence = NULL;
	pthread_mutex_unlock(&writer->lock);
}

uint64_t
writer_oldest_ms(struct wal_writer *writer)
{
	uint64_t oldest_ms;

	pthread_mutex_lock(&writer->lock);
	oldest_ms = writer->writing_since_ms != 0 ? writer->writing_since_ms
						  : writer->collecting_since_ms;
	pthread_mutex_unlock(&writer->lock);
	return oldest_ms;
}

void
writer_poison(struct wal_writer *writer)
{
	pthread_mutex_lock(&writer->lock);
	writer->poisoned = true;
	pthread_cond_signal(&writer->filled);
	pthread_mutex_unlock(&writer->lock);
}

void
writer_free(struct wal_writer **writer_pointer)
{
	struct wal_writer *writer = *writer_pointer;

	if (writer == NULL)
		return;
	pthread_mutex_lock(&writer->lock);
	writer->stop = true;
	pthread_cond_signal(&writer->filled);
	pthread_mutex_unlock(&writer->lock);
	if (writer->started)
		pthread_join(writer->thread, NULL);
	else
		writer_run(writer);
	batch_free(&writer->collecting);
	batch_free(&writer->writing);
	pthread_cond_destroy(&writer->filled);
	pthread_mutex_destroy(&writer->lock);
	free(writer->news.sentence);
	free(writer);
	*writer_pointer = NULL;
}
