/*
 * router.h - method and path -> handler, from route_table.h.
 *
 *	ROUTE(roles, match, path, methods, handler)
 * roles: ROUTE_CLIENT, ROUTE_PEER or both, or those that options add to a client port;
 * match: EXACT, or PREFIX (the path itself, or the path and "/..."). First row that matches
 * wins.
 *
 * Unknown path: 404 page not found. Known path, other method: 405 with Allow.
 * OPTIONS: 200, empty. Empty, "." and ".." segments: 301 to the clean path.
 */
#ifndef MOOTHALL_HTTPD_ROUTER_H
#define MOOTHALL_HTTPD_ROUTER_H

#include "httpd/http/request.h"

#define ROUTE_CLIENT 1
#define ROUTE_PEER 2
#define ROUTE_LOCK 4		/* of a client port with that module (common/modules.h) */
#define ROUTE_LEADER 8
#define ROUTE_UI 16		/* of a client port without -ui off */
#define ROUTE_METRICS 32	/* of a port for figures and health alone */

#define METHOD_ANY (~0u)	/* the handler says which */

typedef void (*route_handler)(struct request *request);

/* Answer the request, at once or later; sets its route (routes.h). */
void router_handle(struct request *request);

#endif
