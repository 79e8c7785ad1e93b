/*
 * source.c - see source.h.
 */
#include "raftd/rebuild/source.h"

#include "common/limits.h"
#include "common/xmem.h"
#include "raftd/wal/directory.h"
#include "raftd/wal/mark.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_BYTES ((size_t)1 << 20)

struct source {
	char *data_dir;
	bool (*stopped)(void);
	char *copy;		/* NULL: none made */
	int lock_fd;		/* -1: not held */
	struct wal *wal;
	struct wal_recovered recovered;
};

static enum err
system_failed(const char *what, const char *path, char **sentence)
{
	enum err err = err_from_errno(errno);

	*sentence = xasprintf("cannot %s %s: %s", what, path, strerror(errno));
	return err;
}

/* The wal speaks of the copy; operators know the directory. */
static void
name_original(const struct source *source, char **sentence)
{
	char *at = source->copy == NULL || *sentence == NULL ? NULL :
	    strstr(*sentence, source->copy);
	char *renamed;

	if (at == NULL)
		return;
	renamed = xasprintf("%.*s%s%s", (int)(at - *sentence), *sentence, source->data_dir,
	    at + strlen(source->copy));
	free(*sentence);
	*sentence = renamed;
}

/* ---- copying --------------------------------------------------------------------- */

static enum err
copy_bytes(const struct source *source, int from, int to, const char *path, char **sentence)
{
	uint8_t *bytes = xmalloc(COPY_BYTES);
	uint64_t at = 0;
	enum err err = ERR_NONE;

	while (err == ERR_NONE) {
		ssize_t size = pread(from, bytes, COPY_BYTES, (off_t)at);

		if (size == -1 && errno == EINTR)
			continue;
		if (size == -1)
			err = system_failed("read", path, sentence);
		if (size <= 0)
			break;
		if (source->stopped()) {
			*sentence = xstrdup("interrupted");
			err = ERR_CLOSED;
			break;
		}
		err = wal_directory_write_all(to, bytes, (size_t)size, at);
		if (err != ERR_NONE)
			*sentence = xasprintf("cannot write a copy of %s: %s; set TMPDIR to where "
			    "there is room", path, err_text(err));
		at += (uint64_t)size;
	}
	free(bytes);
	return err;
}

/* A file that is not there leaves none in the copy either. */
static enum err
copy_file(const struct source *source, const char *from_dir, const char *to_dir, const char *name,
    char **sentence)
{
	char *from_path = xasprintf("%s/%s", from_dir, name);
	char *to_path = xasprintf("%s/%s", to_dir, name);
	int from = open(from_path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int to = -1;
	enum err err;

	if (from == -1) {
		err = errno == ENOENT ? ERR_NONE : system_failed("read", from_path, sentence);
		goto out;
	}
	to = open(to_path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
	err = to == -1 ? system_failed("make", to_path, sentence) :
	    copy_bytes(source, from, to, from_path, sentence);
out:
	if (from != -1)
		close(from);
	if (to != -1)
		close(to);
	free(from_path);
	free(to_path);
	return err;
}

static enum err
copy_db(const struct source *source, const char *from, const char *to, char **sentence)
{
	DIR *directory = opendir(from);
	const struct dirent *entry;
	enum err err = ERR_NONE;

	if (directory == NULL)
		return system_failed("read", from, sentence);
	if (mkdir(to, S_IRWXU) == -1)
		err = system_failed("make", to, sentence);
	while (err == ERR_NONE && (entry = readdir(directory)) != NULL) {
		if (entry->d_name[0] != '.')
			err = copy_file(source, from, to, entry->d_name, sentence);
	}
	closedir(directory);
	return err;
}

static enum err
make_copy(struct source *source, char **sentence)
{
	const char *place = getenv("TMPDIR");
	char *copy = xasprintf("%s/etcd-copy-XXXXXX",
	    place == NULL || place[0] == '\0' ? "/var/tmp" : place);
	char *from = xasprintf("%s/db", source->data_dir), *to = NULL;
	enum err err;

	if (mkdtemp(copy) == NULL) {
		err = system_failed("make", copy, sentence);
		free(copy);
		goto out;
	}
	source->copy = copy;
	to = xasprintf("%s/db", copy);
	err = copy_db(source, from, to, sentence);
	if (err == ERR_NONE)
		err = copy_file(source, source->data_dir, copy, MARK_FILE_NAME, sentence);
	if (err == ERR_NONE)
		err = copy_file(source, source->data_dir, copy, "FORMAT", sentence);
out:
	free(from);
	free(to);
	return err;
}

static void
remove_in(const char *path)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;

	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			(void)unlinkat(dirfd(directory), entry->d_name, 0);
	}
	if (directory != NULL)
		closedir(directory);
	(void)rmdir(path);
}

