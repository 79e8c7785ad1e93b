/*
 * conn_parse.c - the bytes of a connection become requests (see conn_priv.h).
 *
 * A head is checked by the gate (head.c) and then fed to the parser, which finds
 * the end of the body. The parser is paused at the end of each message, so that
 * it never looks into the next one.
 */
#include "common/diag.h"
#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/metric.h"
#include "httpd/http/budget.h"
#include "httpd/http/conn_priv.h"
#include "httpd/http/h2.h"
#include "httpd/http/head.h"
#include "httpd/http/tls.h"
#include "httpd/http/url.h"

void
conn_refuse_saying(struct conn *conn, unsigned status, const char *text)
{
	struct request *request = conn->last;

	if (request == NULL || request->whole)
		request = conn_add_request(conn);
	request->whole = true;
	request->keep_alive = false;
	/* It may be the end of the request that the clock is about. */
	server_limit(conn->server, &conn->reading, LIMIT_NONE);
	budget_upload_over(server_budget(conn->server), &conn->share);
	conn->state = CONN_DEAF;
	conn->dropped = true;
	response_plain_error(request, status, text);
}

enum metric_id
conn_refusal_row(unsigned status)
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
	metric_add(conn_refusal_row(status), 1);
	conn_refuse_saying(conn, status, response_reason(status));
}

void
conn_refuse_late(struct conn *conn, enum metric_id row)
{
	metric_add(row, 1);
	conn_refuse_saying(conn, 408, response_reason(408));
}

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

/* Of fields behind the chunks, which no gate has seen: the library takes blanks in a name. */
static int
on_trailer_name(http_parser *parser UNUSED, const char *data, size_t size)
{
	return memchr(data, ' ', size) != NULL ? 1 : 0;
}

static const http_parser_settings head_settings = {
	.on_headers_complete = on_headers_complete,
	.on_message_complete = on_message_complete,
};

static const http_parser_settings body_settings = {
	.on_chunk_header = on_chunk_header,
	.on_body = on_body,
	.on_header_field = on_trailer_name,
	.on_message_complete = on_message_complete,
};

