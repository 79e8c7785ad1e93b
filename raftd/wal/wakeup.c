/*
 * wakeup.c - see wakeup.h; the only caller of eventfd, which is Linux's.
 */
#include "raftd/wal/wakeup.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum err
wakeup_open(int *fd)
{
	int made = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (made == -1)
		return err_from_errno(errno);
	*fd = made;
	return ERR_NONE;
}

void
wakeup_send(int fd)
{
	static const uint64_t one = 1;
	ssize_t written;

	do {
		written = write(fd, &one, sizeof(one));
	} while (written == -1 && errno == EINTR);
	/* EAGAIN: it counts up to 2^64 unread calls; readable all the same. */
	ASSERT(written == (ssize_t)sizeof(one) || errno == EAGAIN);
}

void
wakeup_take(int fd)
{
	uint64_t count;
	ssize_t size;

	do {
		size = read(fd, &count, sizeof(count));
	} while (size == -1 && errno == EINTR);
}
