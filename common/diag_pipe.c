/*
 * diag_pipe.c - lines for the supervisor (see diag_pipe.h).
 */
#include "common/diag_pipe.h"

#include "common/clock.h"
#include "common/diag.h"
#include "common/ipc/message.h"
#include "common/metric.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

_Static_assert(DIAG_PIPE_FRAME_BYTES_MAX <= PIPE_BUF, "a frame is written in one piece");

static struct {
	int fd;
	uint64_t dropped;	/* lines, since it was last told */
	struct buf frame;
} pipe_end = { .fd = -1 };

/* What is in frame. False: there was no room for it. */
static bool
write_frame(void)
{
	ssize_t size;

	ASSERT(pipe_end.frame.size <= DIAG_PIPE_FRAME_BYTES_MAX);
	do
		size = write(pipe_end.fd, pipe_end.frame.data, pipe_end.frame.size);
	while (size == -1 && errno == EINTR);
	buf_clear(&pipe_end.frame);
	if (size == -1 && errno != EAGAIN) {
		close(pipe_end.fd);
		pipe_end.fd = -1;
		diag_set_writer(NULL, NULL);
	}
	return size != -1;
}

static void
put_line(uint64_t wall_ns, enum diag_level level, struct slice part, struct slice text)
{
	msg_diag_frame(&pipe_end.frame, 0, &(struct msg_diag){ .wall_ns = wall_ns,
	    .level = (uint8_t)level, .part = part, .text = text });
}

static void
drop(uint64_t lines)
{
	pipe_end.dropped += lines;
	metric_add(METRIC_log_dropped, lines);
}

/* What is missing stands where it is missing. False: it does not fit either. */
static bool
tell_dropped(uint64_t wall_ns)
{
	char text[128];

	if (pipe_end.dropped == 0)
		return true;
	snprintf(text, sizeof(text), "lines dropped, they came faster than they were written: "
	    "count=%" PRIu64, pipe_end.dropped);
	put_line(wall_ns, DIAG_WARN, SLICE_LITERAL("log"), slice_text(text));
	if (!write_frame())
		return false;
	pipe_end.dropped = 0;
	return true;
}

static void
write_record(void *argument UNUSED, const struct diag_record *record)
{
	struct slice text = record->text;

	if (!tell_dropped(record->wall_ns)) {
		drop(1);
		return;
	}
	/* A sentence may be longer than a frame. */
	text.size = MIN_OF(text.size, DIAG_PIPE_LINES_BYTES_MAX - record->part.size);
	put_line(record->wall_ns, record->level, record->part, text);
	if (pipe_end.fd != -1 && !write_frame())
		drop(1);
	buf_clear(&pipe_end.frame);
}

void
diag_pipe_open(int fd)
{
	if (pipe_end.fd != -1)
		close(pipe_end.fd);
	pipe_end.fd = fd;
	diag_set_writer(write_record, NULL);
}

void
diag_pipe_tick(void)
{
	if (pipe_end.fd != -1)
		(void)tell_dropped(clock_now().wall_ns);
}

void
diag_pipe_access(struct slice lines, size_t count)
{
	if (pipe_end.fd == -1)
		return;
	msg_access_lines_frame(&pipe_end.frame, 0, &(struct msg_access_lines){ .lines = lines });
	if (!write_frame())
		drop(count);
}
