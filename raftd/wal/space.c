/*
 * space.c - see space.h. Called by the writer's thread only.
 */
#include "raftd/wal/space.h"

#include <sys/statvfs.h>

/* On disks below this the marks shrink with the disk. */
#define SMALL_DISK_BYTES (8 * SPACE_FULL_BYTES)

static uint64_t
mark_of(const struct wal_space *space, uint64_t bytes)
{
	if (space->total_bytes >= SMALL_DISK_BYTES)
		return bytes;
	return (uint64_t)((double)bytes * (double)space->total_bytes / (double)SMALL_DISK_BYTES);
}

void
space_look(int fd, struct wal_space *space)
{
	struct statvfs status;

	/* Some file systems have no answer, or an empty one. */
	if (fstatvfs(fd, &status) != 0 || status.f_blocks == 0) {
		*space = (struct wal_space){ .total_bytes = 0 };
		return;
	}
	space->free_bytes = (uint64_t)status.f_bavail * status.f_frsize;
	space->total_bytes = (uint64_t)status.f_blocks * status.f_frsize;
	if (space->free_bytes < mark_of(space, SPACE_FULL_BYTES))
		space->full = true;
	else if (space_is_enough(space))
		space->full = false;
}

bool
space_is_plenty(const struct wal_space *space, size_t bytes)
{
	return space->total_bytes == 0 || (!space->full && space->free_bytes >=
	    mark_of(space, SPACE_ENOUGH_BYTES) + 2 * (uint64_t)bytes);
}

bool
space_has_room(const struct wal_space *space, size_t bytes)
{
	/* Once in the log, and once more in a table when the log is done with. */
	return space->total_bytes == 0 ||
	    space->free_bytes >= mark_of(space, SPACE_HELD_BYTES) + 2 * (uint64_t)bytes;
}

bool
space_is_enough(const struct wal_space *space)
{
	return space->total_bytes == 0 ||
	    space->free_bytes >= mark_of(space, SPACE_ENOUGH_BYTES);
}
