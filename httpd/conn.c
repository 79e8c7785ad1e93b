/*
 * conn.c - one HTTP connection (see conn.h).
 *
 * Bytes are read into a buffer that all connections share and parsed from
 * there; only what is left over, usually nothing, gets memory of its own. A
 * head is checked by the gate (head.c) and then fed to the parser, which finds
 * the end of the body. The parser is paused at the end of each message, so that
 * it never looks into the next one.
 */
#include "httpd/conn.h"
#include "common/diag.h"
#include "common/ipc/wire.h"
#include "common/metric.h"
#include "common/xmem.h"
#include "httpd/access.h"
#include "httpd/head.h"
#include "httpd/router.h"
#include "httpd/tls.h"
#include "httpd/url.h"

#include <stdlib.h>
#include <strings.h>

#define READS_PER_TURN 4
#define PIECES_MAX 32
#define PACE_FREE_MS 5000		/* a body may come as slowly as it likes so long */

static void connection_ready(void *argument, unsigned events);

/* ---- life ---------------------------------------------------------------------- */

struct conn *
conn_new(struct server *server, struct worker *worker, int fd, struct tls *tls)
{
	struct conn *conn = xzalloc(sizeof(*conn));

	conn->server = server;
	conn->worker = worker;
	conn->transport = transport_new(worker->loop, fd, tls, connection_ready, conn);
	conn->reading = (struct conn_clock){ .conn = conn, .limit = LIMIT_NONE };
	conn->writing = (struct conn_clock){ .conn = conn, .limit = LIMIT_NONE };
	conn->state = CONN_HEAD;
	outqueue_init(&conn->out);
	return conn;
}

void
conn_free(struct conn *conn)
{
	ASSERT(conn->state == CONN_CLOSED);
	buf_free(&conn->in);
	outqueue_clear(&conn->out);
	free(conn->from);
	free(conn);
}

void
conn_touch(struct conn *conn)
{
	if (conn->dirty || conn->state == CONN_CLOSED)
		return;
	conn->dirty = true;
	server_touch(conn->server, conn);
}

const char *
conn_from(struct conn *conn)
{
	char from[TRANSPORT_FROM_BYTES];

	if (conn->from == NULL) {
		transport_from(conn->transport, from);
		conn->from = xstrdup(from);
	}
	return conn->from;
}

void
conn_over(struct conn *conn, struct request *request)
{
	if (conn->worker->access != NULL)
		access_put(conn->worker->access, request);
}

/* Its handler, if one keeps it, learns that nobody waits any more. */
static void
drop_request(struct conn *conn, struct request *request)
{
	if (request->whole && !request->answered) {
		if (!request->moved)
			conn_over(conn, request);
		if (request->gone != NULL)
			request->gone(request);
	}
	server_request_free(conn->server, request);
}

void
conn_drop_requests(struct conn *conn)
{
	struct request *request;

	while ((request = conn->first) != NULL) {
		conn->first = request->next;
		conn->request_count--;
		drop_request(conn, request);
	}
	conn->last = NULL;
}

void
conn_close(struct conn *conn)
{
	if (conn->state == CONN_CLOSED)
		return;
	conn->state = CONN_CLOSED;
	conn_drop_requests(conn);
	server_limit(conn->server, &conn->reading, LIMIT_NONE);
	server_limit(conn->server, &conn->writing, LIMIT_NONE);
	transport_free(&conn->transport);
	server_closed(conn->server, conn);
}

struct request *
conn_add_request(struct conn *conn)
{
	struct request *request = server_request_new(conn->server);

	request->worker = conn->worker;
	request->conn = conn;
	request->begun_ns = loop_now(conn->worker->loop).monotonic_ns;
	if (conn->last == NULL)
		conn->first = request;
	else
		conn->last->next = request;
	conn->last = request;
	conn->request_count++;
	return request;
}

/* Answer what is no request, or too much of one, and read no more. The one
 * being read, if there is one, gets the answer. */
static void
refuse_saying(struct conn *conn, unsigned status, const char *text)
{
	struct request *request = conn->last;

	if (request == NULL || request->whole)
		request = conn_add_request(conn);
	request->whole = true;
	request->keep_alive = false;
	conn->state = CONN_DEAF;
	conn->dropped = true;
	response_plain_error(request, status, text);
}

