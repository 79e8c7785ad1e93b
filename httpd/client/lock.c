/*
 * lock.c - /mod/v2/lock and /mod/v2/leader: locks, and leaders, which are locks with names.
 *
 * Who waits for a lock goes to lock_wait.c. What is asked at once, who holds it, renewals and
 * releases, has a call to raftd in the request's arena. Of both modules a KEY is the same
 * lock.
 *
 * Source: docs/api.md, "Locks".
 */
#include "common/ipc/wire.h"
#include "common/key_limits.h"
#include "common/limits.h"
#include "httpd/api_error.h"
#include "httpd/backend.h"
#include "httpd/client/gate.h"
#include "httpd/client/handlers.h"
#include "httpd/client/keys.h"
#include "httpd/client/lock_wait.h"
#include "httpd/client/params.h"
#include "httpd/client/read.h"
#include "httpd/cluster.h"
#include "httpd/worker.h"

#include <inttypes.h>
#include <stdio.h>

#define LOCK_ROUTE_SIZE (sizeof("/mod/v2/lock") - 1)
#define LEADER_ROUTE_SIZE (sizeof("/mod/v2/leader") - 1)
#define TEXT_TYPE "text/plain; charset=utf-8"

/* What of the holder is asked for. */
enum lock_field { FIELD_VALUE, FIELD_INDEX };

struct lock_call {
	struct backend_call call;
	struct request *request;
	enum lock_field field;
};

/* ---- answers ------------------------------------------------------------------------ */

/* What is wrong with a request is no state of the store. */
static void
refuse(struct request *request, enum err err, const char *cause)
{
	api_error(request, err, slice_text(cause), 0);
}

static void
answer_text(struct request *request, const struct msg_outcome *outcome, struct slice text)
{
	cluster_id_header(request);
	response_header_number(request, "X-Etcd-Index", outcome->store_index);
	response_header_number(request, "X-Raft-Index", outcome->raft_index);
	response_header_number(request, "X-Raft-Term", outcome->raft_term);
	response_send(request, 200, TEXT_TYPE, text);
}

static void
written(struct backend_call *call, const struct msg_outcome *outcome)
{
	struct request *request = CONTAINER_OF(call, struct lock_call, call)->request;

	if (outcome->error != ERR_NONE)
		api_error(request, err_from_number(outcome->error), outcome->cause, 0);
	else
		answer_text(request, outcome, SLICE_EMPTY);
}

static void
looked(struct backend_call *call, const struct msg_outcome *outcome)
{
	const struct lock_call *asked = CONTAINER_OF(call, struct lock_call, call);
	struct request *request = asked->request;
	struct reader in = reader_of(outcome->event);
	struct lock_record lock;
	char index[24];

	if (outcome->error != ERR_NONE) {
		api_error(request, err_from_number(outcome->error), outcome->cause, 0);
	} else if (!lock_record_get(&in, &lock)) {
		refuse(request, ERR_RAFT_INTERNAL, "raftd sent no lock");
	} else if (asked->field == FIELD_VALUE || lock.holder == 0) {
		answer_text(request, outcome, lock.holder_value);
	} else {
		snprintf(index, sizeof(index), "%" PRIu64, lock.holder);
		answer_text(request, outcome, slice_text(index));
	}
}

/* ---- asking raftd ------------------------------------------------------------------- */

static void
gone(struct request *request)
{
	struct lock_call *call = request->state;

	backend_cancel(request->worker->backend, &call->call);
}

static struct lock_call *
new_call(struct request *request,
    void (*done)(struct backend_call *call, const struct msg_outcome *outcome))
{
	struct lock_call *call = arena_zalloc(&request->arena, sizeof(*call));

	call->request = request;
	call->call.done = done;
	call->call.sent_ns = &request->sent_ns;
	request->state = call;
	request->gone = gone;
	return call;
}

