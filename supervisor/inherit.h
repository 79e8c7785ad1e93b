/*
 * inherit.h - descriptors that whoever started us passes on: socket activation,
 * and what an earlier run gave into the service manager's store.
 *
 * They are numbered from 3 and come with LISTEN_PID, LISTEN_FDS and, for their
 * names, LISTEN_FDNAMES. Nothing else may have these numbers before inherit_read,
 * which is called first of all. Source: sd_listen_fds(3).
 *
 *	client, peer	listening sockets; there may be several of one name
 *	client-own, peer-own	a mark from the store: the socket of that name was
 *			bound by an earlier run of ours. So its address counts for
 *			nothing, and it is dropped if the options have another one; an
 *			address that a socket unit gave is kept whatever they say
 */
#ifndef MOOTHALL_SUPERVISOR_INHERIT_H
#define MOOTHALL_SUPERVISOR_INHERIT_H

#include "common/base.h"

#define INHERIT_MAX 64
#define INHERIT_NAME_BYTES 32

struct inherited {
	struct inherited_fd {
		int fd;				/* -1: taken */
		char name[INHERIT_NAME_BYTES];	/* cut off if it was longer */
	} fds[INHERIT_MAX];
	size_t count;
};

/*
 * Take the three variables out of the environment. The descriptors become
 * close-on-exec and non-blocking. None if LISTEN_PID is not us.
 */
void inherit_read(struct inherited *inherited);
/* The first one left of that name, the caller's from now on; -1: none. */
int inherit_take(struct inherited *inherited, const char *name);
/* Close what nobody took; a name that we do not know is warned of. */
void inherit_close(struct inherited *inherited);

#endif
