/*
 * log_ahead.h - the log file of LevelDB has its size before it is written to.
 *
 * LevelDB makes its log longer with each write. A sync of a file that got longer has to
 * put the new size into the file system's journal, too; one that is written over in place
 * has not, and takes two thirds of the time or less. So zeros are put behind what is
 * written, a piece at a time, just before a batch that would not fit: the sync of that
 * batch takes them along. LevelDB reads zeros at the end of a log as its end. A record
 * that a crash tore has zeros behind it then, not the end of the file: damage_cut_torn
 * sees to that.
 *
 * Only what is behind the end of the file is ever written here, so nothing can be
 * overwritten, however wrong the guess is of how far LevelDB has come. Where files are not
 * written over in place (btrfs, zfs) or are in memory, nothing is done. An error is none:
 * LevelDB will have the same one, or none. Used by db.c, on the writer's thread.
 */
#ifndef MOOTHALL_RAFTD_WAL_LOG_AHEAD_H
#define MOOTHALL_RAFTD_WAL_LOG_AHEAD_H

#include "common/base.h"

/* So many zeros at once. */
#define LOG_AHEAD_BYTES ((uint64_t)(256 * 1024))
/* Not for a larger batch: it is written twice then, and the journal's blocks are less. */
#define LOG_AHEAD_BATCH_BYTES ((uint64_t)(8 * 1024))

struct log_ahead {
	int directory_fd;	/* borrowed; -1: nothing is done */
	int fd;			/* of the log; -1: not known, or not to be made longer */
	uint64_t number;	/* in its name */
	uint64_t file_bytes;	/* how long it is, at least */
	uint64_t written;	/* how far LevelDB has written in it, at most, about */
};

/* directory_fd is the LevelDB's; borrowed until log_ahead_end. */
void log_ahead_begin(struct log_ahead *ahead, int directory_fd);
/* There may be a newer log: names in the directory have changed. */
void log_ahead_find(struct log_ahead *ahead);
/* A batch is to be written that takes at most so many bytes of the log. */
void log_ahead_extend(struct log_ahead *ahead, uint64_t bytes);
/* LevelDB was closed, or will be. */
void log_ahead_end(struct log_ahead *ahead);

#endif
