/*
 * version.c - /version and /health.
 */
#include "common/version.h"
#include "httpd/backend.h"
#include "httpd/client/handlers.h"
#include "httpd/cluster.h"
#include "httpd/handover.h"

void
version_handle(struct request *request)
{
	struct buf body = BUF_INIT;

	buf_printf(&body, "{\"etcdserver\":\"%s\",\"etcdcluster\":\"%s\"}", version_text,
	    version_text);
	response_send(request, 200, "application/json", buf_slice(&body));
	buf_free(&body);
}

void
health_handle(struct request *request)
{
	const struct worker *worker = request->worker;

	if (worker->out_of_rotation ||
	    (worker->draining && !handover_gives(worker->handover)) ||
	    !backend_connected(worker->backend) ||
	    backend_is_silent(worker->backend) || worker->cluster->leader_id == 0)
		response_send(request, 503, "application/json",
		    SLICE_LITERAL("{\"health\": \"false\"}"));
	else
		response_send(request, 200, "application/json",
		    SLICE_LITERAL("{\"health\": \"true\"}"));
}
