/*
 * service.h - what the service manager is told of the node, and when.
 *
 *	STATUS=			one line for people, when it has changed
 *	EXTEND_TIMEOUT_USEC=	every few seconds of a recovery, while raftd is alive
 *	READY=1			when the node serves			[service_ready]
 *	RELOADING=1, READY=1	around a reload		[service_reloading, _reloaded]
 *	WATCHDOG=1		twice in WATCHDOG_USEC, while every child is alive
 *	STOPPING=1						[service_stopping]
 *	FDSTORE=1		listening sockets that we bound		[service_keep]
 *
 * Source: docs/operations.md, "Readiness" and "As a service".
 */
#ifndef MOOTHALL_SUPERVISOR_SERVICE_H
#define MOOTHALL_SUPERVISOR_SERVICE_H

#include "common/base.h"
#include "supervisor/notify.h"

struct supervisor;

/* From now on the watchdog is fed and the status told. */
void service_start(struct supervisor *supervisor);
void service_free(struct supervisor *supervisor);
/* Something has changed, or a second has passed. */
void service_look(struct supervisor *supervisor);
/* The node serves: once, told again after a reload only. */
void service_ready(struct supervisor *supervisor);
void service_reloading(struct supervisor *supervisor);
void service_reloaded(struct supervisor *supervisor);
/* limit_ms: how long the stop may take. */
void service_stopping(struct supervisor *supervisor, uint64_t limit_ms);

/*
 * Have the service manager keep listening sockets over our end, under that
 * name, "client" or "peer"; with the mark that they were bound here (inherit.h).
 */
void service_keep(const struct notify *notify, const char *name, const int *fds, size_t count);
/* Have it forget all of that name. */
void service_forget(const struct notify *notify, const char *name);

/* The state as the operator sees it: "ready", "starting". */
const char *service_state(const struct supervisor *supervisor);

#endif