/* May it be asked of raftd? Else it is answered. */
static bool
is_taken(struct request *request, struct slice key, unsigned op)
{
	const struct cluster *cluster = request->worker->cluster;
	struct key_limits limits = { cluster->config.max_key_names, cluster->config.max_key_bytes };
	char cause[KEY_CAUSE_BYTES];
	bool allowed = op == 0 ? gate_shows(request, key, false) :
	    gate_may_write(request, key, AUTH_KEY);

	if (!key_allowed(&limits, key, op, cause)) {
		refuse(request, ERR_INVALID_FORM, cause);
		return false;
	}
	if (!allowed) {
		gate_refuse_key(request);
		return false;
	}
	if (backend_is_full(request->worker->backend)) {
		keys_refuse_full(request);
		return false;
	}
	return true;
}

static void
look(struct request *request, struct slice key, enum lock_field field)
{
	struct lock_call *call;

	if (!is_taken(request, key, 0))
		return;
	call = new_call(request, looked);
	call->field = field;
	backend_lock_look(request->worker->backend, &call->call, &(struct msg_lock_look){
	    .key = key });
}

static void
send_write(struct request *request, struct msg_write *write)
{
	if (!is_taken(request, write->key, write->op))
		return;
	write->user = request->user;
	write->credential = request->credential;
	backend_write(request->worker->backend, &new_call(request, written)->call, write);
	request_drop_body(request);
}

/* ---- parameters --------------------------------------------------------------------- */

/* Each answers what is wrong and is false then. */
static bool
read_ttl(struct request *request, const struct lock_params *params, const char *cause,
    uint64_t *ttl_s)
{
	if (params_number(params->ttl, ttl_s) && *ttl_s >= 1 && *ttl_s <= LOCK_SECONDS_MAX)
		return true;
	refuse(request, ERR_TTL_NOT_NUMBER, cause);
	return false;
}

static bool
read_timeout(struct request *request, const struct lock_params *params, struct lock_wish *wish)
{
	wish->for_ever = params->timeout.size == 0 ||
	    slice_equal(params->timeout, SLICE_LITERAL("-1"));
	if (wish->for_ever || (params_number(params->timeout, &wish->timeout_s) &&
	    wish->timeout_s <= LOCK_SECONDS_MAX))
		return true;
	refuse(request, ERR_TIMEOUT_NOT_NUMBER, "Acquire");
	return false;
}

static bool
is_value(struct request *request, struct slice value)
{
	if (value.size <= LOCK_VALUE_BYTES_MAX)
		return true;
	refuse(request, ERR_INVALID_FORM, "the value of a lock is longer than 64 KiB");
	return false;
}

/* No entry has the index 0, which raftd would not take for one. */
static bool
read_index(struct request *request, struct slice key, const struct lock_params *params,
    const char *cause, uint64_t *index)
{
	*index = 0;
	if (params->index.size == 0)
		return true;
	if (!params_number(params->index, index)) {
		refuse(request, ERR_INDEX_NOT_NUMBER, cause);
		return false;
	}
	if (*index == 0) {
		refuse(request, ERR_KEY_NOT_FOUND, arena_printf(&request->arena, "%.*s/0",
		    SLICE_ARGS(key)));
		return false;
	}
	return true;
}

/* ---- what both modules do ----------------------------------------------------------- */

static void
acquire(struct request *request, struct slice key, const struct lock_params *params,
    struct slice value)
{
	struct lock_wish wish = { .key = key, .value = value };

	if (read_ttl(request, params, "Acquire", &wish.ttl_s) &&
	    read_timeout(request, params, &wish) && is_value(request, value) &&
	    is_taken(request, key, WRITE_LOCK_ACQUIRE))
		lock_wait_begin(request, &wish);
}

static void
release_value(struct request *request, struct slice key, struct slice value)
{
	struct msg_write write = { .op = WRITE_LOCK_RELEASE, .flags = WRITE_FLAG_PREV_VALUE,
		.key = key, .prev_value = value };

	if (is_value(request, value))
		send_write(request, &write);
}

/* ---- locks -------------------------------------------------------------------------- */

static void
get_lock(struct request *request, struct slice key, const struct lock_params *params)
{
	if (params->field.size == 0 || slice_equal(params->field, SLICE_LITERAL("value")))
		look(request, key, FIELD_VALUE);
	else if (slice_equal(params->field, SLICE_LITERAL("index")))
		look(request, key, FIELD_INDEX);
	else
		refuse(request, ERR_INVALID_FIELD, "Get");
}

