/*
 * request.h - one HTTP request, parsed, in its arena; and how it is answered.
 *
 * Made by conn.c once the whole request is there (head and body), handed to the
 * server's owner, who has a handler for it, freed when its answer has been taken by
 * the connection. Answers keep the order of requests under pipelining: a handler
 * may answer any time later; conn.c holds the bytes back until it is their turn.
 * If the connection ends first, gone() is called and the request is freed
 * after it returns; a handler that waits for something must cancel it there.
 */
#ifndef MOOTHALL_HTTPD_HTTP_REQUEST_H
#define MOOTHALL_HTTPD_HTTP_REQUEST_H

#include "common/arena.h"
#include "common/blob.h"
#include "common/buf.h"
#include "httpd/http/outqueue.h"

struct conn;
struct msg_handed;
struct worker;

enum request_method {
#define METHOD(name, bit) METHOD_##name = 1 << bit,
#include "httpd/http/method_table.h"
	METHOD_OTHER = 1 << 6,
};

struct request {
	struct worker *worker;		/* of the server's owner */
	struct conn *conn;
	struct arena arena;		/* everything of this request */
	enum request_method method;
	bool http_1_0;
	bool keep_alive;		/* may the connection go on after the answer */
	struct slice target;		/* as it came */
	struct slice path;		/* decoded once, no query; may hold any byte */
	struct slice query;		/* as it came, without "?" */
	struct slice content_type;
	struct slice body;
	size_t header_count;
	const struct request_header {
		struct slice name, value;
	} *headers;
	/* Set by a handler that keeps the request: the client went away. */
	void (*gone)(struct request *request);
	/* May be set with it: the server stops; end a stream without an end of its own. */
	void (*stop)(struct request *request);
	/* May be set with it, for a stream: some of it, or all, was taken by the client. */
	void (*drained)(struct request *request);
	/* May be set with it: all requests before it on its connection are answered. Once. */
	void (*up)(struct request *request);
	/* May be set with it: could another worker go on with the rest? Then what it has to
	 * know is put into handed (borrowed), and gone() follows if the request goes. Such
	 * a request may wait for ever. */
	bool (*pack)(const struct request *request, struct msg_handed *handed);
	/* May be set with it, if its body streams (server_owner): more of that has come, which
	 * body shows, or it is whole. What was used of it is given back by request_body_used. */
	void (*more)(struct request *request);
	/* May be set with it: what it collects of its body did not come in time, or at its pace.
	 * It answers. */
	void (*late)(struct request *request);
	void *state;			/* the handler's */
	bool finite;			/* a stream that comes to its end by itself: who has
					 * closed its side of the connection waits for it */
	bool ends_with_client;		/* its answer may take as long as it likes: who has closed
					 * its side of the connection does not wait for it */
	bool stays;			/* the handler's: it waits for long, and for what no other
					 * worker can go on with: one that stops ends it */
	bool watches;			/* the handler's: it waits for events, and counts so */
	/* The handler's, of a body that streams: */
	size_t collected;		/* bytes that it keeps, */
	size_t collects;		/* until it has so many; 0: it waits for none */
	/* The rest is conn.c's. */
	struct request *next;
	struct h2_stream *stream;	/* of HTTP/2 that it came by; NULL: HTTP/1.1 */
	struct outqueue out;		/* answer bytes not yet in turn */
	struct buf lines;		/* header lines for the answer */
	struct buf body_bytes;		/* what body shows */
	unsigned route;			/* the owner's, by which its answer is counted */
	uint64_t begun_ns;		/* monotonic, when its first bytes were there */
	uint64_t whole_ns;		/* monotonic, when it was; 0: was refused before */
	uint64_t sent_ns;		/* the handler's: monotonic, when it asked on; or 0 */
	uint64_t number;		/* of its server */
	uint64_t bytes_in, bytes_out;	/* heads and bodies */
	size_t body_expected;		/* bytes, or as many as there may be */
	size_t kept;			/* see request_keeps */
	unsigned status;		/* of the answer; 0: there is none yet */
	bool whole;			/* head and body have come: it was handled; or its head,
					 * if its body streams */
	bool body_streams;
	bool body_ended;		/* then: no more of it comes */
	bool answered;			/* no more bytes follow */
	bool streaming;			/* an answer of unknown length is under way */
	bool moved;			/* another worker goes on with it */
	/* The owner's: whose it is. */
	struct slice user;		/* in the arena; empty: nobody has shown who he is */
	uint64_t credential;		/* of the password that was shown */
	bool denied;			/* a wrong one was */
};

