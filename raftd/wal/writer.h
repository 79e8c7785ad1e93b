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
 *	writing ----> held	the disk has no room for it	[wait_for_room]
 *	writing ----> shut	a write found no space: LevelDB is closed	[open_again]
 *	held -------> writing	there is room again
 *	shut -------> writing	and LevelDB was opened anew; the same batch once more
 *	any --------> poisoned	the first other error, here or at the reader: nothing
 *				is written or reported any more	[writer_poison]
 *
 * A handle whose write failed is never written to again. What it had acknowledged is
 * on disk, and opening it reads what is there: a batch that failed is not, or is
 * whole; written a second time it changes nothing.
 */
#ifndef MOOTHALL_RAFTD_WAL_WRITER_H
#define MOOTHALL_RAFTD_WAL_WRITER_H

#include "raftd/wal/batch.h"
#include "raftd/wal/db.h"
#include "raftd/wal/mark.h"
#include "raftd/wal/reader.h"
#include "raftd/wal/space.h"

struct wal_writer;

/* What the thread has to say. */
struct writer_news {
	uint64_t ticket;	/* this and all before it are synced */
	uint64_t batches;	/* how many were written since the start */
	enum err err;		/* not ERR_NONE: poisoned by it */
	char *sentence;		/* then: owned by the caller, the first time; else NULL */
	bool looked;		/* space is news */
	struct wal_space space;
};

/*
 * All are borrowed until writer_free.
 *
 *	reader		paused while LevelDB is opened again
 *	batch		number of the last batch on disk
 *	wakeup_fd	woken for news (wakeup.h)
 */
struct wal_writer *writer_new(struct db *db, struct mark *mark, struct wal_reader *reader,
    uint64_t batch, int wakeup_fd);
void writer_start(struct wal_writer *writer);
/* Write what was submitted, unless poisoned or the disk is full; end the thread; free.
 * Accepts NULL. */
void writer_free(struct wal_writer **writer);

/* The collecting batch, to be filled; no blocking call until writer_end. */
struct wal_batch *writer_begin(struct wal_writer *writer);
/*
 * It is filled: wake the thread.
 *
 *	ticket	reported once this is synced; 0: for upkeep, none
 *	marks	as of now; its batch number is the writer's to fill
 *	node_id	for the mark file
 */
void writer_end(struct wal_writer *writer, uint64_t ticket, const struct disk_marks *marks,
    uint64_t node_id);

/* News since the last call, or as it was. Releases what was written. */
void writer_take_news(struct wal_writer *writer, struct writer_news *news);
/* Have the thread look how much room there is: news when it did. */
void writer_look(struct wal_writer *writer);
/* Write nothing any more. */
void writer_poison(struct wal_writer *writer);

#endif
