/*
 * gateway.c - the v3 API as JSON: POST /v3/... (see call.h).
 *
 * A unary has one body and one answer. A stream has documents one behind the other as its body,
 * whose end is the client's; each answer is a line, and a chunk.
 *
 * Source: docs/api.md, "v3".
 */
#include "httpd/client/handlers.h"

#include "httpd/client/gate.h"
#include "httpd/client/v3/call.h"
#include "httpd/client/v3/refuse.h"
#include "httpd/client/v3/watch_move.h"
#include "httpd/v3/grpc.h"
#include "httpd/v3/json.h"
#include "httpd/v3/protobuf.h"

/* ---- answers ------------------------------ */

static void
answer(struct v3_call *call, const void *response)
{
	struct buf body = BUF_INIT;
	struct json_put json;

	blob_begin(&body);
	json = json_put_into(&body);
	if (v3_json_put(&json, NULL, call->method->response(), response)) {
		response_send_built(call->request, 200, "application/json", &body);
		return;
	}
	buf_free(&body);
	call_refuse_json(call->request,
	    (struct v3_status){ V3_INTERNAL, "raftd sent no answer" });
}

static void
begin_stream(struct request *request)
{
	if (!request->streaming)
		response_stream_begin(request, 200, "application/json");
}

static void
message(struct v3_call *call, const void *response)
{
	struct buf line = BUF_INIT;

	begin_stream(call->request);
	if (!v3_json_put_line(&line, call->method->response(), response)) {
		buf_clear(&line);
		v3_status_put_line(&line,
		    (struct v3_status){ V3_INTERNAL, "raftd sent no answer" });
	}
	response_stream_data(call->request, buf_slice(&line));
	buf_free(&line);
}

/* "events":[...] */
static struct blob *
render(const struct v3_type *type, const void *shown)
{
	struct buf members = BUF_INIT;
	struct blob *blob = NULL;
	struct json_put json;

	blob_begin(&members);
	json = json_put_into(&members);
	if (v3_json_put_members(&json, type, shown))
		blob = blob_end(&members, NULL);
	buf_free(&members);
	return blob;
}

static void
message_with(struct v3_call *call, const void *response, struct blob *tail)
{
	struct buf line = BUF_INIT;
	struct json_put json = json_put_into(&line);

	begin_stream(call->request);
	json_put_open(&json, NULL, '{');
	json_put_open(&json, "result", '{');
	MUST(v3_json_put_members(&json, call->method->response(), response));
	buf_append_byte(&line, ',');
	response_stream_with(call->request, buf_slice(&line), tail, SLICE_LITERAL("}}\n"));
	buf_free(&line);
}

static size_t
backlog(const struct v3_call *call)
{
	return response_backlog(call->request);
}

static void
end(struct v3_call *call, struct v3_status status)
{
	struct request *request = call->request;
	struct buf line = BUF_INIT;

	if (status.code != V3_OK && !request->streaming) {
		call_refuse_json(request, status);
		return;
	}
	begin_stream(request);
	if (status.code != V3_OK) {
		v3_status_put_line(&line, status);
		response_stream_data(request, buf_slice(&line));
		buf_free(&line);
	}
	response_stream_end(request);
}

static void
deny(struct v3_call *call)
{
	if (call->request->streaming)
		end(call, v3_status_of(V3_REFUSE_PERMISSION));
	else
		gate_refuse(call->request);
}

static const struct v3_carrier gateway = {
	.answer = answer, .message = message, .message_with = message_with, .render = render,
	.form = 0, .backlog = backlog, .end = end, .deny = deny,
};

/* ---- requests ------------------------------ */

/* The message as it would come by gRPC: how large it may be is said of that. */
static bool
is_too_long(const struct v3_call *call, const void *asked, struct arena *arena,
    struct v3_status *refusal)
{
	size_t size = v3_protobuf_size(call->method->request(), asked);

	if (size <= V3_MESSAGE_BYTES_MAX)
		return false;
	*refusal = (struct v3_status){ V3_RESOURCE_EXHAUSTED,
	    arena_printf(arena, "grpc: received message larger than max (%zu vs. %zu)", size,
		V3_MESSAGE_BYTES_MAX) };
	return true;
}

static void
begin_with_body(struct v3_call *call)
{
	struct request *request = call->request;
	const struct v3_type *type = call->method->request();
	struct v3_status refusal;
	struct arena arena;
	void *asked;

	/* Not the request's: what it asks for may take long, and needs nothing of this. */
	arena_init(&arena);
	asked = arena_alloc(&arena, type->size);
	if (v3_json_read(type, request->body, &arena, asked, &refusal) != ERR_NONE ||
	    is_too_long(call, asked, &arena, &refusal))
		call_fail(call, refusal);
	else
		(void)call_begin(call, asked);
	arena_free(&arena);
}

/* The next document of a body as a message. False: there is none, or the call is over. */
static bool
take_document(struct v3_call *call, struct slice *text, struct arena *arena)
{
	const struct v3_type *type = call->method->request();
	void *asked = arena_alloc(arena, type->size);
	struct v3_status refusal;
	enum err err = v3_json_read_next(type, text, arena, asked, &refusal);

	if (err == ERR_CLOSED) {
		request_drop_body(call->request);
		call_close(call);
		return false;
	}
	if (err != ERR_NONE || is_too_long(call, asked, arena, &refusal)) {
		call_fail(call, refusal);
		return false;
	}
	return call_next(call, asked);
}

static void
begin_stream_of_both(struct v3_call *call)
{
	struct slice text = call->request->body;
	struct arena arena;

	if (!call_begin(call, NULL))
		return;
	arena_init(&arena);
	while (take_document(call, &text, &arena))
		arena_reset(&arena);
	arena_free(&arena);
}

void
v3_handle(struct request *request)
{
	const struct v3_method *method = v3_method_by_gateway_path(request->path);
	struct slice timeout = request_header(request, "Grpc-Timeout");
	struct v3_call *call;
	uint64_t ns;

	if (!v3_users_count(request->worker) && !gate_is_root(request)) {
		gate_refuse(request);
		return;
	}
	if (method == NULL) {
		response_plain_error(request, 404, "Not Found");
		return;
	}
	if (!call_serves(method)) {
		call_refuse_json(request, v3_method_unserved(method, &request->arena));
		return;
	}
	call = call_new(request, method, &gateway);
	if (timeout.size > 0 && grpc_timeout_read(timeout, &ns))
		call_limit(call, ns);
	if (method->kind == V3_BOTH_STREAM)
		begin_stream_of_both(call);
	else
		begin_with_body(call);
}

void
gateway_go_on(struct request *request, const struct msg_handed *handed)
{
	watch_move_take(call_go_on(request, v3_method(V3_METHOD_watch), &gateway), handed);
}
