/*
 * spawn.h - fork and exec of one child. Linux only.
 *
 * The child gets exactly these descriptors: 0 (/dev/null), 1 and 2 (ours, or 2 as given), 3
 * (its control channel) and, if it has any, its listening sockets from 4 on.
 */
#ifndef MOOTHALL_SUPERVISOR_SPAWN_H
#define MOOTHALL_SUPERVISOR_SPAWN_H

#include "supervisor/listen.h"

#include <sys/types.h>

#define SPAWN_CONTROL_FD 3
#define SPAWN_LISTEN_FD 4

struct spawn {
	const char *path;
	char *const *argv;
	int control_fd;		/* stays the caller's */
	const struct listen_set *listen; /* the same; NULL: none */
	int stderr_fd;		/* stays the caller's; 0: ours */
};

/* The process id, or -1 with errno. A failed exec ends the child with 127. */
pid_t spawn_program(const struct spawn *spawn) MUST_CHECK;

#endif
