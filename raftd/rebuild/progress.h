/*
 * progress.h - how far something that takes long has come, on standard error.
 *
 * On a terminal one line that is rewritten, at most ten times a second; else a
 * line every ten seconds. Nothing at all for what is over within a second.
 */
#ifndef MOOTHALL_RAFTD_REBUILD_PROGRESS_H
#define MOOTHALL_RAFTD_REBUILD_PROGRESS_H

#include "common/base.h"

struct rebuild_progress {
	const char *what;	/* "backup": first word of the line */
	uint64_t total_bytes;	/* 0: not known */
	uint64_t started_ns, next_ns; /* monotonic */
	bool terminal;
	bool shown;		/* a line stands on the terminal */
};

/* what is kept as a pointer. */
void rebuild_progress_start(struct rebuild_progress *progress, const char *what,
    uint64_t total_bytes);
void rebuild_progress_show(struct rebuild_progress *progress, uint64_t done_bytes);
/* Takes the line off the terminal: what is said next stands alone. */
void rebuild_progress_end(struct rebuild_progress *progress);

#endif
