/*
 * log_ahead.c - see log_ahead.h.
 */
#include "raftd/wal/log_ahead.h"

#include "raftd/wal/files.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

/* A page at a time: what was written at once may be one folio, and all of that is dirty again
 * with each byte that is written in it. */
#define ZEROS_BYTES ((size_t)4096)

static const uint8_t zeros[ZEROS_BYTES];

/* Does the file system write over what a file has, where it is? */
static bool
writes_in_place(int directory_fd)
{
	struct statfs status;

	if (fstatfs(directory_fd, &status) != 0)
		return false;
	switch (status.f_type) {
	case EXT4_SUPER_MAGIC:		/* of ext2 and ext3, too */
	case XFS_SUPER_MAGIC:
	case OVERLAYFS_SUPER_MAGIC:
		return true;
	default:
		return false;
	}
}

void
log_ahead_begin(struct log_ahead *ahead, int directory_fd)
{
	*ahead = (struct log_ahead){
		.directory_fd = writes_in_place(directory_fd) ? directory_fd : -1,
		.fd = -1,
	};
}

void
log_ahead_end(struct log_ahead *ahead)
{
	if (ahead->fd != -1)
		close(ahead->fd);
	ahead->fd = -1;
	ahead->number = 0;
}

void
log_ahead_find(struct log_ahead *ahead)
{
	char name[FILES_NAME_BYTES];
	struct stat status;
	uint64_t number;

	if (ahead->directory_fd == -1)
		return;
	number = files_newest_log(ahead->directory_fd, name);
	if (number == 0 || number == ahead->number)
		return;
	log_ahead_end(ahead);
	ahead->number = number;
	ahead->fd = openat(ahead->directory_fd, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (ahead->fd == -1 || fstat(ahead->fd, &status) != 0) {
		log_ahead_end(ahead);
		return;
	}
	ahead->file_bytes = ahead->written = (uint64_t)status.st_size;
}

/* Zeros from the end of the file to there. False: it is not that long, and will not be. */
static bool
put_zeros(int fd, uint64_t to)
{
	struct stat status;
	uint64_t at;

	if (fstat(fd, &status) != 0)
		return false;
	for (at = (uint64_t)status.st_size; at < to; ) {
		size_t left = to - at < ZEROS_BYTES ? (size_t)(to - at) : ZEROS_BYTES;
		ssize_t written = pwrite(fd, zeros, left, (off_t)at);

		if (written <= 0)
			return false;
		at += (uint64_t)written;
	}
	return true;
}

void
log_ahead_extend(struct log_ahead *ahead, uint64_t bytes)
{
	if (ahead->fd == -1)
		return;
	ahead->written += bytes;
	if (ahead->written <= ahead->file_bytes || bytes > LOG_AHEAD_BATCH_BYTES)
		return;
	ahead->file_bytes = ahead->written + LOG_AHEAD_BYTES;
	if (!put_zeros(ahead->fd, ahead->file_bytes)) {
		close(ahead->fd);
		ahead->fd = -1;
	}
}
