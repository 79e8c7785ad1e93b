/*
 * v3.c - the v3 API as JSON: a path's method, its request to raftd, the answer back.
 *
 *	came --> refused	by what the request says itself		[v3_handle]
 *	came --> asked		a write or a read of raftd		[ask]
 *	asked -> answered	its outcome came			[answered]
 *
 * A call lives in its request's arena. How long it may take is the backend's.
 *
 * Source: docs/api.md, "v3".
 */
#include "common/metric.h"
#include "common/rand.h"
#include "httpd/backend.h"
#include "httpd/client/gate.h"
#include "httpd/client/handlers.h"
#include "httpd/cluster.h"
#include "httpd/v3/ask.h"
#include "httpd/v3/json.h"
#include "httpd/v3/protobuf.h"
#include "httpd/v3/show.h"
#include "httpd/worker.h"

struct v3_call {
	struct backend_call call;
	struct request *request;
	const struct v3_method *method;
	uint64_t lease;			/* that is granted */
};

static void
refuse(struct request *request, struct v3_status status)
{
	struct buf body = BUF_INIT;

	v3_status_put(&body, status);
	response_send(request, v3_http_status(status.code), "application/json",
	    buf_slice(&body));
	buf_free(&body);
}

/* ---- answers ------------------------------ */

static struct v3_status
status_of(enum v3_error error)
{
	return (struct v3_status){ (enum v3_code)v3_error_code(error), v3_error_text(error) };
}

static bool
says(struct slice cause, const char *words)
{
	return cause.size > 0 && memmem(cause.data, cause.size, words, strlen(words)) != NULL;
}

/* What raftd or the backend says of a request that did not come to an end. Clients repeat what
 * certainly was not done, and take all else for possible. */
static struct v3_status
failure_of(const struct msg_outcome *outcome)
{
	if (outcome->error == ERR_TOO_BIG)
		return (struct v3_status){ V3_RESOURCE_EXHAUSTED,
			"the answer is larger than 64 MiB: ask for less with limit and range_end" };
	if (outcome->error == ERR_BUSY || says(outcome->cause, "too much"))
		return v3_status_of(V3_REFUSE_TOO_MANY_REQUESTS);
	if (says(outcome->cause, "disk full"))
		return v3_status_of(V3_REFUSE_NO_SPACE);
	if (says(outcome->cause, "too large"))
		return v3_status_of(V3_REFUSE_REQUEST_TOO_LARGE);
	if (says(outcome->cause, "was not applied"))
		return v3_status_of(V3_REFUSE_NO_LEADER);
	return v3_status_of(V3_REFUSE_TIMED_OUT);
}

/* The id of this member as clients know it. */
static uint64_t
member_id(const struct cluster *cluster)
{
	const struct cluster_member *member = cluster_member(cluster, cluster->node_id);

	return member == NULL ? cluster->node_id : member->shown_id;
}

static void
answer(struct v3_call *asked, const struct msg_outcome *outcome)
{
	struct request *request = asked->request;
	const struct cluster *cluster = request->worker->cluster;
	struct v3_response_header header = { .cluster_id = cluster->cluster_id,
		.member_id = member_id(cluster), .raft_term = outcome->raft_term };
	enum v3_error error = V3_NONE;
	struct buf body = BUF_INIT;
	struct json_put json;
	union v3_shown shown;
	bool right;

	right = v3_show(asked->method->tag, outcome->event, &request->arena, &header, &shown,
	    &error) == ERR_NONE;
	if (error != V3_NONE) {
		refuse(request, status_of(error));
		return;
	}
	if (right && asked->lease != 0)
		shown.grant.ID = (int64_t)asked->lease;
	blob_begin(&body);
	json = json_put_into(&body);
	right = right && v3_json_put(&json, NULL, asked->method->response(), &shown);
	if (right) {
		response_send_built(request, 200, "application/json", &body);
		return;
	}
	buf_free(&body);
	refuse(request, (struct v3_status){ V3_INTERNAL, "raftd sent no answer" });
}

static void
answered(struct backend_call *call, const struct msg_outcome *outcome)
{
	struct v3_call *asked = CONTAINER_OF(call, struct v3_call, call);

	/* Users may have begun to count. */
	if (!gate_is_root(asked->request))
		gate_refuse(asked->request);
	else if (outcome->error != ERR_NONE)
		refuse(asked->request, failure_of(outcome));
	else
		answer(asked, outcome);
}

static void
gone(struct request *request)
{
	struct v3_call *asked = request->state;

	backend_cancel(request->worker->backend, &asked->call);
}

/* ---- requests ------------------------------ */

static struct v3_call *
new_call(struct request *request, const struct v3_method *method)
{
	struct v3_call *asked = arena_zalloc(&request->arena, sizeof(*asked));

	asked->request = request;
	asked->method = method;
	asked->call.done = answered;
	asked->call.sent_ns = &request->sent_ns;
	request->state = asked;
	request->gone = gone;
	return asked;
}

