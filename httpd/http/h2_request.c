/*
 * h2_request.c - what comes by a stream of HTTP/2 becomes a request (see h2_request.h).
 *
 * A head has its method, scheme and path once and before all else, its fields are good
 * (h2_field.h), and the body is as long as the head says: else the stream breaks off. What else a
 * head of HTTP/1.1 is held against is refused with the same answers.
 */
#include "httpd/http/h2_request.h"

#include "common/metric.h"
#include "common/xmem.h"
#include "httpd/http/h2_field.h"
#include "httpd/http/head.h"
#include "httpd/http/host.h"

#include <stdlib.h>

#define FIELD_BYTES 32			/* that RFC 9113, 6.5.2, counts for a field beside it */
#define PASSED_MAX 4			/* a head so many times as long is not read to its end */

struct h2_head {
	struct h2_stream *stream;
	size_t bytes;
	bool too_long;
	bool malformed;
	struct slice method, scheme, authority, path;
	size_t count;
	struct request_header fields[HEAD_FIELDS_MAX + 1]; /* and the host */
};

/* ---- refusals --------------------------------------------------------------------------- */

static void
refuse_saying(struct h2_stream *stream, unsigned status, const char *text)
{
	struct request *request = stream->request;

	request->whole = true;
	stream->deaf = true;
	h2_stream_no_upload(stream);
	buf_free(&request->body_bytes);
	response_plain_error(request, status, text);
}

static void
refuse(struct h2_stream *stream, unsigned status)
{
	metric_add(conn_refusal_row(status), 1);
	refuse_saying(stream, status, response_reason(status));
}

static void
refuse_late(struct h2_stream *stream, enum metric_id row)
{
	struct request *request = stream->request;

	metric_add(row, 1);
	if (request->late != NULL)
		request->late(request);
	else
		refuse_saying(stream, 408, response_reason(408));
}

void
h2_upload_refuse(struct conn *conn)
{
	if (conn->h2->upload != NULL)
		refuse_late(conn->h2->upload, METRIC_rejected_body_rate);
}

void
h2_request_expired(struct h2_stream *stream, enum conn_limit limit)
{
	const struct conn *conn = stream->h2->conn;

	if (limit == LIMIT_WRITE) {
		metric_add(METRIC_rejected_write_timeout, 1);
		h2_stream_reset(stream, NGHTTP2_CANCEL);
	} else if (limit == LIMIT_LINGER) {
		h2_stream_reset(stream, NGHTTP2_NO_ERROR);
	} else if (stream->request == NULL) {
		/* It was answered in this very turn. */
		return;
	} else if (limit == LIMIT_BODY) {
		refuse_late(stream, METRIC_rejected_body_timeout);
	} else if (conn_is_too_slow(conn, stream->clock.since_ms, stream->came)) {
		refuse_late(stream, METRIC_rejected_body_rate);
	}
}

/* ---- to its handler ---------------------------------------------------------------------- */

static void
handle(struct h2_stream *stream)
{
	struct conn *conn = stream->h2->conn;

	h2_stream_in_work(stream);
	conn->owner->handle(stream->request);
}

/* While much is in work, or little may be, requests wait: of an answer that is not taken the
 * client may take another first. */
static bool
may_begin(const struct h2 *h2)
{
	return h2->work <= H2_HELD_BYTES && (h2->in_work == 0 ||
	    !budget_is_pressed(server_budget(h2->conn->server), &h2->conn->share));
}

bool
h2_requests_wait(const struct h2 *h2)
{
	return !TAILQ_EMPTY(&h2->parked) && may_begin(h2);
}

bool
h2_requests_begin(struct h2 *h2)
{
	bool any = false;

	while (h2_requests_wait(h2)) {
		struct h2_stream *stream = TAILQ_FIRST(&h2->parked);

		TAILQ_REMOVE(&h2->parked, stream, parked_link);
		stream->parked = false;
		handle(stream);
		any = true;
	}
	return any;
}

static void
begin(struct h2_stream *stream)
{
	struct h2 *h2 = stream->h2;

	stream->request->whole = true;
	h2->conn->served = true;
	if (TAILQ_EMPTY(&h2->parked) && may_begin(h2)) {
		handle(stream);
		return;
	}
	stream->parked = true;
	TAILQ_INSERT_TAIL(&h2->parked, stream, parked_link);
	h2_stream_touch(stream);
}

static void
finish(struct h2_stream *stream)
{
	struct request *request = stream->request;

	request->whole_ns = loop_now(stream->h2->conn->owner->loop).monotonic_ns;
	request->body = buf_slice(&request->body_bytes);
	request->bytes_in += request->body.size;
	request->body_ended = true;
	h2_stream_no_upload(stream);
	begin(stream);
}

/* What comes is none of HTTP. */
static void
break_off(struct h2_stream *stream)
{
	metric_add(METRIC_rejected_malformed, 1);
	h2_stream_reset(stream, NGHTTP2_PROTOCOL_ERROR);
}

