/*
 * log.h - where the lines of all processes of a node are written down.
 *
 * Owns the sinks of -log-output and -access-log and, for each child, the end of
 * a pipe that its lines come by (common/diag_pipe.h): so files are opened and
 * reopened in one place, and form and time are the same for all. Is the writer
 * of diag in the supervisor. No child is believed: what it sends is escaped
 * here, and stands beside the process id that the supervisor knows.
 *
 * If a sink takes nothing, children are not kept waiting: lines are dropped,
 * counted and told when it goes on (also metric etcd_log_dropped_lines_total).
 *
 * A sentence for a person also goes to standard error when the log is
 * elsewhere. What a process says of its crash goes straight to standard error;
 * that of a child is a pipe into the log if the log is elsewhere.
 *
 * Source: docs/operations.md, "The log".
 */
#ifndef MOOTHALL_SUPERVISOR_LOG_H
#define MOOTHALL_SUPERVISOR_LOG_H

#include "common/loop.h"
#include "common/option.h"
#include "common/slice.h"
#include "supervisor/privileges.h"

struct log;
struct log_source;

/* To standard error, until something else is applied. One of them in a process.
 * privileges: kept; whose the files are to be, NULL: ours. */
struct log *log_new(const struct privileges *privileges);
/* What waits is written, once, as far as it goes. Accepts NULL in *log. */
void log_free(struct log **log);
/* Nobody reads our standard output and error: they are the log's file from now on, also
 * when it is opened again, for what we say of our own crash. */
void log_take_standard(struct log *log);
/* There is a loop now: what waits is tried again, and children may be read. */
void log_run(struct log *log, struct loop *loop);

/*
 * Open what the options name and what is not open yet: -log-output, -access-log.
 * NULL, or what is wrong, freed by the caller. Nothing changes before log_apply.
 */
char *log_prepare(struct log *log, const struct config *config) MUST_CHECK;
/* Use what was prepared, and the format and levels of config, which is checked. */
void log_apply(struct log *log, const struct config *config);
/* Open the files again. NULL, or what is wrong, freed by the caller; it is in the
 * log, and what could not be opened goes on with the old file. */
char *log_reopen(struct log *log) MUST_CHECK;

/* The newest lines of all processes, count and LOG_KEPT_BYTES_MAX at most, as a file has them;
 * borrowed until the next line. */
struct slice log_tail(const struct log *log, size_t count);

/* ---- children ------------------------------------------------------------------ */

/* The standard error of a child that is started now: 0 for ours. */
int log_crash_fd(const struct log *log);

/*
 * A pipe for the lines of a child. program: "raftd" or "httpd", kept; *child_fd:
 * for the child, closed by the caller. NULL with errno.
 */
struct log_source *log_source_new(struct log *log, const char *program, pid_t pid, int *child_fd);
/*
 * For a program that takes our place: what waits is written; the pipe, -1 if it is
 * not read any more, and what was read from it and is no whole frame yet. And
 * there; takes fd.
 */
void log_flush(struct log *log);
int log_source_fd(const struct log_source *source);
struct slice log_source_unread(const struct log_source *source);
struct log_source *log_source_resume(struct log *log, const char *program, pid_t pid, int fd,
    struct slice unread);
/* The child is dead, or was never there: what it still said is written. Accepts NULL
 * in *source. */
void log_source_free(struct log_source **source);

#endif