static void
remove_copy(const char *copy)
{
	char *db = xasprintf("%s/db", copy);

	remove_in(db);
	free(db);
	remove_in(copy);
}

/* ---- opening ----------------------------------------------------------------------- */

static enum err
take_lock(struct source *source, char **sentence)
{
	char *path = xasprintf("%s/lock", source->data_dir);
	enum err err = ERR_NONE;

	source->lock_fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (source->lock_fd == -1 && errno != ENOENT) {
		err = system_failed("open", path, sentence);
	} else if (source->lock_fd != -1 && flock(source->lock_fd, LOCK_EX | LOCK_NB) == -1) {
		char holder[LOCK_HOLDER_BYTES];

		*sentence = xasprintf("%s is in use by process %s; stop that node first, and see "
		    "to it that it is not started again", source->data_dir,
		    wal_directory_lock_holder(source->lock_fd, holder));
		err = ERR_BUSY;
	}
	free(path);
	return err;
}

static enum err
check_ours(const struct source *source, char **sentence)
{
	enum wal_directory_kind kind;
	struct stat status;
	enum err err;

	if (stat(source->data_dir, &status) == -1)
		return system_failed("read", source->data_dir, sentence);
	err = wal_directory_check_rebuilt(source->data_dir, sentence);
	if (err == ERR_NONE)
		err = wal_directory_inspect(source->data_dir, &kind, sentence);
	if (err == ERR_NONE && !wal_directory_is_ours(kind)) {
		*sentence = xasprintf("%s holds no node's data", source->data_dir);
		err = ERR_FOREIGN;
	}
	return err;
}

enum err
source_open(const char *data_dir, bool (*stopped)(void), struct source **result, char **sentence)
{
	struct source *source = xzalloc(sizeof(*source));
	struct wal_options options = { .name = "", .cache_bytes = MIB };
	enum err err;

	source->data_dir = xstrdup(data_dir);
	source->stopped = stopped;
	source->lock_fd = -1;
	err = check_ours(source, sentence);
	if (err == ERR_NONE)
		err = take_lock(source, sentence);
	if (err == ERR_NONE)
		err = make_copy(source, sentence);
	if (err == ERR_NONE) {
		options.data_dir = source->copy;
		err = wal_open(&options, &source->wal, &source->recovered, sentence);
		name_original(source, sentence);
	}
	if (err != ERR_NONE) {
		source_close(&source);
		return err;
	}
	*result = source;
	return ERR_NONE;
}

void
source_close(struct source **source_pointer)
{
	struct source *source = *source_pointer;

	if (source == NULL)
		return;
	wal_close(&source->wal);
	if (source->copy != NULL)
		remove_copy(source->copy);
	if (source->lock_fd != -1)
		close(source->lock_fd);
	free(source->copy);
	free(source->data_dir);
	free(source);
	*source_pointer = NULL;
}

const struct wal_recovered *
source_recovered(const struct source *source)
{
	return &source->recovered;
}

enum err
source_read(struct source *source,
    enum err (*state)(void *argument, struct slice key, struct slice value),
    enum err (*entry)(void *argument, const struct raft_entry *entry), void *argument,
    char **sentence)
{
	enum err err = wal_recover(source->wal, state, entry, argument, sentence);

	name_original(source, sentence);
	return err;
}
