/*
 * services.h - where a domain has a service, as its SRV records say.
 *
 * Waits for name servers: called by the resolver, which is a program of its own, and by
 * etcdctl; never on a loop. What they send is taken apart by the C library.
 * Source: RFC 2782.
 */
#ifndef MOOTHALL_COMMON_SERVICES_H
#define MOOTHALL_COMMON_SERVICES_H

#include "common/err.h"
#include "common/limits.h"
#include "common/slice.h"

struct service_place {
	uint16_t priority, weight;
	uint16_t port;			/* never 0 */
	char host[ADDRESS_HOST_BYTES_MAX + 1]; /* lower case, without a dot at its end */
};

struct services {
	struct service_place list[SERVICES_MAX]; /* by priority, then weight, host and port */
	size_t count;			/* none twice */
};

/*
 * The records in an answer of a name server.
 *
 * ERR_NONE, also if there are none; ERR_MALFORMED: it is no answer, or one of them has no host
 * or port; ERR_TOO_BIG: more than SERVICES_MAX.
 */
enum err services_parse(struct slice packet, struct services *result) MUST_CHECK;
/*
 * The same of a name, "_SERVICE._tcp.DOMAIN", which the name servers of this machine are asked
 * for. ERR_NOT_FOUND: they say that there are none. ERR_AGAIN: they do not answer, or cannot say.
 */
enum err services_look_up(const char *name, struct services *result) MUST_CHECK;

#endif
