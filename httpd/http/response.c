/*
 * response.c - answers (see request.h): heads, chunks, and their order.
 *
 * The answer of the first request of a connection goes straight to the
 * connection's queue, that of any other to a queue of its own, which is
 * appended when all before it are answered.
 */
#include "common/printable.h"
#include "common/xmem.h"
#include "httpd/http/conn_priv.h"
#include "httpd/http/head.h"

#include <stdarg.h>
#include <stdio.h>

#define AT_ONCE_BYTES_MAX 4096	/* above, a part that is shared costs less than a copy */

struct slice
request_header(const struct request *request, const char *name)
{
	for (size_t i = 0; i < request->header_count; i++)
		if (head_name_equal(request->headers[i].name, name))
			return request->headers[i].value;
	return SLICE_EMPTY;
}

struct slice
request_certificate_name(struct request *request)
{
	char name[TRANSPORT_NAME_BYTES];

	if (!transport_certificate_name(request->conn->transport, name))
		return SLICE_EMPTY;
	return arena_copy(&request->arena, slice_text(name));
}

bool
request_is_of_metrics(const struct request *request)
{
	return request->conn->of_metrics;
}

const char *
request_from(const struct request *request)
{
	struct conn *conn = request->conn;
	char from[TRANSPORT_FROM_BYTES];

	if (conn->from == NULL) {
		transport_from(conn->transport, from);
		conn->from = xstrdup(from);
	}
	return conn->from;
}

const char *
request_method_name(enum request_method method)
{
	switch (method) {
#define METHOD(name, bit) \
	case METHOD_##name: \
		return #name;
#include "httpd/http/method_table.h"
	case METHOD_OTHER:
		break;
	}
	/* Of those we do not know there are as many as a client likes. */
	return "other";
}

static const struct status_reason {
	unsigned status;
	const char *reason;
} status_reasons[] = {
	{ 200, "OK" },
	{ 201, "Created" },
	{ 404, "Not Found" },
	{ 101, "Switching Protocols" },
	{ 204, "No Content" },
	{ 301, "Moved Permanently" },
	{ 304, "Not Modified" },
	{ 307, "Temporary Redirect" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 405, "Method Not Allowed" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 410, "Gone" },
	{ 412, "Precondition Failed" },
	{ 413, "Request Entity Too Large" },
	{ 414, "Request URI Too Long" },
	{ 417, "Expectation Failed" },
	{ 421, "Misdirected Request" },
	{ 426, "Upgrade Required" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 505, "HTTP Version Not Supported" },
};

const char *
response_reason(unsigned status)
{
	for (size_t i = 0; i < ARRAY_COUNT(status_reasons); i++)
		if (status_reasons[i].status == status)
			return status_reasons[i].reason;
	return "Unknown";
}

static struct outqueue *
queue_of(struct request *request)
{
	if (request->stream != NULL)
		return request->conn->protocol->queue(request);
	return request->conn->first == request ? &request->conn->out : &request->out;
}

/* Its answer has more to send. */
static void
touch(const struct request *request)
{
	if (request->stream != NULL)
		request->conn->protocol->touch(request);
	else
		conn_touch(request->conn);
}

static void
tell_owner(const struct request *request, unsigned what)
{
	request->conn->owner->answered(request, what);
}

/* The answer is complete; what: ANSWER_OVER, and ANSWER_BEGUN if that was not told yet.
 * Hand on to the next, if it is the first's. */
static void
complete(struct request *request, unsigned what)
{
	struct conn *conn = request->conn;

	request->answered = true;
	tell_owner(request, what);
	if (request->stream != NULL) {
		conn->protocol->complete(request);
		return;
	}
	conn_touch(conn);
	while ((request = conn->first) != NULL && request->answered) {
		bool keep_alive = request->keep_alive;

		conn->first = request->next;
		conn->request_count--;
		if (conn->first == NULL)
			conn->last = NULL;
		if (request->whole)
			conn->held = false;
		server_request_free(conn->server, request);
		if (!keep_alive) {
			/* The client was told that no answer follows. */
			if (conn->first != NULL || conn->in.size > 0)
				conn->dropped = true;
			conn->state = CONN_DEAF;
			conn_drop_requests(conn);
		} else if (conn->first != NULL) {
			outqueue_move(&conn->out, &conn->first->out);
		}
	}
}

bool
request_is_first(const struct request *request)
{
	return request->stream != NULL || request->conn->first == request;
}

void
request_keeps(struct request *request, size_t bytes)
{
	if (request->kept == bytes)
		return;
	request->kept = bytes;
	touch(request);
}

