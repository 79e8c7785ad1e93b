/*
 * keys.c - /v2/keys: parameters to a message, its outcome to an answer.
 *
 * A watch goes to watch.c, a read to read.c; keys_v1.c has the requests of the first
 * series, and what both need is here (keys.h). A write's call to raftd lives in the
 * request's arena until its outcome comes, or the client goes away.
 *
 * Source: docs/api.md, "Operations", "Answers", "Errors".
 */
#include "httpd/client/keys.h"

#include "common/ipc/wire.h"
#include "common/key_limits.h"
#include "common/metric.h"
#include "httpd/api_error.h"
#include "httpd/backend.h"
#include "httpd/client/cache.h"
#include "httpd/client/gate.h"
#include "httpd/client/handlers.h"
#include "httpd/client/params.h"
#include "httpd/client/read.h"
#include "httpd/client/token_name.h"
#include "httpd/client/watch.h"
#include "httpd/cluster.h"
#include "httpd/worker.h"

#define KEYS_PREFIX_SIZE (sizeof("/v2/keys") - 1)

struct keys_call {
	struct backend_call call;
	struct request *request;
	enum event_form form;
};

static void
answered(struct backend_call *call, const struct msg_outcome *outcome)
{
	const struct keys_call *asked = CONTAINER_OF(call, struct keys_call, call);
	struct request *request = asked->request;
	struct buf body = BUF_INIT;
	bool created = false;

	if (outcome->error != ERR_NONE) {
		api_error(request, err_from_number(outcome->error), outcome->cause,
		    outcome->error == ERR_UNAUTHORIZED ? 0 : outcome->store_index);
		return;
	}
	blob_begin(&body);
	if (event_json_put(&body, asked->form, outcome->event, &created) != ERR_NONE) {
		api_error(request, ERR_RAFT_INTERNAL, SLICE_LITERAL("raftd sent no event"),
		    outcome->store_index);
		buf_free(&body);
		return;
	}
	cluster_id_header(request);
	response_header_number(request, "X-Etcd-Index", outcome->store_index);
	response_header_number(request, "X-Raft-Index", outcome->raft_index);
	response_header_number(request, "X-Raft-Term", outcome->raft_term);
	response_send_built(request, created && asked->form != EVENT_FORM_V1 ? 201 : 200,
	    event_json_type(asked->form), &body);
}

static void
gone(struct request *request)
{
	struct keys_call *call = request->state;

	backend_cancel(request->worker->backend, &call->call);
}

void
keys_refuse_full(struct request *request)
{
	metric_add(METRIC_rejected_requests, 1);
	api_error(request, ERR_RAFT_INTERNAL, SLICE_LITERAL("too many requests are under way"),
	    request->worker->cluster->store_index);
}

bool
keys_is_allowed(struct request *request, struct slice key, unsigned op)
{
	const struct cluster *cluster = request->worker->cluster;
	struct key_limits limits = { cluster->config.max_key_names, cluster->config.max_key_bytes };
	char cause[KEY_CAUSE_BYTES];

	if (key_allowed(&limits, key, op, cause))
		return true;
	api_error(request, ERR_INVALID_FORM, slice_text(cause), cluster->store_index);
	return false;
}

/* How far below its key a write reaches: as raftd sees it. */
static enum auth_reach
reach_of(const struct msg_write *write)
{
	if (write->op == WRITE_CREATE_IN_ORDER)
		return AUTH_CHILD;
	return (write->flags & WRITE_FLAG_RECURSIVE) != 0 ? AUTH_TREE : AUTH_KEY;
}

static void
write_now(struct keys_call *asked, struct msg_write *write)
{
	struct request *request = asked->request;

	asked->call = (struct backend_call){ .done = answered, .sent_ns = &request->sent_ns };
	backend_write(request->worker->backend, &asked->call, write);
	/* It stands in the call's frame now. */
	request_drop_body(request);
}

/* A write that waits until the directory that it goes to stays; in the request's arena. */
struct kept_call {
	struct keys_call keys;
	struct msg_write write;		/* borrowed of the request */
};

