/*
 * discover.h - the client URLs of a domain, as its SRV records say (--discovery-srv).
 */
#ifndef MOOTHALL_CTL_DISCOVER_H
#define MOOTHALL_CTL_DISCOVER_H

#include "common/base.h"

/*
 * "https://HOST:PORT,http://HOST:PORT": those with _etcd-client-ssl._tcp first. Waits for name
 * servers.
 *
 * CTL_DONE, and *list is owned by the caller; else it was said why.
 */
int discover_endpoints(const char *domain, char **list) MUST_CHECK;

#endif
