/*
 * spawn.h - fork and exec of one child. Linux only.
 *
 * The child gets exactly these descriptors: 0 (/dev/null), 1 and 2 (ours, or 2 as given), 3
 * (its control channel) and 4 (its listening socket, if it has one).
 */
#ifndef MOOTHALL_SUPERVISOR_SPAWN_H
#define MOOTHALL_SUPERVISOR_SPAWN_H

#include "common/base.h"

#include <sys/types.h>

#define SPAWN_CONTROL_FD 3
#define SPAWN_LISTEN_FD 4

struct spawn {
	const char *path;
	char *const *argv;
	int control_fd;		/* stays the caller's */
	int listen_fd;		/* stays the caller's; -1: none */
	int stderr_fd;		/* stays the caller's; 0: ours */
};

/* The process id, or -1 with errno. A failed exec ends the child with 127. */
pid_t spawn_program(const struct spawn *spawn) MUST_CHECK;

#endif
