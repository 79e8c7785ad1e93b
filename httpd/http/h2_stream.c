/*
 * h2_stream.c - streams of HTTP/2: their life, what they cost, their time (see h2_stream.h).
 */
#include "httpd/http/h2_stream.h"

#include "common/limits.h"
#include "common/xmem.h"

#include <stdlib.h>

/* What the library keeps for a stream, about. */
#define LIBRARY_BYTES 512

/* ---- life ---------------------------------------------------------------------------- */

void
h2_stream_touch(struct h2_stream *stream)
{
	if (!stream->dirty) {
		stream->dirty = true;
		TAILQ_INSERT_TAIL(&stream->h2->dirty, stream, dirty_link);
	}
	conn_touch(stream->h2->conn);
}

struct h2_stream *
h2_stream_new(struct h2 *h2, int32_t id)
{
	struct h2_stream *stream = xzalloc(sizeof(*stream));

	stream->h2 = h2;
	stream->id = id;
	stream->clock = (struct conn_clock){ .conn = h2->conn, .stream = stream,
		.limit = LIMIT_NONE };
	outqueue_init(&stream->out);
	stream->request = conn_new_request(h2->conn);
	stream->request->stream = stream;
	stream->request->keep_alive = true;
	TAILQ_INSERT_TAIL(&h2->streams, stream, link);
	h2_stream_touch(stream);
	return stream;
}

void
h2_stream_in_work(struct h2_stream *stream)
{
	stream->in_work = true;
	stream->h2->in_work++;
	h2_stream_touch(stream);
}

void
h2_stream_begun(struct h2_stream *stream)
{
	if (stream->in_work)
		stream->h2->in_work--;
	stream->in_work = false;
}

/* The request goes, whoever has ended it. */
static void
let_go(struct h2_stream *stream)
{
	h2_stream_begun(stream);
	if (stream->parked)
		TAILQ_REMOVE(&stream->h2->parked, stream, parked_link);
	stream->parked = false;
	stream->request = NULL;
	stream->deaf = true;
	h2_stream_no_upload(stream);
	h2_stream_touch(stream);
}

void
h2_stream_answered(struct h2_stream *stream)
{
	struct request *request = stream->request;

	let_go(stream);
	server_request_free(stream->h2->conn->server, request);
	h2_stream_give_back(stream);
}

static void
drop_request(struct h2_stream *stream)
{
	struct request *request = stream->request;

	if (request == NULL)
		return;
	let_go(stream);
	conn_drop_request(stream->h2->conn, request);
}

void
h2_stream_reset(struct h2_stream *stream, uint32_t code)
{
	(void)nghttp2_submit_rst_stream(stream->h2->session, NGHTTP2_FLAG_NONE, stream->id, code);
	drop_request(stream);
	stream->ended = true;
	stream->cut = true;
	outqueue_clear(&stream->out);
	h2_stream_touch(stream);
}

/* As it was counted, it is not any more. */
static void
count_as(struct h2_stream *stream, size_t kept, size_t answers, size_t work, size_t loose)
{
	struct h2 *h2 = stream->h2;

	h2->kept = h2->kept - stream->kept + kept;
	h2->answers = h2->answers - stream->answers + answers;
	h2->work = h2->work - stream->work + work;
	h2->loose = h2->loose - stream->loose + loose;
	stream->kept = kept;
	stream->answers = answers;
	stream->work = work;
	stream->loose = loose;
}

void
h2_stream_free(struct h2_stream *stream)
{
	struct h2 *h2 = stream->h2;

	drop_request(stream);
	h2_stream_no_upload(stream);
	count_as(stream, 0, 0, 0, 0);
	server_limit(h2->conn->server, &stream->clock, LIMIT_NONE);
	if (stream->dirty)
		TAILQ_REMOVE(&h2->dirty, stream, dirty_link);
	TAILQ_REMOVE(&h2->streams, stream, link);
	outqueue_clear(&stream->out);
	buf_free(&stream->trailers);
	free(stream);
}

