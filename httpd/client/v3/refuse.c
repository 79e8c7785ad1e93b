/*
 * refuse.c - answers to requests of the v3 API that get no call (see refuse.h).
 *
 * Source: "gRPC over HTTP2", of the gRPC project; docs/api.md, "v3" and "gRPC".
 */
#include "httpd/client/v3/refuse.h"

#include "httpd/http/head.h"
#include "httpd/v3/grpc.h"
#include "httpd/v3/json.h"
#include "httpd/v3/method.h"

/* ---- gRPC ------------------------------ */

bool
call_is_grpc(const struct request *request)
{
	struct slice type = request->content_type;
	size_t size = sizeof(GRPC_CONTENT_TYPE) - 1;

	if (request->stream == NULL || request->method != METHOD_POST || type.size < size ||
	    !head_name_equal(slice_of(type.data, size), GRPC_CONTENT_TYPE))
		return false;
	return type.size == size || type.data[size] == ';' ||
	    head_name_equal(slice_of(type.data + size, type.size - size), "+proto");
}

void
call_put_status(struct request *request, struct v3_status status,
    void (*put)(struct request *request, const char *name, struct slice value))
{
	struct buf text = BUF_INIT;

	buf_append_u64(&text, (uint64_t)status.code);
	put(request, "grpc-status", buf_slice(&text));
	buf_clear(&text);
	if (status.code != V3_OK) {
		grpc_put_text(&text, slice_text(status.text));
		put(request, "grpc-message", buf_slice(&text));
	}
	buf_free(&text);
}

static void
put_header(struct request *request, const char *name, struct slice value)
{
	response_header(request, name, "%.*s", SLICE_ARGS(value));
}

void
call_refuse_grpc(struct request *request, struct v3_status status)
{
	call_put_status(request, status, put_header);
	response_send_head(request, 200, GRPC_CONTENT_TYPE);
}

void
call_refuse_unknown(struct request *request)
{
	struct v3_status refusal;

	/* A path that has a slash more than a method's would be one of ours. */
	if (v3_method_by_grpc_path(request->path, &request->arena, &refusal) != NULL)
		refusal = (struct v3_status){ V3_UNIMPLEMENTED, "no such method here" };
	call_refuse_grpc(request, refusal);
}

void
call_refuse_leaderless(struct request *request)
{
	call_refuse_grpc(request, v3_status_of(V3_REFUSE_NO_LEADER));
}

/* ---- either ------------------------------ */

void
call_refuse_json(struct request *request, struct v3_status status)
{
	struct buf body = BUF_INIT;

	v3_status_put(&body, status);
	response_send(request, v3_http_status(status.code), "application/json",
	    buf_slice(&body));
	buf_free(&body);
}

static bool
refuse(struct request *request, struct v3_status status)
{
	if (call_is_grpc(request))
		call_refuse_grpc(request, status);
	else if (v3_method_by_gateway_path(request->path) != NULL)
		call_refuse_json(request, status);
	else
		return false;
	return true;
}

bool
call_refuse_late(struct request *request)
{
	return refuse(request, v3_status_of(V3_REFUSE_TIMED_OUT));
}

bool
call_refuse_crowded(struct request *request)
{
	return refuse(request, v3_status_of(V3_REFUSE_TOO_MANY_REQUESTS));
}
