/*
 * h2_stream.h - the streams of a connection of HTTP/2: requests in, answers out.
 *
 *	head ---------> body	a head that is good, with a body behind it	[h2_request_head]
 *	head, body ---> parked	all is here, but too much is in work		[begin]
 *	head, body, parked --> in work	handled; or at once behind the head, if its body
 *				streams						[handle]
 *	in work ------> answered	the request is freed, bytes wait in out	[h2_complete]
 *	answered -----> over	all was sent, with or without lines behind it
 *	any ----------> over	broken off by the client, by us, or with the connection
 *
 * What a client may send of a body is its stream's window. It is given back as the body is used.
 * Of one that is collected it is not: up to the window it costs no more than that, and above it
 * one stream of a connection at a time has the place for a large body, if the budget has room.
 *
 * Streams that changed in a turn are dirty; at its end they are counted, and their clocks set.
 *
 * Called by h2.c, by h2_request.c, which makes requests, and by h2_answer.c.
 */
#ifndef MOOTHALL_HTTPD_HTTP_H2_STREAM_H
#define MOOTHALL_HTTPD_HTTP_H2_STREAM_H

#include "httpd/http/conn_priv.h"

#include <nghttp2/nghttp2.h>

struct h2_head;

enum h2_stage { H2_OPEN, H2_NOTICED, H2_LEAVING };

struct h2_stream {
	TAILQ_ENTRY(h2_stream) link;
	TAILQ_ENTRY(h2_stream) dirty_link, parked_link, upload_link;
	struct h2 *h2;
	int32_t id;
	struct request *request;	/* NULL: answered */
	struct outqueue out;		/* of the answer's body, not in frames yet */
	struct buf trailers;
	struct conn_clock clock;	/* of its body, then of its answer */
	size_t came;			/* of its body since the clock was set, */
	size_t received;		/* and in all, */
	size_t announced;		/* as much as its head said; SIZE_MAX: that said nothing */
	size_t unreturned;		/* bytes of its body that the window lacks */
	/* As they were counted last: */
	size_t kept, answers;
	size_t work;			/* of what is in work and answered */
	size_t loose;			/* of a body that is collected without the place */
	bool dirty;
	bool parked;
	bool waits;			/* for the place for a large body */
	bool in_work;			/* counted so: until its answer begins */
	bool deaf;			/* what comes of its body is dropped */
	bool input_ended;
	bool deferred;			/* the library waits for more to send */
	bool sent;			/* some of out was, in this turn */
	bool ended;			/* nothing is put into out any more */
	bool cut;			/* it breaks off when out is empty */
};

struct h2 {
	struct conn *conn;
	nghttp2_session *session;
	TAILQ_HEAD(, h2_stream) streams;
	TAILQ_HEAD(, h2_stream) dirty;
	TAILQ_HEAD(, h2_stream) parked;
	TAILQ_HEAD(, h2_stream) uploads; /* that wait for the place */
	struct h2_stream *upload;	/* that has it */
	struct h2_head *head;		/* that is being received */
	size_t kept, answers, work, loose; /* of all streams */
	size_t in_work;			/* requests */
	enum h2_stage stage;
	bool greeted;			/* the client's settings came */
	uint64_t resets_left, resets_ms; /* streams that may break off, as of then */
};

/* ---- life ------------------------------------------------------------------------------- */

struct h2_stream *h2_stream_new(struct h2 *h2, int32_t id);
/* It is over: freed. */
void h2_stream_free(struct h2_stream *stream);
/* It breaks off now: its request ends, the client is told why (a code of HTTP/2). */
void h2_stream_reset(struct h2_stream *stream, uint32_t code);
/* Count it, and see what it has to send, at the end of this turn. */
void h2_stream_touch(struct h2_stream *stream);
/* Its request is in work; its answer has begun; it has all of its answer: the request is
 * freed. */
void h2_stream_in_work(struct h2_stream *stream);
void h2_stream_begun(struct h2_stream *stream);
void h2_stream_answered(struct h2_stream *stream);
/* Give back what may be sent of its body, or wait for the place for a large one. */
void h2_stream_give_back(struct h2_stream *stream);
/* Nothing of its body is collected any more. */
void h2_stream_no_upload(struct h2_stream *stream);
/* True if bodies that are collected take too much, this one among them. */
bool h2_stream_is_too_much(struct h2_stream *stream) MUST_CHECK;

/* ---- the turn ---------------------------------------------------------------------------- */

/* The library is told of streams that have more to send. */
void h2_streams_resume(struct h2 *h2);
/* Handlers are told of what was sent of their streams. */
void h2_streams_drained(struct h2 *h2);
/* Count those that changed, and set their clocks. */
void h2_streams_count(struct h2 *h2);
/* Handlers are told that the worker stops. */
void h2_streams_stop(struct h2 *h2);
/* No answer can be sent any more: requests end. */
void h2_streams_drop(struct h2 *h2);

/* Rows of struct protocol. */
size_t h2_upload_bytes(const struct conn *conn);
size_t h2_upload_came(const struct conn *conn);
void h2_upload_goes_on(struct conn *conn);

#endif
