/*
 * call.c - the life of a v3 call between its carrier and its method (see call.h).
 */
#include "httpd/client/v3/call.h"

#include "common/cause.h"
#include "common/limits.h"
#include "common/loop.h"
#include "common/metric.h"
#include "httpd/backend.h"
#include "httpd/client/gate.h"
#include "httpd/client/v3/call_tally.h"
#include "httpd/client/v3/methods.h"
#include "httpd/client/v3/need.h"
#include "httpd/cluster.h"
#include "httpd/worker.h"

/* ---- ends ------------------------------ */

/* Nothing of it is due any more, and who waits in call_next hears of it. */
static void
finish(struct v3_call *call, enum v3_code code)
{
	if (!call->request->moved)
		call_tally_ended(call->request->worker->call_tally, call->method, code);
	loop_timer_free(&call->timer);
	loop_timer_free(&call->look);
	if (call->over != NULL)
		*call->over = true;
	call->over = NULL;
	call->request->gone = NULL;
	call->request->drained = NULL;
	call->request->stop = NULL;
	call->request->pack = NULL;
}

/* Its method does not know yet. */
static void
abandon(struct v3_call *call, enum v3_code code)
{
	finish(call, code);
	if (call->gone != NULL)
		call->gone(call);
}

static void
deny(struct v3_call *call)
{
	abandon(call, V3_UNAUTHENTICATED);
	call->carrier->deny(call);
}

void
call_fail(struct v3_call *call, struct v3_status status)
{
	abandon(call, status.code);
	call->carrier->end(call, status);
}

static void
late(void *argument)
{
	call_fail(argument, v3_status_of(V3_REFUSE_DEADLINE));
}

static void
look(void *argument)
{
	struct v3_call *call = argument;
	uint64_t ms = backend_leaderless_ms(call->request->worker->backend);

	if (ms >= V3_LEADERLESS_MS)
		call_fail(call, v3_status_of(V3_REFUSE_NO_LEADER));
	else
		loop_timer_set(call->look, V3_LEADERLESS_MS - ms);
}

/* ---- rights ------------------------------ */

static bool
v3_counts(const struct v3_call *call)
{
	return v3_users_count(call->request->worker);
}

const struct v3_auth_entry *
call_user(const struct v3_call *call)
{
	return v3_auth_user_of(v3_users_auth(call->request->worker), call->who.credential);
}

bool
call_may(const struct v3_call *call, enum v3_auth_type type, struct slice key, struct slice end)
{
	return v3_auth_may(v3_users_auth(call->request->worker), call_user(call), type, key, end);
}

struct v3_status
call_nobody(const struct v3_call *call)
{
	if (call->who.unknown)
		return v3_status_of(V3_REFUSE_PERMISSION);
	if (call->who.bad_token || (call->who.credential != 0 && call_user(call) == NULL))
		return v3_status_of(V3_REFUSE_AUTH_TOKEN);
	if (call->who.credential == 0)
		return v3_status_of(V3_REFUSE_USER_EMPTY);
	return (struct v3_status){ V3_OK, "" };
}

/* While v3 users count. */
static struct v3_status
needs(const struct v3_call *call)
{
	enum v3_need need = need_of(call->method);
	struct v3_status nobody = call_nobody(call);

	if (need == V3_NEED_NOTHING)
		return (struct v3_status){ V3_OK, "" };
	if (nobody.code != V3_OK)
		return nobody;
	if (need == V3_NEED_USER || (v3_auth_is_root(call_user(call)) &&
	    (need != V3_NEED_BOTH || gate_is_root(call->request))))
		return nobody;
	return v3_status_of(V3_REFUSE_PERMISSION);
}

/* While they count. */
static bool
may_read(const struct v3_call *call)
{
	return v3_auth_may_ask(v3_users_auth(call->request->worker), call_user(call),
	    call->compares, call->ops);
}

/* It was done, or not, by what his rights were then: he may know. */
static bool
is_decided(const struct v3_call *call)
{
	return call->decided && (v3_counts(call) || call->who.credential != 0);
}

/* May he be told? False: *why says why not; V3_OK: in the way of /v2. */
static bool
may_hear(const struct v3_call *call, struct v3_status *why)
{
	*why = (struct v3_status){ V3_OK, "" };
	if (is_decided(call))
		return true;
	/* Users may have begun to count, or have other rights. */
	if (!v3_counts(call))
		return gate_is_root(call->request);
	*why = needs(call);
	if (why->code == V3_OK && call->reads && !may_read(call))
		*why = v3_status_of(V3_REFUSE_PERMISSION);
	return why->code == V3_OK;
}

