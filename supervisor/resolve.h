/*
 * resolve.h - host names to addresses for the peer worker, which may open
 * neither the files nor the sockets that this takes.
 *
 * Each name is looked up by a program of its own (resolver.c), which ends with
 * its answer: so the loop never waits, nothing of the supervisor is in a
 * process that reads what name servers send, and one that hangs is ended.
 *
 *	asked ------> looked up	 a resolver was started		[start_waiting]
 *	looked up --> answered	 its channel ended		[answer_ready]
 *	any --------> answered	 empty: too many, or no name	[resolve_ask]
 */
#ifndef MOOTHALL_SUPERVISOR_RESOLVE_H
#define MOOTHALL_SUPERVISOR_RESOLVE_H

#include "common/loop.h"
#include "common/slice.h"

#include <sys/types.h>

struct resolve;

struct resolve_owner {
	/* addresses: list of address_record, empty if nothing was found; of a service a list of
	 * service_record with its end, empty if nobody says. */
	void (*answered)(void *argument, pid_t asker, uint64_t request_id,
	    struct slice addresses);
	void *argument;
};

/* program: path of the resolver, kept. */
struct resolve *resolve_new(struct loop *loop, const char *program, struct resolve_owner owner);
/* What is under way is not answered any more; accepts NULL in *resolve. */
void resolve_free(struct resolve **resolve);
/* asker and request_id come back with the answer; that may be from inside. */
void resolve_ask(struct resolve *resolve, pid_t asker, uint64_t request_id, struct slice host);

#endif