static void
ask_keys(struct request *request, const struct v3_method *method, const void *message)
{
	struct backend *backend = request->worker->backend;
	struct v3_ask ask = { .writes = false };
	struct v3_status status = v3_ask_make(method->tag, message, &request->arena, &ask);

	if (status.code == V3_OK && ask.writes &&
	    v3_protobuf_size(method->request(), message) > V3_WRITE_BYTES_MAX)
		status = v3_status_of(V3_REFUSE_REQUEST_TOO_LARGE);
	if (status.code != V3_OK)
		refuse(request, status);
	else if (ask.writes)
		backend_v3_write(backend, &new_call(request, method)->call,
		    &(struct msg_v3_write){ .compares = buf_slice(&ask.compares),
		    .ops = buf_slice(&ask.ops) });
	else
		backend_v3_read(backend, &new_call(request, method)->call,
		    &(struct msg_v3_read){ .quorum = !ask.serializable,
		    .compares = buf_slice(&ask.compares), .ops = buf_slice(&ask.ops) });
	v3_ask_free(&ask);
	/* It stands in the call's frame now, or is refused. */
	if (status.code == V3_OK)
		request_drop_body(request);
}

static void
ask_compaction(struct request *request, const struct v3_method *method,
    const struct v3_compaction_request *message)
{
	backend_v3_compact(request->worker->backend, &new_call(request, method)->call,
	    &(struct msg_v3_compact){ .revision = (uint64_t)message->revision });
}

/* The id is chosen before it is asked for: so a repeat is the same grant. */
static void
ask_grant(struct request *request, const struct v3_method *method,
    const struct v3_lease_grant_request *message)
{
	struct v3_call *asked = new_call(request, method);

	asked->lease = (uint64_t)message->ID;
	while (asked->lease == 0)
		asked->lease = rand_entropy() & INT64_MAX;
	backend_v3_grant(request->worker->backend, &asked->call,
	    &(struct msg_v3_grant){ .id = asked->lease, .ttl_s = (uint64_t)message->TTL });
}

static void
ask_revoke(struct request *request, const struct v3_method *method,
    const struct v3_lease_revoke_request *message)
{
	backend_v3_revoke(request->worker->backend, &new_call(request, method)->call,
	    &(struct msg_v3_revoke){ .id = (uint64_t)message->ID });
}

/* Any message that is asked here. */
union v3_asked {
	struct v3_range_request range;
	struct v3_put_request put;
	struct v3_delete_range_request delete_range;
	struct v3_txn_request txn;
	struct v3_compaction_request compact;
	struct v3_lease_grant_request grant;
	struct v3_lease_revoke_request revoke;
};

/* The message as it would come by gRPC: how large it may be is said of that. */
static bool
is_too_long(struct request *request, const struct v3_method *method, const void *message)
{
	size_t size = v3_protobuf_size(method->request(), message);

	if (size <= V3_MESSAGE_BYTES_MAX)
		return false;
	refuse(request, (struct v3_status){ V3_RESOURCE_EXHAUSTED,
	    arena_printf(&request->arena, "grpc: received message larger than max (%zu vs. %zu)",
		size, V3_MESSAGE_BYTES_MAX) });
	return true;
}

/* False: this method is not served. */
static bool
is_served(const struct v3_method *method)
{
	if (method == NULL)
		return false;
	switch (method->tag) {
	case V3_METHOD_range:
	case V3_METHOD_put:
	case V3_METHOD_delete_range:
	case V3_METHOD_txn:
	case V3_METHOD_compact:
	case V3_METHOD_lease_grant:
	case V3_METHOD_lease_revoke:
		return true;
	default:
		return false;
	}
}

static void
ask(struct request *request, const struct v3_method *method, const union v3_asked *asked)
{
	switch (method->tag) {
	case V3_METHOD_compact:
		ask_compaction(request, method, &asked->compact);
		break;
	case V3_METHOD_lease_grant:
		ask_grant(request, method, &asked->grant);
		break;
	case V3_METHOD_lease_revoke:
		ask_revoke(request, method, &asked->revoke);
		break;
	default:
		ask_keys(request, method, asked);
	}
}

void
v3_handle(struct request *request)
{
	const struct v3_method *method = v3_method_by_gateway_path(request->path);
	struct v3_status refusal;
	union v3_asked asked;

	if (!is_served(method)) {
		response_plain_error(request, 404, "Not Found");
		return;
	}
	if (v3_json_read(method->request(), request->body, &request->arena, &asked,
	    &refusal) != ERR_NONE) {
		refuse(request, refusal);
		return;
	}
	if (is_too_long(request, method, &asked))
		return;
	if (request->worker->cluster->phase == PHASE_JOINING) {
		refuse(request, v3_status_of(V3_REFUSE_NO_LEADER));
	} else if (backend_is_full(request->worker->backend)) {
		metric_add(METRIC_rejected_requests, 1);
		refuse(request, v3_status_of(V3_REFUSE_TOO_MANY_REQUESTS));
	} else {
		ask(request, method, &asked);
	}
}