bool
call_may_hear(const struct v3_call *call)
{
	struct v3_status why;

	return may_hear(call, &why);
}

bool
call_reads(struct v3_call *call, struct slice compares, struct slice ops)
{
	call->reads = true;
	call->compares = arena_copy(&call->request->arena, compares);
	call->ops = arena_copy(&call->request->arena, ops);
	if (!v3_counts(call) || may_read(call))
		return true;
	call_end(call, v3_status_of(V3_REFUSE_PERMISSION));
	return false;
}

bool
call_writes(struct v3_call *call, struct slice compares, struct slice ops)
{
	call->decided = true;
	if (!v3_counts(call) || v3_auth_may_ask(v3_users_auth(call->request->worker),
	    call_user(call), compares, ops))
		return true;
	call_end(call, v3_status_of(V3_REFUSE_PERMISSION));
	return false;
}

static void
turn_away(struct v3_call *call, struct v3_status why)
{
	if (why.code == V3_PERMISSION_DENIED)
		metric_add(METRIC_rejected_rights, 1);
	if (why.code == V3_OK)
		deny(call);
	else
		call_fail(call, why);
}

bool
call_is_kept(struct v3_call *call)
{
	struct v3_status why;

	if (may_hear(call, &why))
		return true;
	turn_away(call, why);
	return false;
}

/* May it begin? False: it is over. */
static bool
let_in(struct v3_call *call)
{
	call->who = v3_users_who(call->request, call->carrier->form != 0);
	if (!call_is_kept(call))
		return false;
	/* A token that is shown while they do not count is none. */
	if (!v3_counts(call) && call->who.bad_token &&
	    need_of(call->method) != V3_NEED_NOTHING) {
		call_fail(call, v3_status_of(V3_REFUSE_AUTH_TOKEN));
		return false;
	}
	return true;
}

/* ---- answers ------------------------------ */

void
call_answer(struct v3_call *call, const void *response)
{
	call->gone = NULL;
	if (!call_is_kept(call))
		return;
	finish(call, V3_OK);
	call->carrier->answer(call, response);
}

bool
call_message(struct v3_call *call, const void *response)
{
	if (!call_is_kept(call))
		return false;
	call->carrier->message(call, response);
	return true;
}

bool
call_message_with(struct v3_call *call, const void *response, struct blob *tail)
{
	if (!call_is_kept(call))
		return false;
	call->carrier->message_with(call, response, tail);
	return true;
}

/* Some of what was sent was taken. */
static void
drained(struct request *request)
{
	(void)call_drained(request->state);
}

bool
call_answer_begin(struct v3_call *call, const void *response, uint64_t bytes)
{
	if (!call_is_kept(call))
		return false;
	if (bytes > LONG_ANSWER_BYTES_MAX) {
		call_fail(call, (struct v3_status){ V3_RESOURCE_EXHAUSTED,
			"the answer is larger than 4 GiB: ask for less with limit and range_end" });
		return false;
	}
	call->request->drained = drained;
	call->carrier->begin_long(call, response, bytes);
	return true;
}

bool
call_answer_more(struct v3_call *call, struct slice bytes)
{
	if (!call_is_kept(call))
		return false;
	call->carrier->more(call, bytes);
	return true;
}

size_t
call_backlog(const struct v3_call *call)
{
	return call->carrier->backlog(call);
}

void
call_end(struct v3_call *call, struct v3_status status)
{
	bool denied = !is_decided(call) && !v3_counts(call) && !gate_is_root(call->request);

	finish(call, denied ? V3_UNAUTHENTICATED : status.code);
	if (denied)
		call->carrier->deny(call);
	else
		call->carrier->end(call, status);
}

/* ---- what its request is told ------------------------------ */

static void
gone(struct request *request)
{
	abandon(request->state, V3_CANCELLED);
}

static void
stop(struct request *request)
{
	struct v3_call *call = request->state;

	if (call->stop != NULL)
		call->stop(call);
}

static bool
pack(const struct request *request, struct msg_handed *handed)
{
	const struct v3_call *call = request->state;

	return call->pack != NULL && call->pack(call, handed);
}