static void
renew_lock(struct request *request, struct slice key, const struct lock_params *params)
{
	struct msg_write write = { .op = WRITE_LOCK_RENEW, .flags = WRITE_FLAG_TTL, .key = key };

	if (!read_ttl(request, params, "Renew", &write.ttl_s))
		return;
	if (params->index.size == 0 && params->value.size == 0) {
		refuse(request, ERR_INDEX_OR_VALUE_REQUIRED, "Renew");
		return;
	}
	if (!read_index(request, key, params, "Renew", &write.prev_index) ||
	    !is_value(request, params->value))
		return;
	if (write.prev_index != 0) {
		write.value = params->value;
	} else {
		write.flags |= WRITE_FLAG_PREV_VALUE;
		write.prev_value = params->value;
	}
	send_write(request, &write);
}

static void
release_lock(struct request *request, struct slice key, const struct lock_params *params)
{
	struct msg_write write = { .op = WRITE_LOCK_RELEASE, .key = key };

	if (params->index.size == 0 && params->value.size == 0)
		refuse(request, ERR_INDEX_OR_VALUE_REQUIRED, "Release");
	else if (params->index.size > 0 && params->value.size > 0)
		refuse(request, ERR_INDEX_AND_VALUE, "Release");
	else if (params->value.size > 0)
		release_value(request, key, params->value);
	else if (read_index(request, key, params, "Release", &write.prev_index))
		send_write(request, &write);
}

/* ---- leaders ------------------------------------------------------------------------ */

static void
set_leader(struct request *request, struct slice key, const struct lock_params *params)
{
	if (params->name.size == 0)
		refuse(request, ERR_NAME_REQUIRED, "Set");
	else
		acquire(request, key, params, params->name);
}

static void
remove_leader(struct request *request, struct slice key, const struct lock_params *params)
{
	if (params->name.size == 0)
		refuse(request, ERR_NAME_REQUIRED, "Delete");
	else
		release_value(request, key, params->name);
}

/* ---- routes ------------------------------------------------------------------------- */

void
mod_handle(struct request *request)
{
	response_header(request, "Location", "/");
	response_send(request, 301, NULL, SLICE_EMPTY);
}

static void
send_not_found(struct request *request)
{
	response_plain_error(request, 404, "404 page not found");
}

/* The lock's directory; false: it is answered. */
static bool
begin(struct request *request, size_t route_bytes, unsigned methods, struct slice *key,
    struct lock_params *params)
{
	struct slice name, cause;
	enum err err;

	if (request->path.size == route_bytes) {
		mod_handle(request);
		return false;
	}
	name = keys_key(request, route_bytes);
	if (name.size == 1 || (methods & request->method) == 0) {
		send_not_found(request);
		return false;
	}
	err = params_read_lock(&request->arena, request->query, keys_form(request), params, &cause);
	if (err != ERR_NONE) {
		api_error(request, err, cause, 0);
		return false;
	}
	*key = slice_text(arena_printf(&request->arena, "%s%.*s", LOCK_PREFIX,
	    (int)(name.size - 1), (const char *)name.data + 1));
	return keys_is_served(request);
}

void
lock_handle(struct request *request)
{
	struct lock_params params;
	struct slice key;

	if (!begin(request, LOCK_ROUTE_SIZE,
	    METHOD_GET | METHOD_POST | METHOD_PUT | METHOD_DELETE, &key, &params))
		return;
	if (request->method == METHOD_GET)
		get_lock(request, key, &params);
	else if (request->method == METHOD_POST)
		acquire(request, key, &params, params.value);
	else if (request->method == METHOD_PUT)
		renew_lock(request, key, &params);
	else
		release_lock(request, key, &params);
}

void
leader_module_handle(struct request *request)
{
	struct lock_params params;
	struct slice key;

	if (!begin(request, LEADER_ROUTE_SIZE, METHOD_GET | METHOD_PUT | METHOD_DELETE, &key,
	    &params))
		return;
	if (request->method == METHOD_GET)
		look(request, key, FIELD_VALUE);
	else if (request->method == METHOD_PUT)
		set_leader(request, key, &params);
	else
		remove_leader(request, key, &params);
}
