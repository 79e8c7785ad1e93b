/*
 * kv.c - requests of the KV service, as raftd is asked them (see kv.h).
 */
#include "httpd/client/v3/kv.h"

#include "common/v3_error.h"
#include "httpd/v3/protobuf.h"
#include "httpd/worker.h"

/* ---- asked ------------------------------ */

/* At most so many operations on a path, and so many bytes of what writes. */
static struct v3_status
make(enum v3_method_tag method, const void *message, size_t most, size_t bytes_max,
    struct v3_ask *ask)
{
	struct v3_status status;
	struct arena arena;

	arena_init(&arena);
	status = v3_ask_make(method, message, most, &arena, ask);
	arena_free(&arena);
	if (status.code == V3_OK && ask->writes &&
	    v3_protobuf_size(v3_method(method)->request(), message) > bytes_max)
		status = v3_status_of(V3_REFUSE_REQUEST_TOO_LARGE);
	return status;
}

struct v3_status
kv_lists(const struct v3_call *call, const void *message, struct v3_ask *ask)
{
	const struct config *config = &call->request->worker->config;

	return make(call->method->tag, message, (size_t)config->max_txn_ops,
	    MIN_OF(V3_WRITE_BYTES_MAX, (size_t)config->max_body_bytes), ask);
}

struct v3_status
kv_own_lists(enum v3_method_tag method, const void *message, struct v3_ask *ask)
{
	return make(method, message, V3_OPS_MAX, V3_WRITE_BYTES_MAX, ask);
}

bool
kv_is_permitted(struct v3_call *call, const struct v3_ask *ask)
{
	return ask->writes ? call_writes(call, buf_slice(&ask->compares), buf_slice(&ask->ops)) :
	    call_reads(call, buf_slice(&ask->compares), buf_slice(&ask->ops));
}

void
kv_send(const struct worker *worker, uint64_t credential, struct backend_call *call,
    const struct v3_ask *ask)
{
	if (ask->writes)
		backend_v3_write(worker->backend, call, &(struct msg_v3_write){
		    V3_WHO(worker, credential), .compares = buf_slice(&ask->compares),
		    .ops = buf_slice(&ask->ops) });
	else
		backend_v3_read(worker->backend, call, &(struct msg_v3_read){
		    .quorum = !ask->serializable, .compares = buf_slice(&ask->compares),
		    .ops = buf_slice(&ask->ops) });
}

/* The txn that a choice is. */
static struct v3_status
choice_lists(const struct kv_choice *choice, struct v3_ask *ask)
{
	const struct v3_txn_compare compare = {
		.result = V3_EQUAL,
		.target = V3_COMPARE_CREATE,
		.key = choice->key,
		.which = V3_IS_create_revision,
		.create_revision = choice->created,
	};
	const struct v3_txn_request txn = {
		.compare = { &compare, 1 },
		.success = { choice->then, choice->then != NULL },
		.failure = { choice->otherwise, choice->otherwise != NULL },
	};

	return kv_own_lists(V3_METHOD_txn, &txn, ask);
}

struct v3_status
kv_choose(const struct worker *worker, uint64_t credential, struct backend_call *call,
    const struct kv_choice *choice)
{
	struct v3_ask ask = { .writes = false };
	struct v3_status status = choice_lists(choice, &ask);

	if (status.code == V3_OK)
		kv_send(worker, credential, call, &ask);
	v3_ask_free(&ask);
	return status;
}

struct slice
kv_below(struct arena *arena, struct slice name, struct slice *end)
{
	uint8_t *bytes = arena_alloc(arena, 2 * (name.size + 1));
	uint8_t *behind = bytes + name.size + 1;

	if (name.size > 0) {
		memcpy(bytes, name.data, name.size);
		memcpy(behind, name.data, name.size);
	}
	bytes[name.size] = '/';
	behind[name.size] = '/' + 1;
	*end = slice_of(behind, name.size + 1);
	return slice_of(bytes, name.size + 1);
}

struct v3_range_request
kv_first_below(struct arena *arena, struct slice name)
{
	struct v3_range_request range = { .limit = 1, .sort_order = V3_SORT_ASCEND,
		.sort_target = V3_SORT_CREATE };

	range.key = kv_below(arena, name, &range.range_end);
	return range;
}

/* ---- answered ------------------------------ */