void
request_drop_body(struct request *request)
{
	request->body = SLICE_EMPTY;
	request->more = NULL;
	request->late = NULL;
	request->collected = 0;
	request->collects = 0;
	buf_free(&request->body_bytes);
	/* That of HTTP/1.1 is whole. */
	if (request->stream != NULL)
		request->conn->protocol->body_used(request, 0);
}

void
request_body_used(struct request *request, size_t bytes)
{
	request->conn->protocol->body_used(request, bytes);
}

bool
request_is_pressed(const struct request *request)
{
	return budget_is_pressed(server_budget(request->conn->server), &request->conn->share);
}

/* ---- heads -------------------------------------------------------------------------- */

bool
request_has_to_end(const struct request *request)
{
	return server_is_stopping(request->conn->server) && !conn_may_move(request->conn);
}

/* While the server stops, the last answer on a connection says so, but for those that
 * another worker takes over. */
static void
consider_stop(struct request *request)
{
	const struct conn *conn = request->conn;

	if (request_has_to_end(request) && conn->last == request && conn->in.size == 0 &&
	    conn->rest.size == 0)
		request->keep_alive = false;
}

static void
put_status(struct buf *out, struct request *request, unsigned status)
{
	request->status = status;
	buf_append_text(out, request->http_1_0 ? "HTTP/1.0 " : "HTTP/1.1 ");
	buf_append_u64(out, status);
	buf_append_byte(out, ' ');
	buf_append_text(out, response_reason(status));
	buf_append_text(out, "\r\nDate: ");
	buf_append_text(out, server_date(request->conn->server));
	buf_append(out, "\r\n", 2);
}

static void
put_head(struct buf *out, struct request *request, unsigned status, const char *content_type)
{
	put_status(out, request, status);
	if (content_type != NULL) {
		buf_append_text(out, "Content-Type: ");
		buf_append_text(out, content_type);
		buf_append(out, "\r\n", 2);
	}
	buf_append_slice(out, buf_slice(&request->lines));
	request->conn->owner->put_lines(request, out);
	if (!request->keep_alive)
		buf_append_text(out, "Connection: close\r\n");
	else if (request->http_1_0)
		buf_append_text(out, "Connection: keep-alive\r\n");
}

void
response_header(struct request *request, const char *name, const char *format, ...)
{
	char text[512];
	va_list arguments;
	int size;

	va_start(arguments, format);
	size = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	ASSERT(size >= 0);
	buf_append_text(&request->lines, name);
	buf_append(&request->lines, ": ", 2);
	if ((size_t)size < sizeof(text)) {
		buf_append(&request->lines, text, (size_t)size);
	} else {
		va_start(arguments, format);
		/* vsnprintf needs room for a NUL that is not appended. */
		vsnprintf((char *)buf_reserve(&request->lines, (size_t)size + 1), (size_t)size + 1,
		    format, arguments);
		va_end(arguments);
		buf_added(&request->lines, (size_t)size);
	}
	buf_append(&request->lines, "\r\n", 2);
}

void
response_header_number(struct request *request, const char *name, uint64_t number)
{
	buf_append_text(&request->lines, name);
	buf_append(&request->lines, ": ", 2);
	buf_append_u64(&request->lines, number);
	buf_append(&request->lines, "\r\n", 2);
}

void
response_continue(struct request *request)
{
	if (request->stream != NULL) {
		request->conn->protocol->head(request, 100, NULL, SIZE_MAX, true);
		return;
	}
	buf_append_text(outqueue_tail(queue_of(request)), "HTTP/1.1 100 Continue\r\n\r\n");
	conn_touch(request->conn);
}

/* ---- what another protocol sends ------------------------------------------------------ */

static bool
has_body(const struct request *request, unsigned status)
{
	return request->method != METHOD_HEAD && status != 204 && status != 304;
}

static void
head_by_stream(struct request *request, unsigned status, const char *content_type, size_t size)
{
	ASSERT(!request->answered);
	ASSERT(!request->streaming);
	request->status = status;
	request->conn->protocol->head(request, status, content_type, size,
	    size > 0 && has_body(request, status));
}

void
response_trailer(struct request *request, const char *name, struct slice value)
{
	buf_append_text(&request->lines, name);
	buf_append(&request->lines, ": ", 2);
	buf_append_slice(&request->lines, value);
	buf_append(&request->lines, "\r\n", 2);
}

void
response_send_head(struct request *request, unsigned status, const char *content_type)
{
	ASSERT(request->stream != NULL && !request->answered && !request->streaming);
	request->status = status;
	request->conn->protocol->head(request, status, content_type, SIZE_MAX, false);
	complete(request, ANSWER_BEGUN | ANSWER_OVER);
}