/* ---- bodies ---------------------------------------------------------------------------- */

/* Bytes of its body that are kept until there are more. */
static size_t
collected(const struct h2_stream *stream)
{
	const struct request *request = stream->request;

	return request == NULL || stream->deaf ? 0 :
	    request->body_bytes.size + request->collected;
}

static size_t
upload_size(const struct h2_stream *stream)
{
	const struct request *request = stream->request;

	return request->body_streams ? request->collects : request->body_expected;
}

static void
take_place(struct h2 *h2)
{
	struct h2_stream *stream = TAILQ_FIRST(&h2->uploads);

	TAILQ_REMOVE(&h2->uploads, stream, upload_link);
	stream->waits = false;
	h2->upload = stream;
	h2_stream_touch(stream);
	h2_stream_give_back(stream);
}

static void
admit(struct h2 *h2)
{
	struct conn *conn = h2->conn;
	struct h2_stream *first = TAILQ_FIRST(&h2->uploads);

	if (first != NULL && h2->upload == NULL && !conn->share.waits &&
	    budget_admit(server_budget(conn->server), &conn->share, upload_size(first)))
		take_place(h2);
}

void
h2_stream_no_upload(struct h2_stream *stream)
{
	struct h2 *h2 = stream->h2;
	struct budget *budget = server_budget(h2->conn->server);

	if (stream->waits) {
		if (h2->upload == NULL && stream == TAILQ_FIRST(&h2->uploads))
			budget_upload_over(budget, &h2->conn->share);
		TAILQ_REMOVE(&h2->uploads, stream, upload_link);
		stream->waits = false;
	} else if (h2->upload == stream) {
		h2->upload = NULL;
		budget_upload_over(budget, &h2->conn->share);
	} else {
		return;
	}
	if (h2->conn->state != CONN_CLOSED)
		admit(h2);
}

/* What it collects is more than half of its window, and more is to come than fits. */
static bool
needs_place(const struct h2_stream *stream, size_t held)
{
	return !stream->waits && stream->h2->upload != stream && !stream->input_ended &&
	    held >= H2_WINDOW_BYTES / 2 && upload_size(stream) > (size_t)H2_WINDOW_BYTES;
}

void
h2_stream_give_back(struct h2_stream *stream)
{
	struct h2 *h2 = stream->h2;
	size_t held = collected(stream);
	size_t keeps;

	if (held == 0 && stream->request != NULL && stream->request->body_streams)
		h2_stream_no_upload(stream);
	keeps = h2->upload == stream ? 0 : MIN_OF(held, stream->unreturned);
	if (stream->unreturned > keeps) {
		(void)nghttp2_session_consume_stream(h2->session, stream->id,
		    stream->unreturned - keeps);
		stream->unreturned = keeps;
		conn_touch(h2->conn);
	}
	if (stream->request != NULL && needs_place(stream, held)) {
		stream->waits = true;
		TAILQ_INSERT_TAIL(&h2->uploads, stream, upload_link);
		admit(h2);
	}
}

size_t
h2_upload_bytes(const struct conn *conn)
{
	const struct h2 *h2 = conn->h2;
	const struct h2_stream *stream =
	    h2->upload != NULL ? h2->upload : TAILQ_FIRST(&h2->uploads);

	return stream == NULL ? 0 : upload_size(stream);
}

size_t
h2_upload_came(const struct conn *conn)
{
	return conn->h2->upload == NULL ? 0 : conn->h2->upload->came;
}

void
h2_upload_goes_on(struct conn *conn)
{
	take_place(conn->h2);
	conn_touch(conn);
}

bool
h2_stream_is_too_much(struct h2_stream *stream)
{
	struct h2 *h2 = stream->h2;

	if (h2->upload == stream)
		return false;
	count_as(stream, stream->kept, stream->answers, stream->work, collected(stream));
	return h2->loose > H2_LOOSE_BYTES_MAX;
}

