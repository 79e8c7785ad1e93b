/*
 * grpc.c - the v3 API by gRPC (see grpc.h): frames in, messages to the call; answers as frames,
 * the status behind them.
 *
 *	came ------> refused		no method, not served, no rights	[grpc_handle]
 *	came ------> collecting		its head is here			[grpc_handle]
 *	collecting -> begun		a unary has its message; a stream begins at once
 *	begun -----> begun		a stream has another message		[take_message]
 *	begun -----> answered		see call.h
 *
 * A unary does not look at what comes behind its message. A stream whose answers are not taken
 * takes no further messages, so its client finds the window closed.
 *
 * Source: "gRPC over HTTP2", of the gRPC project; docs/api.md, "gRPC".
 */
#include "httpd/client/handlers.h"

#include "common/limits.h"
#include "httpd/backend.h"
#include "httpd/client/gate.h"
#include "httpd/client/v3/call.h"
#include "httpd/client/v3/refuse.h"
#include "httpd/v3/grpc.h"
#include "httpd/v3/protobuf.h"
#include "httpd/worker.h"

/* A call on its way; in its request's arena. */
struct grpc_call {
	struct grpc_reader reader;
	struct slice encoding;
	bool paused;			/* its answers are to be taken first */
	void (*gone)(struct request *request); /* that of call.c, which is called from ours */
};

/* ---- answers ------------------------------ */

static void
send_message(struct v3_call *call, const void *response)
{
	struct request *request = call->request;
	struct buf frame = BUF_INIT;
	struct blob *blob;

	if (!request->streaming)
		response_stream_begin(request, 200, GRPC_CONTENT_TYPE);
	blob_begin(&frame);
	grpc_put(&frame, call->method->response(), response);
	if (blob_built(&frame).size < BLOB_TAKEN_BYTES) {
		response_stream_data(request, blob_built(&frame));
		buf_free(&frame);
		return;
	}
	blob = blob_end(&frame, NULL);
	response_stream_blob(request, blob);
	blob_unref(&blob);
}

/* The members of a message alone: in protobuf what is put behind one another is one message. */
static struct blob *
render(const struct v3_type *type, const void *message)
{
	struct buf members = BUF_INIT;
	struct blob *blob;

	blob_begin(&members);
	v3_protobuf_put(&members, type, message);
	blob = blob_end(&members, NULL);
	buf_free(&members);
	return blob;
}

static void
send_message_with(struct v3_call *call, const void *response, struct blob *tail)
{
	const struct v3_type *type = call->method->response();
	struct request *request = call->request;
	struct buf head = BUF_INIT;

	if (!request->streaming)
		response_stream_begin(request, 200, GRPC_CONTENT_TYPE);
	grpc_put_prefix(&head, v3_protobuf_size(type, response) + tail->size);
	v3_protobuf_put(&head, type, response);
	response_stream_with(request, buf_slice(&head), tail, SLICE_EMPTY);
	buf_free(&head);
}

static void
begin_long(struct v3_call *call, const void *response, uint64_t bytes)
{
	const struct v3_type *type = call->method->response();
	struct request *request = call->request;
	struct buf head = BUF_INIT;

	response_stream_begin(request, 200, GRPC_CONTENT_TYPE);
	grpc_put_prefix(&head, v3_protobuf_size(type, response) + (size_t)bytes);
	v3_protobuf_put(&head, type, response);
	response_stream_data(request, buf_slice(&head));
	buf_free(&head);
}

static void
more(struct v3_call *call, struct slice bytes)
{
	response_stream_data(call->request, bytes);
}

static size_t
backlog(const struct v3_call *call)
{
	return response_backlog(call->request);
}

/* Nothing is read for it any more. */
static void
let_go(struct v3_call *call)
{
	struct grpc_call *carried = call->carried;

	call->request->more = NULL;
	call->request->late = NULL;
	grpc_reader_free(&carried->reader);
}

