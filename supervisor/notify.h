/*
 * notify.h - readiness to the init system, by datagram to NOTIFY_SOCKET.
 *
 * Nothing is sent, and nothing fails, where there is no such socket.
 * Source: spec operations.md 7; sd_notify(3).
 */
#ifndef MOOTHALL_SUPERVISOR_NOTIFY_H
#define MOOTHALL_SUPERVISOR_NOTIFY_H

#include "common/base.h"

struct notify {
	int fd;			/* -1: nobody wants to know */
};

/* Takes NOTIFY_SOCKET out of the environment: it is not for the children. */
void notify_open(struct notify *notify);
void notify_close(struct notify *notify);
/* "READY=1\nSTATUS=..."; lost if the init system does not take it. */
void notify_send(const struct notify *notify, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
