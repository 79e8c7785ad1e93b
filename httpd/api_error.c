/*
 * api_error.c - errors of the API (see api_error.h).
 */
#include "httpd/api_error.h"
#include "httpd/cluster.h"
#include "httpd/json.h"
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
	struct json json = json_into(out);

	if (shown_error(err) != err && cause.size == 0)
		cause = slice_text(err_text(err));
	err = shown_error(err);
	json_open(&json, '{');
	json_name(&json, "errorCode");
	json_number(&json, (uint64_t)err);
	json_name(&json, "message");
	json_text(&json, slice_text(err_text(err)));
	if (cause.size > 0) {
		json_name(&json, "cause");
		json_text(&json, cause);
	}
	json_name(&json, "index");
	json_number(&json, index);
	json_close(&json, '}');
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
	cluster_id_header(request);
	response_header_number(request, "X-Etcd-Index", index);
	response_send(request, err_http_status(shown_error(err)), "application/json",
	    buf_slice(&body));
	buf_free(&body);
}
