/*
 * diag_pipe.h - a child's lines on their way to the supervisor, which writes
 * them down (supervisor/log.h).
 *
 * A line is one frame and one write to a pipe, so it comes whole or not at all.
 * If the pipe is full the line is dropped and counted: nothing here ever waits.
 * The next one that fits says how many are missing. Without a pipe, or when the
 * supervisor's end is closed, lines go to standard error. Global state, as diag.
 */
#ifndef MOOTHALL_COMMON_DIAG_PIPE_H
#define MOOTHALL_COMMON_DIAG_PIPE_H

#include "common/slice.h"

/* Frames of the pipe are not larger, so each is written in one piece (PIPE_BUF). */
#define DIAG_PIPE_FRAME_BYTES_MAX ((size_t)4096)
/* That many bytes of access lines fit in one. */
#define DIAG_PIPE_LINES_BYTES_MAX ((size_t)4000)

/* From now on; takes fd, a pipe that does not block. */
void diag_pipe_open(int fd);
/* Once a second or so: tells what was dropped, if it is not told yet. */
void diag_pipe_tick(void);
/* Lines of the access log, complete; count of them, in DIAG_PIPE_LINES_BYTES_MAX. */
void diag_pipe_access(struct slice lines, size_t count);

#endif