/* ---- whole answers ----------------------------------------------------------------------- */

/* Returns the buffer that it is in. */
static struct buf *
send_head(struct request *request, unsigned status, const char *content_type, size_t size)
{
	struct buf *out = outqueue_tail(queue_of(request));
	size_t before = out->size;

	ASSERT(!request->answered);
	ASSERT(!request->streaming);
	consider_stop(request);
	put_head(out, request, status, content_type);
	if (status != 204 && status != 304) {
		buf_append_text(out, "Content-Length: ");
		buf_append_u64(out, size);
		buf_append(out, "\r\n", 2);
	}
	buf_append(out, "\r\n", 2);
	request->bytes_out += out->size - before;
	return out;
}

static void
send_by_stream(struct request *request, unsigned status, const char *content_type,
    struct slice body)
{
	head_by_stream(request, status, content_type, body.size);
	if (body.size > 0 && has_body(request, status)) {
		buf_append_slice(outqueue_tail(queue_of(request)), body);
		request->bytes_out += body.size;
	}
	complete(request, ANSWER_BEGUN | ANSWER_OVER);
}

void
response_send(struct request *request, unsigned status, const char *content_type,
    struct slice body)
{
	struct buf *out;

	if (request->stream != NULL) {
		send_by_stream(request, status, content_type, body);
		return;
	}
	out = send_head(request, status, content_type, body.size);
	if (has_body(request, status)) {
		buf_append_slice(out, body);
		request->bytes_out += body.size;
	}
	complete(request, ANSWER_BEGUN | ANSWER_OVER);
}

void
response_send_built(struct request *request, unsigned status, const char *content_type,
    struct buf *body)
{
	size_t size = blob_built(body).size;
	struct blob *blob;

	if (size < BLOB_TAKEN_BYTES || !has_body(request, status)) {
		response_send(request, status, content_type, blob_built(body));
		buf_free(body);
		return;
	}
	blob = blob_end(body, NULL);
	if (request->stream != NULL)
		head_by_stream(request, status, content_type, size);
	else
		(void)send_head(request, status, content_type, size);
	outqueue_put_blob(queue_of(request), blob);
	blob_unref(&blob);
	request->bytes_out += size;
	complete(request, ANSWER_BEGUN | ANSWER_OVER);
}

void
response_plain_error(struct request *request, unsigned status, const char *text)
{
	struct buf body = BUF_INIT;

	/* It may quote the request, and who reads it sits at a terminal. */
	printable_put(&body, slice_text(text));
	buf_append_byte(&body, '\n');
	response_header(request, "X-Content-Type-Options", "nosniff");
	response_send(request, status, "text/plain; charset=utf-8", buf_slice(&body));
	buf_free(&body);
}

/* ---- answers of unknown length --------------------------------------------------------------- */

static void
stream_by_stream(struct request *request, unsigned status, const char *content_type)
{
	head_by_stream(request, status, content_type, SIZE_MAX);
	request->streaming = true;
	tell_owner(request, ANSWER_BEGUN);
	buf_free(&request->lines);
	touch(request);
}

void
response_stream_begin(struct request *request, unsigned status, const char *content_type)
{
	struct buf *out;
	size_t before;

	ASSERT(!request->answered);
	ASSERT(!request->streaming);
	if (request->stream != NULL) {
		stream_by_stream(request, status, content_type);
		return;
	}
	out = outqueue_tail(queue_of(request));
	before = out->size;
	consider_stop(request);
	if (request->http_1_0)
		request->keep_alive = false;
	put_head(out, request, status, content_type);
	if (!request->http_1_0)
		buf_append_text(out, "Transfer-Encoding: chunked\r\n");
	buf_append(out, "\r\n", 2);
	request->bytes_out += out->size - before;
	request->streaming = true;
	tell_owner(request, ANSWER_BEGUN);
	/* It may go on for long, and needs these no more. */
	buf_free(&request->lines);
	/* A client that does not listen any more has hung up. */
	if (request->conn->ended && !request->finite)
		request->conn->cut = true;
	conn_touch(request->conn);
}

/* What stands around the data of a stream. */
static void
put_frame(struct request *request, struct slice text)
{
	buf_append_slice(outqueue_tail(queue_of(request)), text);
	request->bytes_out += text.size;
}

static bool
begin_chunk(struct request *request, size_t size)
{
	struct buf *out;
	size_t before;

	ASSERT(request->streaming);
	if (size == 0 || request->method == METHOD_HEAD)
		return false;
	request->bytes_out += size;
	if (!request->http_1_0 && request->stream == NULL) {
		out = outqueue_tail(queue_of(request));
		before = out->size;
		buf_append_hex(out, size);
		buf_append(out, "\r\n", 2);
		request->bytes_out += out->size - before;
	}
	return true;
}

