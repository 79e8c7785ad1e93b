/*
 * log_sink.h - one place that lines are written to; see log.h, its only caller.
 *
 *	stderr		standard error; to the journal if it is that
 *			(JOURNAL_STREAM names its device and inode)
 *	stdout, -	standard output
 *	journal		standard error, with priorities, whatever is at its end
 *	syslog		datagrams to /dev/log; syslog:PATH and syslog:@NAME to
 *			another socket, the latter an abstract one
 *	a path		a file, appended to, made with mode 0640; as long as we are
 *			root to become a user, with that user's rights
 *
 * Nothing here waits but for the disk of a file. What a slow reader does not
 * take is kept up to SINK_WAITING_BYTES_MAX; more is dropped, line by line, and
 * counted. Descriptors that others have too stay blocking, so only what fits
 * is written to them.
 */
#ifndef MOOTHALL_SUPERVISOR_LOG_SINK_H
#define MOOTHALL_SUPERVISOR_LOG_SINK_H

#include "common/diag_format.h"
#include "common/limits.h"
#include "supervisor/privileges.h"

struct log_sink;

/*
 * option: the flag that named it, for the sentence. privileges: kept; whose a file is to
 * be, NULL: ours; files are opened by the rules of safe_path.h. NULL with *problem, freed
 * by the caller. A socket is opened when it is first used.
 */
struct log_sink *log_sink_open(const char *where, const char *option,
    const struct privileges *privileges, char **problem) MUST_CHECK;
/* What still waits is lost. Accepts NULL in *sink. */
void log_sink_free(struct log_sink **sink);
/* Open the file again, which may have been moved away. NULL, or what is wrong,
 * freed by the caller: then the old one is still in use. */
char *log_sink_reopen(struct log_sink *sink) MUST_CHECK;

/* Make fd another name of its file; nothing happens if it has none. */
void log_sink_copy(const struct log_sink *sink, int fd);

const char *log_sink_where(const struct log_sink *sink);
/* How lines have to look there. */
enum diag_place log_sink_place(const struct log_sink *sink);
/* One line, to syslog without its end, to others also several; written by
 * log_sink_flush. */
void log_sink_put(struct log_sink *sink, struct slice lines);
/* Write what waits, as far as it goes; true if nothing waits any more. */
bool log_sink_flush(struct log_sink *sink);
/* Lines dropped since this was asked last. */
uint64_t log_sink_take_dropped(struct log_sink *sink);
/* Why nothing can be written, told once for each reason; NULL: nothing new. */
const char *log_sink_take_trouble(struct log_sink *sink);

#endif
