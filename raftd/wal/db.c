/*
 * db.c - opening LevelDB, mapping its errors, reading from it; see db.h.
 *
 * Called by wal.c, recover.c, writer.c and reader.c.
 */
#include "raftd/wal/db.h"

#include "common/clock.h"
#include "common/diag.h"
#include "common/xmem.h"
#include "raftd/wal/damage.h"
#include "raftd/wal/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOCK_RETRY_MS 10
/* Longer than any tick of the clock that stamps files. */
#define FILE_TICK_NS (50 * NS_PER_MS)

#if SIZE_MAX == UINT64_MAX && !defined(WITH_SANITIZERS)
/*
 * What C++ calls for memory (operators new and delete), which a program may replace: the batch
 * of a value of 10 MiB is larger than it by far, and its pages are as dear as ours
 * (common/xmem.h). Those for arrays, and delete with a size, come by these.
 *
 * Source: ISO C++ 17, [replacement.functions]; the names are the Itanium C++ ABI's.
 */
void *db_operator_new(size_t size) __asm__("_Znwm");
void db_operator_delete(void *memory) __asm__("_ZdlPv");

void *
db_operator_new(size_t size)
{
	return xpiece(size);
}

void
db_operator_delete(void *memory)
{
	xpiece_free(memory);
}
#endif

static bool
text_starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

enum err
db_error(const char *text)
{
	if (text_starts_with(text, "NotFound:"))
		return ERR_NOT_FOUND;
	if (text_starts_with(text, "Corruption:"))
		return ERR_CORRUPT;
	if (text_starts_with(text, "Not implemented:"))
		return ERR_UNSUPPORTED;
	if (text_starts_with(text, "Invalid argument:"))
		return ERR_INVALID;
	/* The rest begins with "IO error:"; a text we do not know is no better.
	 * This one is a read behind the end of a mapped table that was cut. */
	if (strstr(text, ".ldb: Invalid argument") != NULL)
		return ERR_CORRUPT;
	if (strstr(text, "No space left on device") != NULL ||
	    strstr(text, "Disk quota exceeded") != NULL)
		return ERR_NO_SPACE;
	if (text_starts_with(text, "IO error: lock "))
		return ERR_BUSY;
	if (strstr(text, "Permission denied") != NULL)
		return ERR_DENIED;
	if (strstr(text, "Read-only file system") != NULL)
		return ERR_READ_ONLY;
	return ERR_IO;
}

/* What to do about the errors a disk has. */
static const char *
next_step(enum err err)
{
	if (err == ERR_NO_SPACE)
		return "free some space";
	if (err == ERR_CORRUPT)
		return "move the directory away and join again as new, or restore a backup";
	if (err == ERR_DENIED)
		return "check its owner and mode";
	if (err == ERR_READ_ONLY)
		return "mount it writable";
	if (err == ERR_BUSY)
		return "stop the process that uses it";
	if (err == ERR_UNSUPPORTED)
		return "use the version of this program that wrote it";
	return "check the disk and start again";
}

char *
db_sentence(enum err err, const char *what, const char *path, const char *detail)
{
	return xasprintf("%s %s: %s (%s); %s", what, path, err_text(err), detail,
	    next_step(err));
}

/* LevelDB's sentence, with the place if it is damage. */
static char *
sentence_of(const struct db *db, enum err err, const char *what, const char *text)
{
	char *place = err == ERR_CORRUPT ? damage_find(db->path) : NULL;
	char *detail = place == NULL ? xstrdup(text) : xasprintf("%s in %s", text, place);
	char *sentence = db_sentence(err, what, db->path, detail);

	free(detail);
	free(place);
	return sentence;
}

static struct db *
db_new(const char *path, size_t cache_bytes, bool sync)
{
	struct db *db = xzalloc(sizeof(*db));

	db->path = xstrdup(path);
	db->directory_fd = -1;
	db->ahead.fd = -1;
	db->sync = sync;
	db->cache = leveldb_cache_create_lru(cache_bytes);
	db->options = leveldb_options_create();
	leveldb_options_set_cache(db->options, db->cache);
	leveldb_options_set_paranoid_checks(db->options, 1);
	leveldb_options_set_write_buffer_size(db->options, DB_WRITE_BUFFER_BYTES);
	leveldb_options_set_max_open_files(db->options, DB_OPEN_FILES_MAX);
	leveldb_options_set_compression(db->options, leveldb_no_compression);
	db->write_options = leveldb_writeoptions_create();
	leveldb_writeoptions_set_sync(db->write_options, sync);
	db->read_options = leveldb_readoptions_create();
	leveldb_readoptions_set_verify_checksums(db->read_options, 1);
	leveldb_readoptions_set_fill_cache(db->read_options, 0);
	return db;
}

