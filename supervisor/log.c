/*
 * log.c - the lines of all processes (see log.h).
 *
 *	reading -----> reading	frames came, their lines are written	[source_ready]
 *	reading -----> deaf	what came is no frame of a child: nothing
 *				more is read of it			[source_ready]
 *	any ---------> freed	the child is dead			[log_source_free]
 */
#include "supervisor/log.h"

#include "common/diag_format.h"
#include "common/ipc/message.h"
#include "common/metric.h"
#include "common/printable.h"
#include "common/program.h"
#include "common/xmem.h"
#include "supervisor/log_ring.h"
#include "supervisor/log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <unistd.h>

#define RETRY_MS 10			/* a sink that took nothing is asked again */
#define READ_BYTES ((size_t)64 * 1024)	/* all that a pipe holds */
#define PIPE_ROOM ((size_t)8 * 1024)	/* above the largest frame of a child */

struct log_source {
	struct log *log;
	const char *program;
	pid_t pid;
	int fd;				/* -1: deaf */
	struct loop_io *io;
	struct buf in;
};

struct log {
	const struct privileges *privileges;
	struct loop *loop;		/* NULL: not running yet */
	int crash_in, crash_out;	/* standard error of children; -1: none */
	struct loop_io *crash_io;
	struct buf crash;		/* a line that has no end yet */
	struct loop_timer *retry;
	bool json;
	bool took_standard;		/* descriptors 1 and 2 */
	struct log_ring newest;		/* of lines */
	struct log_sink *lines;
	struct log_sink *access;	/* NULL: off */
	uint64_t lines_untold, access_untold; /* that are missing */
	/* What log_prepare opened; NULL: as it is. */
	struct log_sink *next_lines, *next_access;
	bool next_access_off;
};

/* ---- writing ------------------------------------------------------------------- */

static void
put_record(struct log *log, struct log_sink *sink, const struct diag_record *record)
{
	char line[DIAG_SENTENCE_BYTES_MAX];
	size_t size = diag_format(record, log_sink_place(sink), log->json, line);

	log_sink_put(sink, slice_of(line, size));
	if (log->json || log_sink_place(sink) != DIAG_IN_FILE)
		size = diag_format(record, DIAG_IN_FILE, false, line);
	log_ring_put(&log->newest, slice_of(line, size));
}

/* Of the log itself: the writer of diag may not use diag. */
static void
put_own(struct log *log, enum diag_level level, const char *text)
{
	struct diag_record record = { .level = level, .wall_ns = clock_now().wall_ns,
		.node = diag_node(), .program = program_own(), .pid = (long)getpid(),
		.part = SLICE_LITERAL("log"), .text = slice_text(text) };

	put_record(log, log->lines, &record);
}

/* What the log itself cannot be told goes to who started us. */
static void
tell_trouble(struct log_sink *sink)
{
	const char *reason = log_sink_take_trouble(sink);
	char text[DIAG_LINE_BYTES_MAX], line[DIAG_LINE_BYTES_MAX];
	size_t size;

	if (reason == NULL)
		return;
	snprintf(text, sizeof(text), "%s: cannot write the log to %s: %s", program_own(),
	    log_sink_where(sink), reason);
	size = diag_escape(line, 0, sizeof(line) - 1, slice_text(text));
	line[size++] = '\n';
	if (write(STDERR_FILENO, line, size) == -1)
		return;
}

/* Lines that are missing are told behind the gap, in the log. */
static void
tell_dropped(struct log *log, struct log_sink *sink, uint64_t *untold)
{
	uint64_t count = *untold;
	char text[128];

	*untold = 0;
	snprintf(text, sizeof(text),
	    "lines dropped, they could not be written: log=%s count=%" PRIu64,
	    sink == log->access ? "access" : "main", count);
	put_own(log, DIAG_WARN, text);
	if (!log_sink_flush(log->lines) && log->retry != NULL)
		loop_timer_set(log->retry, RETRY_MS);
	/* If this was not written either it is not to be told for ever. */
	(void)log_sink_take_dropped(log->lines);
}

