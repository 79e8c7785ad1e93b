/*
 * clock_shift.c - a preloaded library: the wall clock is wrong by as much as a
 * file says, in nanoseconds as 8 bytes of this machine. The monotonic clock is
 * right. The file is mapped before main, so a sandbox does not matter.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile const int64_t *shift_ns;

__attribute__((constructor)) static void
clock_shift_begin(void)
{
	const char *path = getenv("MOOTHALL_CLOCK_SHIFT");
	int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	void *map = MAP_FAILED;

	if (fd != -1) {
		map = mmap(NULL, sizeof(*shift_ns), PROT_READ, MAP_SHARED, fd, 0);
		close(fd);
	}
	if (map != MAP_FAILED)
		shift_ns = map;
}

int
clock_gettime(clockid_t clock, struct timespec *time)
{
	int result = (int)syscall(SYS_clock_gettime, clock, time);
	int64_t ns;

	if (result != 0 || clock != CLOCK_REALTIME || shift_ns == NULL)
		return result;
	ns = time->tv_sec * INT64_C(1000000000) + time->tv_nsec + *shift_ns;
	time->tv_sec = ns / INT64_C(1000000000);
	time->tv_nsec = ns % INT64_C(1000000000);
	return 0;
}
