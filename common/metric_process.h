/*
 * metric_process.h - what a process says of itself: processor time, memory,
 * descriptors (the rows process_* of metric_table.h).
 *
 * It asks the kernel once a second, not when somebody wants to see it: who
 * answers cannot ask for the others. Linux only: /proc. What it needs of that
 * is opened at the start, before anything is confined, and what is not there
 * is not shown.
 */
#ifndef MOOTHALL_COMMON_METRIC_PROCESS_H
#define MOOTHALL_COMMON_METRIC_PROCESS_H

#include "common/clock.h"

struct metric_process;

struct metric_process *metric_process_new(void);
void metric_process_free(struct metric_process **process);
/* Once, when the process has its slot: who it is and when it was started. */
void metric_process_begin(struct metric_process *process, int role, uint32_t number,
    struct clock_time now);
/* Resident bytes, as they were looked at last; 0: not known. */
uint64_t metric_process_memory(const struct metric_process *process);
/* Look and count. */
void metric_process_look(struct metric_process *process);

#endif