static enum metric_id
refusal_row(unsigned status)
{
	switch (status) {
	case 413:
		return METRIC_rejected_body;
	case 414:
		return METRIC_rejected_request_line;
	case 431:
		return METRIC_rejected_head;
	default:
		return METRIC_rejected_malformed;
	}
}

static void
refuse(struct conn *conn, unsigned status)
{
	metric_add(refusal_row(status), 1);
	refuse_saying(conn, status, response_reason(status));
}

static void
refuse_late(struct conn *conn, enum metric_id row)
{
	metric_add(row, 1);
	refuse_saying(conn, 408, response_reason(408));
}

/* ---- parsing ------------------------------------------------------------------------ */

static int
on_headers_complete(http_parser *parser)
{
	struct conn *conn = parser->data;

	conn->last->keep_alive = http_should_keep_alive(parser) != 0;
	/* An upgrade is a matter between handler and response_upgrade; to the
	 * parser this stays a message like any other. */
	parser->upgrade = 0;
	return 0;
}

static int
on_body(http_parser *parser, const char *data, size_t size)
{
	struct conn *conn = parser->data;

	buf_append(&conn->last->body_bytes, data, size);
	return conn->last->body_bytes.overflowed ? 1 : 0;
}

/* A chunk says how long it will be: one that is too long is not waited for. */
static int
on_chunk_header(http_parser *parser)
{
	struct conn *conn = parser->data;
	struct buf *body = &conn->last->body_bytes;

	if (body->limit != 0 && parser->content_length > body->limit - body->size)
		body->overflowed = true;
	return body->overflowed ? 1 : 0;
}

static int
on_message_complete(http_parser *parser)
{
	http_parser_pause(parser, 1);
	return 0;
}

static const http_parser_settings parser_settings = {
	.on_headers_complete = on_headers_complete,
	.on_chunk_header = on_chunk_header,
	.on_body = on_body,
	.on_message_complete = on_message_complete,
};

static const struct method_name {
	enum request_method method;
	const char *name;
} method_names[] = {
	{ METHOD_GET, "GET" },
	{ METHOD_PUT, "PUT" },
	{ METHOD_POST, "POST" },
	{ METHOD_DELETE, "DELETE" },
	{ METHOD_HEAD, "HEAD" },
	{ METHOD_OPTIONS, "OPTIONS" },
};

static enum request_method
method_of(struct slice name)
{
	for (size_t i = 0; i < ARRAY_COUNT(method_names); i++)
		if (slice_equal(name, slice_text(method_names[i].name)))
			return method_names[i].method;
	return METHOD_OTHER;
}

/* Path and query of the target; false if an escape in the path is broken. */
static bool
read_target(struct request *request)
{
	struct slice rest = request->target;
	struct slice broken;
	const uint8_t *mark;

	if (rest.data[0] != '/' && rest.data[0] != '*') {
		/* The gate saw to it that this is scheme://authority. */
		const uint8_t *end = rest.data + rest.size;
		const uint8_t *at = memchr(rest.data, ':', rest.size);

		at += 3;
		while (at < end && *at != '/' && *at != '?')
			at++;
		rest = slice_of(at, (size_t)(end - at));
	}
	mark = rest.size == 0 ? NULL : memchr(rest.data, '?', rest.size);
	if (mark != NULL) {
		size_t path_size = (size_t)(mark - rest.data);

		request->query = slice_of(mark + 1, rest.size - path_size - 1);
		rest.size = path_size;
	}
	if (rest.size == 0)
		rest = SLICE_LITERAL("/");
	return url_decode(&request->arena, URL_PATH, rest, &request->path, &broken) == ERR_NONE;
}

/* The request is whole: to its handler. */
static void
finish_request(struct conn *conn)
{
	struct request *request = conn->last;

	request->whole = true;
	request->whole_ns = loop_now(conn->worker->loop).monotonic_ns;
	request->body = buf_slice(&request->body_bytes);
	request->bytes_in += request->body.size;
	conn->served = true;
	conn->state = request->keep_alive ? CONN_HEAD : CONN_DEAF;
	server_limit(conn->server, &conn->reading, LIMIT_NONE);
	router_handle(request);
}