void
db_close(struct db **db_pointer)
{
	struct db *db = *db_pointer;

	if (db == NULL)
		return;
	if (db->handle != NULL)
		leveldb_close(db->handle);
	leveldb_readoptions_destroy(db->read_options);
	leveldb_writeoptions_destroy(db->write_options);
	leveldb_options_destroy(db->options);
	leveldb_cache_destroy(db->cache);
	log_ahead_end(&db->ahead);
	if (db->directory_fd != -1)
		close(db->directory_fd);
	free(db->torn_log);
	free(db->path);
	free(db);
	*db_pointer = NULL;
}

/* Open the handle as it is on the disk, waiting a little for another's lock. */
static enum err
open_as_is(struct db *db, char **sentence)
{
	uint64_t deadline_ns = clock_monotonic_ns() + DB_LOCK_WAIT_MS * NS_PER_MS;
	struct timespec pause = { 0, LOCK_RETRY_MS * (long)NS_PER_MS };
	char *text = NULL;
	enum err err;

	/* It begins a log, and puts what it finds in others into tables. */
	db->log_batches = 0;
	for (;;) {
		db->handle = leveldb_open(db->options, db->path, &text);
		if (db->handle != NULL)
			return ERR_NONE;
		err = db_error(text);
		if (err != ERR_BUSY || clock_monotonic_ns() >= deadline_ns)
			break;
		leveldb_free(text);
		text = NULL;
		nanosleep(&pause, NULL);
	}
	/* At open both mean that files are gone that must be there. */
	if (err == ERR_NOT_FOUND || err == ERR_INVALID)
		err = ERR_CORRUPT;
	*sentence = sentence_of(db, err, "cannot open", text);
	leveldb_free(text);
	return err;
}

/* It is damaged, with *sentence. Without what a power cut tore it may not be. */
static enum err
open_cut(struct db *db, char **sentence)
{
	char *torn = damage_cut_torn(db->path), *whole;
	enum err err;

	if (torn == NULL)
		return ERR_CORRUPT;
	diag_warn("disk", "a write that a crash tore was cut off: database=%s place=\"%s\"",
	    db->path, torn);
	free(db->torn_log);
	db->torn_log = torn;
	whole = *sentence;
	*sentence = NULL;
	err = open_as_is(db, sentence);
	/* That was not all of it: what was found first names the file. */
	if (err == ERR_CORRUPT) {
		free(*sentence);
		*sentence = whole;
	} else {
		free(whole);
	}
	return err;
}

static enum err
open_handle(struct db *db, char **sentence)
{
	enum err err = open_as_is(db, sentence);

	return err == ERR_CORRUPT ? open_cut(db, sentence) : err;
}

/* For the names of new files. */
static enum err
sync_directory(struct db *db, char **sentence)
{
	enum err err;

	if (!db->sync || fsync(db->directory_fd) == 0)
		return ERR_NONE;
	err = err_from_errno(errno);
	*sentence = db_sentence(err, "cannot sync", db->path, strerror(errno));
	return err;
}

enum err
db_open(const char *path, bool create, size_t cache_bytes, bool sync, struct db **result,
    char **sentence)
{
	struct db *db = db_new(path, cache_bytes, sync);
	enum err err;

	leveldb_options_set_create_if_missing(db->options, create);
	db->directory_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (db->directory_fd == -1) {
		const char *why = strerror(errno);

		err = errno == ENOENT ? ERR_CORRUPT : err_from_errno(errno);
		*sentence = db_sentence(err, "cannot open", path, why);
		goto fail;
	}
	log_ahead_begin(&db->ahead, db->directory_fd);
	db->torn_log = damage_find_torn_log(path);
	err = open_handle(db, sentence);
	if (err != ERR_NONE)
		goto fail;
	err = sync_directory(db, sentence);
	if (err != ERR_NONE)
		goto fail;
	*result = db;
	return ERR_NONE;
fail:
	db_close(&db);
	return err;
}

void
db_shut(struct db *db)
{
	log_ahead_end(&db->ahead);
	leveldb_close(db->handle);
	db->handle = NULL;
}

enum err
db_open_again(struct db *db, char **sentence)
{
	enum err err;

	leveldb_options_set_create_if_missing(db->options, 0);
	err = open_handle(db, sentence);
	if (err != ERR_NONE)
		return err;
	err = sync_directory(db, sentence);
	if (err != ERR_NONE)
		db_shut(db);
	return err;
}

enum err
db_get(struct db *db, struct slice key, struct buf *out, char **sentence)
{
	char *text = NULL;
	size_t size;
	char *value = leveldb_get(db->handle, db->read_options, (const char *)key.data, key.size,
	    &size, &text);
	enum err err;

	if (text != NULL) {
		err = db_error(text);
		if (err == ERR_NOT_FOUND)	/* a file, not the key */
			err = ERR_CORRUPT;
		*sentence = sentence_of(db, err, "cannot read", text);
		leveldb_free(text);
		return err;
	}
	if (value == NULL)
		return ERR_NOT_FOUND;
	buf_clear(out);
	buf_append(out, value, size);
	leveldb_free(value);
	return ERR_NONE;
}