/* "GET"; "other" for those that no route has: there are as many as a client likes. */
const char *request_method_name(enum request_method method);
/* The value of a header, names without regard to case; empty slice if absent. */
struct slice request_header(const struct request *request, const char *name);

/* "host:port" of the client, or "-"; good as long as the connection. */
const char *request_from(const struct request *request);
/* The common name in the certificate that the client has shown and that was verified; empty
 * slice: there is none. In the request's arena. */
struct slice request_certificate_name(struct request *request);

/* ---- answers: exactly one whole answer, or one stream, per request ---------- */

/* A header line for the answer that follows: kept until then. */
void response_header(struct request *request, const char *name, const char *format, ...)
    PRINTF_LIKE(3, 4);
void response_header_number(struct request *request, const char *name, uint64_t number);
/* A whole answer with Content-Length. For HEAD the body is left out. The request
 * may be freed before this returns. */
void response_send(struct request *request, unsigned status, const char *content_type,
    struct slice body);
/* The same of a body begun with blob_begin, which is empty then: a large one is not copied. */
void response_send_built(struct request *request, unsigned status, const char *content_type,
    struct buf *body);
/* Plain text error: text + "\n", which browsers may not take for anything else, nor a
 * terminal (common/printable.h): text is one line and may quote the request. */
void response_plain_error(struct request *request, unsigned status, const char *text);
/* Begin an answer of unknown length: headers go out at once; chunked (HTTP/1.1),
 * else ended by close. */
void response_stream_begin(struct request *request, unsigned status, const char *content_type);
void response_stream_data(struct request *request, struct slice data);
/* As data, sharing the blob's bytes among many connections. */
void response_stream_blob(struct request *request, struct blob *blob);
/* All three as one piece of data; the blob's bytes are shared. */
void response_stream_with(struct request *request, struct slice head, struct blob *blob,
    struct slice foot);
void response_stream_end(struct request *request);
/* The data, and the end. It may be on its way before the turn's end. */
void response_stream_last(struct request *request, struct blob *blob);
/* The last, or some, data follows soon: see prefetch. */
void response_soon(const struct request *request);
/* A line behind the body of a stream of HTTP/2 (there are none else). */
void response_trailer(struct request *request, const char *name, struct slice value);
/* A whole answer that is a head without a length, as gRPC has it. Of HTTP/2 only. */
void response_send_head(struct request *request, unsigned status, const char *content_type);
/* Cut the connection, or stream, after what is queued (slow or broken stream). */
void response_abort(struct request *request);
/* Bytes of this request's answer that the client has not taken yet. */
size_t response_backlog(const struct request *request);
/* The same without the largest part that is shared, of which there is one at most
 * for each response_stream_blob. */
size_t response_backlog_beside_one(const struct request *request);

/* True if the server stops and no other worker takes this connection over: what has
 * no end of its own is to end. */
bool request_has_to_end(const struct request *request);

/* It may be packed from now on. */
void request_may_move(struct request *request);

/* True if no other request of its connection is to be answered before it. */
bool request_is_first(const struct request *request);
/* Its handler keeps so many bytes for the answer: they count for the connection. */
void request_keeps(struct request *request, size_t bytes);
/* Its body has been used: free it before the answer. What comes of it yet is dropped. */
void request_drop_body(struct request *request);
/* Of a body that streams the first bytes were used, or are among those collected. */
void request_body_used(struct request *request, size_t bytes);
/* True if what is kept for connections is more than half of what may be: collect
 * nothing. */
bool request_is_pressed(const struct request *request);

/* ---- upgrade (peer role) ------------------------------------------------------ */

struct bufferevent;
/* Answer 101 with the headers given by response_header, take the connection out
 * of HTTP and hand over its bufferevent with any bytes behind the request still
 * in its input buffer. The request and conn are freed. */
struct bufferevent *response_upgrade(struct request *request, const char *protocol);

/* Did it come by a port for figures and health alone? */
bool request_is_of_metrics(const struct request *request);

#endif
