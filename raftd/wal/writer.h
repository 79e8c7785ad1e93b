/*
 * writer.h - the thread that waits for the disk: one synced batch at a time.
 *
 * Two batches: one is on its way to the disk, the other collects the turns that
 * come meanwhile (group commit that clocks itself). The loop's thread fills the
 * collecting batch between writer_begin and writer_end; the thread takes it
 * when the one before is synced.
 *
 *	collecting --> writing	the thread is free	[take_batch]
 *	writing ----> done	written, synced, marked	[write_batch]
 *	any --------> poisoned	the first error, here or at the reader: nothing is
 *				written or reported any more	[writer_poison]
 */
#ifndef MOOTHALL_RAFTD_WAL_WRITER_H
#define MOOTHALL_RAFTD_WAL_WRITER_H

#include "raftd/wal/batch.h"
#include "raftd/wal/db.h"
#include "raftd/wal/mark.h"

struct wal_writer;

/* What the thread has to say. */
struct writer_news {
	uint64_t ticket;	/* this and all before it are synced */
	uint64_t batches;	/* how many were written since the start */
	enum err err;		/* not ERR_NONE: poisoned by it */
	char *sentence;		/* then: owned by the caller, the first time; else NULL */
};

/*
 * Both are borrowed until writer_free.
 *
 *	batch		number of the last batch on disk
 *	wakeup_fd	woken for news (wakeup.h)
 */
struct wal_writer *writer_new(struct db *db, struct mark *mark, uint64_t batch, int wakeup_fd);
void writer_start(struct wal_writer *writer);
/* Write what was submitted, unless poisoned; end the thread; free. Accepts NULL. */
void writer_free(struct wal_writer **writer);

/* The collecting batch, to be filled; no blocking call until writer_end. */
struct batch *writer_begin(struct wal_writer *writer);
/*
 * It is filled: wake the thread.
 *
 *	ticket	reported once this is synced; 0: for upkeep, none
 *	marks	as of now; its batch number is the writer's to fill
 *	node_id	for the mark file
 */
void writer_end(struct wal_writer *writer, uint64_t ticket, const struct disk_marks *marks,
    uint64_t node_id);

/* News since the last call, or as it was. */
void writer_take_news(struct wal_writer *writer, struct writer_news *news);
/* Monotonic ms when the oldest turn that is not synced came; 0: there is none. */
uint64_t writer_oldest_ms(struct wal_writer *writer);
/* Write nothing any more. */
void writer_poison(struct wal_writer *writer);

#endif