/* By the compaction of a range that has no keys: all that it finds to do is to write what is in
 * memory to a table. If that fails, so will the next write. */
static void
begin_log(struct db *db)
{
	static const char none[] = "\xff";

	db->log_batches = 0;
	leveldb_compact_range(db->handle, none, 1, none, 1);
}

enum err
db_write(struct db *db, leveldb_writebatch_t *batch, size_t log_bytes, char **sentence)
{
	char *text = NULL;
	enum err err;

	log_ahead_extend(&db->ahead, log_bytes);
	leveldb_write(db->handle, db->write_options, batch, &text);
	if (text == NULL) {
		if (++db->log_batches == DB_LOG_BATCHES_MAX)
			begin_log(db);
		return ERR_NONE;
	}
	err = db_error(text);
	*sentence = sentence_of(db, err, "cannot write", text);
	leveldb_free(text);
	return err;
}

enum err
db_sync_names(struct db *db, char **sentence)
{
	struct stat status;
	uint64_t named_ns, now_ns = clock_now().wall_ns;
	enum err err;

	if (!db->sync)
		return ERR_NONE;
	if (fstat(db->directory_fd, &status) != 0) {
		err = err_from_errno(errno);
		*sentence = db_sentence(err, "cannot look at", db->path, strerror(errno));
		return err;
	}
	named_ns = (uint64_t)status.st_mtim.tv_sec * NS_PER_SECOND +
	    (uint64_t)status.st_mtim.tv_nsec;
	if (named_ns == db->named_ns && !db->named_again)
		return ERR_NONE;
	err = sync_directory(db, sentence);
	if (err != ERR_NONE)
		return err;
	log_ahead_find(&db->ahead);
	db->named_ns = named_ns;
	/* The kernel's clock for files ticks seldom: the next name may get this time. */
	db->named_again = named_ns + FILE_TICK_NS > now_ns && named_ns < now_ns + FILE_TICK_NS;
	return ERR_NONE;
}

leveldb_iterator_t *
db_iterate(struct db *db, const leveldb_snapshot_t *snapshot)
{
	leveldb_readoptions_t *options;
	leveldb_iterator_t *iterator;

	if (snapshot == NULL)
		return leveldb_create_iterator(db->handle, db->read_options);
	options = leveldb_readoptions_create();
	leveldb_readoptions_set_verify_checksums(options, 1);
	leveldb_readoptions_set_fill_cache(options, 0);
	leveldb_readoptions_set_snapshot(options, snapshot);
	iterator = leveldb_create_iterator(db->handle, options);
	leveldb_readoptions_destroy(options);
	return iterator;
}

void
db_iterator_seek(leveldb_iterator_t *iterator, struct slice key)
{
	leveldb_iter_seek(iterator, (const char *)key.data, key.size);
}

struct slice
db_iterator_key(const leveldb_iterator_t *iterator)
{
	size_t size;
	const char *bytes = leveldb_iter_key(iterator, &size);

	return slice_of(bytes, size);
}

struct slice
db_iterator_value(const leveldb_iterator_t *iterator)
{
	size_t size;
	const char *bytes = leveldb_iter_value(iterator, &size);

	return slice_of(bytes, size);
}

enum err
db_iterator_error(struct db *db, const leveldb_iterator_t *iterator, char **sentence)
{
	char *text = NULL;
	enum err err;

	leveldb_iter_get_error(iterator, &text);
	if (text == NULL)
		return ERR_NONE;
	err = db_error(text);
	if (err == ERR_NOT_FOUND)	/* a file that must be there */
		err = ERR_CORRUPT;
	*sentence = sentence_of(db, err, "cannot read", text);
	leveldb_free(text);
	return err;
}

/* Files may come and go meanwhile; then they count or do not. */
static uint64_t
size_of_files(int directory_fd)
{
	DIR *directory = files_list(directory_fd);
	struct dirent *entry;
	uint64_t bytes = 0;

	if (directory == NULL)
		return 0;
	while ((entry = readdir(directory)) != NULL) {
		struct stat status;

		if (fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(status.st_mode))
			bytes += (uint64_t)status.st_size;
	}
	closedir(directory);
	return bytes;
}

void
db_sizes(struct db *db, uint64_t *files, uint64_t *tables)
{
	static const char first[] = "", last[] = "\xff\xff\xff\xff";
	const char *const starts[] = { first }, *const ends[] = { last };
	const size_t start_sizes[] = { 0 }, end_sizes[] = { sizeof(last) - 1 };

	leveldb_approximate_sizes(db->handle, 1, starts, start_sizes, ends, end_sizes, tables);
	*files = size_of_files(db->directory_fd);
}
