/*
 * version.c - /version, /health, /livez and /readyz.
 */
#include "common/json_text.h"
#include "common/version.h"
#include "httpd/backend.h"
#include "httpd/client/handlers.h"
#include "httpd/client/health.h"
#include "httpd/cluster.h"
#include "httpd/handover.h"
#include "httpd/http/server.h"
#include "httpd/worker.h"

/* Who has no v3 API here is told of no version of it. */
#ifdef WITH_V3
#define SERVER_VERSION API_VERSION
#define CLUSTER_VERSION API_CLUSTER_VERSION
#else
#define SERVER_VERSION version_text
#define CLUSTER_VERSION version_text
#endif

void
version_handle(struct request *request)
{
	struct buf body = BUF_INIT;

	buf_printf(&body, "{\"etcdserver\":\"%s\",\"etcdcluster\":\"%s\",\"moothall\":\"%s\"}",
	    SERVER_VERSION, CLUSTER_VERSION, version_text);
	response_send(request, 200, "application/json", buf_slice(&body));
	buf_free(&body);
}

const char *
health_problem(const struct worker *worker)
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
	const char *reason = health_problem(request->worker);
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

/* ---- as Kubernetes probes ask ------------------------------ */

static bool
is_verbose(const struct request *request)
{
	return request->query.size > 0 && memmem(request->query.data, request->query.size,
	    "verbose", strlen("verbose")) != NULL;
}

static void
answer_probe(struct request *request, const char *check, const char *problem)
{
	struct buf body = BUF_INIT;

	if (problem != NULL)
		buf_printf(&body, "[-]%s failed: %s\n", check, problem);
	else if (is_verbose(request))
		buf_printf(&body, "[+]%s ok\n", check);
	buf_append_text(&body, problem == NULL ? "ok\n" : "not ok\n");
	response_send(request, problem == NULL ? 200 : 503, "text/plain; charset=utf-8",
	    buf_slice(&body));
	buf_free(&body);
}

/* Would it help to start it again? */
void
livez_handle(struct request *request)
{
	struct backend *backend = request->worker->backend;

	answer_probe(request, "raftd", !backend_connected(backend) ? "raftd is not there" :
	    backend_is_silent(backend) ? "raftd gives no sign of life" : NULL);
}

void
readyz_handle(struct request *request)
{
	answer_probe(request, "serving", health_problem(request->worker));
}
