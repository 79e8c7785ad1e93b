/*
 * restore.h - -restore FILE: the data directory is made of a backup before the
 * node starts.
 *
 * The program "rebuild" does it, which the backup is handed to as a descriptor:
 * opened with the rights we were started with, read with those of -user. Waits.
 * Source: docs/operations.md, "Restore".
 */
#ifndef MOOTHALL_SUPERVISOR_RESTORE_H
#define MOOTHALL_SUPERVISOR_RESTORE_H

#include "common/option.h"
#include "supervisor/notify.h"

/* A descriptor of the backup, or -1 with *problem, freed by the caller. */
int restore_open(const struct config *config, char **problem) MUST_CHECK;

/*
 * Make data_dir, which is locked, of the backup; name and URLs are known. The
 * program speaks for itself.
 *
 *	program	path of rebuild
 *	fd	of restore_open; stays the caller's
 *	notify	the service manager is told to wait
 *
 * EXIT_STOPPED, or the code to end with; then *problem is NULL if all was said.
 */
enum exit_code restore_run(const struct config *config, const char *program, int fd,
    const struct notify *notify, char **problem) MUST_CHECK;

#endif
