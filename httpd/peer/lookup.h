/*
 * lookup.h - host names to addresses, off the loop.
 *
 * Ask lookup_known first: it has the answer for literals and for names of the
 * last 30 s. Any other name is looked up by the supervisor, which may use what
 * that takes: a confined worker has neither files nor such sockets.
 * Callbacks come from lookups_answer, never from inside lookup_start.
 */
#ifndef MOOTHALL_HTTPD_PEER_LOOKUP_H
#define MOOTHALL_HTTPD_PEER_LOOKUP_H

#include "common/limits.h"
#include "httpd/peer/identity.h"

#include <sys/socket.h>

struct resolved {
	size_t count;			/* 0: not found */
	struct {
		struct sockaddr_storage address;
		socklen_t size;
	} found[RESOLVED_MAX];
};

struct lookups;
struct worker;
struct lookup_call;

/* Asks by resolve() of the worker's owner. */
struct lookups *lookups_new(struct worker *worker);
/* Every call must be over or cancelled; accepts NULL in *lookups. */
void lookups_free(struct lookups **lookups);
/* What came for that id: a list of address_record, empty if there is none.
 * Answers to calls that are over are let go. */
void lookups_answer(struct lookups *lookups, uint64_t id, struct slice addresses);

/*
 * Look a host up.
 *
 *	done	called once with what was found, ports put in; the call is gone
 *		by then
 */
struct lookup_call *lookup_start(struct lookups *lookups, const struct peer_address *address,
    void (*done)(void *argument, const struct resolved *resolved), void *argument);
/*
 * Look a service up, "_etcd-server._tcp.DOMAIN".
 *
 *	done	called once. told: services is a list of service_record, which may be empty;
 *		not told: nobody says
 */
struct lookup_call *lookup_services(struct lookups *lookups, const char *name,
    void (*done)(void *argument, bool told, struct slice services), void *argument);
/* done will not be called; accepts NULL in *call. */
void lookup_cancel(struct lookup_call **call);

/* True and *resolved at once if it is a literal or still known. */
bool lookup_known(struct lookups *lookups, const struct peer_address *address,
    struct resolved *resolved);

#endif