/* Give bytes of the present message to the parser; returns how many it took,
 * or SIZE_MAX if it does not like them. */
static size_t
feed(struct conn *conn, struct slice bytes, bool *complete)
{
	size_t used = http_parser_execute(&conn->parser, &parser_settings, (const char *)bytes.data,
	    bytes.size);
	enum http_errno problem = HTTP_PARSER_ERRNO(&conn->parser);

	*complete = problem == HPE_PAUSED;
	if (problem != HPE_OK && problem != HPE_PAUSED)
		return SIZE_MAX;
	return used;
}

/* Begin to parse the head for the body's sake. False: the parser refused. */
static bool
feed_head(struct conn *conn, struct slice bytes, const struct head *head, bool *complete)
{
	http_parser_init(&conn->parser, HTTP_REQUEST);
	conn->parser.data = conn;
	if (conn->last->method == METHOD_OTHER) {
		/* The parser knows a list of methods, and we answer any other with a
		 * status of its own; a body it may have ends like that of POST. */
		if (feed(conn, SLICE_LITERAL("POST"), complete) == SIZE_MAX)
			return false;
		bytes.data += head->method.size;
		bytes.size -= head->method.size;
	}
	return feed(conn, bytes, complete) == bytes.size;
}

/* What the headers ask for before the body comes. 0, or the status to refuse with. */
static unsigned
check_expectations(struct conn *conn, struct request *request, const struct head *head,
    bool body_here)
{
	struct slice expected = request_header(request, "expect");
	bool wants_body = head->chunked || head->content_length > 0;

	if (head->content_length > conn->worker->config.max_body_bytes)
		return 413;
	if (expected.size == 0 || head->http_1_0)
		return 0;
	if (!head_name_equal(expected, "100-continue"))
		return 417;
	if (wants_body && !body_here)
		response_continue(request);
	return 0;
}

/* An upgrade ends HTTP on this connection, so nothing may be before it in work
 * and nothing behind it is HTTP until it was refused. */
static bool
hold_for_upgrade(struct conn *conn, struct request *request)
{
	if (conn->worker->role != ROLE_PEER || request_header(request, "upgrade").size == 0)
		return true;
	conn->held = true;
	return conn->first == request;
}

static void
begin_request(struct conn *conn, struct slice bytes, bool body_here)
{
	struct request *request = conn_add_request(conn);
	struct request_header *headers;
	struct head head;
	unsigned refused;
	bool complete;

	bytes = arena_copy(&request->arena, bytes);
	request->bytes_in = bytes.size;
	refused = head_read(bytes, &head);
	if (refused != 0) {
		refuse(conn, refused);
		return;
	}
	request->http_1_0 = head.http_1_0;
	request->method = method_of(head.method);
	request->target = head.target;
	headers = arena_alloc(&request->arena, (head.header_count + 1) * sizeof(*headers));
	memcpy(headers, head.headers, head.header_count * sizeof(*headers));
	request->headers = headers;
	request->header_count = head.header_count;
	request->content_type = request_header(request, "content-type");
	buf_init(&request->body_bytes, conn->worker->config.max_body_bytes);
	if (slice_equal(head.method, SLICE_LITERAL("CONNECT"))) {
		refuse(conn, 405);
		return;
	}
	if (!read_target(request) || !hold_for_upgrade(conn, request) ||
	    !feed_head(conn, bytes, &head, &complete)) {
		refuse(conn, 400);
		return;
	}
	refused = check_expectations(conn, request, &head, body_here);
	if (refused != 0) {
		refuse(conn, refused);
		return;
	}
	/* The library takes chunk lines that others may read differently: what
	 * stands behind such a message is not taken for a request. */
	if (head.chunked)
		request->keep_alive = false;
	if (complete) {
		finish_request(conn);
	} else {
		conn->state = CONN_BODY;
		server_limit(conn->server, &conn->reading, LIMIT_NONE);
	}
}

static bool
is_safe(enum request_method method)
{
	return (method & (METHOD_GET | METHOD_HEAD | METHOD_OPTIONS)) != 0;
}