static void
flush_sink(struct log *log, struct log_sink *sink, uint64_t *untold)
{
	bool empty = log_sink_flush(sink);
	uint64_t dropped = log_sink_take_dropped(sink);

	tell_trouble(sink);
	*untold += dropped;
	metric_add(METRIC_log_dropped, dropped);
	if (empty && *untold > 0)
		tell_dropped(log, sink, untold);
	if (!empty && log->retry != NULL)
		loop_timer_set(log->retry, RETRY_MS);
}

static void
flush(void *argument)
{
	struct log *log = argument;

	flush_sink(log, log->lines, &log->lines_untold);
	if (log->access != NULL)
		flush_sink(log, log->access, &log->access_untold);
}

static bool
is_console(const struct log_sink *sink)
{
	return log_sink_place(sink) == DIAG_ON_CONSOLE || log_sink_place(sink) == DIAG_IN_JOURNAL;
}

/* To who started us, if he does not read the log there. */
static void
say_to_person(const struct diag_record *record)
{
	char line[DIAG_SENTENCE_BYTES_MAX];
	size_t size = diag_format(record, DIAG_ON_CONSOLE, false, line);

	if (write(STDERR_FILENO, line, size) == -1)
		return;
}

static void
write_record(void *argument, const struct diag_record *record)
{
	struct log *log = argument;

	put_record(log, log->lines, record);
	if (record->part.size == 0 && !is_console(log->lines) && !log->took_standard)
		say_to_person(record);
	flush_sink(log, log->lines, &log->lines_untold);
}

/* ---- children ------------------------------------------------------------------ */

static enum err
on_diag(struct log_source *source, const struct frame *frame UNUSED, const struct msg_diag *m)
{
	struct diag_record record;

	if (m->level > DIAG_TRACE)
		return ERR_MALFORMED;
	record = (struct diag_record){ .level = m->level, .wall_ns = m->wall_ns,
		.node = diag_node(), .program = source->program, .pid = (long)source->pid,
		.part = m->part, .text = m->text };
	put_record(source->log, source->log->lines, &record);
	return ERR_NONE;
}

/* A worker has escaped them; one that was taken over may not have. */
static bool
is_lines(struct slice lines)
{
	bool ended = false;

	while (lines.size > 0) {
		size_t size;

		ended = lines.data[0] == '\n';
		size = ended ? 1 : printable_size(lines);
		if (size == 0)
			return false;
		lines = slice_of(lines.data + size, lines.size - size);
	}
	return ended;
}

static enum err
on_access_lines(struct log_source *source, const struct frame *frame UNUSED,
    const struct msg_access_lines *m)
{
	if (!is_lines(m->lines))
		return ERR_MALFORMED;
	if (source->log->access != NULL)
		log_sink_put(source->log->access, m->lines);
	return ERR_NONE;
}

#define DISPATCH_TO struct log_source
#define TO_LOG DISPATCH_ROW
#include "common/ipc/dispatch_define.h"

static unsigned
sender_of(const struct log_source *source)
{
	return strcmp(source->program, "raftd") == 0 ? FROM_RAFTD : FROM_WORKER;
}

/* False: what came is no frame of a child. */
static bool
take_frames(struct log_source *source)
{
	size_t at = 0;

	for (;;) {
		struct slice rest = slice_of(source->in.data + at, source->in.size - at);
		struct frame frame;
		size_t used;
		enum err err = frame_parse(rest, &frame, &used);

		if (err == ERR_AGAIN)
			break;
		if (err != ERR_NONE || dispatch(source, sender_of(source), &frame) != ERR_NONE)
			return false;
		at += used;
	}
	buf_consume(&source->in, at);
	return source->in.size < PIPE_ROOM;
}

static void
deafen(struct log_source *source)
{
	loop_io_free(&source->io);
	if (source->fd != -1)
		close(source->fd);
	source->fd = -1;
	buf_free(&source->in);
}

