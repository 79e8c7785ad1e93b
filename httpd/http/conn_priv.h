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
 * All of that is HTTP/1.1. A connection that speaks another protocol, which its first bytes or
 * TLS tell, has a table of it (struct protocol): what stands in the connection's lists of
 * requests and in its buffer is then not used, and state is head until all is said.
 *
 * The inside of httpd/http/: server.c, conn.c, conn_parse.c, conn_move.c, response.c, and of
 * HTTP/2 h2.c and h2_stream.c.
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

struct conn;
struct msg_handed;

/* What another protocol than HTTP/1.1 does in its stead. */
struct protocol {
	/* Bytes came: all are taken. The connection may be closed behind it. */
	void (*take)(struct conn *conn, struct slice bytes);
	/* The turn's end: handle what waited, put what may be sent into out and write it. True
	 * if anything was handled. */
	bool (*turn)(struct conn *conn);
	/* Which limit is it under? */
	enum conn_limit (*limit)(const struct conn *conn);
	/* A limit of it, or of that stream if not NULL, has passed (conn_expired). */
	void (*expired)(struct conn *conn, struct h2_stream *stream, enum conn_limit limit);
	/* Bytes that are kept for it beside its queue, and those of answers among them. */
	size_t (*kept)(const struct conn *conn, size_t *answers);
	/* The server stops. */
	void (*stop)(struct conn *conn);
	/* It is closed: requests end. Then it is freed. */
	void (*close)(struct conn *conn);
	void (*free)(struct conn *conn);

	/* The upload that it is admitted for, or waits with (budget.h). */
	size_t (*upload_bytes)(const struct conn *conn);
	size_t (*upload_came)(const struct conn *conn);
	void (*upload_goes_on)(struct conn *conn);
	void (*upload_refuse)(struct conn *conn);

	/* Of a request that has a stream: as the functions of response.c. size: of the body, or
	 * SIZE_MAX; has_body: any follows. */
	void (*head)(struct request *request, unsigned status, const char *content_type,
	    size_t size, bool has_body);
	struct outqueue *(*queue)(const struct request *request);
	void (*touch)(const struct request *request);
	/* All is queued: the request is freed. */
	void (*complete)(struct request *request);
	/* The same, and the stream breaks off behind what is queued. */
	void (*abort)(struct request *request);
	void (*body_used)(struct request *request, size_t bytes);
};

struct conn {
	TAILQ_ENTRY(conn) link;		/* server: all, or closed */
	STAILQ_ENTRY(conn) dirty_link;
	struct server *server;
	const struct server_owner *owner; /* the server's */
	struct transport *transport;
	struct conn_clock reading, writing;
	enum conn_state state;
	bool dirty;
	bool of_metrics;		/* it came by a port for figures and health alone */
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
	const struct protocol *protocol; /* NULL: HTTP/1.1 */
	struct h2 *h2;			/* its state */
	bool unwritten;			/* it has more for out than a turn may write */
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
void conn_expired(struct conn_clock *clock, enum conn_limit limit);
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

/* Free one that is in no list, telling its handler if it has no answer. */
void conn_drop_request(struct conn *conn, struct request *request);
/* A request of that connection, in no list. */
struct request *conn_new_request(struct conn *conn);
/* Write what is in out, as much as the socket takes. */
void conn_write(struct conn *conn);

/* Bytes of the body that is being received, in all, and those that came. */
size_t conn_body_bytes(const struct conn *conn);
size_t conn_body_came(const struct conn *conn);
/* There is room for it now. */
void conn_body_goes_on(struct conn *conn);
/* Others need the room, and it is too slow. */
void conn_refuse_upload(struct conn *conn);
/* It has come so slowly, since since_ms, that it is to be refused. */
bool conn_is_too_slow(const struct conn *conn, uint64_t since_ms, size_t came);

/* conn_parse.c */
enum request_method conn_method_of(struct slice text);
/* Path and query of the target; false if an escape in the path is broken. */
bool conn_read_target(struct request *request);
/* What refusals with that status are counted as. */
enum metric_id conn_refusal_row(unsigned status);
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
