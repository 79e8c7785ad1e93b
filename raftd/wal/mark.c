/*
 * mark.c - see mark.h. Opened by wal.c, written by the writer's thread.
 */
#include "raftd/wal/mark.h"

#include "common/diag.h"
#include "common/xmem.h"
#include "raftd/wal/db.h"
#include "raftd/wal/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK_MAGIC "MOOTMARK"
#define MARK_MAGIC_BYTES ((size_t)8)
#define MARK_FILE_BYTES ((size_t)53)

/* Read what the file says. False: nothing that checks. */
static bool
mark_read(int fd, struct disk_synced *synced)
{
	uint8_t bytes[MARK_FILE_BYTES];
	struct slice content;
	struct reader in;
	ssize_t size = pread(fd, bytes, sizeof(bytes), 0);

	if (size != (ssize_t)sizeof(bytes) || memcmp(bytes, MARK_MAGIC, MARK_MAGIC_BYTES) != 0)
		return false;
	if (record_open(slice_of(bytes, MARK_MAGIC_BYTES),
	    slice_of(bytes + MARK_MAGIC_BYTES, sizeof(bytes) - MARK_MAGIC_BYTES),
	    &content) != ERR_NONE)
		return false;
	in = reader_of(content);
	return disk_synced_get(&in, synced) && reader_done(&in);
}

static enum err
mark_failed(struct mark *mark, enum err err, const char *what, char **sentence)
{
	*sentence = db_sentence(err, what, mark->path, "mark file");
	return err;
}

/* Make the file that was not there, or that says nothing. */
static enum err
mark_make(struct mark *mark, const char *data_dir, bool sync, char **sentence)
{
	static const struct disk_synced nothing = { .batch = 0 };
	enum err err = mark_write(mark, &nothing, sentence);

	if (err != ERR_NONE || !sync)
		return err;
	if (fsync(mark->fd) != 0)
		return mark_failed(mark, err_from_errno(errno), "cannot sync", sentence);
	return directory_sync(data_dir, sentence);
}

enum err
mark_open(const char *data_dir, bool sync, struct mark **result, struct disk_synced *synced,
    char **sentence)
{
	struct mark *mark = xzalloc(sizeof(*mark));
	struct stat status;
	enum err err = ERR_NONE;

	mark->path = xasprintf("%s/" MARK_FILE_NAME, data_dir);
	mark->fd = open(mark->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
	    S_IRUSR | S_IWUSR);
	if (mark->fd == -1 || fstat(mark->fd, &status) != 0) {
		err = mark_failed(mark, err_from_errno(errno), "cannot open", sentence);
	} else if (!mark_read(mark->fd, synced)) {
		if (status.st_size != 0)
			diag_warn("disk", "mark file is damaged and made anew: file=%s",
			    mark->path);
		*synced = (struct disk_synced){ .batch = 0 };
		err = mark_make(mark, data_dir, sync, sentence);
	}
	if (err != ERR_NONE)
		mark_close(&mark);
	else
		*result = mark;
	return err;
}

enum err
mark_write(struct mark *mark, const struct disk_synced *synced, char **sentence)
{
	struct slice key = slice_of(MARK_MAGIC, MARK_MAGIC_BYTES);
	uint8_t bytes[MARK_FILE_BYTES];
	enum err err;

	record_begin(&mark->bytes);
	disk_synced_put(&mark->bytes, synced);
	record_seal(&mark->bytes, key);
	ASSERT(mark->bytes.size == MARK_FILE_BYTES - MARK_MAGIC_BYTES);
	memcpy(bytes, MARK_MAGIC, MARK_MAGIC_BYTES);
	memcpy(bytes + MARK_MAGIC_BYTES, mark->bytes.data, mark->bytes.size);
	err = directory_write_all(mark->fd, bytes, sizeof(bytes), 0);
	if (err != ERR_NONE)
		return mark_failed(mark, err, "cannot write", sentence);
	return ERR_NONE;
}

void
mark_close(struct mark **mark_pointer)
{
	struct mark *mark = *mark_pointer;

	if (mark == NULL)
		return;
	if (mark->fd != -1)
		close(mark->fd);
	buf_free(&mark->bytes);
	free(mark->path);
	free(mark);
	*mark_pointer = NULL;
}