/* Errors that another moment, or another node, mends; and that of a write whose user's rights were
 * looked at before they changed, or others' did. */
static bool
mends(enum v3_error error)
{
	return v3_error_code(error) == V3_UNAVAILABLE || error == V3_TOO_MANY_REQUESTS ||
	    error == V3_AUTH_OLD_REVISION;
}

/* A lease that is not there has no code of its own in the services of locks and elections: who
 * looks for it does so by the text. */
static struct v3_status
status_of(enum v3_error error)
{
	return (struct v3_status){ error == V3_LEASE_NOT_FOUND ? V3_UNKNOWN :
	    (enum v3_code)v3_error_code(error), v3_error_text(error) };
}

void
kv_take(enum v3_method_tag method, const struct msg_outcome *outcome, struct arena *arena,
    struct kv_answer *answer)
{
	enum v3_error error = V3_NONE;

	*answer = (struct kv_answer){ .raft_term = outcome->raft_term };
	if (outcome->error != ERR_NONE) {
		answer->status = call_failure(outcome);
		answer->passes = outcome->error == ERR_RAFT_INTERNAL ||
		    outcome->error == ERR_LEADER_ELECT || outcome->error == ERR_BUSY;
	} else if (v3_show(method, outcome->event, arena, &answer->header, &answer->shown,
	    &error) != ERR_NONE) {
		answer->status = (struct v3_status){ V3_INTERNAL, "raftd sent no answer" };
	} else if (error != V3_NONE) {
		answer->status = status_of(error);
		answer->passes = mends(error);
	}
}

const struct v3_response_op *
kv_first(const struct v3_txn_response *txn)
{
	return txn->responses.count == 0 ? NULL : &txn->responses.items[0];
}

bool
kv_key_value(const struct v3_range_response *range, struct v3_key_value *key_value)
{
	return range->kvs.count > 0 && v3_key_value_read(range->kvs.items[0], key_value);
}

/* ---- a call that is one request ------------------------------ */

struct kv_call {
	struct backend_call call;
	struct v3_call *of;
	enum v3_method_tag method;
	kv_answered *answered;
};

static void
done(struct backend_call *backend_call, const struct msg_outcome *outcome)
{
	struct kv_call *asked = CONTAINER_OF(backend_call, struct kv_call, call);
	struct kv_answer answer;

	kv_take(asked->method, outcome, &asked->of->request->arena, &answer);
	if (answer.status.code != V3_OK)
		call_end(asked->of, answer.status);
	else
		asked->answered(asked->of, &answer);
}

static void
gone(struct v3_call *call)
{
	struct kv_call *asked = call->state;

	backend_cancel(call->request->worker->backend, &asked->call);
}

static struct kv_call *
kv_new(struct v3_call *call, enum v3_method_tag method, kv_answered *answered)
{
	struct kv_call *asked = arena_zalloc(&call->request->arena, sizeof(*asked));

	asked->of = call;
	asked->method = method;
	asked->answered = answered;
	asked->call.done = done;
	asked->call.sent_ns = &call->request->sent_ns;
	call->state = asked;
	return asked;
}

/* Takes the lists, or why there are none. */
static void
begin(struct v3_call *call, enum v3_method_tag method, struct v3_status status,
    struct v3_ask *ask, kv_answered *answered)
{
	if (status.code != V3_OK) {
		call_end(call, status);
	} else if (kv_is_permitted(call, ask) && call_may_ask(call)) {
		kv_send(call->request->worker, call->who.credential,
		    &kv_new(call, method, answered)->call, ask);
		call->gone = gone;
		request_drop_body(call->request);
	}
	v3_ask_free(ask);
}

void
kv_begin(struct v3_call *call, enum v3_method_tag method, const void *message,
    kv_answered *answered)
{
	struct v3_ask ask = { .writes = false };

	begin(call, method, kv_own_lists(method, message, &ask), &ask, answered);
}

void
kv_begin_choice(struct v3_call *call, const struct kv_choice *choice,
    kv_answered *answered)
{
	struct v3_ask ask = { .writes = false };

	begin(call, V3_METHOD_txn, choice_lists(choice, &ask), &ask, answered);
}

struct v3_response_header
kv_header(const struct v3_call *call, const struct kv_answer *answer)
{
	struct v3_response_header header = call_header(call, answer->raft_term);

	header.revision = answer->header.revision;
	return header;
}
