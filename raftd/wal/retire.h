/*
 * retire.h - the directory of a node that was removed becomes that of a new one.
 *
 * The old data is never opened as a node's again, but kept until the new node votes (the
 * supervisor has it removed then, by a process that holds the lock of common/data_dir.h
 * meanwhile; so does who puts data away) or is removed in its turn:
 *
 *	DATA_DIR/FORMAT.removed, db.removed, db.mark.removed	as they were
 *	DATA_DIR/db.removed/RETIRED	one line for the new node:
 *		"moothall removed 2 CRC WAIT_MS PEER,PEER,...\n"
 *		CRC: CRC32C of what is behind it and its blank, 8 hexadecimal digits;
 *		the first format, 1, had none and is read, too
 *
 *	in use ----> marked	db/RETIRED is whole and synced		[retire_mark]
 *	marked ----> going	FORMAT renamed, what was old removed before	[put_away_all]
 *	going -----> away	db.mark renamed, then db; synced	[put_away_rest]
 *	away ------> in use	a new identity, then FORMAT		[wal.c]
 *
 * Each step is one rename. A crash before "marked" leaves the node as it was, and others
 * tell it of its removal again. In "marked" and "going" there is db/RETIRED, and the next
 * start goes on; "away" is a directory that is new.
 *
 * LevelDB leaves files alone whose names are not its own. Made in db, because a raftd
 * that serves may write nowhere else.
 */
#ifndef MOOTHALL_RAFTD_WAL_RETIRE_H
#define MOOTHALL_RAFTD_WAL_RETIRE_H

#include "common/err.h"
#include "common/slice.h"

/*
 * This node gives its id up: at the next start a new one takes its place, which asks
 * peers (separated by commas) to join when wait_ms have passed. The last that is done
 * before the process ends; the wal is closed.
 */
enum err retire_mark(const char *data_dir, struct slice peers, uint64_t wait_ms,
    char **sentence) MUST_CHECK;

/*
 * At start, before anything is opened or given up: put the data away if it is marked, or
 * if a crash interrupted that.
 *
 *	peers	out: whom to ask to join if there is no member in DATA_DIR; owned by the
 *		caller; NULL if nothing was put away, "" if that is not known any more
 *	wait_ms	out: and when; 0 if it was not put away just now
 */
enum err retire_begin(const char *data_dir, char **peers, uint64_t *wait_ms,
    char **sentence) MUST_CHECK;

#endif
