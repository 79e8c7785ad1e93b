/*
 * conn_priv.h - one HTTP connection: requests in, answers out in their order.
 *
 *	head		also as long as TLS is not agreed on yet
 *	head --> body	the head is whole and good		[take_head]
 *	head, body --> head	the request is whole: handled	[finish_request]
 *	head, body --> deaf	it was the last request, or none at all: what
 *			comes now is dropped			[refuse, finish_request]
 *	deaf --> linger	all answers are out, the client still sends: our side
 *			is closed, and its bytes are dropped for a moment so
 *			that the answer is not lost with a reset	[settle_end]
 *	any --> closed	[conn_close]
 *
 * At most CONN_REQUESTS_MAX requests are in work; then, or while CONN_HELD_BYTES
 * wait to be written or answered, nothing more is parsed. All that a turn answers is written at its
 * end (conn_settle), where also time limits and wanted events are set anew.
 *
 * A server that stops gives a connection that rests to another worker, if there is one
 * (conn_move.c).
 *
 * The inside of httpd/http/: server.c, conn.c, conn_parse.c, conn_move.c and response.c.
 */
#ifndef MOOTHALL_HTTPD_HTTP_CONN_PRIV_H
#define MOOTHALL_HTTPD_HTTP_CONN_PRIV_H

#include "common/limits.h"
#include "common/metric.h"
#include "httpd/http/budget.h"
#include "httpd/http/outqueue.h"
#include "httpd/http/request.h"
#include "httpd/http/server.h"
#include "httpd/http/transport.h"

#include <http_parser.h>
#include <sys/queue.h>

#define CONN_READ_BYTES TRANSPORT_READ_BYTES	/* one read */

enum conn_state {
	CONN_HEAD,
	CONN_BODY,
	CONN_DEAF,
	CONN_LINGER,
	CONN_CLOSED,
};

struct msg_handed;

struct conn {
	TAILQ_ENTRY(conn) link;		/* server: all, or closed */
	STAILQ_ENTRY(conn) dirty_link;
	struct server *server;
	const struct server_owner *owner; /* the server's */
	struct transport *transport;
	struct conn_clock reading, writing;
	enum conn_state state;
	bool dirty;
	bool served;			/* a request was answered before */
	bool ended;			/* the client sends no more */
	bool held;			/* an upgrade is being decided: parse nothing */
	bool waits;			/* the next head is here, and waits to be alone */
	bool hung_up;			/* the client sends no more, what it sent is not read */
	bool cut;			/* no answer may follow what is queued */
	bool dropped;			/* bytes come, or may come, that nobody reads */
	struct buf in;			/* came, but not parsed yet */
	size_t scanned;			/* of in: seen by head_find_end */
	struct slice rest;		/* while parsing: behind the present request */
	http_parser parser;
	struct request *first, *last;	/* in order; the last may be incomplete */
	unsigned request_count;
	struct outqueue out;
	struct budget_share share;
	char *from;			/* "host:port" of the client; NULL: not asked for yet */
};

/* Both called by server.c. */
struct conn *conn_new(struct server *server, const struct server_owner *owner, int fd,
    struct tls *tls);
void conn_free(struct conn *conn);
/* Close now: handlers are told, memory is freed at the end of the turn. */
void conn_close(struct conn *conn);
/* Turn end: parse what waited, write, set events and limits. */
bool conn_settle(struct conn *conn);
/* A time limit has passed. */
void conn_expired(struct conn *conn, enum conn_limit limit);
/* The server stops: tell long answers to end; an idle connection closes,
 * unless keep_idle. One that is new stays: its request may be on the way. */
void conn_stop(struct conn *conn, bool keep_idle);
/* Of the latter nothing has come: it closes too. */
void conn_stop_new(struct conn *conn);
/* Write what nothing is before, not waiting for the turn's end; returns the bytes
 * taken. The rest has to be queued at once. */
size_t conn_write_first(struct conn *conn, struct slice bytes);
/* See to it that conn_settle runs at the end of this turn. */
void conn_touch(struct conn *conn);
/* Free all requests that have no answer yet, telling their handlers. */
void conn_drop_requests(struct conn *conn);

/* A request behind those that are there, to be filled in. */
struct request *conn_add_request(struct conn *conn);

/* Bytes of the body that is being received, in all. */
size_t conn_body_bytes(const struct conn *conn);
/* There is room for it now. */
void conn_body_goes_on(struct conn *conn);

/* conn_parse.c */
/* May the next request be taken out of what has come? */
bool conn_may_parse(const struct conn *conn);
/* Parse as much as may be parsed now; returns the bytes used. */
size_t conn_parse(struct conn *conn, struct slice bytes);
/* Parse what was kept. True if there was anything to do. */
bool conn_parse_kept(struct conn *conn);
/* Answer what is no request, or too much of one, and read no more. The one
 * being read, if there is one, gets the answer. */
void conn_refuse_saying(struct conn *conn, unsigned status, const char *text);
/* The same for what did not come in time; row counts it. */
void conn_refuse_late(struct conn *conn, enum metric_id row);

/* conn_move.c: to another worker, and from one. */
/* Does another worker take it, sooner or later? */
bool conn_may_move(const struct conn *conn);
/* And does it rest now? */
bool conn_could_go(const struct conn *conn);
/* If the server stops and it can go now: it goes, and is closed here. */
bool conn_give(struct conn *conn);
/* A new connection goes on where it was in another worker. */
void conn_take(struct conn *conn, const struct msg_handed *handed);

/* response.c */
void response_continue(struct request *request);	/* 100 Continue */
const char *response_reason(unsigned status);

#endif
