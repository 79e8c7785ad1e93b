/*
 * inspect.h - etcd -check-config: what a start would do, without doing it.
 *
 * Nothing is made, nothing is held, and nobody listens, so it may run beside the node itself.
 * May wait for a name server.
 */
#ifndef MOOTHALL_SUPERVISOR_INSPECT_H
#define MOOTHALL_SUPERVISOR_INSPECT_H

#include "supervisor/arguments.h"
#include "supervisor/privileges.h"

/* What would be started, and of which build it has to be (build.h). */
struct inspect_programs {
	const char *raftd, *httpd, *build;
};

/*
 * setup_check has passed. Appends lines for a person to out.
 * NULL, or what is wrong: a sentence, freed by the caller.
 */
char *inspect(struct arguments *arguments, const struct privileges *privileges,
    const struct inspect_programs *programs, struct buf *out) MUST_CHECK;

#endif
