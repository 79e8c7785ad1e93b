/*
 * listeners.h - the sockets of both ports, at the start: those that a service manager
 * passes on, or has kept for us, and the others opened (listen.h).
 *
 *	of a socket unit	all of the port's name are served, wherever they listen,
 *				and none is opened beside them
 *	kept by an earlier run	those at an address of the options are served, the others
 *				let go of; what is missing is opened
 *
 * Called before the first fork, so it may wait.
 */
#ifndef MOOTHALL_SUPERVISOR_LISTENERS_H
#define MOOTHALL_SUPERVISOR_LISTENERS_H

#include "supervisor/arguments.h"
#include "supervisor/inherit.h"
#include "supervisor/listen.h"
#include "supervisor/notify.h"

struct listeners {
	struct listen_set client, peer;
	char *client_bound, *peer_bound;	/* HOST:PORT,... with the ports that were bound */
};

/*
 * Sets bind_addr and peer_bind_addr to what was bound. What was passed on and not used is
 * closed.
 *
 * EXIT_STOPPED, or the code to end with and *problem, freed by the caller; listeners_close
 * in any case.
 */
enum exit_code listeners_open(struct listeners *listeners, struct arguments *arguments,
    struct inherited *inherited, const struct notify *notify, char **problem) MUST_CHECK;
void listeners_close(struct listeners *listeners);

/* Could they be opened? Nothing listens, so nobody is disturbed. runs: as listen_problem
 * has it. NULL, or what listeners_open would say, freed by the caller. */
char *listeners_problem(const struct arguments *arguments, bool runs) MUST_CHECK;

#endif
