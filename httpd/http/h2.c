/*
 * h2.c - a connection of HTTP/2 (see h2.h): the library's session, the turn, the end.
 */
#include "httpd/http/h2.h"

#include "common/limits.h"
#include "common/metric.h"
#include "common/xmem.h"
#include "httpd/http/h2_answer.h"
#include "httpd/http/h2_request.h"

#include <stdlib.h>

/* ---- the end ---------------------------------------------------------------------------- */

/* Streams that broke off cost both sides little, and us more than the client. */
static bool
may_break_off(struct h2 *h2)
{
	uint64_t now_ms = loop_now(h2->conn->owner->loop).monotonic_ms;
	uint64_t more = (now_ms - h2->resets_ms) * H2_RESETS_PER_S / 1000;

	if (more > 0) {
		h2->resets_left = MIN_OF(h2->resets_left + more, (uint64_t)H2_RESETS_MAX);
		h2->resets_ms = now_ms;
	}
	if (h2->resets_left == 0)
		return false;
	h2->resets_left--;
	return true;
}

/* The client is to begin nothing more; what it has begun meanwhile is served. */
static void
notice(struct h2 *h2)
{
	if (h2->stage != H2_OPEN)
		return;
	h2->stage = H2_NOTICED;
	(void)nghttp2_submit_shutdown_notice(h2->session);
	/* Its answer tells that the client has read that. */
	(void)nghttp2_submit_ping(h2->session, NGHTTP2_FLAG_NONE, NULL);
	conn_touch(h2->conn);
}

static void
leave(struct h2 *h2)
{
	h2->stage = H2_LEAVING;
	(void)nghttp2_submit_goaway(h2->session, NGHTTP2_FLAG_NONE,
	    nghttp2_session_get_last_proc_stream_id(h2->session), NGHTTP2_NO_ERROR, NULL, 0);
	conn_touch(h2->conn);
}

/* ---- the library's callbacks -------------------------------------------------------------- */

/* Nothing is done for a connection that was closed meanwhile. */
static int
result_of(const struct h2 *h2)
{
	return h2->conn->state == CONN_CLOSED ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static int
on_begin_headers(nghttp2_session *session UNUSED, const nghttp2_frame *frame, void *user)
{
	struct h2 *h2 = user;

	if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
		h2_request_new(h2, frame->hd.stream_id);
	return result_of(h2);
}

static int
on_header(nghttp2_session *session UNUSED, const nghttp2_frame *frame, const uint8_t *name,
    size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags UNUSED, void *user)
{
	struct h2 *h2 = user;

	if (h2_request_field(h2, frame->hd.stream_id, slice_of(name, name_size),
	    slice_of(value, value_size)))
		return 0;
	metric_add(METRIC_rejected_head, 1);
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* Behind a body, too, nothing but its end counts. */
static void
input_ended(nghttp2_session *session, int32_t id)
{
	struct h2_stream *stream = nghttp2_session_get_stream_user_data(session, id);

	if (stream != NULL)
		h2_request_ended(stream);
}

static int
on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct h2 *h2 = user;
	bool ended = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;

	switch (frame->hd.type) {
	case NGHTTP2_SETTINGS:
		h2->greeted = true;
		break;
	case NGHTTP2_PING:
		if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0 && h2->stage == H2_NOTICED)
			leave(h2);
		break;
	case NGHTTP2_HEADERS:
		if (frame->headers.cat == NGHTTP2_HCAT_REQUEST && h2->head != NULL)
			h2_request_head(h2, ended);
		else if (ended)
			input_ended(session, frame->hd.stream_id);
		break;
	case NGHTTP2_DATA:
		if (ended)
			input_ended(session, frame->hd.stream_id);
		break;
	default:
		break;
	}
	return result_of(h2);
}

static int
on_data(nghttp2_session *session, uint8_t flags UNUSED, int32_t id, const uint8_t *data,
    size_t size, void *user)
{
	struct h2 *h2 = user;
	struct h2_stream *stream = nghttp2_session_get_stream_user_data(session, id);

	if (stream != NULL)
		h2_request_data(stream, slice_of(data, size));
	else
		(void)nghttp2_session_consume(session, id, size);
	return result_of(h2);
}