/* A directory that is not there, or is none, has no end: the write itself finds out. */
static void
directory_kept(struct backend_call *call, const struct msg_outcome *outcome)
{
	struct kept_call *kept = CONTAINER_OF(call, struct kept_call, keys.call);

	if (outcome->error == ERR_RAFT_INTERNAL || outcome->error == ERR_LEADER_ELECT ||
	    outcome->error == ERR_UNAUTHORIZED)
		answered(call, outcome);
	else
		write_now(&kept->keys, &kept->write);
}

/* A machine writes itself into a new directory of the discovery service, which would go with
 * its week (token.c). That it stays is no event: who waits below sees machines only. First,
 * since a node may die between the two. */
static void
keep_and_write(struct request *request, struct slice directory, struct msg_write *write,
    enum event_form form)
{
	struct kept_call *kept = arena_zalloc(&request->arena, sizeof(*kept));

	kept->write = *write;
	kept->keys.request = request;
	kept->keys.form = form;
	kept->keys.call = (struct backend_call){ .done = directory_kept,
		.sent_ns = &request->sent_ns };
	request->state = &kept->keys;
	backend_write(request->worker->backend, &kept->keys.call, &(struct msg_write){
	    .op = WRITE_UPDATE, .flags = WRITE_FLAG_DIR | WRITE_FLAG_REFRESH, .key = directory,
	    .user = request->user, .credential = request->credential });
}

void
keys_write(struct request *request, struct msg_write *write, enum event_form form)
{
	bool makes = write->op != WRITE_DELETE && write->op != WRITE_COMPARE_AND_DELETE;
	struct keys_call *call;
	struct slice directory;
	bool keeps;

	if (!keys_is_allowed(request, write->key, write->op))
		return;
	keeps = makes && token_is_used_by(write->key, &directory);
	/* raftd looks again when it is applied. Here it costs the log nothing. */
	if (!gate_may_write(request, write->key, reach_of(write)) ||
	    (keeps && !gate_may_write(request, directory, AUTH_KEY))) {
		gate_refuse_key(request);
		return;
	}
	write->user = request->user;
	write->credential = request->credential;
	if (backend_is_full(request->worker->backend)) {
		keys_refuse_full(request);
		return;
	}
	request->gone = gone;
	if (keeps) {
		keep_and_write(request, directory, write, form);
		return;
	}
	call = arena_zalloc(&request->arena, sizeof(*call));
	call->request = request;
	call->form = form;
	request->state = call;
	write_now(call, write);
}

/* A body of the cache is true of the index that this raftd announced last; who has
 * stopped announces nothing, so it may be of long ago, and nothing would end that. */
bool
keys_is_silent(struct request *request)
{
	if (!backend_is_silent(request->worker->backend))
		return false;
	metric_add(METRIC_rejected_silence, 1);
	api_error(request, ERR_RAFT_INTERNAL, SLICE_LITERAL("raftd gives no sign of life"),
	    request->worker->cluster->store_index);
	return true;
}

/* Listings come sorted, asked for or not: so one body serves both. */
static void
send_plain_read(struct request *request, struct slice key, bool recursive)
{
	read_begin(request, key, READ_FLAG_SORTED | (recursive ? READ_FLAG_RECURSIVE : 0),
	    EVENT_FORM_V2);
}

static void
handle_get(struct request *request, struct slice key, const struct params *params)
{
	enum auth_read may = gate_may_read(request, key);

	if (!keys_is_allowed(request, key, 0))
		return;
	if (params->wait) {
		keys_watch_begin(request, key,
		    (params->recursive ? (unsigned)WATCH_FLAG_RECURSIVE : 0) |
		    (params->stream ? (unsigned)WATCH_FLAG_STREAM : 0), params->wait_index,
		    EVENT_FORM_V2);
		return;
	}
	if (params->quorum || params->consistent)
		read_begin(request, key, READ_FLAG_QUORUM | READ_FLAG_SORTED |
		    (params->recursive ? READ_FLAG_RECURSIVE : 0), EVENT_FORM_V2);
	else if (!keys_is_silent(request) && (may != AUTH_READ_ALL ||
	    !cache_take(request->worker->cache, request, key, params->recursive,
	    send_plain_read)))
		send_plain_read(request, key, params->recursive);
}

static void
add_conditions(struct msg_write *write, const struct params *params)
{
	write->prev_index = params->prev_index;
	if (params->has_prev_value) {
		write->flags |= WRITE_FLAG_PREV_VALUE;
		write->prev_value = params->prev_value;
	}
}

