/*
 * rebuild.c - the file UNFINISHED of a data directory that is being made of
 * something else (see directory.h).
 *
 * Without it a directory whose making ended early would look like a new one, or
 * like one of a node that has nothing, and be started as that.
 */
#include "common/data_dir.h"
#include "common/xmem.h"
#include "raftd/wal/db.h"
#include "raftd/wal/directory.h"
#include "raftd/wal/mark.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a node keeps in its data directory, ours or another etcd's. */
static const char *const data_names[] = { "FORMAT", "db", MARK_FILE_NAME, "member", "conf",
	"snapshot" };

static enum err
failed(const char *what, const char *data_dir, const char *name, char **sentence)
{
	const char *why = strerror(errno);
	enum err err = err_from_errno(errno);
	char *path = xasprintf("%s/%s", data_dir, name);

	*sentence = db_sentence(err, what, path, why);
	free(path);
	return err;
}

enum err
wal_directory_check_rebuilt(const char *data_dir, char **sentence)
{
	if (!wal_directory_has(data_dir, DIRECTORY_UNFINISHED_NAME))
		return ERR_NONE;
	*sentence = xasprintf("%s is not whole: a restore into it ended early (%s); start it with "
	    "-restore FILE again, or choose another -data-dir", data_dir,
	    DIRECTORY_UNFINISHED_NAME);
	return ERR_FOREIGN;
}

static enum err
remove_earlier(const char *data_dir, char **sentence)
{
	enum err err = data_dir_remove_state(data_dir);

	if (err != ERR_NONE)
		*sentence = xasprintf("cannot remove what a restore that ended early left in %s: "
		    "%s", data_dir, err_text(err));
	return err;
}

enum err
wal_directory_rebuild(const char *data_dir, char **sentence)
{
	static const char text[] =
	    "This directory is being made of a backup or of another directory, "
	    "and is not whole.\n";
	char *path;
	int fd;
	enum err err;

	if (wal_directory_has(data_dir, DIRECTORY_UNFINISHED_NAME))
		return remove_earlier(data_dir, sentence);
	for (size_t i = 0; i < ARRAY_COUNT(data_names); i++) {
		if (!wal_directory_has(data_dir, data_names[i]))
			continue;
		*sentence = xasprintf("%s holds data already (%s); this needs a new directory",
		    data_dir, data_names[i]);
		return ERR_INVALID;
	}
	path = xasprintf("%s/%s", data_dir, DIRECTORY_UNFINISHED_NAME);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
	free(path);
	if (fd == -1)
		return failed("cannot make", data_dir, DIRECTORY_UNFINISHED_NAME, sentence);
	err = wal_directory_write_all(fd, text, sizeof(text) - 1, 0);
	if (err == ERR_NONE && fsync(fd) == -1)
		err = err_from_errno(errno);
	close(fd);
	if (err != ERR_NONE) {
		*sentence = xasprintf("cannot write to %s: %s", data_dir, err_text(err));
		return err;
	}
	return wal_directory_sync(data_dir, sentence);
}

static enum err
remove_unfinished(const char *data_dir, char **sentence)
{
	char *path = xasprintf("%s/%s", data_dir, DIRECTORY_UNFINISHED_NAME);
	int result = remove(path);

	free(path);
	if (result == 0 || errno == ENOENT)
		return ERR_NONE;
	return failed("cannot remove", data_dir, DIRECTORY_UNFINISHED_NAME, sentence);
}

enum err
wal_directory_rebuilt(const char *data_dir, char **sentence)
{
	enum err err = wal_directory_sync(data_dir, sentence);

	if (err == ERR_NONE)
		err = remove_unfinished(data_dir, sentence);
	return err == ERR_NONE ? wal_directory_sync(data_dir, sentence) : err;
}
