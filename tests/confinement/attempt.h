/*
 * attempt.h - one thing that a confined process may try.
 */
#ifndef MOOTHALL_TESTS_CONFINEMENT_ATTEMPT_H
#define MOOTHALL_TESTS_CONFINEMENT_ATTEMPT_H

#include "common/base.h"

struct attempt {
	const char *name;
	/* Before the process is confined; NULL: nothing. Returns what run gets. */
	int (*prepare)(const char *argument);
	/* 0 if it could be done, else -1 and errno. */
	int (*run)(int prepared, const char *argument);
};

/* NULL: no such attempt. */
const struct attempt *attempt_find(const char *name);

#endif