/* Read what is there, a pipe's whole content at most. */
static void
read_source(struct log_source *source)
{
	uint8_t *room = buf_reserve(&source->in, READ_BYTES);
	ssize_t size = read(source->fd, room, READ_BYTES);
	char text[96];

	if (size <= 0) {
		if (size == 0 || (errno != EAGAIN && errno != EINTR))
			deafen(source);
		return;
	}
	buf_added(&source->in, (size_t)size);
	if (take_frames(source))
		return;
	deafen(source);
	snprintf(text, sizeof(text), "lines of a child cannot be read, and are not any more: "
	    "process=%s pid=%ld", source->program, (long)source->pid);
	put_own(source->log, DIAG_ERROR, text);
}

static void
source_ready(void *argument, unsigned events UNUSED)
{
	struct log_source *source = argument;
	struct log *log = source->log;

	read_source(source);
	flush(log);
}

struct log_source *
log_source_new(struct log *log, const char *program, pid_t pid, int *child_fd)
{
	int ends[2];

	ASSERT(log->loop != NULL);
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) == -1)
		return NULL;
	*child_fd = ends[1];
	return log_source_resume(log, program, pid, ends[0], SLICE_EMPTY);
}

struct log_source *
log_source_resume(struct log *log, const char *program, pid_t pid, int fd, struct slice unread)
{
	struct log_source *source = xzalloc(sizeof(*source));

	source->log = log;
	source->program = program;
	source->pid = pid;
	source->fd = fd;
	source->io = loop_io_new(log->loop, fd, source_ready, source);
	buf_append_slice(&source->in, unread);
	loop_io_want(source->io, LOOP_READ);
	return source;
}

int
log_source_fd(const struct log_source *source)
{
	return source->fd;
}

struct slice
log_source_unread(const struct log_source *source)
{
	return buf_slice(&source->in);
}

void
log_flush(struct log *log)
{
	flush(log);
}

void
log_source_free(struct log_source **source)
{
	if (*source == NULL)
		return;
	/* What it said last; one that is not dead gets no more than one pipe's content. */
	if ((*source)->fd != -1)
		read_source(*source);
	flush((*source)->log);
	deafen(*source);
	free(*source);
	*source = NULL;
}

/* ---- last words ----------------------------------------------------------------- */

static void
put_crash(struct log *log, struct slice line)
{
	struct diag_record record = { .level = DIAG_ERROR, .wall_ns = clock_now().wall_ns,
		.node = diag_node(), .program = "child", .pid = 0,
		.part = SLICE_LITERAL("crash"), .text = line };

	if (line.size > 0)
		put_record(log, log->lines, &record);
}

/* Whatever some library or sanitizer writes there: lines, maybe. */
static void
crash_ready(void *argument, unsigned events UNUSED)
{
	struct log *log = argument;
	uint8_t *room = buf_reserve(&log->crash, READ_BYTES);
	ssize_t size = read(log->crash_in, room, READ_BYTES);
	const uint8_t *end;

	if (size <= 0)
		return;
	buf_added(&log->crash, (size_t)size);
	while ((end = memchr(log->crash.data, '\n', log->crash.size)) != NULL) {
		size_t used = (size_t)(end - log->crash.data);

		put_crash(log, slice_of(log->crash.data, used));
		buf_consume(&log->crash, used + 1);
	}
	if (log->crash.size > DIAG_LINE_BYTES_MAX) {
		put_crash(log, buf_slice(&log->crash));
		buf_clear(&log->crash);
	}
	flush(log);
}

static void
open_crash_pipe(struct log *log)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) == -1)
		return;
	log->crash_in = ends[0];
	log->crash_out = ends[1];
	log->crash_io = loop_io_new(log->loop, log->crash_in, crash_ready, log);
	loop_io_want(log->crash_io, LOOP_READ);
}

static void
close_crash_pipe(struct log *log)
{
	if (log->crash_in == -1)
		return;
	crash_ready(log, 0);
	put_crash(log, buf_slice(&log->crash));
	loop_io_free(&log->crash_io);
	close(log->crash_in);
	close(log->crash_out);
}

