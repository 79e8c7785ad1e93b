/*
 * db.h - LevelDB as we use it: options, errors, reads that verify.
 *
 * Guards: paranoid checks always; checksums verified on every read; never a
 * repair; log files never reused; no compression (values are small: it would
 * cost a small machine more time than it saves room, and give damaged bytes one
 * more reader). Written by one thread at a time, read by any.
 * Source: pitfalls no-sync, unseen-damage, torn-tail, on-after-error and reused-log-files
 * of docs/testing.md.
 */
#ifndef MOOTHALL_RAFTD_WAL_DB_H
#define MOOTHALL_RAFTD_WAL_DB_H

#include "common/buf.h"
#include "common/err.h"
#include "raftd/wal/log_ahead.h"

#include <leveldb/c.h>

/* A batch may be larger: it makes the memtable larger for once. */
#define DB_WRITE_BUFFER_BYTES (4 * 1024 * 1024)
/* So many batches are in one log file at most, however small they are (keyspace.h). */
#define DB_LOG_BATCHES_MAX 8000u
#define DB_OPEN_FILES_MAX 64
/* How long to wait for LevelDB's lock: our predecessor may be ending. */
#define DB_LOCK_WAIT_MS 2000

struct db {
	char *path;
	leveldb_t *handle;
	leveldb_options_t *options;
	leveldb_cache_t *cache;
	leveldb_writeoptions_t *write_options;
	leveldb_readoptions_t *read_options;	/* verify, do not fill the cache */
	int directory_fd;
	bool sync;
	unsigned log_batches;		/* in the log file that is written to; or fewer are */
	uint64_t named_ns;		/* when names last changed, as of the last sync of them */
	bool named_again;		/* they may have since, in the same tick of the clock */
	struct log_ahead ahead;
	char *torn_log;			/* damage_find_torn_log before it was opened, or NULL */
};

/*
 * Open the LevelDB at path; its directory exists.
 *
 * ERR_NONE, or why not (ERR_BUSY: locked) with *sentence set for the operator,
 * owned by the caller. A file that is missing is ERR_CORRUPT.
 */
enum err db_open(const char *path, bool create, size_t cache_bytes, bool sync,
    struct db **db, char **sentence) MUST_CHECK;
/* No snapshot, iterator or write may be open. Accepts NULL. */
void db_close(struct db **db);
/*
 * After a write that found no space: close LevelDB, which cannot be trusted any
 * more, and open it again from what the disk has. Between the two nothing else may
 * be called. A failed db_open_again changes nothing and may be repeated.
 */
void db_shut(struct db *db);
enum err db_open_again(struct db *db, char **sentence) MUST_CHECK;

/*
 * Which error LevelDB means by that text: it has no numbers. NotFound,
 * Corruption, IO error (with ERR_NO_SPACE, ERR_DENIED and ERR_BUSY told apart
 * by the words of the C locale), Not implemented, Invalid argument.
 */
enum err db_error(const char *text);
/* "WHAT PATH: WHY (LevelDB's text); NEXT STEP", owned by the caller. */
char *db_sentence(enum err err, const char *what, const char *path, const char *detail);

/* Read a value into out. ERR_NONE, ERR_NOT_FOUND, or a failure with *sentence. */
enum err db_get(struct db *db, struct slice key, struct buf *out, char **sentence) MUST_CHECK;
/* Write a batch that takes at most so many bytes of the log, synced if the database is. Each time
 * that DB_LOG_BATCHES_MAX may be in the log file a new one is begun, which takes as long as to
 * write and sync what is in memory. */
enum err db_write(struct db *db, leveldb_writebatch_t *batch, size_t log_bytes,
    char **sentence) MUST_CHECK;
/* fsync the directory if any name may have changed since: what was written may be in a new file.
 * LevelDB syncs names only with its manifest. */
enum err db_sync_names(struct db *db, char **sentence) MUST_CHECK;

/* Bytes of all its files, and about how many of them are in tables. */
void db_sizes(struct db *db, uint64_t *files, uint64_t *tables);

/* An iterator over the newest state, or that of snapshot if it is not NULL;
 * free it with leveldb_iter_destroy. */
leveldb_iterator_t *db_iterate(struct db *db, const leveldb_snapshot_t *snapshot);
/* To the first key at or behind key. */
void db_iterator_seek(leveldb_iterator_t *iterator, struct slice key);
struct slice db_iterator_key(const leveldb_iterator_t *iterator);
struct slice db_iterator_value(const leveldb_iterator_t *iterator);
/* Why it stopped being valid: ERR_NONE at the end. */
enum err db_iterator_error(struct db *db, const leveldb_iterator_t *iterator,
    char **sentence) MUST_CHECK;

#endif
