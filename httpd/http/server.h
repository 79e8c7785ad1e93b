/*
 * server.h - the listening socket of a worker, its connections and their
 * time limits.
 *
 * Several workers may accept on the same socket. Time limits are kept in one
 * list for each kind: all entries of a kind wait equally long, so each list is
 * in order of time and a tick looks at the fronts only.
 *
 *	stopped --> accepting	[server_listen]
 *	accepting --> paused	no descriptors, or as many connections as allowed
 *	paused --> accepting	after a moment, or when a connection ended; who waits
 *				then, and no other worker took, gets the place of a
 *				connection that asks for nothing; without such a one
 *				it waits on, or is turned away for want of descriptors
 *	any --> stopping	idle connections closed, others end after their
 *				answers; stopped() when none is left, at the
 *				latest after a time	[server_stop]
 */
#ifndef MOOTHALL_HTTPD_HTTP_SERVER_H
#define MOOTHALL_HTTPD_HTTP_SERVER_H

#include "httpd/worker.h"

struct server;

/* listen_fd stays open until server_free; -1: none, connections by server_adopt_local. */
struct server *server_new(struct worker *worker, int listen_fd);
/* Cuts every connection. Accepts NULL in *server. */
void server_free(struct server **server);
/* Accept from now on. Again has no effect. */
void server_listen(struct server *server);
/* Serve a connected socket that comes from this machine's operator by way of the
 * supervisor, and speaks plain HTTP; takes fd. */
void server_adopt_local(struct server *server, int fd);

/* ---- connections that come from another worker, or go there (handover.h) ---- */

struct msg_handed;
/* One more, whatever the limits; takes fd. */
void server_take(struct server *server, int fd, const struct msg_handed *handed);
/* How many more there are descriptors for. */
size_t server_room(const struct server *server);
/* count connections may go now, if the worker drains. */
void server_offer(struct server *server, size_t count);
/* None may go any more: those that are left are to end. */
void server_keep(struct server *server);

/*
 * Stop accepting and let go of connections; worker->draining must be set.
 *
 * Connections that another worker takes over go there as soon as they rest; of
 * the others
 *
 *	keep_idle	an idle connection may send one more request first
 *	limit_ms	cut what is left then
 *	stopped		called once from the loop, when no connection is left
 */
void server_stop(struct server *server, bool keep_idle, uint64_t limit_ms,
    void (*stopped)(struct worker *worker));

/* Bytes that are kept for its connections (budget.h). */
size_t server_held(const struct server *server);

/* Turn end: write the answers of this turn, free what has ended. True if
 * requests were handled meanwhile, so that there may be frames to send. */
bool server_flush(struct server *server);

#endif