static void
end(struct v3_call *call, struct v3_status status)
{
	struct request *request = call->request;

	let_go(call);
	if (!request->streaming) {
		call_refuse_grpc(request, status);
		return;
	}
	call_put_status(request, status, response_trailer);
	response_stream_end(request);
}

static void
answer(struct v3_call *call, const void *response)
{
	send_message(call, response);
	end(call, (struct v3_status){ V3_OK, "" });
}

static void
deny(struct v3_call *call)
{
	end(call, v3_status_of(V3_REFUSE_PERMISSION));
}

static const struct v3_carrier grpc = {
	.answer = answer, .message = send_message, .message_with = send_message_with,
	.render = render, .form = 1, .begin_long = begin_long, .more = more, .backlog = backlog,
	.end = end, .deny = deny,
};

/* ---- messages ------------------------------ */

/* What is kept of a message that is not whole, and how much it will be. */
static void
tell_collected(struct request *request, const struct v3_call *call)
{
	const struct grpc_call *carried = call->carried;
	const struct grpc_reader *reader = &carried->reader;
	const uint8_t *prefix = reader->prefix;

	request->collected = reader->held.size;
	if (reader->prefix_size == GRPC_PREFIX_BYTES)
		request->collects = ((size_t)prefix[1] << 24 | (size_t)prefix[2] << 16 |
		    (size_t)prefix[3] << 8 | prefix[4]) + GRPC_PREFIX_BYTES;
	else
		request->collects = call->method->kind != V3_BOTH_STREAM ||
		    !grpc_reader_is_between(reader) ? GRPC_PREFIX_BYTES : 0;
}

/* A message to its method. False: the call is over. */
static bool
pass_on(struct v3_call *call, struct slice bytes, bool (*take)(struct v3_call *, const void *))
{
	const struct v3_type *type = call->method->request();
	struct v3_status refusal;
	struct arena arena;
	bool goes_on = false;
	void *asked;

	/* Not the request's: what it asks for may take long, and needs nothing of this. */
	arena_init(&arena);
	asked = arena_alloc(&arena, type->size);
	if (v3_protobuf_read(type, bytes, &arena, asked, &refusal) == ERR_NONE)
		goes_on = take(call, asked);
	else
		call_fail(call, refusal);
	arena_free(&arena);
	return goes_on;
}

/* A call that has one message has it. */
static void
begin_with(struct v3_call *call, struct slice message)
{
	struct grpc_call *carried = call->carried;

	if (!pass_on(call, message, call_begin))
		return;
	grpc_reader_free(&carried->reader);
	request_drop_body(call->request);
}

/* The client sends no more. */
static void
input_ended(struct v3_call *call)
{
	struct grpc_call *carried = call->carried;

	call->request->more = NULL;
	call->request->late = NULL;
	call->request->collects = 0;
	if (!grpc_reader_is_between(&carried->reader))
		call_fail(call, (struct v3_status){ V3_INTERNAL, "unexpected EOF" });
	else if (call->method->kind != V3_BOTH_STREAM)
		call_fail(call, (struct v3_status){ V3_INTERNAL, "the call has no message" });
	else
		call_close(call);
}

/* True: there may be another one. False: none for now, or the call is over. */
static bool
take_message(struct v3_call *call)
{
	struct request *request = call->request;
	struct grpc_call *carried = call->carried;
	struct slice piece = request->body, message;
	struct v3_status refusal;
	enum err err;

	err = grpc_reader_take(&carried->reader, carried->encoding, &piece, &request->arena,
	    &message, &refusal);
	if (err == ERR_NONE && call->method->kind != V3_BOTH_STREAM) {
		begin_with(call, message);
		return false;
	}
	if (err == ERR_NONE) {
		size_t used = request->body.size - piece.size;

		if (!pass_on(call, message, call_next))
			return false;
		request_body_used(request, used);
		return true;
	}
	if (err != ERR_AGAIN) {
		call_fail(call, refusal);
		return false;
	}
	tell_collected(request, call);
	request_body_used(request, request->body.size);
	if (request->body_ended)
		input_ended(call);
	return false;
}

