/*
 * resolve.h - host names to addresses, off the loop.
 *
 * Ask resolve_known first: it has the answer for literals and for names of the
 * last 30 s. Any other name is looked up by getaddrinfo in a thread of its own,
 * which shares nothing with the loop: it gets a copy of the name and writes
 * what it found into a socket pair.
 * Callbacks come from the loop, never from inside resolve_start.
 */
#ifndef MOOTHALL_HTTPD_PEER_RESOLVE_H
#define MOOTHALL_HTTPD_PEER_RESOLVE_H

#include "common/loop.h"
#include "httpd/peer/identity.h"

#include <sys/socket.h>

#define RESOLVED_MAX 4

struct resolved {
	size_t count;			/* 0: not found */
	struct {
		struct sockaddr_storage address;
		socklen_t size;
	} found[RESOLVED_MAX];
};

struct resolver;
struct resolve_call;

struct resolver *resolver_new(struct loop *loop);
/* Every call must be over or cancelled; accepts NULL in *resolver. */
void resolver_free(struct resolver **resolver);

/*
 * Look a host up. NULL if there is no descriptor left for it.
 *
 *	done	called once with what was found, ports put in; the call is gone
 *		by then
 */
struct resolve_call *resolve_start(struct resolver *resolver, const struct peer_address *address,
    void (*done)(void *argument, const struct resolved *resolved), void *argument);
/* done will not be called; accepts NULL in *call. */
void resolve_cancel(struct resolve_call **call);

/* True and *resolved at once if it is a literal or still known. */
bool resolve_known(struct resolver *resolver, const struct peer_address *address,
    struct resolved *resolved);

#endif
