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

/* Is that one of the parameters, as it stands? */
static bool
query_has(struct slice query, struct slice pair)
{
	while (query.size > 0) {
		const uint8_t *end = memchr(query.data, '&', query.size);
		size_t size = end == NULL ? query.size : (size_t)(end - query.data);

		if (slice_equal(slice_of(query.data, size), pair))
			return true;
		size += end != NULL;
		query = slice_of(query.data + size, query.size - size);
	}
	return false;
}

/* Who probes says of what he does not want to hear: kubeadm's probe of liveness would have a node
 * started again for a lead that others lost, or for a disk that is full. */
static const char *
problem_but(const struct worker *worker, struct slice query)
{
	const char *refuses = worker->cluster->refuses;

	if (worker->out_of_rotation)
		return "drained by the operator";
	if (server_is_stopping(worker->server) && !handover_gives(worker->handover))
		return "this worker is stopping";
	if (!backend_connected(worker->backend))
		return "raftd is not there";
	if (backend_is_silent(worker->backend))
		return "raftd gives no sign of life";
	if (refuses[0] != '\0' && !(cluster_disk_is_full(worker->cluster) &&
	    query_has(query, SLICE_LITERAL("exclude=NOSPACE"))))
		return refuses;
	return worker->cluster->leader_id == 0 &&
	    !query_has(query, SLICE_LITERAL("serializable=true")) ? "no leader is known" : NULL;
}

const char *
health_problem(const struct worker *worker)
{
	return problem_but(worker, SLICE_EMPTY);
}

void
health_handle(struct request *request)
{
	const char *reason = problem_but(request->worker, request->query);
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
