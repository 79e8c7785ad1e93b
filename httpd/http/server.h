/*
 * server.h - the door of httpd/http/: a listening socket, its connections and
 * their time limits.
 *
 * The owner of a server is told of each request that is whole, and of each answer that
 * has begun or is over; what a path means, which pages may ask, what is counted and
 * written down, and what a request waits for is the owner's business and not known
 * here. Connections and requests are the server's; a request is lent to its handler
 * until it is answered, or gone() was called (request.h).
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

#include "common/buf.h"
#include "common/loop.h"
#include "common/option.h"

#include <sys/queue.h>

struct budget;
struct conn;
struct msg_handed;
struct request;
struct server;
struct tls;
struct worker;

/* Of an answer: */
#define ANSWER_BEGUN 1		/* its head was made, with request->status */
#define ANSWER_OVER 2		/* all of it is queued, or nobody waits for it */

/* The owner of a server, and what of it the server uses and tells. All functions are set;
 * they are called from the loop and from the functions of server.h and request.h. */
struct server_owner {
	struct worker *worker;		/* given to requests and back, not looked into */
	struct loop *loop;
	const struct config *config;	/* limits and times; stays there, may change */
	int role;			/* ROLE_CLIENT or ROLE_PEER of wire.h: whose port */
	struct tls *tls;		/* of the port; NULL: plain */

	/* A request is whole: answer it, at once or later. */
	void (*handle)(struct request *request);
	/* Of HTTP/2, whose head is here: is it to be handled now, and told of its body as that
	 * comes (request.h, more)? */
	bool (*streams)(const struct request *request);
	/* Append the header lines that its answer has whoever made it. */
	void (*put_lines)(const struct request *request, struct buf *lines);
	/* Of its answer this has come to pass: ANSWER_BEGUN, ANSWER_OVER or both at
	 * once. Not of a request that another worker goes on with. */
	void (*answered)(const struct request *request, unsigned what);

	/* Is there another worker who takes connections; and has he room for one now? */
	bool (*gives)(const struct worker *worker);
	bool (*has_room)(const struct worker *worker);
	/* It goes there; fd stays the server's. Only with room. */
	void (*give)(struct worker *worker, const struct msg_handed *handed, int fd);
	/* A request that began in another worker, its head is out: go on with it. */
	void (*go_on)(struct request *request, const struct msg_handed *handed);
	/* True if no connection is on its way here or there. */
	bool (*is_quiet)(const struct worker *worker);
};

/* Copies owner. Connections come by its ports, and by server_adopt_local. */
struct server *server_new(const struct server_owner *owner);
/* A socket that listens, the server's from then on; LISTEN_MAX at most. */
void server_add_port(struct server *server, int fd);
/* The same of a socket for figures and health alone: plain HTTP, whatever the server speaks. */
void server_add_metrics_port(struct server *server, int fd);
/* Cuts every connection. Accepts NULL in *server. */
void server_free(struct server **server);
/* Accept from now on. Again has no effect. */
void server_listen(struct server *server);
/* Serve a connected socket that comes from this machine's operator by way of the
 * supervisor, and speaks plain HTTP; takes fd. */
void server_adopt_local(struct server *server, int fd);

/* ---- connections that come from another worker, or go there ------------------- */

/* One more, whatever the limits; takes fd. */
void server_take(struct server *server, int fd, const struct msg_handed *handed);
/* How many more there are descriptors for. */
size_t server_room(const struct server *server);
/* count connections may go now, if the server stops. */
void server_offer(struct server *server, size_t count);
/* None may go any more: those that are left are to end. */
void server_keep(struct server *server);

/*
 * Stop accepting and let go of connections.
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

/* True since server_stop: what is there is finished, connections go or are closed. */
bool server_is_stopping(const struct server *server);

/* How many connections are open, and bytes that are kept for them (budget.h). */
size_t server_connections(const struct server *server);
size_t server_held(const struct server *server);

/* Turn end: write the answers of this turn, free what has ended. True if
 * requests were handled meanwhile, so that there may be frames to send. */
bool server_flush(struct server *server);

/* ---- for its connections (conn_priv.h) ------------------------------------------ */

/* Time limits; one list of the server for each. */
enum conn_limit {
	LIMIT_HANDSHAKE, /* time to the end of TLS's */
	LIMIT_HEAD,	/* time to a whole head */
	LIMIT_BODY,	/* time to a whole request */
	LIMIT_IDLE,	/* rest between requests */
	LIMIT_WRITE,	/* time without progress of an answer */
	LIMIT_LINGER,	/* closed, but the client still sends */
	LIMIT_NOTICE,	/* HTTP/2: told that it ends, has not said that it knows */
	LIMIT_DRAIN,	/* HTTP/2: time for what is in work when it ends */
	LIMIT_COUNT,
	LIMIT_NONE = LIMIT_COUNT
};

struct conn_clock {
	TAILQ_ENTRY(conn_clock) link;
	struct conn *conn;
	struct h2_stream *stream; /* NULL: the clock is of the connection itself */
	enum conn_limit limit;	/* LIMIT_NONE: in no list */
	uint64_t since_ms;
};

/* Settle it at the end of this turn. */
void server_touch(struct server *server, struct conn *conn);
/* It has ended: freed at the end of the turn. */
void server_closed(struct server *server, struct conn *conn);
/* From now on it has that much time. */
void server_limit(struct server *server, struct conn_clock *clock, enum conn_limit limit);
uint8_t *server_scratch(struct server *server);	/* CONN_READ_BYTES of memory */
struct buf *server_answer(struct server *server);	/* empty, until the next call */
struct budget *server_budget(struct server *server);
struct request *server_request_new(struct server *server);
void server_request_free(struct server *server, struct request *request);
/* "Sun, 06 Nov 1994 08:49:37 GMT" */
const char *server_date(struct server *server);

#endif