struct v3_call *
call_go_on(struct request *request, const struct v3_method *method,
    const struct v3_carrier *carrier)
{
	struct v3_call *call = arena_zalloc(&request->arena, sizeof(*call));

	call->request = request;
	call->method = method;
	call->carrier = carrier;
	request->state = call;
	request->gone = gone;
	request->stop = stop;
	if (method->kind != V3_UNARY) {
		request->drained = drained;
		request->pack = pack;
	}
	return call;
}

struct v3_call *
call_new(struct request *request, const struct v3_method *method,
    const struct v3_carrier *carrier)
{
	call_tally_began(request->worker->call_tally, method);
	return call_go_on(request, method, carrier);
}

void
call_limit(struct v3_call *call, uint64_t ns)
{
	call->timer = loop_timer_new(call->request->worker->loop, late, call);
	loop_timer_set(call->timer, ns / NS_PER_MS + (ns % NS_PER_MS != 0));
}

void
call_want_leader(struct v3_call *call)
{
	call->look = loop_timer_new(call->request->worker->loop, look, call);
	loop_timer_set(call->look, V3_LEADERLESS_MS);
}

/* ---- messages ------------------------------ */

typedef void begin_function(struct v3_call *call, const void *message);

/* NULL: it is not served. */
static begin_function *
begin_of(const struct v3_method *method)
{
	switch (method->tag) {
#define SERVED(tag, begin) \
	case V3_METHOD_##tag: \
		return begin;
#include "httpd/client/v3/served_table.h"
	default:
		return NULL;
	}
}

bool
call_serves(const struct v3_method *method)
{
	return begin_of(method) != NULL;
}

bool
call_begin(struct v3_call *call, const void *message)
{
	bool over = false;

	if (!let_in(call))
		return false;
	call->over = &over;
	begin_of(call->method)(call, message);
	if (!over)
		call->over = NULL;
	return !over;
}

bool
call_next(struct v3_call *call, const void *message)
{
	bool over = false;

	call->over = &over;
	call->next(call, message);
	if (!over)
		call->over = NULL;
	return !over;
}

bool
call_drained(struct v3_call *call)
{
	bool over = false;

	if (call->drained == NULL)
		return true;
	call->over = &over;
	call->drained(call);
	if (!over)
		call->over = NULL;
	return !over;
}

void
call_close(struct v3_call *call)
{
	call->half_closed = true;
	if (call->closed != NULL)
		call->closed(call);
}

/* ---- for methods ------------------------------ */

bool
call_may_ask(struct v3_call *call)
{
	const struct worker *worker = call->request->worker;

	if (worker->cluster->phase == PHASE_JOINING) {
		call_end(call, v3_status_of(V3_REFUSE_NO_LEADER));
		return false;
	}
	if (backend_is_full(worker->backend)) {
		metric_add(METRIC_rejected_requests, 1);
		call_end(call, v3_status_of(V3_REFUSE_TOO_MANY_REQUESTS));
		return false;
	}
	return true;
}

struct v3_response_header
call_header(const struct v3_call *call, uint64_t raft_term)
{
	const struct cluster *cluster = call->request->worker->cluster;
	const struct cluster_member *member = cluster_member(cluster, cluster->node_id);

	return (struct v3_response_header){
		.cluster_id = cluster->cluster_id,
		/* As clients know it. */
		.member_id = member == NULL ? cluster->node_id : member->shown_id,
		.raft_term = raft_term,
	};
}

struct v3_status
call_failure(const struct msg_outcome *outcome)
{
	if (outcome->error == ERR_TOO_BIG)
		return (struct v3_status){ V3_RESOURCE_EXHAUSTED,
			"the answer is larger than 64 MiB: ask for less with limit and range_end" };
	if (outcome->error == ERR_BUSY)
		return v3_status_of(V3_REFUSE_TOO_MANY_REQUESTS);
	switch (cause_fate(outcome->cause)) {
	case FATE_BUSY:
		return v3_status_of(V3_REFUSE_TOO_MANY_REQUESTS);
	case FATE_DISK_FULL:
		return v3_status_of(V3_REFUSE_NO_SPACE);
	case FATE_TOO_LARGE:
		return v3_status_of(V3_REFUSE_REQUEST_TOO_LARGE);
	case FATE_NOT_DONE:
		return v3_status_of(V3_REFUSE_NO_LEADER);
	case FATE_UNKNOWN:
		break;
	}
	return v3_status_of(V3_REFUSE_TIMED_OUT);
}
