/*
 * directory.h - whose data directory it is: DATA_DIR/FORMAT and DATA_DIR/db.
 *
 * FORMAT is one line, "moothall 7\n". It is written last when a directory is
 * made, so a directory without it is new, was left half made by a crash, or is
 * not ours:
 *
 *	new --------> unfinished	mark file of batch 0, then db/	[wal.c]
 *	unfinished -> ours		identity synced, then FORMAT	[wal_directory_finish]
 *	earlier ----> ours		FORMAT, before anything else is	[the same]
 *					written that an earlier program cannot read
 *
 * While a directory is made of a backup or of another directory it has the file
 * UNFINISHED from before the first to after the last byte, and nobody else opens it.
 *
 * Source: pitfall directory-sync of docs/testing.md; docs/formats.md, "The data
 * directory".
 */
#ifndef MOOTHALL_RAFTD_WAL_DIRECTORY_H
#define MOOTHALL_RAFTD_WAL_DIRECTORY_H

#include "common/err.h"

#define DIRECTORY_FORMAT 7
/* Those are read, too: 6 has no alarms of the v3 API, 5 no users of it, 4 no v3 keys, 3 no
 * writes of locks in its log, 2 no last_below in directories (raftd/replica/store/effect.h). */
#define DIRECTORY_FORMAT_OLDEST 2

enum wal_directory_kind {
	DIRECTORY_NEW,		/* nothing of ours */
	DIRECTORY_UNFINISHED,	/* db/ and the mark file, but no FORMAT */
	DIRECTORY_EARLIER,	/* ours, as an earlier program left it */
	DIRECTORY_OURS,
};

/* Was it finished once? */
static inline bool
wal_directory_is_ours(enum wal_directory_kind kind)
{
	return kind == DIRECTORY_EARLIER || kind == DIRECTORY_OURS;
}

#define DIRECTORY_UNFINISHED_NAME "UNFINISHED"
#define MARK_FILE_NAME "db.mark"

/* ERR_NONE, or ERR_FOREIGN, ERR_DENIED, ERR_IO with *sentence for the operator. */
enum err wal_directory_inspect(const char *data_dir, enum wal_directory_kind *kind,
    char **sentence) MUST_CHECK;
/* Make DATA_DIR/db if it is not there. */
enum err wal_directory_make_db(const char *data_dir, char **sentence) MUST_CHECK;
/* Write FORMAT, atomically and for good. */
enum err wal_directory_finish(const char *data_dir, bool sync, char **sentence) MUST_CHECK;
/* ERR_FOREIGN with *sentence: it was to be made of something else, and that ended early. */
enum err wal_directory_check_rebuilt(const char *data_dir, char **sentence) MUST_CHECK;
/*
 * Begin to make the directory of something else: what an earlier try left is
 * removed, UNFINISHED is made. ERR_INVALID with *sentence: it holds data.
 */
enum err wal_directory_rebuild(const char *data_dir, char **sentence) MUST_CHECK;
/* It is whole and synced: UNFINISHED goes. */
enum err wal_directory_rebuilt(const char *data_dir, char **sentence) MUST_CHECK;
/* Is there anything of that name in it, be it a link that leads nowhere? */
bool wal_directory_has(const char *data_dir, const char *name);
/* Who holds the data directory's lock, as its text has it: the process id, or "?" if that
 * says nothing. Returns holder. */
#define LOCK_HOLDER_BYTES ((size_t)32)
const char *wal_directory_lock_holder(int lock_fd, char holder[LOCK_HOLDER_BYTES]);
/* fsync the directory at path. */
enum err wal_directory_sync(const char *path, char **sentence) MUST_CHECK;
/* Write all of bytes to fd at offset. ERR_NONE or what errno meant. */
enum err wal_directory_write_all(int fd, const void *bytes, size_t size,
    uint64_t offset) MUST_CHECK;

#endif