/* May the next request be taken out of what has come? Only requests with safe
 * methods are in work at the same time (RFC 9112, 9.3.2): what a client pipelines
 * behind a write sees it. */
static bool
may_parse(const struct conn *conn)
{
	if (conn->request_count > 0 && (conn->waits || !is_safe(conn->last->method)))
		return false;
	return !conn->held && conn->request_count < CONN_REQUESTS_MAX &&
	    outqueue_size(&conn->out) <= CONN_BACKLOG_MAX;
}

/* A whole head that may not begin while others are in work. */
static bool
has_to_wait(const struct conn *conn, struct slice head)
{
	const uint8_t *end = memchr(head.data, ' ', head.size);

	return conn->request_count > 0 && (end == NULL ||
	    !is_safe(method_of(slice_of(head.data, (size_t)(end - head.data)))));
}

/* Who speaks TLS to a plain port gets an answer that it will not show. */
static void
report_tls(const struct conn *conn)
{
	bool peer = conn->worker->role == ROLE_PEER;
	char from[TRANSPORT_FROM_BYTES];

	transport_from(conn->transport, from);
	diag_warn("tls", "TLS on a port that speaks plain HTTP: port=%s from=%s; give -%scert-file "
	    "and -%skey-file, or call it with http", peer ? "peer" : "client", from,
	    peer ? "peer-" : "", peer ? "peer-" : "");
}

/* Returns the bytes used; 0: more are needed first. */
static size_t
take_head(struct conn *conn, struct slice bytes)
{
	unsigned refused;
	size_t size;

	/* RFC 9112, 2.2: an empty line before a request is passed over. */
	if (bytes.data[0] == '\r' && conn->scanned == 0) {
		if (bytes.size == 1)
			return 0;
		if (bytes.data[1] == '\n')
			return 2;
	}
	if (bytes.data[0] == FIRST_BYTE_OF_TLS && conn->scanned == 0)
		report_tls(conn);
	refused = head_find_end(bytes, &conn->scanned, conn->worker->config.max_header_bytes, &size);
	if (refused != 0) {
		refuse(conn, refused);
		return bytes.size;
	}
	if (size == 0)
		return 0;
	conn->scanned = 0;
	conn->waits = has_to_wait(conn, slice_of(bytes.data, size));
	if (conn->waits)
		return 0;
	conn->rest = slice_of(bytes.data + size, bytes.size - size);
	begin_request(conn, slice_of(bytes.data, size), conn->rest.size > 0);
	conn->rest = SLICE_EMPTY;
	return size;
}

static size_t
take_body(struct conn *conn, struct slice bytes)
{
	bool complete;
	size_t used = feed(conn, bytes, &complete);

	if (used == SIZE_MAX) {
		refuse(conn, conn->last->body_bytes.overflowed ? 413 : 400);
		return bytes.size;
	}
	if (complete) {
		conn->rest = slice_of(bytes.data + used, bytes.size - used);
		finish_request(conn);
		conn->rest = SLICE_EMPTY;
	}
	return used;
}

/* Parse as much as may be parsed now; returns the bytes used. */
static size_t
parse(struct conn *conn, struct slice bytes)
{
	size_t at = 0;

	while (at < bytes.size) {
		struct slice rest = slice_of(bytes.data + at, bytes.size - at);
		size_t used = 0;

		switch (conn->state) {
		case CONN_HEAD:
			if (may_parse(conn))
				used = take_head(conn, rest);
			break;
		case CONN_BODY:
			used = take_body(conn, rest);
			break;
		case CONN_DEAF:
		case CONN_LINGER:
			conn->dropped = true;
			used = rest.size;
			break;
		case CONN_CLOSED:
			used = rest.size;
			break;
		}
		if (used == 0)
			break;
		at += used;
	}
	return at;
}

/* Parse what was kept. True if there was anything to do. */
static bool
parse_kept(struct conn *conn)
{
	size_t used;

	if (conn->in.size == 0)
		return false;
	used = parse(conn, buf_slice(&conn->in));
	/* The buffer may be the last thing that is left of the connection. */
	if (conn->state != CONN_CLOSED)
		buf_consume(&conn->in, used);
	return used > 0;
}

