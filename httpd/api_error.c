/*
 * api_error.c - errors of the API (see api_error.h).
 */
#include "httpd/api_error.h"
#include "common/json_put.h"
#include "httpd/cluster.h"
#include "httpd/worker.h"

#include <inttypes.h>

/* An error of ours must not reach a client as a code that means nothing there. */
static enum err
shown_error(enum err err)
{
	return err_is_api(err) ? err : ERR_RAFT_INTERNAL;
}

void
api_error_put(struct buf *out, enum err err, struct slice cause, uint64_t index)
{
	struct json_put json = json_put_into(out);

	if (shown_error(err) != err && cause.size == 0)
		cause = slice_text(err_text(err));
	err = shown_error(err);
	json_put_open(&json, NULL, '{');
	json_put_number(&json, "errorCode", (uint64_t)err);
	json_put_text(&json, "message", slice_text(err_text(err)));
	if (cause.size > 0)
		json_put_text(&json, "cause", cause);
	json_put_number(&json, "index", index);
	json_put_close(&json, '}');
	buf_append_byte(out, '\n');
}

void
cluster_id_header(struct request *request)
{
	uint64_t id = request->worker->cluster->cluster_id;

	if (id != 0)
		response_header(request, "X-Etcd-Cluster-ID", "%016" PRIx64, id);
}

void
api_error(struct request *request, enum err err, struct slice cause, uint64_t index)
{
	struct buf body = BUF_INIT;

	api_error_put(&body, err, cause, index);
	if (err == ERR_UNAUTHORIZED)
		response_header(request, "WWW-Authenticate", "%s", AUTHENTICATE_VALUE);
	cluster_id_header(request);
	response_header_number(request, "X-Etcd-Index", index);
	response_send(request, err_http_status(shown_error(err)), "application/json",
	    buf_slice(&body));
	buf_free(&body);
}
