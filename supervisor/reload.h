/*
 * reload.h - the configuration read again while the node runs.
 *
 * Files, environment and flags are read and checked as at start. Only if all
 * of it is right something happens: what option_reloadable allows is applied
 * and sent to the children; what has changed beyond that is told by name.
 * Source: docs/operations.md, "Reading the configuration again".
 */
#ifndef MOOTHALL_SUPERVISOR_RELOAD_H
#define MOOTHALL_SUPERVISOR_RELOAD_H

#include "common/option.h"

struct supervisor;

struct reload_report {
	bool changed[OPTION_COUNT];	/* and applied */
	bool restart[OPTION_COUNT];	/* changed and not applied */
};

/*
 *	problem	out: a sentence, freed by the caller
 *
 * ERR_NONE with the report, or ERR_INVALID: nothing has changed, and the log
 * has *problem.
 */
enum err reload(struct supervisor *supervisor, struct reload_report *report, char **problem)
    MUST_CHECK;
/* SIGHUP: the log says what happened. */
void reload_by_signal(struct supervisor *supervisor);
/* "changed: -log-level, -cors" and the like, a line each. */
void reload_report_text(const struct reload_report *report, struct buf *out);

#endif