/* ---- events ----------------------------------------------------------------------------- */

static bool
has_stream(const struct conn *conn)
{
	for (const struct request *request = conn->first; request != NULL; request = request->next)
		if (request->streaming)
			return true;
	return false;
}

/* The client sends no more. Who only closed its side of the connection may
 * still wait for its answers; who waits for a stream has hung up. */
static void
input_ended(struct conn *conn)
{
	conn->ended = true;
	if (conn->state == CONN_BODY || conn->state == CONN_LINGER || has_stream(conn)) {
		conn_close(conn);
		return;
	}
	conn->state = CONN_DEAF;
}

static void
read_input(struct conn *conn)
{
	uint8_t *scratch = server_scratch(conn->server);

	for (int i = 0; i < READS_PER_TURN; i++) {
		size_t size, used;
		enum err err;

		if (conn->state == CONN_HEAD && !may_parse(conn))
			return;
		err = transport_read(conn->transport, scratch, CONN_READ_BYTES, &size);
		if (err == ERR_AGAIN)
			return;
		if (err == ERR_CLOSED) {
			input_ended(conn);
			return;
		}
		if (err == ERR_FOREIGN) {
			refuse_saying(conn, 400, TLS_WANTED);
			return;
		}
		if (err == ERR_REFUSED) {
			/* The alert is lost if we close while there is more to read. */
			conn->state = CONN_DEAF;
			conn->dropped = true;
			return;
		}
		if (err != ERR_NONE) {
			conn_close(conn);
			return;
		}
		if (conn->in.size > 0) {
			buf_append(&conn->in, scratch, size);
			parse_kept(conn);
		} else {
			used = parse(conn, slice_of(scratch, size));
			if (conn->state != CONN_CLOSED && used < size)
				buf_append(&conn->in, scratch + used, size - used);
		}
		if (conn->state == CONN_CLOSED || size < CONN_READ_BYTES)
			return;
	}
}

static void
connection_ready(void *argument, unsigned events)
{
	struct conn *conn = argument;

	/* Room to write is used at the turn's end. */
	conn_touch(conn);
	if ((events & LOOP_READ) != 0)
		read_input(conn);
	/* There is more to read first, but nobody who would take a stream. */
	if ((events & LOOP_HANGUP) != 0 && conn->state != CONN_CLOSED) {
		conn->hung_up = true;
		if (has_stream(conn))
			conn_close(conn);
	}
}

/* ---- the turn's end ------------------------------------------------------------------------ */

static void
write_output(struct conn *conn)
{
	struct iovec pieces[PIECES_MAX];
	bool progress = false;

	while (!outqueue_is_empty(&conn->out)) {
		int count = outqueue_pieces(&conn->out, pieces, PIECES_MAX);
		size_t size;
		enum err err = transport_write(conn->transport, pieces, count, &size);

		if (err == ERR_AGAIN)
			break;
		if (err != ERR_NONE) {
			conn_close(conn);
			return;
		}
		outqueue_consume(&conn->out, size);
		progress = true;
	}
	if (progress && conn->first != NULL && conn->first->streaming &&
	    conn->first->drained != NULL)
		conn->first->drained(conn->first);
	if (outqueue_is_empty(&conn->out)) {
		if (conn->writing.limit != LIMIT_NONE)
			server_limit(conn->server, &conn->writing, LIMIT_NONE);
	} else if (progress || conn->writing.limit == LIMIT_NONE) {
		server_limit(conn->server, &conn->writing, LIMIT_WRITE);
	}
}

/* All is said: is this the end of the connection, or of our side of it? */
static void
settle_end(struct conn *conn)
{
	if (!outqueue_is_empty(&conn->out) || conn->state == CONN_LINGER)
		return;
	if (conn->cut) {
		conn_close(conn);
		return;
	}
	if (conn->first != NULL || conn->state != CONN_DEAF)
		return;
	if (conn->ended || !conn->dropped) {
		conn_close(conn);
		return;
	}
	transport_end_output(conn->transport);
	conn->state = CONN_LINGER;
}