static bool
has_conditions(const struct params *params)
{
	return params->prev_index != 0 || params->has_prev_value;
}

/* Who writes may want no more of the answer than that it was done. */
static void
send_write(struct request *request, struct msg_write *write, const struct params *params)
{
	keys_write(request, write, params->no_value ? EVENT_FORM_BARE : EVENT_FORM_V2);
}

/* What makes a node: set, create and in-order create. */
static void
add_new_node(struct msg_write *write, const struct params *params)
{
	if (params->dir) {
		write->flags |= WRITE_FLAG_DIR;
		write->value = SLICE_EMPTY;
	}
}

static void
handle_put(struct request *request, struct slice key, const struct params *params)
{
	struct msg_write write = { .key = key, .value = params->value };

	if (params->has_ttl) {
		write.flags |= WRITE_FLAG_TTL;
		write.ttl_s = params->ttl_s;
	}
	if (params->prev_exist == PARAMS_FALSE) {
		write.op = WRITE_CREATE;
		add_new_node(&write, params);
		send_write(request, &write, params);
		return;
	}
	if (params->refresh == PARAMS_TRUE)
		write.flags |= WRITE_FLAG_REFRESH;
	if (has_conditions(params)) {
		write.op = WRITE_COMPARE_AND_SWAP;
		add_conditions(&write, params);
	} else if (params->prev_exist == PARAMS_TRUE) {
		write.op = WRITE_UPDATE;
	} else {
		write.op = WRITE_SET;
		add_new_node(&write, params);
	}
	send_write(request, &write, params);
}

static void
handle_post(struct request *request, struct slice key, const struct params *params)
{
	struct msg_write write = {
		.op = WRITE_CREATE_IN_ORDER,
		.key = key,
		.value = params->value,
	};

	if (params->has_ttl) {
		write.flags |= WRITE_FLAG_TTL;
		write.ttl_s = params->ttl_s;
	}
	add_new_node(&write, params);
	send_write(request, &write, params);
}

static void
handle_delete(struct request *request, struct slice key, const struct params *params)
{
	struct msg_write write = { .op = WRITE_DELETE, .key = key };

	if (params->dir)
		write.flags |= WRITE_FLAG_DIR;
	if (params->recursive)
		write.flags |= WRITE_FLAG_RECURSIVE;
	if (has_conditions(params)) {
		write.op = WRITE_COMPARE_AND_DELETE;
		add_conditions(&write, params);
	}
	send_write(request, &write, params);
}

/* The router saw to it that the path is clean. */
struct slice
keys_key(const struct request *request, size_t route_bytes)
{
	struct slice path = request->path;
	struct slice key = slice_of(path.data + route_bytes, path.size - route_bytes);

	if (key.size > 0 && key.data[key.size - 1] == '/')
		key.size--;
	return key.size == 0 ? SLICE_LITERAL("/") : key;
}

struct slice
keys_form(const struct request *request)
{
	if ((request->method & (METHOD_PUT | METHOD_POST)) == 0 ||
	    !params_is_form(request->content_type))
		return SLICE_EMPTY;
	return request->body;
}

bool
keys_is_served(struct request *request)
{
	if (request->worker->cluster->phase != PHASE_JOINING)
		return true;
	api_error(request, ERR_RAFT_INTERNAL, SLICE_LITERAL("joining"), 0);
	return false;
}

void
keys_handle(struct request *request)
{
	struct slice key = keys_key(request, KEYS_PREFIX_SIZE);
	struct params params;
	struct slice cause;
	enum err err;

	err = params_read(&request->arena, request->method, request->query, keys_form(request),
	    &params, &cause);
	if (err != ERR_NONE) {
		api_error(request, err, cause, 0);
		return;
	}
	if (!keys_is_served(request))
		return;
	switch (request->method) {
	case METHOD_GET:
	case METHOD_HEAD:
		handle_get(request, key, &params);
		return;
	case METHOD_PUT:
		handle_put(request, key, &params);
		return;
	case METHOD_POST:
		handle_post(request, key, &params);
		return;
	case METHOD_DELETE:
		handle_delete(request, key, &params);
		return;
	case METHOD_OPTIONS:
	case METHOD_OTHER:
		break;
	}
	/* The router passes on no other. */
	ASSERT(request->method == METHOD_GET);
}