int
log_crash_fd(const struct log *log)
{
	return is_console(log->lines) || log->crash_out == -1 ? 0 : log->crash_out;
}

/* ---- life -------------------------------------------------------------------------- */

struct log *
log_new(const struct privileges *privileges)
{
	struct log *log = xzalloc(sizeof(*log));
	char *problem;

	log->privileges = privileges;
	log->crash_in = -1;
	log->crash_out = -1;
	log->lines = log_sink_open("stderr", "log-output", NULL, &problem);
	ASSERT(log->lines != NULL);
	diag_set_writer(write_record, log);
	return log;
}

void
log_free(struct log **log)
{
	if (*log == NULL)
		return;
	diag_set_writer(NULL, NULL);
	close_crash_pipe(*log);
	buf_free(&(*log)->crash);
	loop_timer_free(&(*log)->retry);
	(void)log_sink_flush((*log)->lines);
	if ((*log)->access != NULL)
		(void)log_sink_flush((*log)->access);
	log_sink_free(&(*log)->lines);
	log_sink_free(&(*log)->access);
	log_sink_free(&(*log)->next_lines);
	log_sink_free(&(*log)->next_access);
	log_ring_free(&(*log)->newest);
	free(*log);
	*log = NULL;
}

/* Both were, or are, the file that was opened last. */
static void
copy_to_standard(const struct log *log)
{
	if (!log->took_standard)
		return;
	log_sink_copy(log->lines, STDOUT_FILENO);
	log_sink_copy(log->lines, STDERR_FILENO);
}

void
log_take_standard(struct log *log)
{
	log->took_standard = true;
	copy_to_standard(log);
}

void
log_run(struct log *log, struct loop *loop)
{
	log->loop = loop;
	log->retry = loop_timer_new(loop, flush, log);
	open_crash_pipe(log);
}

char *
log_prepare(struct log *log, const struct config *config)
{
	const char *access = config->access_log;
	char *problem = NULL;

	log_sink_free(&log->next_lines);
	log_sink_free(&log->next_access);
	log->next_access_off = strcmp(access, "off") == 0;
	if (strcmp(config->log_output, log_sink_where(log->lines)) != 0) {
		log->next_lines = log_sink_open(config->log_output, "log-output",
		    log->privileges, &problem);
		if (log->next_lines == NULL)
			return problem;
	}
	if (!log->next_access_off &&
	    (log->access == NULL || strcmp(access, log_sink_where(log->access)) != 0)) {
		log->next_access = log_sink_open(access, "access-log", log->privileges,
		    &problem);
		if (log->next_access == NULL)
			return problem;
	}
	return NULL;
}

static void
replace(struct log *log, struct log_sink **sink, struct log_sink **next)
{
	if (*sink != NULL)
		flush(log);
	log_sink_free(sink);
	*sink = *next;
	*next = NULL;
}

void
log_apply(struct log *log, const struct config *config)
{
	struct diag_levels levels;
	char *problem = diag_levels_parse(config->log_level, &levels);

	ASSERT(problem == NULL);
	diag_set_levels(&levels);
	log->json = strcmp(config->log_format, "json") == 0;
	/* For what is said when there is no log any more. */
	diag_set_json(log->json);
	diag_set_keys(config->log_keys);
	if (log->next_access != NULL || log->next_access_off)
		replace(log, &log->access, &log->next_access);
	if (log->next_lines != NULL)
		replace(log, &log->lines, &log->next_lines);
	copy_to_standard(log);
}

char *
log_reopen(struct log *log)
{
	char *problem, *second = NULL;

	flush(log);
	problem = log_sink_reopen(log->lines);
	copy_to_standard(log);
	if (log->access != NULL)
		second = log_sink_reopen(log->access);
	if (problem == NULL) {
		problem = second;
		second = NULL;
	}
	if (problem != NULL)
		diag_error("log", "the old file is still in use: %s", problem);
	else
		diag_debug("log", "files opened again");
	free(second);
	return problem;
}

struct slice
log_tail(const struct log *log, size_t count)
{
	return log_ring_tail(&log->newest, count);
}
