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

/* What a slot says. False: nothing that checks. */
static bool
slot_read(struct slice slot, struct disk_synced *synced)
{
	struct slice content;
	struct reader in;

	if (slot.size != MARK_SLOT_BYTES ||
	    memcmp(slot.data, MARK_MAGIC, MARK_MAGIC_BYTES) != 0)
		return false;
	if (record_open(slice_of(slot.data, MARK_MAGIC_BYTES),
	    slice_of(slot.data + MARK_MAGIC_BYTES, slot.size - MARK_MAGIC_BYTES),
	    &content) != ERR_NONE)
		return false;
	in = reader_of(content);
	return disk_synced_get(&in, synced) && reader_done(&in);
}

/* How many slots check; then *synced is what the newer one says, and the other is next. */
static unsigned
mark_read(struct mark *mark, struct disk_synced *synced)
{
	unsigned good = 0;

	for (unsigned slot = 0; slot < MARK_SLOTS; slot++) {
		uint8_t bytes[MARK_SLOT_BYTES];
		ssize_t size = pread(mark->fd, bytes, sizeof(bytes),
		    (off_t)(slot * MARK_SLOT_STEP));
		struct disk_synced found;

		if (!slot_read(slice_of(bytes, size > 0 ? (size_t)size : 0), &found))
			continue;
		if (good == 0 || found.batch >= synced->batch) {
			*synced = found;
			mark->next = (slot + 1) % MARK_SLOTS;
		}
		good++;
	}
	return good;
}

static enum err
mark_failed(struct mark *mark, enum err err, const char *what, char **sentence)
{
	*sentence = db_sentence(err, what, mark->path, "mark file");
	return err;
}

/* Write to all slots but the one that says what counts; if there is none, to all. */
static enum err
mark_make(struct mark *mark, const char *data_dir, unsigned good, bool sync, char **sentence)
{
	static const struct disk_synced nothing = { .batch = 0 };
	unsigned next = mark->next;
	enum err err = ERR_NONE;

	for (unsigned made = good > 0 ? 1 : 0; err == ERR_NONE && made < MARK_SLOTS; made++)
		err = mark_write(mark, &nothing, sentence);
	mark->next = next;
	if (err != ERR_NONE || !sync)
		return err;
	if (fsync(mark->fd) != 0)
		return mark_failed(mark, err_from_errno(errno), "cannot sync", sentence);
	return wal_directory_sync(data_dir, sentence);
}

enum err
mark_open(const char *data_dir, bool sync, struct mark **result, struct disk_synced *synced,
    char **sentence)
{
	struct mark *mark = xzalloc(sizeof(*mark));
	struct stat status;
	enum err err = ERR_NONE;
	unsigned good;

	*synced = (struct disk_synced){ .batch = 0 };
	mark->path = xasprintf("%s/" MARK_FILE_NAME, data_dir);
	mark->fd = open(mark->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
	    S_IRUSR | S_IWUSR);
	if (mark->fd == -1 || fstat(mark->fd, &status) != 0) {
		err = mark_failed(mark, err_from_errno(errno), "cannot open", sentence);
	} else if ((good = mark_read(mark, synced)) < MARK_SLOTS) {
		/* One of an earlier version has one. */
		if (good == 0 && status.st_size != 0)
			diag_warn("disk", "mark file is damaged and made anew: file=%s",
			    mark->path);
		else if (good > 0 && (size_t)status.st_size > MARK_SLOT_BYTES)
			diag_warn("disk", "mark file is damaged in one of two places, the other "
			    "counts: file=%s", mark->path);
		err = mark_make(mark, data_dir, good, sync, sentence);
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
	uint8_t bytes[MARK_SLOT_BYTES];
	enum err err;

	record_begin(&mark->bytes);
	disk_synced_put(&mark->bytes, synced);
	record_seal(&mark->bytes, key);
	ASSERT(mark->bytes.size == MARK_SLOT_BYTES - MARK_MAGIC_BYTES);
	memcpy(bytes, MARK_MAGIC, MARK_MAGIC_BYTES);
	memcpy(bytes + MARK_MAGIC_BYTES, mark->bytes.data, mark->bytes.size);
	err = wal_directory_write_all(mark->fd, bytes, sizeof(bytes), mark->next * MARK_SLOT_STEP);
	mark->next = (mark->next + 1) % MARK_SLOTS;
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