static int
on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
	struct h2 *h2 = user;
	struct h2_stream *stream = nghttp2_session_get_stream_user_data(session, id);

	if (stream == NULL)
		return 0;
	h2_request_no_head(h2, stream);
	h2_stream_free(stream);
	(void)nghttp2_session_set_stream_user_data(session, id, NULL);
	if (code == NGHTTP2_NO_ERROR || may_break_off(h2))
		return result_of(h2);
	metric_add(METRIC_rejected_resets, 1);
	(void)nghttp2_session_terminate_session(session, NGHTTP2_ENHANCE_YOUR_CALM);
	return result_of(h2);
}

static int
on_sent(nghttp2_session *session UNUSED, const nghttp2_frame *frame, void *user UNUSED)
{
	if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR)
		metric_add(METRIC_rejected_malformed, 1);
	return 0;
}

/* ---- the session -------------------------------------------------------------------------- */

static void *
memory(size_t size, void *user UNUSED)
{
	return xmalloc(size);
}

static void
forget(void *old, void *user UNUSED)
{
	free(old);
}

static void *
zeros(size_t count, size_t size, void *user UNUSED)
{
	ASSERT(size == 0 || count <= SIZE_MAX / size);
	return xzalloc(count * size);
}

static void *
other_size(void *old, size_t size, void *user UNUSED)
{
	return xrealloc(old, size);
}

static nghttp2_session_callbacks *
callbacks_new(void)
{
	nghttp2_session_callbacks *callbacks;

	MUST(nghttp2_session_callbacks_new(&callbacks) == 0);
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
	nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_sent);
	nghttp2_session_callbacks_set_send_data_callback(callbacks, h2_send_data);
	return callbacks;
}

static nghttp2_option *
options_new(void)
{
	nghttp2_option *option;

	MUST(nghttp2_option_new(&option) == 0);
	nghttp2_option_set_no_auto_window_update(option, 1);
	nghttp2_option_set_no_closed_streams(option, 1);
	/* Fields are checked by h2_field.h. */
	nghttp2_option_set_no_http_messaging(option, 1);
	nghttp2_option_set_max_outbound_ack(option, H2_ACKS_MAX);
	nghttp2_option_set_max_settings(option, H2_SETTINGS_MAX);
	/* Ours says why; this one is behind it. */
	nghttp2_option_set_stream_reset_rate_limit(option, 2 * H2_RESETS_MAX, 2 * H2_RESETS_PER_S);
	return option;
}

static void
open_session(struct h2 *h2)
{
	nghttp2_mem mem = { NULL, memory, forget, zeros, other_size };
	nghttp2_session_callbacks *callbacks = callbacks_new();
	nghttp2_option *option = options_new();
	const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, H2_STREAMS_MAX },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, H2_WINDOW_BYTES },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
		    (uint32_t)h2->conn->owner->config->max_header_bytes },
		{ NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
	};

	MUST(nghttp2_session_server_new3(&h2->session, callbacks, h2, option, &mem) == 0);
	nghttp2_option_del(option);
	nghttp2_session_callbacks_del(callbacks);
	MUST(nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, settings,
	    ARRAY_COUNT(settings)) == 0);
	MUST(nghttp2_session_set_local_window_size(h2->session, NGHTTP2_FLAG_NONE, 0,
	    H2_CONN_WINDOW_BYTES) == 0);
}

/* ---- rows of struct protocol ---------------------------------------------------------------- */

static void
take(struct conn *conn, struct slice bytes)
{
	ssize_t used;

	if (conn->state != CONN_HEAD) {
		conn->dropped = true;
		return;
	}
	used = nghttp2_session_mem_recv(conn->h2->session, bytes.data, bytes.size);
	if (conn->state == CONN_CLOSED)
		return;
	if (used < 0) {
		metric_add(METRIC_rejected_malformed, 1);
		conn_close(conn);
		return;
	}
	conn_touch(conn);
}

/* Put frames into the queue. False: it has all that may be sent now. */
static bool
fill(struct h2 *h2)
{
	struct conn *conn = h2->conn;
	const uint8_t *bytes;
	ssize_t size;

	while (outqueue_size(&conn->out) < H2_WRITE_BYTES) {
		size = nghttp2_session_mem_send(h2->session, &bytes);
		if (size < 0) {
			conn_close(conn);
			return false;
		}
		if (size > 0)
			buf_append(outqueue_tail(&conn->out), bytes, (size_t)size);
		else if (outqueue_size(&conn->out) < H2_WRITE_BYTES)
			return false;
	}
	return true;
}