/* ---- heads ------------------------------------------------------------------------------- */

void
h2_request_new(struct h2 *h2, int32_t id)
{
	struct h2_stream *stream = h2_stream_new(h2, id);

	(void)nghttp2_session_set_stream_user_data(h2->session, id, stream);
	h2_request_no_head(h2, NULL);
	h2->head = xmalloc(sizeof(*h2->head));
	h2->head->stream = stream;
	h2->head->bytes = 0;
	h2->head->too_long = false;
	h2->head->malformed = false;
	h2->head->count = 0;
	h2->head->method = h2->head->scheme = h2->head->authority = h2->head->path = SLICE_EMPTY;
	/* The time it rested is over, and the time of a head begins. */
	server_limit(h2->conn->server, &h2->conn->reading, LIMIT_NONE);
}

void
h2_request_no_head(struct h2 *h2, const struct h2_stream *stream)
{
	if (h2->head == NULL || (stream != NULL && h2->head->stream != stream))
		return;
	free(h2->head);
	h2->head = NULL;
}

/* One that says what the first line of HTTP/1.1 does. False: there is no such, it came before, or
 * behind others. */
static bool
take_pseudo(struct h2_head *head, struct slice name, struct slice value)
{
	const struct {
		const char *name;
		struct slice *value;
	} rows[] = {
		{ ":method", &head->method }, { ":scheme", &head->scheme },
		{ ":authority", &head->authority }, { ":path", &head->path },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		if (!slice_equal(name, slice_text(rows[i].name)))
			continue;
		if (rows[i].value->data != NULL || head->count > 0)
			return false;
		*rows[i].value = arena_copy(&head->stream->request->arena, value);
		return true;
	}
	return false;
}

bool
h2_request_field(struct h2 *h2, int32_t id, struct slice name, struct slice value)
{
	struct h2_head *head = h2->head;
	size_t most = h2->conn->owner->config->max_header_bytes;
	struct arena *arena;

	if (head == NULL || head->stream->id != id)
		return true;
	head->bytes += name.size + value.size + FIELD_BYTES;
	if (head->bytes > most || head->count == HEAD_FIELDS_MAX) {
		head->too_long = true;
		return head->bytes <= PASSED_MAX * most;
	}
	head->malformed = head->malformed || !h2_field_is_good(name, value);
	if (head->malformed)
		return true;
	arena = &head->stream->request->arena;
	if (name.data[0] == ':')
		head->malformed = !take_pseudo(head, name, value);
	else
		head->fields[head->count++] = (struct request_header){ arena_copy(arena, name),
			arena_copy(arena, value) };
	return true;
}

/* Clients of gRPC that were given a URL put all of it here. */
static struct slice
without_scheme(struct slice authority)
{
	static const char *const schemes[] = { "http://", "https://" };

	for (size_t i = 0; i < ARRAY_COUNT(schemes); i++) {
		struct slice scheme = slice_text(schemes[i]);

		if (slice_starts_with(authority, scheme))
			return slice_of(authority.data + scheme.size,
			    authority.size - scheme.size);
	}
	return authority;
}

/* A request has one host: what is called the authority here. */
static bool
take_host(struct h2_head *head)
{
	struct slice authority = without_scheme(head->authority), host = SLICE_EMPTY, read;

	for (size_t i = 0; i < head->count; i++)
		if (head_name_equal(head->fields[i].name, "host"))
			host = head->fields[i].value;
	if (authority.size == 0)
		return host.size > 0 && host_read(host, &read);
	if (!host_read(authority, &read) || (host.size > 0 && !slice_equal(host, authority)))
		return false;
	if (host.size == 0)
		head->fields[head->count++] = (struct request_header){ SLICE_LITERAL("host"),
			authority };
	return true;
}

static void
take_fields(struct request *request, const struct h2_head *head)
{
	struct request_header *headers = arena_alloc(&request->arena,
	    (head->count + 1) * sizeof(*headers));

	memcpy(headers, head->fields, head->count * sizeof(*headers));
	request->headers = headers;
	request->header_count = head->count;
	request->content_type = request_header(request, "content-type");
	request->method = conn_method_of(head->method);
	request->target = head->path;
	request->bytes_in = head->bytes;
}

/* What the head says of the body's length; SIZE_MAX: nothing. False: what nobody understands. */
static bool
read_length(const struct h2_head *head, size_t *length)
{
	bool any = false;

	*length = SIZE_MAX;
	for (size_t i = 0; i < head->count; i++) {
		if (!head_name_equal(head->fields[i].name, "content-length"))
			continue;
		if (any || !h2_field_length(head->fields[i].value, length))
			return false;
		any = true;
	}
	return true;
}