static void
end_chunk(struct request *request)
{
	if (!request->http_1_0 && request->stream == NULL)
		put_frame(request, SLICE_LITERAL("\r\n"));
	touch(request);
}

void
response_stream_data(struct request *request, struct slice data)
{
	if (!begin_chunk(request, data.size))
		return;
	buf_append_slice(outqueue_tail(queue_of(request)), data);
	end_chunk(request);
}

void
response_stream_blob(struct request *request, struct blob *blob)
{
	if (!begin_chunk(request, blob->size))
		return;
	outqueue_put_blob(queue_of(request), blob);
	end_chunk(request);
}

void
response_stream_with(struct request *request, struct slice head, struct blob *blob,
    struct slice foot)
{
	if (!begin_chunk(request, head.size + blob->size + foot.size))
		return;
	buf_append_slice(outqueue_tail(queue_of(request)), head);
	outqueue_put_blob(queue_of(request), blob);
	if (foot.size > 0)
		buf_append_slice(outqueue_tail(queue_of(request)), foot);
	end_chunk(request);
}

void
response_stream_end(struct request *request)
{
	ASSERT(request->streaming);
	if (!request->http_1_0 && request->method != METHOD_HEAD && request->stream == NULL)
		put_frame(request, SLICE_LITERAL("0\r\n\r\n"));
	complete(request, ANSWER_OVER);
}

void
response_stream_last(struct request *request, struct blob *blob)
{
	struct conn *conn = request->conn;
	struct buf *out = server_answer(conn->server);
	size_t taken;

	/* Of HTTP/2 no request is the first of its connection. */
	if (conn->first != request || blob->size == 0 || blob->size > AT_ONCE_BYTES_MAX ||
	    request->method == METHOD_HEAD || request->http_1_0) {
		response_stream_blob(request, blob);
		response_stream_end(request);
		return;
	}
	buf_append_hex(out, blob->size);
	buf_append(out, "\r\n", 2);
	buf_append_slice(out, blob_slice(blob));
	buf_append_text(out, "\r\n0\r\n\r\n");
	request->bytes_out += out->size;
	taken = conn_write_first(conn, buf_slice(out));
	if (taken < out->size)
		buf_append(outqueue_tail(&conn->out), out->data + taken, out->size - taken);
	complete(request, ANSWER_OVER);
}

void
response_soon(const struct request *request)
{
	prefetch(request, sizeof(*request));
	prefetch(request->conn, sizeof(*request->conn));
	prefetch(request->conn->transport, 1);
}

void
response_abort(struct request *request)
{
	if (request->stream != NULL) {
		request->answered = true;
		tell_owner(request, ANSWER_OVER);
		request->conn->protocol->abort(request);
		return;
	}
	request->keep_alive = false;
	request->conn->cut = true;
	complete(request, ANSWER_OVER);
}

/* The same, to be looked at. */
static const struct outqueue *
waiting_of(const struct request *request)
{
	if (request->stream != NULL)
		return request->conn->protocol->queue(request);
	return request->conn->first == request ? &request->conn->out : &request->out;
}

size_t
response_backlog(const struct request *request)
{
	return outqueue_size(waiting_of(request));
}

size_t
response_backlog_beside_one(const struct request *request)
{
	return outqueue_size_beside_one(waiting_of(request));
}

/* ---- upgrade --------------------------------------------------------------------------------- */

struct bufferevent *
response_upgrade(struct request *request, const char *protocol)
{
	struct conn *conn = request->conn;
	struct slice unread = conn->rest.size > 0 ? conn->rest : buf_slice(&conn->in);
	struct buf first = BUF_INIT;
	struct bufferevent *stream;
	struct iovec piece;

	ASSERT(conn->held);
	ASSERT(conn->first == request);
	ASSERT(conn->last == request);
	/* Answers to earlier requests that are still on their way. */
	while (outqueue_pieces(&conn->out, &piece, 1) == 1) {
		buf_append(&first, piece.iov_base, piece.iov_len);
		outqueue_consume(&conn->out, piece.iov_len);
	}
	put_status(&first, request, 101);
	buf_append_slice(&first, buf_slice(&request->lines));
	buf_printf(&first, "Connection: Upgrade\r\nUpgrade: %s\r\n\r\n", protocol);
	request->bytes_out += first.size;
	tell_owner(request, ANSWER_BEGUN | ANSWER_OVER);
	stream = transport_upgrade(&conn->transport, unread, buf_slice(&first));
	buf_free(&first);
	request->answered = true;
	conn_close(conn);
	return stream;
}