static void
write_frames(struct h2 *h2)
{
	struct conn *conn = h2->conn;
	bool more = true;

	for (int i = 0; i < H2_WRITE_ROUNDS && more; i++) {
		h2_streams_resume(h2);
		more = fill(h2);
		if (conn->state == CONN_CLOSED || outqueue_is_empty(&conn->out))
			break;
		conn_write(conn);
		if (conn->state == CONN_CLOSED)
			return;
		h2_streams_drained(h2);
		if (!outqueue_is_empty(&conn->out))
			break;
		/* Those that were told may have put more. */
		more = more || !TAILQ_EMPTY(&h2->dirty);
	}
	conn->unwritten = more;
}

static bool
turn(struct conn *conn)
{
	struct h2 *h2 = conn->h2;
	bool handled;

	if (conn->state != CONN_HEAD) {
		conn_write(conn);
		return false;
	}
	handled = h2_requests_begin(h2);
	if (h2->stage != H2_OPEN)
		h2_streams_stop(h2);
	write_frames(h2);
	if (conn->state == CONN_CLOSED)
		return handled;
	if (nghttp2_session_want_read(h2->session) == 0 &&
	    nghttp2_session_want_write(h2->session) == 0) {
		h2_streams_drop(h2);
		conn->unwritten = false;
		conn->dropped = true;
		conn->state = CONN_DEAF;
	}
	h2_streams_count(h2);
	if (h2_requests_wait(h2))
		conn_touch(conn);
	return handled;
}

static enum conn_limit
limit(const struct conn *conn)
{
	const struct h2 *h2 = conn->h2;

	if (h2->stage != H2_OPEN)
		return h2->stage == H2_NOTICED ? LIMIT_NOTICE : LIMIT_DRAIN;
	if (!h2->greeted || h2->head != NULL)
		return LIMIT_HEAD;
	return TAILQ_EMPTY(&h2->streams) ? LIMIT_IDLE : LIMIT_NONE;
}

static void
expired(struct conn *conn, struct h2_stream *stream, enum conn_limit which)
{
	if (stream != NULL) {
		h2_request_expired(stream, which);
		conn_touch(conn);
	} else if (which == LIMIT_IDLE) {
		notice(conn->h2);
	} else if (which == LIMIT_NOTICE) {
		leave(conn->h2);
	} else {
		if (which == LIMIT_HEAD)
			metric_add(METRIC_rejected_head_timeout, 1);
		conn_close(conn);
	}
}

static size_t
kept(const struct conn *conn, size_t *answers)
{
	*answers = conn->h2->answers;
	return conn->h2->kept;
}

static void
stop(struct conn *conn)
{
	notice(conn->h2);
	h2_streams_stop(conn->h2);
}

static void
close_streams(struct conn *conn)
{
	h2_streams_drop(conn->h2);
}

static void
free_h2(struct conn *conn)
{
	struct h2 *h2 = conn->h2;

	while (!TAILQ_EMPTY(&h2->streams))
		h2_stream_free(TAILQ_FIRST(&h2->streams));
	h2_request_no_head(h2, NULL);
	nghttp2_session_del(h2->session);
	free(h2);
	conn->h2 = NULL;
}

static const struct protocol protocol = {
	.take = take,
	.turn = turn,
	.limit = limit,
	.expired = expired,
	.kept = kept,
	.stop = stop,
	.close = close_streams,
	.free = free_h2,
	.upload_bytes = h2_upload_bytes,
	.upload_came = h2_upload_came,
	.upload_goes_on = h2_upload_goes_on,
	.upload_refuse = h2_upload_refuse,
	.head = h2_head,
	.queue = h2_queue,
	.touch = h2_touch,
	.complete = h2_complete,
	.abort = h2_abort,
	.body_used = h2_body_used,
};

void
h2_begin(struct conn *conn)
{
	struct h2 *h2 = xzalloc(sizeof(*h2));

	h2->conn = conn;
	TAILQ_INIT(&h2->streams);
	TAILQ_INIT(&h2->dirty);
	TAILQ_INIT(&h2->parked);
	TAILQ_INIT(&h2->uploads);
	h2->resets_left = H2_RESETS_MAX;
	h2->resets_ms = loop_now(conn->owner->loop).monotonic_ms;
	conn->protocol = &protocol;
	conn->h2 = h2;
	open_session(h2);
	if (server_is_stopping(conn->server))
		notice(h2);
	/* What it was waited for so far was the preface. */
	server_limit(conn->server, &conn->reading, LIMIT_NONE);
	conn_touch(conn);
}
