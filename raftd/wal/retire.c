/*
 * retire.c - see retire.h. Called by main.c, at its end and at its start.
 */
#include "raftd/wal/retire.h"

#include "common/buf.h"
#include "common/limits.h"
#include "common/xmem.h"
#include "raftd/wal/db.h"
#include "raftd/wal/directory.h"
#include "raftd/wal/mark.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define AWAY ".removed"
#define RETIRED "RETIRED"
#define RETIRED_FORMAT "moothall removed 1 %" SCNu64 " %n"
#define RETIRED_BYTES_MAX (MEMBERS_MAX * (URL_BYTES_MAX + 1) + 64)

static char *
path_of(const char *directory, const char *name)
{
	return xasprintf("%s/%s", directory, name);
}

static enum err
failed(const char *what, const char *path, char **sentence)
{
	const char *why = strerror(errno);
	enum err err = err_from_errno(errno);

	*sentence = db_sentence(err, what, path, why);
	return err;
}

/* ---- the mark ----------------------------------------------------------------- */

static enum err
write_new(const char *path, struct slice text, char **sentence)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
	    S_IRUSR | S_IWUSR);
	enum err err;

	if (fd == -1)
		return failed("cannot make", path, sentence);
	err = directory_write_all(fd, text.data, text.size, 0);
	if (err == ERR_NONE && fsync(fd) != 0)
		err = err_from_errno(errno);
	if (err != ERR_NONE)
		*sentence = db_sentence(err, "cannot write", path, "new file");
	close(fd);
	return err;
}

enum err
retire_mark(const char *data_dir, struct slice peers, uint64_t wait_ms, char **sentence)
{
	char *db = path_of(data_dir, "db");
	char *path = path_of(db, RETIRED);
	char *made = path_of(db, RETIRED ".new");
	struct buf text = BUF_INIT;
	enum err err;

	buf_printf(&text, "moothall removed 1 %" PRIu64 " %.*s\n", wait_ms, SLICE_ARGS(peers));
	err = write_new(made, buf_slice(&text), sentence);
	if (err == ERR_NONE && rename(made, path) != 0)
		err = failed("cannot make", path, sentence);
	if (err == ERR_NONE)
		err = directory_sync(db, sentence);
	buf_free(&text);
	free(made);
	free(path);
	free(db);
	return err;
}

/* What the mark at that place says; *peers stays NULL if there is none. */
static enum err
read_mark(const char *data_dir, const char *name, char **peers, uint64_t *wait_ms,
    char **sentence)
{
	char *path = path_of(data_dir, name);
	char *text = xzalloc(RETIRED_BYTES_MAX + 1);
	FILE *file = fopen(path, "re");
	enum err err = ERR_NONE;
	int behind = 0;

	if (file == NULL) {
		if (errno != ENOENT && errno != ENOTDIR)
			err = failed("cannot read", path, sentence);
	} else if (fread(text, 1, RETIRED_BYTES_MAX, file) == 0 ||
	    sscanf(text, RETIRED_FORMAT, wait_ms, &behind) != 1 || behind == 0 ||
	    strchr(text, '\n') == NULL) {
		*sentence = db_sentence(ERR_CORRUPT, "cannot use", path,
		    "it does not say whom to ask");
		err = ERR_CORRUPT;
	} else {
		*peers = xasprintf("%.*s", (int)strcspn(text + behind, "\n"), text + behind);
	}
	if (file != NULL)
		fclose(file);
	free(text);
	free(path);
	return err;
}

/* ---- putting away ---------------------------------------------------------------- */

static enum err
remove_one(const char *directory, const char *name, char **sentence)
{
	char *path = path_of(directory, name);
	enum err err = ERR_NONE;

	if (remove(path) != 0 && errno != ENOENT)
		err = failed("cannot remove", path, sentence);
	free(path);
	return err;
}

/* The plain files of a directory, then itself; it need not be there. */
static enum err
remove_directory(const char *path, char **sentence)
{
	/* A link could lead to what is not ours. */
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *stream = fd == -1 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	enum err err = ERR_NONE;

	if (stream == NULL)
		return errno == ENOENT ? ERR_NONE : failed("cannot read", path, sentence);
	while (err == ERR_NONE && (entry = readdir(stream)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			err = remove_one(path, entry->d_name, sentence);
	closedir(stream);
	if (err == ERR_NONE && rmdir(path) != 0)
		err = failed("cannot remove", path, sentence);
	return err;
}

static enum err
remove_away(const char *data_dir, char **sentence)
{
	char *db = path_of(data_dir, "db" AWAY);
	enum err err = remove_directory(db, sentence);

	if (err == ERR_NONE)
		err = remove_one(data_dir, MARK_FILE_NAME AWAY, sentence);
	if (err == ERR_NONE)
		err = remove_one(data_dir, "FORMAT" AWAY, sentence);
	free(db);
	return err;
}

/* Rename it, if it is still there, and for good. Within one directory: to another one
 * no process that Landlock has restricted can move anything. */
static enum err
put_away(const char *data_dir, const char *name, const char *away, char **sentence)
{
	char *from = path_of(data_dir, name);
	char *to = path_of(data_dir, away);
	enum err err = ERR_NONE;

	if (rename(from, to) != 0 && errno != ENOENT)
		err = failed("cannot rename", from, sentence);
	if (err == ERR_NONE)
		err = directory_sync(data_dir, sentence);
	free(from);
	free(to);
	return err;
}

/* db last: the mark in it tells that this is not over. */
static enum err
put_away_rest(const char *data_dir, char **sentence)
{
	enum err err = put_away(data_dir, MARK_FILE_NAME, MARK_FILE_NAME AWAY, sentence);

	return err == ERR_NONE ? put_away(data_dir, "db", "db" AWAY, sentence) : err;
}

/* With FORMAT it has not begun: what was put away earlier makes room. */
static enum err
put_away_all(const char *data_dir, char **sentence)
{
	enum err err = ERR_NONE;

	if (directory_has(data_dir, "FORMAT")) {
		err = remove_away(data_dir, sentence);
		if (err == ERR_NONE)
			err = put_away(data_dir, "FORMAT", "FORMAT" AWAY, sentence);
	}
	return err == ERR_NONE ? put_away_rest(data_dir, sentence) : err;
}

/* ---- at start -------------------------------------------------------------------- */

enum err
retire_begin(const char *data_dir, char **peers, uint64_t *wait_ms, char **sentence)
{
	uint64_t earlier_ms;
	enum err err;

	*peers = NULL;
	*wait_ms = 0;
	err = read_mark(data_dir, "db/" RETIRED, peers, wait_ms, sentence);
	if (err == ERR_NONE && *peers != NULL)
		err = put_away_all(data_dir, sentence);
	else if (err == ERR_NONE)
		err = read_mark(data_dir, "db" AWAY "/" RETIRED, peers, &earlier_ms, sentence);
	if (err != ERR_NONE) {
		free(*peers);
		*peers = NULL;
	}
	return err;
}
