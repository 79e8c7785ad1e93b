/*
 * wakeup.h - a descriptor by which a thread wakes the loop; calls between two
 * takes count as one.
 */
#ifndef MOOTHALL_RAFTD_WAL_WAKEUP_H
#define MOOTHALL_RAFTD_WAL_WAKEUP_H

#include "common/err.h"

/* *fd is readable after each send until it is taken. */
enum err wakeup_open(int *fd) MUST_CHECK;
/* From any thread. */
void wakeup_send(int fd);
/* From the loop's thread, before it looks at what was left for it. */
void wakeup_take(int fd);

#endif
