/*
 * thread.c - see thread.h.
 */
#include "raftd/wal/thread.h"

#include "common/limits.h"

#include <signal.h>

/* LevelDB's deepest paths (a write, an iterator over every level) take a few
 * KiB; sanitizers make them larger. */
#define STACK_BYTES (256 * KIB)

void
thread_start(pthread_t *thread, void *(*run)(void *), void *argument)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	int failed;

	sigfillset(&all);
	/* Not this one: a refused system call raises it, and blocked it kills. */
	sigdelset(&all, SIGSYS);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	failed = pthread_create(thread, &attributes, run, argument);
	pthread_attr_destroy(&attributes);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	ASSERT(failed == 0);
}
