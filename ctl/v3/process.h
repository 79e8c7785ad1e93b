/*
 * process.h - commands that watch and lock run, and how they end, in Go's words.
 */
#ifndef MOOTHALL_CTL_V3_PROCESS_H
#define MOOTHALL_CTL_V3_PROCESS_H

#include "common/slice.h"

#include <signal.h>
#include <sys/types.h>

/* A variable of commands that will be started. */
void ctl3_process_set(const char *name, struct slice value);
/* What was printed is written before. mask: signals that the command has blocked. -1: *problem is
 * why, freed by the caller. */
pid_t ctl3_process_start(const char *const *words, size_t count, const sigset_t *mask,
    char **problem);
/* NULL: it has succeeded; else "exit status 3", freed by the caller. */
char *ctl3_process_problem(int status);
/* Start it and wait. NULL: it has succeeded; else why not, freed by the caller. */
char *ctl3_process_run(const char *const *words, size_t count);

#endif
