/*
 * daemon.h - -daemon: the process that started us gets the exit code of the start.
 *
 * The program forks before it does anything. The first process waits until the
 * second is ready, or has ended, and ends with 0 or with its exit code. The
 * second has a session of its own, and is the supervisor.
 *
 *	second to first, on a pipe: one newline when ready, or a sentence and the
 *	end of the file
 */
#ifndef MOOTHALL_SUPERVISOR_DAEMON_H
#define MOOTHALL_SUPERVISOR_DAEMON_H

#include "common/base.h"

/*
 * Returns in the second process only: the pipe's end for the newline, or -1 with
 * errno if there is no second one. log: where the first one says to look further.
 */
int daemon_begin(const char *log) MUST_CHECK;
/* Nothing of the terminal is left. */
void daemon_detach(void);
/* Why the start has failed, for the terminal. fd: of daemon_begin; -1: nobody asks. */
void daemon_tell(int fd, const char *sentence);

#endif
