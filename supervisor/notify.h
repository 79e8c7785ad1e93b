/*
 * notify.h - the words of a service manager: readiness and more by datagrams to
 * NOTIFY_SOCKET (systemd), or by one line on a descriptor (s6, -daemon).
 *
 * What is sent when is service.c. Nothing is sent, and nothing fails, where
 * nobody wants to know. Source: docs/operations.md, "As a service"; sd_notify(3),
 * sd_watchdog_enabled(3), sd_pid_notify_with_fds(3).
 */
#ifndef MOOTHALL_SUPERVISOR_NOTIFY_H
#define MOOTHALL_SUPERVISOR_NOTIFY_H

#include "common/base.h"

#define NOTIFY_READY_FDS 2	/* -ready-fd, -daemon */

struct notify {
	int fd;			/* -1: nobody wants to know */
	char *socket_name;	/* as NOTIFY_SOCKET was; NULL: it was not */
	uint64_t watchdog_us;	/* the longest silence that is borne; 0: any */
	int ready_fds[NOTIFY_READY_FDS]; /* get a newline when ready; -1: none */
};

/*
 * Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment:
 * they are not for the children. ready_fds are taken; -1: none.
 */
void notify_open(struct notify *notify, const int ready_fds[NOTIFY_READY_FDS]);
/* Also closes descriptors that were not told of readiness. */
void notify_close(struct notify *notify);
/* Put back what notify_open took, for a program that takes our place; and take it
 * out again, if there is none after all. */
void notify_export(const struct notify *notify);
void notify_hide(void);

/* "READY=1\nSTATUS=..."; lost if the service manager does not take it. */
void notify_send(const struct notify *notify, const char *format, ...) PRINTF_LIKE(2, 3);
/* The same with a descriptor that the service manager gets a copy of. */
void notify_send_fd(const struct notify *notify, int fd, const char *text);
/* READY=1, and the lines on descriptors, which are closed then. */
void notify_ready(struct notify *notify);

#endif
