/*
 * conn.c - one HTTP connection (see conn_priv.h).
 *
 * Bytes are read into a buffer that all connections share and parsed from
 * there (conn_parse.c); only what is left over, usually nothing, gets memory of
 * its own.
 */
#include "common/limits.h"
#include "common/metric.h"
#include "common/port_text.h"
#include "common/xmem.h"
#include "httpd/http/conn_priv.h"
#include "httpd/http/h2.h"
#include "httpd/http/tls.h"

#include <stdlib.h>

#define READS_PER_TURN 4
#define PIECES_MAX 32
#define PACE_FREE_MS 5000		/* a body may come as slowly as it likes so long */

static void connection_ready(void *argument, unsigned events);

/* ---- life ---------------------------------------------------------------------- */

struct conn *
conn_new(struct server *server, const struct server_owner *owner, int fd, struct tls *tls)
{
	struct conn *conn = xzalloc(sizeof(*conn));

	conn->server = server;
	conn->owner = owner;
	conn->transport = transport_new(owner->loop, fd, tls, connection_ready, conn);
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
	if (conn->protocol != NULL)
		conn->protocol->free(conn);
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

/* Its handler, if one keeps it, learns that nobody waits any more. */
void
conn_drop_request(struct conn *conn, struct request *request)
{
	if (request->whole && !request->answered) {
		if (!request->moved)
			conn->owner->answered(request, ANSWER_OVER);
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
		conn_drop_request(conn, request);
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
	if (conn->protocol != NULL)
		conn->protocol->close(conn);
	server_limit(conn->server, &conn->reading, LIMIT_NONE);
	server_limit(conn->server, &conn->writing, LIMIT_NONE);
	transport_free(&conn->transport);
	server_closed(conn->server, conn);
}

struct request *
conn_new_request(struct conn *conn)
{
	struct request *request = server_request_new(conn->server);

	request->worker = conn->owner->worker;
	request->conn = conn;
	request->begun_ns = loop_now(conn->owner->loop).monotonic_ns;
	return request;
}

struct request *
conn_add_request(struct conn *conn)
{
	struct request *request = conn_new_request(conn);

	if (conn->last == NULL)
		conn->first = request;
	else
		conn->last->next = request;
	conn->last = request;
	conn->request_count++;
	return request;
}

/* ---- events ----------------------------------------------------------------------------- */

/* Is anything waited for that is of use only to who is there? */
static bool
has_stream(const struct conn *conn)
{
	for (const struct request *request = conn->first; request != NULL; request = request->next)
		if ((request->streaming && !request->finite) || request->ends_with_client)
			return true;
	return false;
}

void
request_may_move(struct request *request)
{
	conn_touch(request->conn);
}

size_t
conn_body_bytes(const struct conn *conn)
{
	if (conn->protocol != NULL)
		return conn->protocol->upload_bytes(conn);
	return conn->state == CONN_BODY ? conn->last->body_expected : 0;
}

size_t
conn_body_came(const struct conn *conn)
{
	return conn->protocol != NULL ? conn->protocol->upload_came(conn) :
	    conn->last->body_bytes.size;
}

void
conn_body_goes_on(struct conn *conn)
{
	if (conn->protocol != NULL) {
		conn->protocol->upload_goes_on(conn);
		return;
	}
	/* The time that it waited does not count. */
	server_limit(conn->server, &conn->reading, LIMIT_NONE);
	conn_touch(conn);
}

void
conn_refuse_upload(struct conn *conn)
{
	if (conn->protocol != NULL)
		conn->protocol->upload_refuse(conn);
	else
		conn_refuse_late(conn, METRIC_rejected_body_rate);
	conn_touch(conn);
}

/* More than a little of a body is read on when there is room for all of it. */
static bool
may_read_body(struct conn *conn)
{
	return conn->last->body_bytes.size < BODY_FREE_BYTES ||
	    budget_admit(server_budget(conn->server), &conn->share, conn->last->body_expected);
}

/* The client sends no more. One that only closed its side of the connection may
 * still wait for its answers; one that waits for a stream has hung up. */
static void
input_ended(struct conn *conn)
{
	conn->ended = true;
	if (conn->protocol != NULL || conn->state == CONN_BODY || conn->state == CONN_LINGER ||
	    has_stream(conn)) {
		conn_close(conn);
		return;
	}
	conn->state = CONN_DEAF;
}

/* What came, behind what was kept of what came before. */
static void
take(struct conn *conn, struct slice bytes)
{
	size_t used;

	if (conn->protocol == NULL && !conn->served && transport_speaks_h2(conn->transport))
		h2_begin(conn);
	if (conn->protocol != NULL) {
		conn->protocol->take(conn, bytes);
	} else if (conn->in.size > 0) {
		buf_append_slice(&conn->in, bytes);
		conn_parse_kept(conn);
	} else {
		used = conn_parse(conn, bytes);
		if (conn->state != CONN_CLOSED && used < bytes.size)
			buf_append(&conn->in, bytes.data + used, bytes.size - used);
	}
}

/* As long as there is no room for what a client asks, it is not read. Of HTTP/2 it is, since
 * what makes room comes there. */
static bool
is_to_be_read(struct conn *conn)
{
	return conn->protocol != NULL || ((conn->state != CONN_HEAD || conn_may_parse(conn)) &&
	    (conn->state != CONN_BODY || may_read_body(conn)));
}

static void
read_input(struct conn *conn)
{
	uint8_t *scratch = server_scratch(conn->server);

	for (int i = 0; i < READS_PER_TURN; i++) {
		size_t size;
		enum err err;

		if (!is_to_be_read(conn))
			return;
		err = transport_read(conn->transport, scratch, CONN_READ_BYTES, &size);
		if (err == ERR_AGAIN)
			return;
		if (err == ERR_CLOSED) {
			input_ended(conn);
			return;
		}
		if (err == ERR_FOREIGN) {
			conn_refuse_saying(conn, 400, PORT_WANTS_TLS);
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
		take(conn, slice_of(scratch, size));
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

void
conn_write(struct conn *conn)
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
	if (progress)
		budget_progress(server_budget(conn->server), &conn->share);
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

size_t
conn_write_first(struct conn *conn, struct slice bytes)
{
	struct iovec piece = { (void *)(uintptr_t)bytes.data, bytes.size };
	size_t size;

	if (conn->state == CONN_CLOSED || conn->cut || !outqueue_is_empty(&conn->out))
		return 0;
	/* An error shows again when the turn's end writes the rest. */
	return transport_write(conn->transport, &piece, 1, &size) == ERR_NONE ? size : 0;
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
	if (conn->protocol != NULL && conn->state == CONN_HEAD)
		return conn->protocol->limit(conn);
	switch (conn->state) {
	case CONN_HEAD:
		if (transport_is_opening(conn->transport))
			return LIMIT_HANDSHAKE;
		if (!conn_may_parse(conn))
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

/* All that is kept for it. What could move may wait for ever, and what stands behind it,
 * too: all of it is among what the client does not take. */
static void
count(struct conn *conn)
{
	size_t answers = outqueue_memory(&conn->out);
	size_t bytes = conn->in.size, of_answers = 0;
	bool for_ever = false;

	for (const struct request *request = conn->first; request != NULL;
	    request = request->next) {
		answers += request->kept + outqueue_memory(&request->out);
		/* Its parts are copied as they are decoded. */
		bytes += MAX_OF(request->bytes_in, request->arena.total_bytes) +
		    (request->whole ? 0 : request->body_bytes.size);
		for_ever = for_ever || request->pack != NULL;
	}
	if (conn->protocol != NULL) {
		bytes += conn->protocol->kept(conn, &of_answers);
		bytes -= of_answers;
		answers += of_answers;
	}
	budget_count(server_budget(conn->server), &conn->share, bytes + answers,
	    for_ever ? bytes + answers : answers);
}

/* Those before it are answered: the next one is told, if it wants to know. */
static void
tell_first(struct conn *conn)
{
	struct request *request = conn->first;
	void (*up)(struct request *);

	if (request == NULL || request->up == NULL)
		return;
	up = request->up;
	request->up = NULL;
	up(request);
}

static bool
may_read(const struct conn *conn)
{
	if (conn->ended || (conn->share.waits && conn->protocol == NULL))
		return false;
	return conn->protocol != NULL || conn->state != CONN_HEAD || conn_may_parse(conn);
}

bool
conn_settle(struct conn *conn)
{
	enum conn_limit limit;
	unsigned wanted = 0;
	bool parsed = false, could_parse;

	if (conn->state == CONN_CLOSED)
		return false;
	tell_first(conn);
	could_parse = conn->state != CONN_HEAD || conn_may_parse(conn);
	if (conn->protocol == NULL && conn->state == CONN_HEAD && could_parse)
		parsed = conn_parse_kept(conn);
	if (conn->protocol != NULL)
		parsed = conn->protocol->turn(conn);
	else if (conn->state != CONN_CLOSED)
		conn_write(conn);
	if (conn->state != CONN_CLOSED)
		settle_end(conn);
	if (conn->state == CONN_CLOSED || conn_give(conn))
		return parsed;
	count(conn);
	/* What came is parsed as soon as there is room for what it asks for. */
	if (!could_parse && conn->state == CONN_HEAD && conn_may_parse(conn) && conn->in.size > 0)
		conn_touch(conn);
	if (may_read(conn))
		wanted |= LOOP_READ;
	else if (!conn->ended && !conn->hung_up)
		wanted |= LOOP_HANGUP;
	if (!outqueue_is_empty(&conn->out) || conn->unwritten)
		wanted |= LOOP_WRITE;
	transport_want(conn->transport, wanted);
	limit = reading_limit(conn);
	if (limit != conn->reading.limit)
		server_limit(conn->server, &conn->reading, limit);
	if (conn->in.size == 0 && conn->in.data != NULL)
		buf_free(&conn->in);
	return parsed;
}

bool
conn_is_too_slow(const struct conn *conn, uint64_t since_ms, size_t came)
{
	uint64_t elapsed_ms = loop_now(conn->owner->loop).monotonic_ms - since_ms;

	return elapsed_ms > PACE_FREE_MS && came <
	    (elapsed_ms - PACE_FREE_MS) * conn->owner->config->min_body_rate / 1000;
}

void
conn_expired(struct conn_clock *clock, enum conn_limit limit)
{
	struct conn *conn = clock->conn;

	if (conn->protocol != NULL && conn->state == CONN_HEAD && clock != &conn->writing) {
		conn->protocol->expired(conn, clock->stream, limit);
		return;
	}
	switch (limit) {
	case LIMIT_HANDSHAKE:
		/* It may have come to its end in this very turn. */
		if (!transport_is_opening(conn->transport))
			break;
		transport_late(conn->transport);
		conn_close(conn);
		return;
	case LIMIT_HEAD:
		/* A client that has sent nothing asked for nothing. */
		if (conn->in.size == 0) {
			conn_close(conn);
			return;
		}
		conn_refuse_late(conn, METRIC_rejected_head_timeout);
		break;
	case LIMIT_BODY:
		conn_refuse_late(conn, METRIC_rejected_body_timeout);
		break;
	case LIMIT_NONE:
		if (conn->share.waits || !conn_is_too_slow(conn, conn->reading.since_ms,
		    conn->last->body_bytes.size))
			return;
		conn_refuse_late(conn, METRIC_rejected_body_rate);
		break;
	case LIMIT_WRITE:
		metric_add(METRIC_rejected_write_timeout, 1);
		conn_close(conn);
		return;
	case LIMIT_IDLE:
	case LIMIT_LINGER:
	case LIMIT_NOTICE:
	case LIMIT_DRAIN:
		conn_close(conn);
		return;
	}
	conn_touch(conn);
}

static bool
is_idle(const struct conn *conn)
{
	return conn->protocol == NULL && conn->state == CONN_HEAD && conn->first == NULL &&
	    conn->in.size == 0;
}

void
conn_stop(struct conn *conn, bool keep_idle)
{
	struct request *request;

	if (conn->protocol != NULL)
		conn->protocol->stop(conn);
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
