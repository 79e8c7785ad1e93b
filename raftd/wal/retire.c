/*
 * retire.c - see retire.h. Called by main.c, at its end and at its start.
 */
#include "raftd/wal/retire.h"

#include "common/buf.h"
#include "common/crc32c.h"
#include "common/data_dir.h"
#include "common/diag.h"
#include "common/limits.h"
#include "common/xmem.h"
#include "raftd/wal/db.h"
#include "raftd/wal/directory.h"
#include "raftd/wal/mark.h"

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
#define RETIRED_WORD "moothall removed "
#define RETIRED_CHECK_BYTES 9		/* and a blank */
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
	err = wal_directory_write_all(fd, text.data, text.size, 0);
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
	char *said = xasprintf("%" PRIu64 " %.*s\n", wait_ms, SLICE_ARGS(peers));
	enum err err;

	buf_printf(&text, RETIRED_WORD "2 %08" PRIx32 " %s", crc32c(0, slice_text(said)), said);
	err = write_new(made, buf_slice(&text), sentence);
	if (err == ERR_NONE && rename(made, path) != 0)
		err = failed("cannot make", path, sentence);
	if (err == ERR_NONE)
		err = wal_directory_sync(db, sentence);
	buf_free(&text);
	free(said);
	free(made);
	free(path);
	free(db);
	return err;
}

/* A wait, a blank, peers, a newline and nothing more. */
static bool
parse_said(const char *said, char **peers, uint64_t *wait_ms)
{
	const char *end = strchr(said, '\n');
	uint64_t wait;
	int behind = 0;

	if (end == NULL || end[1] != '\0' || said[0] < '0' || said[0] > '9' ||
	    sscanf(said, "%" SCNu64 " %n", &wait, &behind) != 1 || behind == 0)
		return false;
	/* With no peer the blank was taken, and the newline with it. */
	*peers = said + behind > end ? xstrdup("") :
	    xasprintf("%.*s", (int)(end - said - behind), said + behind);
	*wait_ms = wait;
	return true;
}

/* The text of a mark, of this or the first format, which had no checksum. */
static bool
parse_mark(const char *text, char **peers, uint64_t *wait_ms)
{
	size_t word = strlen(RETIRED_WORD);
	char check[RETIRED_CHECK_BYTES + 1];
	const char *said;

	if (strncmp(text, RETIRED_WORD, word) != 0)
		return false;
	if (strncmp(text + word, "1 ", 2) == 0)
		return parse_said(text + word + 2, peers, wait_ms);
	if (strncmp(text + word, "2 ", 2) != 0 ||
	    strlen(text) < word + 2 + RETIRED_CHECK_BYTES)
		return false;
	said = text + word + 2 + RETIRED_CHECK_BYTES;
	snprintf(check, sizeof(check), "%08" PRIx32 " ", crc32c(0, slice_text(said)));
	return strncmp(said - RETIRED_CHECK_BYTES, check, RETIRED_CHECK_BYTES) == 0 &&
	    parse_said(said, peers, wait_ms);
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

	if (file == NULL) {
		if (errno != ENOENT && errno != ENOTDIR)
			err = failed("cannot read", path, sentence);
	} else {
		/* Bytes that no text has end it early. */
		(void)!fread(text, 1, RETIRED_BYTES_MAX, file);
		if (ferror(file) != 0) {
			err = failed("cannot read", path, sentence);
		} else if (!parse_mark(text, peers, wait_ms)) {
			*sentence = db_sentence(ERR_CORRUPT, "cannot use", path,
			    "it does not say whom to ask");
			err = ERR_CORRUPT;
		}
	}
	if (file != NULL)
		fclose(file);
	free(text);
	free(path);
	return err;
}

/* ---- putting away ---------------------------------------------------------------- */

static enum err
remove_away(const char *data_dir, char **sentence)
{
	char *db = path_of(data_dir, "db" AWAY);
	enum err err = data_dir_remove_removed(data_dir);

	if (err != ERR_NONE)
		*sentence = db_sentence(err, "cannot remove", db,
		    "what was put away earlier");
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
		err = wal_directory_sync(data_dir, sentence);
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

/* With FORMAT it has not begun: what was put away earlier makes room. Who removes that just
 * now is waited for: he would remove this as well. */
static enum err
put_away_all(const char *data_dir, char **sentence)
{
	int lock = data_dir_lock_removed(data_dir, true);
	enum err err = lock == -1 ? failed("cannot lock", data_dir, sentence) : ERR_NONE;

	if (err == ERR_NONE && wal_directory_has(data_dir, "FORMAT")) {
		err = remove_away(data_dir, sentence);
		if (err == ERR_NONE)
			err = put_away(data_dir, "FORMAT", "FORMAT" AWAY, sentence);
	}
	if (err == ERR_NONE)
		err = put_away_rest(data_dir, sentence);
	if (lock != -1)
		close(lock);
	return err;
}

/* ---- at start -------------------------------------------------------------------- */

/* The new node may know its members by now, or be told whom to ask: nothing of it is
 * damaged. */
static enum err
read_away(const char *data_dir, char **peers, char **sentence)
{
	uint64_t earlier_ms;
	enum err err = read_mark(data_dir, "db" AWAY "/" RETIRED, peers, &earlier_ms, sentence);

	if (err != ERR_CORRUPT)
		return err;
	diag_warn("disk", "%s", *sentence);
	free(*sentence);
	*sentence = NULL;
	*peers = xstrdup("");
	return ERR_NONE;
}

enum err
retire_begin(const char *data_dir, char **peers, uint64_t *wait_ms, char **sentence)
{
	enum err err;

	*peers = NULL;
	*wait_ms = 0;
	err = read_mark(data_dir, "db/" RETIRED, peers, wait_ms, sentence);
	if (err == ERR_NONE && *peers != NULL)
		err = put_away_all(data_dir, sentence);
	else if (err == ERR_NONE)
		err = read_away(data_dir, peers, sentence);
	if (err != ERR_NONE) {
		free(*peers);
		*peers = NULL;
	}
	return err;
}
