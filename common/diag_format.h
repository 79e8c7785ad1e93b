/*
 * diag_format.h - a record of diag.h written down as one line.
 *
 *	console	as file, but a sentence stands alone
 *	file	2026-11-22T15:29:23.647Z machine1 raftd[4712] info raft: words
 *	journal	<6>machine1 raftd[4712] info raft: words
 *	syslog	<30>Nov 22 15:29:23 raftd[4712]: machine1 info raft: words
 *		without a line end: one datagram; time is local
 *
 * As JSON the line, or what stands behind <6> or "raftd[4712]: ", is one object:
 * time, node, proc, pid, level, part, msg. A sentence has the part "say".
 *
 * What is no printable character (printable.h) is escaped, \xNN or \uNNNN, so nothing
 * from outside makes a line of its own, or one that is not what it seems to be. Pure.
 */
#ifndef MOOTHALL_COMMON_DIAG_FORMAT_H
#define MOOTHALL_COMMON_DIAG_FORMAT_H

#include "common/diag.h"
#include "common/limits.h"

enum diag_place { DIAG_ON_CONSOLE, DIAG_IN_FILE, DIAG_IN_JOURNAL, DIAG_IN_SYSLOG };

/* Returns the size of the line. */
size_t diag_format(const struct diag_record *record, enum diag_place place, bool json,
    char line[DIAG_SENTENCE_BYTES_MAX]);

/* Append text as it may stand in a line, up to limit bytes in all; returns the new size. */
size_t diag_escape(char *line, size_t size, size_t limit, struct slice text);
/* The same as the inside of a JSON string: also quotes, and what is no UTF-8. */
size_t diag_escape_json(char *line, size_t size, size_t limit, struct slice text);

#endif
