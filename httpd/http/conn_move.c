/*
 * conn_move.c - a connection as a message, and a message as a connection.
 *
 * A connection moves between two requests, or while the only one it has can go on
 * elsewhere; what that one has to know it packs itself (request.h), and the owner of the
 * other server unpacks it. The message calls it a watch, also if it waits for a lock: nothing
 * else can. What the kernel holds of the connection goes with the descriptor; what was read
 * stands in "in" and is parsed anew over there, from its first byte.
 */
#include "common/ipc/message.h"
#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/metric.h"
#include "httpd/http/conn_priv.h"

static bool
stays(const struct conn *conn)
{
	for (const struct request *request = conn->first; request != NULL; request = request->next)
		if (request->stays)
			return true;
	return false;
}

bool
conn_may_move(const struct conn *conn)
{
	return conn->protocol == NULL && conn->owner->gives(conn->owner->worker) &&
	    transport_fd(conn->transport) != -1 &&
	    conn->state != CONN_LINGER && conn->state != CONN_CLOSED && !conn->ended &&
	    !conn->hung_up && !conn->cut && !stays(conn);
}

/* True if all that it waits for is the client, or something that can be waited for
 * elsewhere; then handed has what that is. */
static bool
is_at_rest(const struct conn *conn, struct msg_handed *handed)
{
	const struct request *request = conn->first;

	if (conn->in.size + outqueue_size(&conn->out) > HANDOVER_BYTES_MAX)
		return false;
	if (request == NULL)
		return conn->state == CONN_HEAD;
	return conn->request_count == 1 && request->whole && request->pack != NULL &&
	    request->pack(request, handed);
}

bool
conn_could_go(const struct conn *conn)
{
	struct msg_handed handed = { .flags = 0 };

	return conn_may_move(conn) && is_at_rest(conn, &handed);
}

/* All that waits to be written, in one piece; the queue is empty then. */
static struct buf
unwritten(struct conn *conn)
{
	struct buf bytes = BUF_INIT;
	struct iovec piece;

	while (outqueue_pieces(&conn->out, &piece, 1) == 1) {
		buf_append(&bytes, piece.iov_base, piece.iov_len);
		outqueue_consume(&conn->out, piece.iov_len);
	}
	return bytes;
}

bool
conn_give(struct conn *conn)
{
	const struct server_owner *owner = conn->owner;
	struct request *request = conn->first;
	struct msg_handed handed = { .flags = 0 };
	struct buf out;

	/* Another worker would take it for one that may ask anything. */
	if (conn->of_metrics || !server_is_stopping(conn->server) || !conn_may_move(conn) ||
	    !owner->has_room(owner->worker) || !is_at_rest(conn, &handed))
		return false;
	if (conn->served)
		handed.flags |= HANDED_SERVED;
	if (conn->dropped)
		handed.flags |= HANDED_DROPPED;
	if (request != NULL) {
		handed.flags |= HANDED_WATCH;
		if (request->http_1_0)
			handed.flags |= HANDED_HTTP_1_0;
		if (request->keep_alive)
			handed.flags |= HANDED_KEEP_ALIVE;
		if (request->method == METHOD_POST)
			handed.flags |= HANDED_POST;
		handed.target = request->target;
		handed.begun_ns = request->begun_ns;
		handed.bytes_in = request->bytes_in;
		handed.bytes_out = request->bytes_out;
		request->moved = true;
	}
	out = unwritten(conn);
	handed.in = buf_slice(&conn->in);
	handed.out = buf_slice(&out);
	owner->give(owner->worker, &handed, transport_fd(conn->transport));
	buf_free(&out);
	metric_add(METRIC_handed_over, 1);
	conn_close(conn);
	return true;
}

static void
take_request(struct conn *conn, const struct msg_handed *handed)
{
	struct request *request = conn_add_request(conn);
	bool locks = (handed->flags & HANDED_LOCK) != 0;
	const uint8_t *mark;

	request->method = (handed->flags & HANDED_POST) != 0 ? METHOD_POST :
	    locks ? METHOD_PUT : METHOD_GET;
	request->http_1_0 = (handed->flags & HANDED_HTTP_1_0) != 0;
	request->keep_alive = (handed->flags & HANDED_KEEP_ALIVE) != 0;
	request->whole = true;
	request->whole_ns = handed->begun_ns;
	request->begun_ns = handed->begun_ns;
	/* Of what waits for a lock nothing is out. */
	request->streaming = !locks;
	request->status = locks ? 0 : 200;
	/* It is counted as kept (httpd/http/budget.h): a number of another worker has a bound. */
	request->bytes_in = MIN_OF(handed->bytes_in, (uint64_t)HEAD_BYTES_MAX + BODY_BYTES_MAX);
	request->bytes_out = handed->bytes_out;
	request->target = arena_copy(&request->arena, handed->target);
	mark = request->target.size == 0 ? NULL :
	    memchr(request->target.data, '?', request->target.size);
	if (mark != NULL)
		request->query = slice_of(mark + 1,
		    request->target.size - (size_t)(mark + 1 - request->target.data));
	if (!request->keep_alive)
		conn->state = CONN_DEAF;
	conn->owner->go_on(request, handed);
}

void
conn_take(struct conn *conn, const struct msg_handed *handed)
{
	conn->served = (handed->flags & HANDED_SERVED) != 0;
	conn->dropped = (handed->flags & HANDED_DROPPED) != 0;
	buf_append_slice(&conn->in, handed->in);
	if (handed->out.size > 0)
		buf_append_slice(outqueue_tail(&conn->out), handed->out);
	conn_touch(conn);
	if ((handed->flags & HANDED_WATCH) != 0)
		take_request(conn, handed);
}