static enum conn_limit
reading_limit(const struct conn *conn)
{
	switch (conn->state) {
	case CONN_HEAD:
		if (transport_is_opening(conn->transport))
			return LIMIT_HANDSHAKE;
		if (!may_parse(conn))
			return LIMIT_NONE;
		if (conn->in.size > 0)
			return LIMIT_HEAD;
		if (conn->first != NULL)
			return LIMIT_NONE;
		return conn->served ? LIMIT_IDLE : LIMIT_HEAD;
	case CONN_BODY:
		return LIMIT_BODY;
	case CONN_LINGER:
		return LIMIT_LINGER;
	case CONN_DEAF:
	case CONN_CLOSED:
		break;
	}
	return LIMIT_NONE;
}

bool
conn_settle(struct conn *conn)
{
	enum conn_limit limit;
	unsigned wanted = 0;
	bool parsed = false;

	if (conn->state == CONN_CLOSED)
		return false;
	if (conn->state == CONN_HEAD && may_parse(conn))
		parsed = parse_kept(conn);
	if (conn->state != CONN_CLOSED)
		write_output(conn);
	if (conn->state != CONN_CLOSED)
		settle_end(conn);
	if (conn->state == CONN_CLOSED || conn_give(conn))
		return parsed;
	if (!conn->ended && (conn->state != CONN_HEAD || may_parse(conn)))
		wanted |= LOOP_READ;
	else if (!conn->ended && !conn->hung_up)
		wanted |= LOOP_HANGUP;
	if (!outqueue_is_empty(&conn->out))
		wanted |= LOOP_WRITE;
	transport_want(conn->transport, wanted);
	limit = reading_limit(conn);
	if (limit != conn->reading.limit)
		server_limit(conn->server, &conn->reading, limit);
	if (conn->in.size == 0 && conn->in.data != NULL)
		buf_free(&conn->in);
	return parsed;
}

static bool
body_is_too_slow(const struct conn *conn)
{
	uint64_t elapsed_ms = loop_now(conn->worker->loop).monotonic_ms - conn->reading.since_ms;

	return elapsed_ms > PACE_FREE_MS && conn->last->body_bytes.size <
	    (elapsed_ms - PACE_FREE_MS) * conn->worker->config.min_body_rate / 1000;
}

void
conn_expired(struct conn *conn, enum conn_limit limit)
{
	switch (limit) {
	case LIMIT_HANDSHAKE:
		/* It may have come to its end in this very turn. */
		if (!transport_is_opening(conn->transport))
			break;
		transport_late(conn->transport);
		conn_close(conn);
		return;
	case LIMIT_HEAD:
		/* Who has sent nothing asked for nothing. */
		if (conn->in.size == 0) {
			conn_close(conn);
			return;
		}
		refuse_late(conn, METRIC_rejected_head_timeout);
		break;
	case LIMIT_BODY:
		refuse_late(conn, METRIC_rejected_body_timeout);
		break;
	case LIMIT_NONE:
		if (!body_is_too_slow(conn))
			return;
		refuse_late(conn, METRIC_rejected_body_rate);
		break;
	case LIMIT_WRITE:
		metric_add(METRIC_rejected_write_timeout, 1);
		conn_close(conn);
		return;
	case LIMIT_IDLE:
	case LIMIT_LINGER:
		conn_close(conn);
		return;
	}
	conn_touch(conn);
}

static bool
is_idle(const struct conn *conn)
{
	return conn->state == CONN_HEAD && conn->first == NULL && conn->in.size == 0;
}

void
conn_stop(struct conn *conn, bool keep_idle)
{
	struct request *request;

	/* Ending one may free others behind it, so look from the front again. */
	for (;;) {
		void (*stop)(struct request *);

		for (request = conn->first; request != NULL; request = request->next)
			if (request->whole && !request->answered && request->stop != NULL)
				break;
		if (request == NULL)
			break;
		stop = request->stop;
		request->stop = NULL;
		stop(request);
	}
	if (is_idle(conn) && conn->served && !keep_idle)
		conn->state = CONN_DEAF;
	conn_touch(conn);
}

void
conn_stop_new(struct conn *conn)
{
	if (is_idle(conn) && !conn->served)
		conn->state = CONN_DEAF;
	conn_touch(conn);
}
