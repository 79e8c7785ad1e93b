/*
 * title.h - what ps shows for a process: "etcd: raftd machine1 leader term 3".
 */
#ifndef MOOTHALL_COMMON_TITLE_H
#define MOOTHALL_COMMON_TITLE_H

#include "common/base.h"

/* Before anything else looks at argv: takes over its memory and the
 * environment's behind it (the environment is copied and stays usable). */
void title_start(int argc, char **argv);
/* Cut to the room there is. */
void title_set(const char *format, ...) PRINTF_LIKE(1, 2);

#endif
