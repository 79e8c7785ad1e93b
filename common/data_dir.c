/*
 * data_dir.c - see data_dir.h.
 */
#include "common/data_dir.h"

#include "common/buf.h"
#include "common/printable.h"
#include "common/xmem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define FORMAT_BEGINS "moothall "
#define NAMES_TOLD 3

const char *const data_dir_names[] = { "lock", "run", "FORMAT", "FORMAT.new", "FORMAT.removed",
	"db", "db.mark", "db.removed", "db.mark.removed", "removed.lock", "UNFINISHED", NULL };

static bool
is_among(const char *name, const char *const *names)
{
	for (; names != NULL && *names != NULL; names++)
		if (strcmp(name, *names) == 0)
			return true;
	return false;
}

/* Has it a FORMAT of ours, or all the rest, so that FORMAT is damaged? Which one it is is
 * raftd's business. */
static bool
is_ours(int directory_fd)
{
	char text[sizeof(FORMAT_BEGINS) - 1];
	int fd = openat(directory_fd, "FORMAT", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t size;

	if (faccessat(directory_fd, "db/CURRENT", F_OK, 0) == 0 &&
	    faccessat(directory_fd, "db.mark", F_OK, 0) == 0) {
		if (fd != -1)
			close(fd);
		return true;
	}
	if (fd == -1)
		return false;
	size = read(fd, text, sizeof(text));
	close(fd);
	return size == (ssize_t)sizeof(text) && memcmp(text, FORMAT_BEGINS, sizeof(text)) == 0;
}

/* Keep the first ones by name, so that the sentence is the same each time. */
static void
keep(char *told[NAMES_TOLD], const char *name)
{
	for (size_t i = 0; i < NAMES_TOLD; i++) {
		if (told[i] != NULL && strcmp(told[i], name) <= 0)
			continue;
		free(told[NAMES_TOLD - 1]);
		memmove(&told[i + 1], &told[i], (NAMES_TOLD - 1 - i) * sizeof(told[0]));
		told[i] = xstrdup(name);
		return;
	}
}

static char *
sentence_of(char *told[NAMES_TOLD], size_t count)
{
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < NAMES_TOLD && told[i] != NULL; i++) {
		buf_append_text(&text, i == 0 ? "\"" : ", \"");
		printable_put(&text, slice_text(told[i]));
		buf_append_byte(&text, '"');
		free(told[i]);
	}
	if (count > NAMES_TOLD)
		buf_printf(&text, " and %zu more", count - NAMES_TOLD);
	buf_append_byte(&text, '\0');
	return (char *)text.data;
}

char *
data_dir_strangers(int directory_fd, const char *const *expected)
{
	char *told[NAMES_TOLD] = { NULL };
	const struct dirent *entry;
	size_t count = 0;
	DIR *stream;
	int fd;

	if (is_ours(directory_fd))
		return NULL;
	fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	stream = fd == -1 ? NULL : fdopendir(fd);
	if (stream == NULL) {
		if (fd != -1)
			close(fd);
		return NULL;
	}
	while ((entry = readdir(stream)) != NULL) {
		/* A file system of its own has a lost+found. */
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    strcmp(entry->d_name, "lost+found") == 0 ||
		    is_among(entry->d_name, data_dir_names) ||
		    is_among(entry->d_name, expected))
			continue;
		keep(told, entry->d_name);
		count++;
	}
	closedir(stream);
	return count == 0 ? NULL : sentence_of(told, count);
}

/* ---- what a node made goes --------------------------------------------------------------- */

/* The database has files only, no directories. */
static enum err
remove_files(const char *path)
{
	/* A link could lead to what is not ours. */
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *stream = fd == -1 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	enum err err = ERR_NONE;

	if (stream == NULL)
		return errno == ENOENT ? ERR_NONE : err_from_errno(errno);
	while (err == ERR_NONE && (entry = readdir(stream)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (unlinkat(dirfd(stream), entry->d_name, 0) == -1 && errno != ENOENT)
			err = err_from_errno(errno);
	}
	closedir(stream);
	if (err == ERR_NONE && rmdir(path) == -1 && errno != ENOENT)
		err = err_from_errno(errno);
	return err;
}

static enum err
remove_file(const char *path)
{
	return unlink(path) == 0 || errno == ENOENT ? ERR_NONE : err_from_errno(errno);
}

/* FORMAT last: a directory without it counts as empty. */
static enum err
remove_all(const char *data_dir, const char *suffix)
{
	char *database = xasprintf("%s/db%s", data_dir, suffix);
	char *mark = xasprintf("%s/db.mark%s", data_dir, suffix);
	char *format = xasprintf("%s/FORMAT%s", data_dir, suffix);
	enum err err = remove_files(database);

	if (err == ERR_NONE)
		err = remove_file(mark);
	if (err == ERR_NONE)
		err = remove_file(format);
	free(database);
	free(mark);
	free(format);
	return err;
}

enum err
data_dir_remove_state(const char *data_dir)
{
	return remove_all(data_dir, "");
}

enum err
data_dir_remove_removed(const char *data_dir)
{
	return remove_all(data_dir, ".removed");
}

bool
data_dir_has_removed(const char *data_dir)
{
	static const char *const names[] = { "db.removed", "db.mark.removed", "FORMAT.removed" };
	bool found = false;

	for (size_t i = 0; i < ARRAY_COUNT(names) && !found; i++) {
		char *path = xasprintf("%s/%s", data_dir, names[i]);

		found = faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
		free(path);
	}
	return found;
}

int
data_dir_lock_removed(const char *data_dir, bool wait)
{
	char *path = xasprintf("%s/removed.lock", data_dir);
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
	    S_IRUSR | S_IWUSR);
	int result, error = errno;

	free(path);
	errno = error;
	if (fd == -1)
		return -1;
	do {
		result = flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB);
	} while (result == -1 && errno == EINTR);
	if (result == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}
