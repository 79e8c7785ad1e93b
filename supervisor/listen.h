/*
 * listen.h - opens the listening sockets of the node.
 *
 * Runs before the first fork, so it may wait: for names to be resolved, and up
 * to two seconds for a port that a node killed a moment ago still holds.
 */
#ifndef MOOTHALL_SUPERVISOR_LISTEN_H
#define MOOTHALL_SUPERVISOR_LISTEN_H

#include "common/err.h"
#include "common/limits.h"

/* The sockets of one port, in the order of its addresses. Empty: closed. */
struct listen_set {
	int fds[LISTEN_MAX];
	size_t count;
};

/* What a message says and names. */
struct listen_request {
	const char *address;	/* host:port, [v6]:port */
	const char *option;	/* "-addr": where address came from */
	bool advertised;	/* no -bind-addr was given: it would help */
	const char *bind_option;/* "-bind-addr" */
};

/* Close them all; the set is empty then. */
void listen_set_close(struct listen_set *set);

/*
 * A non-blocking, close-on-exec socket that listens.
 *
 *	bound	out: host:port as asked for, with the port the kernel chose for 0;
 *		freed by the caller
 *	problem	out: a sentence; freed by the caller
 *
 * The descriptor, or -1 with *problem.
 */
int listen_open(const struct listen_request *request, char **bound, char **problem) MUST_CHECK;

/*
 * Could a socket be opened so? Nothing listens, so nobody is disturbed.
 *
 *	runs	a node holds the data directory: the port may be its own
 *
 * NULL, or what listen_open would say, freed by the caller.
 */
char *listen_problem(const struct listen_request *request, bool runs) MUST_CHECK;

/*
 * Take a socket that the service manager has opened.
 *
 *	bound	out: host:port where it listens; freed by the caller
 *
 * ERR_INVALID: it is none that listens for TCP. fd stays the caller's.
 */
enum err listen_adopt(int fd, char **bound) MUST_CHECK;
/* The socket listens at that host:port, port 0 is any; exactly, or, if not, on
 * all addresses too. */
bool listen_is_at(int fd, const char *address, bool exactly);

/* True if the host of "host:port" has an address; else *problem, freed by the
 * caller, says why not. May wait for a name server. */
bool listen_resolves(const char *address, char **problem);

#endif
