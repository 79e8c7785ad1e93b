/*
 * log_ring.h - the newest lines of the log, kept for those who cannot read where it goes.
 *
 * Pure. LOG_KEPT_BYTES_MAX of whole lines at most, as a file has them; whatever the log is written
 * to and however it is formatted there.
 */
#ifndef MOOTHALL_SUPERVISOR_LOG_RING_H
#define MOOTHALL_SUPERVISOR_LOG_RING_H

#include "common/buf.h"

struct log_ring {
	struct buf lines;		/* up to twice what is shown, so that moving is rare */
};

void log_ring_free(struct log_ring *ring);
/* A line with its end. */
void log_ring_put(struct log_ring *ring, struct slice line);
/* The last lines, count at most, the newest last; borrowed until the next log_ring_put. */
struct slice log_ring_tail(const struct log_ring *ring, size_t count);

#endif
