/*
 * thread.h - starting one of our two threads.
 */
#ifndef MOOTHALL_RAFTD_WAL_THREAD_H
#define MOOTHALL_RAFTD_WAL_THREAD_H

#include "common/base.h"

#include <pthread.h>

/* Start run(argument) on a small stack, with all signals blocked: they are the
 * loop's. Ends the process if there are no threads to be had. */
void thread_start(pthread_t *thread, void *(*run)(void *), void *argument);

#endif