enum request_method
conn_method_of(struct slice text)
{
#define METHOD(name, bit) \
	if (slice_equal(text, SLICE_LITERAL(#name))) \
		return METHOD_##name;
#include "httpd/http/method_table.h"
	return METHOD_OTHER;
}

bool
conn_read_target(struct request *request)
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
	request->whole_ns = loop_now(conn->owner->loop).monotonic_ns;
	request->body = buf_slice(&request->body_bytes);
	request->bytes_in += request->body.size;
	conn->served = true;
	budget_upload_over(server_budget(conn->server), &conn->share);
	conn->state = request->keep_alive ? CONN_HEAD : CONN_DEAF;
	server_limit(conn->server, &conn->reading, LIMIT_NONE);
	conn->owner->handle(request);
}

/* Give bytes of the present message to the parser; returns how many it took,
 * or SIZE_MAX if it does not like them. settings: of the head or of what is behind it. */
static size_t
feed(struct conn *conn, const http_parser_settings *settings, struct slice bytes, bool *complete)
{
	size_t used = http_parser_execute(&conn->parser, settings, (const char *)bytes.data,
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
		if (feed(conn, &head_settings, SLICE_LITERAL("POST"), complete) == SIZE_MAX)
			return false;
		bytes.data += head->method.size;
		bytes.size -= head->method.size;
	}
	return feed(conn, &head_settings, bytes, complete) == bytes.size;
}

/* What the headers ask for before the body comes. 0, or the status to refuse with. */
static unsigned
check_expectations(struct conn *conn, struct request *request, const struct head *head,
    bool body_here)
{
	struct slice expected = request_header(request, "expect");
	bool wants_body = head->chunked || head->content_length > 0;

	if (head->content_length > conn->owner->config->max_body_bytes)
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
	if (conn->owner->role != ROLE_PEER || request_header(request, "upgrade").size == 0)
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
	request->method = conn_method_of(head.method);
	request->target = head.target;
	headers = arena_alloc(&request->arena, (head.header_count + 1) * sizeof(*headers));
	memcpy(headers, head.headers, head.header_count * sizeof(*headers));
	request->headers = headers;
	request->header_count = head.header_count;
	request->content_type = request_header(request, "content-type");
	request->body_expected = head.chunked ? conn->owner->config->max_body_bytes :
	    head.content_length;
	/* No more memory than is counted for it (budget.h); 0 would be no limit. */
	buf_init(&request->body_bytes, MAX_OF(request->body_expected, (size_t)1));
	if (slice_equal(head.method, SLICE_LITERAL("CONNECT"))) {
		refuse(conn, 405);
		return;
	}
	if (!conn_read_target(request) || !hold_for_upgrade(conn, request) ||
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

/* Only requests with safe methods are in work at the same time (RFC 9112,
 * 9.3.2): what a client pipelines behind a write sees it. And only while there is
 * room: else one at a time. */
bool
conn_may_parse(const struct conn *conn)
{
	if (conn->request_count > 0 && (conn->waits || !is_safe(conn->last->method) ||
	    budget_is_pressed(server_budget(conn->server), &conn->share)))
		return false;
	return !conn->held && conn->request_count < CONN_REQUESTS_MAX &&
	    conn->share.bytes <= CONN_HELD_BYTES &&
	    outqueue_size(&conn->out) <= CONN_HELD_BYTES;
}

/* A whole head that may not begin while others are in work. */
static bool
has_to_wait(const struct conn *conn, struct slice head)
{
	const uint8_t *end = memchr(head.data, ' ', head.size);

	return conn->request_count > 0 && (end == NULL ||
	    !is_safe(conn_method_of(slice_of(head.data, (size_t)(end - head.data)))));
}

/* A client that speaks TLS to a plain port gets an answer that it will not show. */
static void
report_tls(const struct conn *conn)
{
	bool peer = conn->owner->role == ROLE_PEER;
	char from[TRANSPORT_FROM_BYTES];

	transport_from(conn->transport, from);
	diag_warn("tls", "TLS on a port that speaks plain HTTP: port=%s from=%s; give -%scert-file "
	    "and -%skey-file, or call it with http", peer ? "peer" : "client", from,
	    peer ? "peer-" : "", peer ? "peer-" : "");
}

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

/* A connection that begins as HTTP/2 does, as far as it has come. No gate sees that, which is
 * no request of HTTP/1.1. */
static bool
begins_h2(const struct conn *conn, struct slice bytes)
{
	return H2_IS_SERVED && !conn->served && conn->request_count == 0 &&
	    conn->owner->role == ROLE_CLIENT &&
	    memcmp(bytes.data, PREFACE, MIN_OF(bytes.size, sizeof(PREFACE) - 1)) == 0;
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
	if (bytes.data[0] == 'P' && conn->scanned == 0 && begins_h2(conn, bytes)) {
		if (bytes.size >= sizeof(PREFACE) - 1)
			h2_begin(conn);
		return 0;
	}
	if (bytes.data[0] == FIRST_BYTE_OF_TLS && conn->scanned == 0)
		report_tls(conn);
	refused = head_find_end(bytes, &conn->scanned, conn->owner->config->max_header_bytes,
	    &size);
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
	size_t used = feed(conn, &body_settings, bytes, &complete);

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

size_t
conn_parse(struct conn *conn, struct slice bytes)
{
	size_t at = 0;

	while (at < bytes.size) {
		struct slice rest = slice_of(bytes.data + at, bytes.size - at);
		size_t used = 0;

		switch (conn->state) {
		case CONN_HEAD:
			if (conn->protocol == NULL && conn_may_parse(conn))
				used = take_head(conn, rest);
			/* Its first bytes may have told. */
			if (conn->protocol != NULL) {
				conn->protocol->take(conn, rest);
				used = rest.size;
			}
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

bool
conn_parse_kept(struct conn *conn)
{
	size_t used;

	if (conn->in.size == 0)
		return false;
	used = conn_parse(conn, buf_slice(&conn->in));
	/* The buffer may be the last thing that is left of the connection. */
	if (conn->state != CONN_CLOSED)
		buf_consume(&conn->in, used);
	return used > 0;
}
