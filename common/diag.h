/*
 * diag.h - what operators read; never called "log", which is Raft's.
 *
 * One event, one line on standard error (spec: operations.md, 11):
 *   2026-11-22T15:29:23.647Z machine1 raftd[4712] info raft: became leader term=3
 * or, with diag_set_json, the same names as members of one JSON object a line.
 * Fixed words first, then key=value. Control bytes are escaped as \xNN, lines
 * end at 1 KiB. Never a client's value, a token, a key file's content.
 * The same format string at most 10 times in 5 s, then counted. For the thread
 * that runs the loop only.
 */
#ifndef MOOTHALL_COMMON_DIAG_H
#define MOOTHALL_COMMON_DIAG_H

#include "common/base.h"

enum diag_level {
	DIAG_ERROR,
	DIAG_WARN,
	DIAG_INFO,
	DIAG_DEBUG,
	DIAG_TRACE,
};

/* program: "etcd", "raftd", "httpd"; kept as a pointer. */
void diag_start(const char *program);
/* The node's name, copied; before it is set "-" stands there. */
void diag_set_node(const char *name);
void diag_set_level(enum diag_level level);
/* "error warn info debug trace"; false if the text is none of them. */
bool diag_level_parse(const char *text, enum diag_level *level);
/* Lines as JSON from now on, sentences too. */
void diag_set_json(bool json);
bool diag_enabled(enum diag_level level);

/* One line. part is a literal such as "raft". */
void diag_line(enum diag_level level, const char *part, const char *format, ...) PRINTF_LIKE(3, 4);

/* A sentence for a person at start or end, without time and prefix:
 * "etcd: SOURCE: PROBLEM" or the ready lines. To standard error, with a line
 * end added and control bytes escaped. */
void diag_say(const char *format, ...) PRINTF_LIKE(1, 2);

#define diag_error(part, ...) diag_line(DIAG_ERROR, part, __VA_ARGS__)
#define diag_warn(part, ...) diag_line(DIAG_WARN, part, __VA_ARGS__)
#define diag_info(part, ...) diag_line(DIAG_INFO, part, __VA_ARGS__)
#define diag_debug(part, ...) diag_line(DIAG_DEBUG, part, __VA_ARGS__)

#endif