static void
take_messages(struct request *request)
{
	struct v3_call *call = request->state;
	struct grpc_call *carried = call->carried;

	do {
		carried->paused = response_backlog(request) > GRPC_BACKLOG_BYTES;
	} while (!carried->paused && take_message(call));
}

static void
late(struct request *request)
{
	call_fail(request->state, (struct v3_status){ V3_DEADLINE_EXCEEDED,
	    "the request did not come in time" });
}

/* ---- calls ------------------------------ */

static void
gone(struct request *request)
{
	struct v3_call *call = request->state;
	struct grpc_call *carried = call->carried;

	let_go(call);
	carried->gone(request);
}

static void
drained(struct request *request)
{
	struct v3_call *call = request->state;
	const struct grpc_call *carried = call->carried;

	if (call_drained(call) && carried->paused)
		take_messages(request);
}

static struct v3_call *
call_of(struct request *request, const struct v3_method *method)
{
	struct grpc_call *carried = arena_zalloc(&request->arena, sizeof(*carried));
	struct v3_call *call = call_new(request, method, &grpc);

	call->carried = carried;
	carried->encoding = request_header(request, "grpc-encoding");
	carried->gone = request->gone;
	grpc_reader_init(&carried->reader, V3_MESSAGE_BYTES_MAX);
	request->gone = gone;
	if (request->drained != NULL)
		request->drained = drained;
	request->more = take_messages;
	request->late = late;
	return call;
}

static bool
wants_leader(const struct request *request)
{
	return slice_equal(request_header(request, "hasleader"), SLICE_LITERAL("true"));
}

/* Why a call does not begin; V3_OK: it does. *method and *ns (0: no limit) are set then. */
static struct v3_status
check(struct request *request, const struct v3_method **method, uint64_t *ns)
{
	struct slice timeout = request_header(request, "grpc-timeout");
	struct v3_status refusal = { V3_OK, "" };

	*ns = 0;
	*method = v3_method_by_grpc_path(request->path, &request->arena, &refusal);
	if (*method == NULL)
		return refusal;
	if (!call_serves(*method))
		return (struct v3_status){ V3_UNIMPLEMENTED, arena_printf(&request->arena,
		    "unknown method %.*s for service %.*s", SLICE_ARGS((*method)->name),
		    SLICE_ARGS((*method)->service)) };
	if (timeout.data != NULL && !grpc_timeout_read(timeout, ns))
		return (struct v3_status){ V3_INTERNAL, "malformed grpc-timeout" };
	if (!v3_users_count(request->worker) && !gate_is_root(request))
		return v3_status_of(V3_REFUSE_PERMISSION);
	if (wants_leader(request) &&
	    backend_leaderless_ms(request->worker->backend) >= V3_LEADERLESS_MS)
		return v3_status_of(V3_REFUSE_NO_LEADER);
	return refusal;
}

void
grpc_handle(struct request *request)
{
	const struct v3_method *method;
	struct v3_status refusal;
	struct v3_call *call;
	uint64_t ns;

	if (!call_is_grpc(request)) {
		response_plain_error(request, 415, "this path is for calls of gRPC: POST of "
		    GRPC_CONTENT_TYPE " by HTTP/2");
		return;
	}
	refusal = check(request, &method, &ns);
	if (refusal.code != V3_OK) {
		call_refuse_grpc(request, refusal);
		return;
	}
	call = call_of(request, method);
	if (request_header(request, "grpc-timeout").data != NULL)
		call_limit(call, ns);
	if (method->kind != V3_UNARY && wants_leader(request))
		call_want_leader(call);
	if (method->kind == V3_BOTH_STREAM && !call_begin(call, NULL))
		return;
	take_messages(request);
}
