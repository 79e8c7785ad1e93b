/*
 * port_text.h - answers that say that a request came to the wrong port, or to the right one
 * without TLS: said by the workers, understood by etcdctl and by nodes that join.
 */
#ifndef MOOTHALL_COMMON_PORT_TEXT_H
#define MOOTHALL_COMMON_PORT_TEXT_H

/* Status 404, to what another port of the node has; behind it the port, and where that
 * other one is: "peer port; the client port is http://HOST:PORT". */
#define PORT_IS_OTHER "404 page not found: this is the "
/* Status 400, to plain HTTP. */
#define PORT_WANTS_TLS "this port speaks HTTPS"

#endif