/* ---- the turn --------------------------------------------------------------------------- */

void
h2_streams_resume(struct h2 *h2)
{
	struct h2_stream *stream;

	TAILQ_FOREACH(stream, &h2->dirty, dirty_link) {
		if (!stream->deferred || (outqueue_is_empty(&stream->out) && !stream->ended))
			continue;
		stream->deferred = false;
		(void)nghttp2_session_resume_data(h2->session, stream->id);
	}
}

void
h2_streams_drained(struct h2 *h2)
{
	struct h2_stream *stream;

	/* Those that are touched in it stand behind. */
	TAILQ_FOREACH(stream, &h2->dirty, dirty_link) {
		struct request *request = stream->request;

		if (stream->sent && request != NULL && request->streaming &&
		    request->drained != NULL)
			request->drained(request);
	}
}

static void
count(struct h2_stream *stream)
{
	const struct request *request = stream->request;
	size_t answers = outqueue_memory(&stream->out);
	size_t kept = sizeof(*stream) + LIBRARY_BYTES;
	size_t held = collected(stream);
	bool in_work = request == NULL;
	bool for_ever = false;

	if (request != NULL) {
		kept += sizeof(*request) + MAX_OF(request->bytes_in, request->arena.total_bytes) +
		    held;
		answers += request->kept;
		in_work = request->whole && !stream->parked;
		for_ever = request->pack != NULL;
	}
	kept += answers;
	/* What may wait for ever is all of what the client does not take. */
	count_as(stream, kept, for_ever ? kept : answers, in_work ? held + answers : 0,
	    stream->h2->upload == stream ? 0 : held);
}

static enum conn_limit
limit_of(const struct h2_stream *stream)
{
	const struct request *request = stream->request;

	if (!outqueue_is_empty(&stream->out))
		return LIMIT_WRITE;
	/* Answered, and the client still sends: broken off at once the answer would be lost with
	 * some clients. */
	if (request == NULL && !stream->input_ended && !stream->cut)
		return LIMIT_LINGER;
	if (request == NULL || stream->waits || stream->input_ended || stream->deaf)
		return LIMIT_NONE;
	/* A body that streams may rest between what is collected. */
	if (request->body_streams && request->collects == 0)
		return LIMIT_NONE;
	return LIMIT_BODY;
}

static void
set_clock(struct h2_stream *stream)
{
	enum conn_limit limit = limit_of(stream);

	if (limit == stream->clock.limit && !(limit == LIMIT_WRITE && stream->sent))
		return;
	stream->came = 0;
	server_limit(stream->h2->conn->server, &stream->clock, limit);
}

void
h2_streams_count(struct h2 *h2)
{
	struct h2_stream *stream;

	while ((stream = TAILQ_FIRST(&h2->dirty)) != NULL) {
		TAILQ_REMOVE(&h2->dirty, stream, dirty_link);
		stream->dirty = false;
		count(stream);
		set_clock(stream);
		stream->sent = false;
	}
}

/* One that ends may end others: look from the front again. */
void
h2_streams_stop(struct h2 *h2)
{
	struct h2_stream *stream;
	void (*stop)(struct request *);

	do {
		TAILQ_FOREACH(stream, &h2->streams, link)
			if (stream->request != NULL && stream->request->whole &&
			    stream->request->stop != NULL)
				break;
		if (stream == NULL)
			return;
		stop = stream->request->stop;
		stream->request->stop = NULL;
		stop(stream->request);
	} while (true);
}

void
h2_streams_drop(struct h2 *h2)
{
	struct h2_stream *stream;

	TAILQ_FOREACH(stream, &h2->streams, link) {
		drop_request(stream);
		outqueue_clear(&stream->out);
		stream->ended = true;
		stream->cut = true;
		server_limit(h2->conn->server, &stream->clock, LIMIT_NONE);
	}
}
