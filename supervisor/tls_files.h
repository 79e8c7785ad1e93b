/*
 * tls_files.h - certificates and keys: read, checked, kept for the workers.
 *
 * The supervisor alone opens these files. What it has checked it gives to each
 * worker over its control channel, at the worker's start and after a reload; a
 * worker that comes later gets the same. The keys of session tickets are made
 * here, so that a session resumes at any worker.
 *
 *	loaded --> loaded	new files, all good	[tls_files_reload]
 *	loaded --> loaded	a new ticket key every 12 hours, the one before is
 *				still taken		[tls_files_tick]
 *
 * Source: docs/security.md, "TLS".
 */
#ifndef MOOTHALL_SUPERVISOR_TLS_FILES_H
#define MOOTHALL_SUPERVISOR_TLS_FILES_H

#include "common/clock.h"
#include "supervisor/arguments.h"

#include <sys/types.h>

struct tls_files;

/* The user that the node runs as: that one may read its keys, and nobody else. */
struct tls_reader {
	uid_t uid;
	gid_t gid;
};

/*
 * What the options name; without certificates nothing is read. Says in the log
 * what is only doubtful.
 *
 * NULL with *problem, freed by the caller: nothing is to be started; exit 2.
 */
struct tls_files *tls_files_load(const struct arguments *arguments, struct tls_reader reader,
    char **problem) MUST_CHECK;
/* Would a start be of use? As above, and no certificate has ended or is to begin: NULL, or what
 * is wrong, freed by the caller. */
char *tls_files_problem(const struct arguments *arguments, struct tls_reader reader) MUST_CHECK;
/* Accepts NULL in *files. */
void tls_files_free(struct tls_files **files);

/*
 * Read and check all of it again, as those options name it: NULL, and the new is
 * for tls_files_give; or what is wrong, freed by the caller: nothing changed.
 * Whether a port has TLS at all does not change before a restart.
 */
char *tls_files_reload(struct tls_files *files, const struct arguments *arguments) MUST_CHECK;

/* Append what a worker of that role has to know (tls_tickets, tls), if its port
 * has TLS. Accepts NULL. */
void tls_files_give(const struct tls_files *files, int role, struct buf *out);

/*
 * Once a second or so: measure how long certificates last, and warn of those that
 * end soon, once a day.
 * True: there is a new ticket key, give it to every worker.
 */
bool tls_files_tick(struct tls_files *files, struct clock_time now) MUST_CHECK;

#endif
