/*
 * holder.h - which process listens on a port. Linux only: reads /proc.
 *
 * For a message to a person only. Other users' processes cannot be seen into.
 */
#ifndef MOOTHALL_SUPERVISOR_HOLDER_H
#define MOOTHALL_SUPERVISOR_HOLDER_H

#include "common/base.h"

#include <sys/socket.h>
#include <sys/types.h>

struct holder {
	pid_t pid;
	char name[32];
};

/* False if nobody is found. The host of address does not count, its port does. */
bool holder_of_port(const struct sockaddr *address, struct holder *holder);

#endif
