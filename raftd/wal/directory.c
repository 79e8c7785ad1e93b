/*
 * directory.c - see directory.h. Called by wal.c and mark.c at start.
 */
#include "raftd/wal/directory.h"

#include "common/lock_text.h"
#include "common/program.h"
#include "common/xmem.h"
#include "raftd/wal/db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMAT_WORD "moothall "
#define FORMAT_BYTES_MAX 64

bool
wal_directory_has(const char *data_dir, const char *name)
{
	char *path = xasprintf("%s/%s", data_dir, name);
	struct stat status;
	bool there = lstat(path, &status) == 0;

	free(path);
	return there;
}

/* A system call on path failed. */
static enum err
failed(const char *what, const char *path, char **sentence)
{
	const char *why = strerror(errno);
	enum err err = err_from_errno(errno);

	*sentence = db_sentence(err, what, path, why);
	return err;
}

/* What the FORMAT file says: ours, or ERR_FOREIGN. */
static enum err
check_format(const char *data_dir, const char *text, enum wal_directory_kind *kind,
    char **sentence)
{
	size_t length = strcspn(text, "\n");
	char *end;
	unsigned long major;

	if (strncmp(text, FORMAT_WORD, strlen(FORMAT_WORD)) == 0 &&
	    text[strlen(FORMAT_WORD)] >= '0' && text[strlen(FORMAT_WORD)] <= '9') {
		major = strtoul(text + strlen(FORMAT_WORD), &end, 10);
		bool is_read = major >= DIRECTORY_FORMAT_OLDEST && major <= DIRECTORY_FORMAT;

		if (is_read && (*end == '\n' || *end == '.')) {
			*kind = major == DIRECTORY_FORMAT ? DIRECTORY_OURS : DIRECTORY_EARLIER;
			return ERR_NONE;
		}
		if (!is_read) {
			*sentence = xasprintf("%s holds data of format %lu, this program reads "
			    "formats %d to %d; start the version that wrote it, make a backup with "
			    "it (etcdctl backup) and restore that into another -data-dir; if no "
			    "other version was ever used there, FORMAT in it is damaged: write "
			    "\"" FORMAT_WORD "%d\" into it",
			    data_dir, major, DIRECTORY_FORMAT_OLDEST, DIRECTORY_FORMAT,
			    DIRECTORY_FORMAT);
			return ERR_FOREIGN;
		}
	}
	for (size_t i = 0; i < length; i++) {
		if (text[i] < ' ' || text[i] > '~')
			length = i;
	}
	*sentence = xasprintf("%s/FORMAT says \"%.*s\" and not \"" FORMAT_WORD "%d\": damaged, or "
	    "not our data; if the directory is this node's, write that line into it, else choose "
	    "another -data-dir", data_dir, (int)length, text, DIRECTORY_FORMAT);
	return ERR_FOREIGN;
}

/* No FORMAT: new, half made, or another program's. */
static enum err
inspect_unmarked(const char *data_dir, enum wal_directory_kind *kind, char **sentence)
{
	const char *foreign = NULL;

	if (wal_directory_has(data_dir, "member"))
		foreign = wal_directory_has(data_dir, "member/wal") ? "member/wal" : "member";
	else if (wal_directory_has(data_dir, "log") && wal_directory_has(data_dir, "conf"))
		foreign = "log, conf";
	if (foreign != NULL) {
		*sentence = xasprintf("%s holds data of another etcd (%s); "
		    "choose another -data-dir; '%s import' copies the keys of that etcd while it "
		    "runs", data_dir, foreign, program_etcdctl());
		return ERR_FOREIGN;
	}
	if (!wal_directory_has(data_dir, "db")) {
		*kind = DIRECTORY_NEW;
		return ERR_NONE;
	}
	if (wal_directory_has(data_dir, MARK_FILE_NAME)) {
		*kind = DIRECTORY_UNFINISHED;
		return ERR_NONE;
	}
	*sentence = xasprintf("%s holds data of another program (db without FORMAT); "
	    "choose another -data-dir", data_dir);
	return ERR_FOREIGN;
}

enum err
wal_directory_inspect(const char *data_dir, enum wal_directory_kind *kind, char **sentence)
{
	char *path = xasprintf("%s/FORMAT", data_dir);
	char text[FORMAT_BYTES_MAX + 1];
	FILE *file = fopen(path, "re");
	enum err err;

	if (file != NULL) {
		size_t size = fread(text, 1, FORMAT_BYTES_MAX, file);

		if (ferror(file) != 0) {
			err = failed("cannot read", path, sentence);
		} else {
			text[size] = '\0';
			err = check_format(data_dir, text, kind, sentence);
		}
		fclose(file);
	} else if (errno == ENOENT && access(data_dir, R_OK | W_OK | X_OK) == 0) {
		err = inspect_unmarked(data_dir, kind, sentence);
	} else {
		err = failed("cannot read", path, sentence);
	}
	free(path);
	return err;
}

enum err
wal_directory_make_db(const char *data_dir, char **sentence)
{
	char *path = xasprintf("%s/db", data_dir);
	enum err err = ERR_NONE;

	if (mkdir(path, S_IRWXU) != 0 && errno != EEXIST)
		err = failed("cannot make", path, sentence);
	free(path);
	return err;
}

enum err
wal_directory_sync(const char *path, char **sentence)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum err err = ERR_NONE;

	if (fd == -1)
		return failed("cannot open", path, sentence);
	if (fsync(fd) != 0)
		err = failed("cannot sync", path, sentence);
	close(fd);
	return err;
}

enum err
wal_directory_write_all(int fd, const void *bytes, size_t size, uint64_t offset)
{
	const uint8_t *at = bytes;

	while (size > 0) {
		ssize_t written = pwrite(fd, at, size, (off_t)offset);

		if (written == -1 && errno == EINTR)
			continue;
		if (written == -1)
			return err_from_errno(errno);
		at += written;
		size -= (size_t)written;
		offset += (uint64_t)written;
	}
	return ERR_NONE;
}

/* Make the file at path, whole and synced. */
static enum err
write_format(const char *path, bool sync, char **sentence)
{
	char text[FORMAT_BYTES_MAX];
	int length = snprintf(text, sizeof(text), FORMAT_WORD "%d\n", DIRECTORY_FORMAT);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
	    S_IRUSR | S_IWUSR);
	enum err err;

	if (fd == -1)
		return failed("cannot make", path, sentence);
	err = wal_directory_write_all(fd, text, (size_t)length, 0);
	if (err == ERR_NONE && sync && fsync(fd) != 0)
		err = err_from_errno(errno);
	close(fd);
	if (err != ERR_NONE)
		*sentence = db_sentence(err, "cannot write", path, "new file");
	return err;
}

enum err
wal_directory_finish(const char *data_dir, bool sync, char **sentence)
{
	char *path = xasprintf("%s/FORMAT", data_dir);
	char *made = xasprintf("%s/FORMAT.new", data_dir);
	enum err err;

	err = write_format(made, sync, sentence);
	if (err == ERR_NONE && rename(made, path) != 0)
		err = failed("cannot make", path, sentence);
	if (err == ERR_NONE && sync)
		err = wal_directory_sync(data_dir, sentence);
	free(made);
	free(path);
	return err;
}

const char *
wal_directory_lock_holder(int lock_fd, char holder[LOCK_HOLDER_BYTES])
{
	struct lock_text text;

	if (lock_text_read(lock_fd, &text))
		snprintf(holder, LOCK_HOLDER_BYTES, "%ld", text.pid);
	else
		snprintf(holder, LOCK_HOLDER_BYTES, "?");
	return holder;
}
