/*
 * diag.h - what operators read; never called "log", which is Raft's.
 *
 * One event, one line (docs/operations.md, "The log"):
 *   2026-11-22T15:29:23.647Z machine1 raftd[4712] info raft: became leader term=3
 * Fixed words first, then key=value. How it is written down is diag_format.h,
 * where it goes is the writer's: standard error at first, in a child its pipe to
 * the supervisor (diag_pipe.h), in the supervisor the log (supervisor/log.h).
 * Never a client's value, a token, a key file's content; a trace of frames, which
 * has to be asked for, shows the beginnings of values (ipc/trace.h). The same message
 * at most 10 times in 5 s, then counted (diag_rate.h). For the thread that runs the
 * loop only.
 */
#ifndef MOOTHALL_COMMON_DIAG_H
#define MOOTHALL_COMMON_DIAG_H

#include "common/diag_level.h"
#include "common/slice.h"

/* A line before it is written down. */
struct diag_record {
	enum diag_level level;
	uint64_t wall_ns;
	const char *node;	/* its name, or "-" */
	const char *program;	/* "etcd", "raftd", "httpd" */
	long pid;
	struct slice part;	/* empty: a sentence for a person */
	struct slice text;	/* any bytes */
};

/* program: "etcd", "raftd", "httpd"; kept as a pointer. */
void diag_start(const char *program);
/* The node's name, copied; before it is set "-" stands there. */
void diag_set_node(const char *name);
const char *diag_node(void);
void diag_set_levels(const struct diag_levels *levels);
/* One level for all parts. */
void diag_set_level(enum diag_level level);
/* Standard error as JSON from now on, sentences too. */
void diag_set_json(bool json);
/* May lines have the names of keys, and what else clients store? True at first. */
void diag_set_keys(bool shown);
bool diag_keys(void);
/* All records go there from now on; the record is borrowed. NULL: to standard
 * error. The writer may not use diag itself. */
void diag_set_writer(void (*writer)(void *argument, const struct diag_record *record),
    void *argument);
bool diag_enabled(enum diag_level level, const char *part);
/* Once a second or so: tells what was held back and whose time is over. */
void diag_tick(void);

/* One line. part is a literal such as "raft", of those in diag_part_table.h. */
void diag_line(enum diag_level level, const char *part, const char *format, ...) PRINTF_LIKE(3, 4);
/* One line whose text is made already; format tells messages apart, as above. */
void diag_made_line(enum diag_level level, const char *part, const char *format,
    const char *text);

/* One line of a trace: each is written, however many there are. */
void diag_trace(const char *part, const char *text);

/* A sentence for a person at start or end, without time and prefix:
 * "etcd: SOURCE: PROBLEM" or the ready lines. */
void diag_say(const char *format, ...) PRINTF_LIKE(1, 2);
/* The same where it is the reason for an end. */
void diag_say_failure(const char *format, ...) PRINTF_LIKE(1, 2);

#define diag_error(part, ...) diag_line(DIAG_ERROR, part, __VA_ARGS__)
#define diag_warn(part, ...) diag_line(DIAG_WARN, part, __VA_ARGS__)
#define diag_info(part, ...) diag_line(DIAG_INFO, part, __VA_ARGS__)
#define diag_debug(part, ...) diag_line(DIAG_DEBUG, part, __VA_ARGS__)

#endif