/* Does it make sense at all? */
static bool
is_head(const struct h2_head *head, size_t length, bool ended)
{
	if (head->too_long)
		return true;
	if (head->malformed || head->method.size == 0 ||
	    (ended && length != SIZE_MAX && length > 0))
		return false;
	return slice_equal(head->method, SLICE_LITERAL("CONNECT")) ||
	    (head->scheme.size > 0 && head->path.size > 0);
}

/* 0, or the status to refuse with. */
static unsigned
check_head(struct h2_head *head, struct request *request)
{
	if (head->too_long)
		return 431;
	if (slice_equal(head->method, SLICE_LITERAL("CONNECT")))
		return 405;
	if (!take_host(head) || head->path.size == 0 ||
	    (head->path.data[0] != '/' && head->path.data[0] != '*') ||
	    !head_target_is_good(head->path, head->method))
		return 400;
	take_fields(request, head);
	return conn_read_target(request) ? 0 : 400;
}

/* Of the body, as far as the head tells. */
static unsigned
check_body(struct request *request, const struct config *config, size_t announced,
    bool ended)
{
	struct slice expected = request_header(request, "expect");
	size_t length = ended ? 0 : announced;

	request->body_expected = MIN_OF(length, config->max_body_bytes);
	/* No more memory than is counted for it (budget.h); 0 would be no limit. */
	buf_init(&request->body_bytes, MAX_OF(request->body_expected, (size_t)1));
	if (length != SIZE_MAX && length > config->max_body_bytes)
		return 413;
	if (expected.size == 0)
		return 0;
	if (!head_name_equal(expected, "100-continue"))
		return 417;
	if (!ended)
		response_continue(request);
	return 0;
}

void
h2_request_head(struct h2 *h2, bool ended)
{
	struct h2_stream *stream = h2->head->stream;
	const struct server_owner *owner = h2->conn->owner;
	struct request *request = stream->request;
	size_t length;
	bool good = read_length(h2->head, &length) && is_head(h2->head, length, ended);
	unsigned refused = good ? check_head(h2->head, request) : 0;

	h2_request_no_head(h2, NULL);
	stream->input_ended = ended;
	stream->announced = length;
	h2_stream_touch(stream);
	if (!good) {
		break_off(stream);
		return;
	}
	if (refused == 0)
		refused = check_body(request, owner->config, length, ended);
	if (refused != 0) {
		refuse(stream, refused);
	} else if (ended) {
		finish(stream);
	} else if (owner->streams(request)) {
		request->body_streams = true;
		request->whole_ns = loop_now(owner->loop).monotonic_ns;
		/* Its handler says what it takes; until then the window does. */
		buf_init(&request->body_bytes, H2_CONN_WINDOW_BYTES);
		begin(stream);
	}
}

/* ---- bodies ------------------------------------------------------------------------------ */

/* Its handler, if it has one already, looks at what is there. */
static void
tell_more(struct h2_stream *stream)
{
	struct request *request = stream->request;

	request->body = buf_slice(&request->body_bytes);
	if (!stream->parked && request->more != NULL)
		request->more(request);
}

void
h2_request_data(struct h2_stream *stream, struct slice data)
{
	struct h2 *h2 = stream->h2;
	struct request *request = stream->request;

	/* The connection's window is for what is on its way; streams have theirs. */
	(void)nghttp2_session_consume_connection(h2->session, data.size);
	stream->unreturned += data.size;
	stream->came += data.size;
	stream->received += data.size;
	if (stream->received > stream->announced) {
		break_off(stream);
		return;
	}
	if (!stream->deaf && request != NULL) {
		buf_append_slice(&request->body_bytes, data);
		if (request->body_bytes.overflowed) {
			refuse(stream, 413);
		} else if (h2_stream_is_too_much(stream)) {
			metric_add(METRIC_rejected_bodies, 1);
			h2_stream_reset(stream, NGHTTP2_REFUSED_STREAM);
		} else if (request->body_streams) {
			request->bytes_in += data.size;
			tell_more(stream);
		}
	}
	h2_stream_give_back(stream);
	h2_stream_touch(stream);
}

void
h2_request_ended(struct h2_stream *stream)
{
	struct request *request = stream->request;

	stream->input_ended = true;
	h2_stream_touch(stream);
	if (stream->announced != SIZE_MAX && stream->received != stream->announced) {
		break_off(stream);
		return;
	}
	if (stream->deaf || request == NULL)
		return;
	if (!request->body_streams) {
		finish(stream);
		return;
	}
	request->whole_ns = loop_now(stream->h2->conn->owner->loop).monotonic_ns;
	request->body_ended = true;
	tell_more(stream);
}

void
h2_body_used(struct request *request, size_t bytes)
{
	struct h2_stream *stream = request->stream;

	if (request->more == NULL)
		stream->deaf = true;
	if (bytes > 0) {
		buf_consume(&request->body_bytes, bytes);
		request->body = buf_slice(&request->body_bytes);
	}
	h2_stream_give_back(stream);
	h2_stream_touch(stream);
}
