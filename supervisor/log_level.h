/*
 * log_level.h - the level of the log as an operator sets it while the node runs,
 * for all its processes and those started later. Until he resets it, or until
 * the configuration is read again. Source: docs/operations.md, "The control socket".
 */
#ifndef MOOTHALL_SUPERVISOR_LOG_LEVEL_H
#define MOOTHALL_SUPERVISOR_LOG_LEVEL_H

#include "common/base.h"

struct supervisor;

/* spec: as -log-level takes it; "reset": the configured one; empty: as it is.
 * NULL, or what is wrong, freed by the caller: then nothing has changed. */
char *log_level_set(struct supervisor *supervisor, const char *spec) MUST_CHECK;
/* The configured level is in use again, and children are told by others. */
void log_level_forget(struct supervisor *supervisor);

#endif
