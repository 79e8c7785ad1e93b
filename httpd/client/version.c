/*
 * version.c - /version and /health.
 */
#include "common/json_text.h"
#include "common/version.h"
#include "httpd/backend.h"
#include "httpd/client/handlers.h"
#include "httpd/cluster.h"
#include "httpd/handover.h"
#include "httpd/http/server.h"
#include "httpd/worker.h"

void
version_handle(struct request *request)
{
	struct buf body = BUF_INIT;

	buf_printf(&body, "{\"etcdserver\":\"%s\",\"etcdcluster\":\"%s\"}", version_text,
	    version_text);
	response_send(request, 200, "application/json", buf_slice(&body));
	buf_free(&body);
}

/* Why this node should not be asked; NULL: it may be. */
static const char *
unhealthy_reason(const struct worker *worker)
{
	if (worker->out_of_rotation)
		return "drained by the operator";
	if (server_is_stopping(worker->server) && !handover_gives(worker->handover))
		return "this worker is stopping";
	if (!backend_connected(worker->backend))
		return "raftd is not there";
	if (backend_is_silent(worker->backend))
		return "raftd gives no sign of life";
	if (worker->cluster->refuses[0] != '\0')
		return worker->cluster->refuses;
	return worker->cluster->leader_id == 0 ? "no leader is known" : NULL;
}

void
health_handle(struct request *request)
{
	const char *reason = unhealthy_reason(request->worker);
	struct buf body = BUF_INIT;

	if (reason == NULL) {
		response_send(request, 200, "application/json",
		    SLICE_LITERAL("{\"health\": \"true\"}"));
		return;
	}
	buf_append_text(&body, "{\"health\": \"false\", \"reason\": ");
	json_text_put(&body, slice_text(reason));
	buf_append_byte(&body, '}');
	response_send(request, 503, "application/json", buf_slice(&body));
	buf_free(&body);
}
