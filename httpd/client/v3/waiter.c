/*
 * waiter.c - keys that wait until they are the first below a name (see waiter.h).
 *
 *	granting ----> acquiring	the lease is there		[granted]
 *	acquiring ---> looking		the key is			[acquired]
 *	acquiring ---> proclaiming	it was, with another value
 *	proclaiming -> looking						[proclaimed]
 *	looking -----> watching		a key is before it		[looked]
 *	watching ----> looking		that one is gone; or its past is compacted [happened]
 *	looking -----> answered		none is before it, so none will be [hold]
 *	looking, watching -> resting	raftd or a quorum is away	[rest]
 *	resting -----> looking		a moment later			[rested]
 *	any ---------> answered		its key is gone, or it is refused [give_up]
 *	any ---------> releasing	the client left, its time is over; the server stops; its
 *					rights went			[gone, stop, forbidden]
 *	releasing ---> over		the key is gone			[released]
 *	releasing ---> resting -> releasing	that is not known	[released, rested]
 *
 * Of the keys before it, it waits for the last one alone: so one that goes wakes one. A look asks
 * for that one and no other, however many there are.
 *
 * A key is deleted if it is the one that was made here, by its create_revision: so a repeat, or a
 * key that somebody made of the same lease since, comes to no harm. If the lease was granted here
 * it is revoked, which takes the key with it, even one that raftd did not tell of. A key that was
 * there before is waited for, and stays when the call goes.
 *
 * A waiter lives on the heap, since raftd may have to be told something when its call is gone.
 */
#include "httpd/client/v3/waiter.h"

#include "common/limits.h"
#include "common/rand.h"
#include "common/v3_error.h"
#include "common/xmem.h"
#include "httpd/client/v3/kv.h"
#include "httpd/cluster.h"
#include "httpd/http/server.h"
#include "httpd/worker.h"

#include <stdlib.h>
#include <sys/queue.h>

#define REST_MS 250			/* then raftd is asked again */
#define LEASE_HEX_BYTES 16

enum waiter_state { GRANTING, ACQUIRING, PROCLAIMING, LOOKING, WATCHING, RESTING, RELEASING };

struct waiters {
	struct worker *worker;
	TAILQ_HEAD(, v3_waiter) all;
	size_t count, waiting;
};

struct v3_waiter {
	TAILQ_ENTRY(v3_waiter) link;
	struct waiters *waiters;
	struct v3_call *call;		/* NULL: nobody waits any more */
	enum waiter_state state;
	struct backend_call step;	/* of all states but watching and resting */
	struct backend_v3_watch watch;	/* of the key before */
	struct buf watched;		/* that key */
	struct loop_timer *timer;	/* of resting */
	struct buf value;		/* until the key has it */
	bool proclaims;
	bool granted;			/* its lease is its own, */
	bool made;			/* and so is its key */
	bool releases;			/* resting: from that */
	bool ends;			/* before there is a key: the server stops */
	int64_t lease, created;
	uint64_t credential;		/* of the v3 user who waits; 0: of nobody */
	void (*first)(struct v3_call *call, const struct waiter_first *first);
	struct v3_status lost, why;	/* why: it ends with that when its key is gone */
	struct slice name, key;		/* behind this struct; the key begins with the name */
};

/* ---- life ------------------------------ */

struct waiters *
waiters_new(struct worker *worker)
{
	struct waiters *waiters = xzalloc(sizeof(*waiters));

	waiters->worker = worker;
	TAILQ_INIT(&waiters->all);
	return waiters;
}

static void
free_waiter(struct v3_waiter *waiter)
{
	TAILQ_REMOVE(&waiter->waiters->all, waiter, link);
	waiter->waiters->count--;
	loop_timer_free(&waiter->timer);
	buf_free(&waiter->watched);
	buf_free(&waiter->value);
	free(waiter);
}

void
waiters_free(struct waiters **waiters_pointer)
{
	struct waiters *waiters = *waiters_pointer;
	struct v3_waiter *waiter;

	*waiters_pointer = NULL;
	if (waiters == NULL)
		return;
	while ((waiter = TAILQ_FIRST(&waiters->all)) != NULL)
		free_waiter(waiter);
	free(waiters);
}

size_t
waiters_waiting(const struct waiters *waiters)
{
	return waiters == NULL ? 0 : waiters->waiting;
}

size_t
waiters_count(const struct waiters *waiters)
{
	return waiters == NULL ? 0 : waiters->count;
}

static struct worker *
worker_of(const struct v3_waiter *waiter)
{
	return waiter->waiters->worker;
}

static struct backend *
backend_of(const struct v3_waiter *waiter)
{
	return worker_of(waiter)->backend;
}

static struct v3_waiter *
waiter_of_step(struct backend_call *step)
{
	return CONTAINER_OF(step, struct v3_waiter, step);
}

static struct v3_waiter *
waiter_of_watch(const struct backend_v3_watch *watch)
{
	return CONTAINER_OF(watch, struct v3_waiter, watch);
}

/* Is a step of it with raftd? */
static bool
has_step(const struct v3_waiter *waiter)
{
	return waiter->state != WATCHING && waiter->state != RESTING;
}

/* Nothing is under way of it any more. */
static void
let_go(struct v3_waiter *waiter)
{
	if (has_step(waiter))
		backend_cancel(backend_of(waiter), &waiter->step);
	backend_v3_unwatch(backend_of(waiter), &waiter->watch);
	loop_timer_cancel(waiter->timer);
}

/* Its call knows it no more, and is to be ended, or is over. */
static struct v3_call *
part(struct v3_waiter *waiter)
{
	struct v3_call *call = waiter->call;

	waiter->call = NULL;
	waiter->waiters->waiting--;
	call->gone = NULL;
	call->stop = NULL;
	return call;
}

/* As whom it was begun: so it is with each step, also when its call is gone. */
static struct v3_status
choose(struct v3_waiter *waiter, const struct kv_choice *choice)
{
	return kv_choose(worker_of(waiter), waiter->credential, &waiter->step, choice);
}

/* ---- released ------------------------------ */

static void release(struct v3_waiter *waiter);
static void look(struct v3_waiter *waiter);

/* raftd, or a quorum, is away for now; what was its step is over. */
static void
rest(struct v3_waiter *waiter)
{
	waiter->state = RESTING;
	loop_timer_set(waiter->timer, REST_MS);
}

static void
rested(void *argument)
{
	struct v3_waiter *waiter = argument;

	if (waiter->releases)
		release(waiter);
	else
		look(waiter);
}

/* A node that is no member any more, or a worker that stops, cannot do it later either: then the
 * key goes with its lease. */
static bool
may_try_again(const struct v3_waiter *waiter)
{
	const struct worker *worker = worker_of(waiter);

	return worker->cluster->phase != PHASE_STANDBY && !server_is_stopping(worker->server);
}

static void
released(struct backend_call *step, const struct msg_outcome *outcome)
{
	struct v3_waiter *waiter = waiter_of_step(step);
	struct kv_answer answer;
	struct arena arena;
	bool again;

	arena_init(&arena);
	kv_take(waiter->granted ? V3_METHOD_lease_revoke : V3_METHOD_txn, outcome, &arena,
	    &answer);
	arena_free(&arena);
	again = answer.status.code != V3_OK && answer.passes && may_try_again(waiter);
	if (waiter->call != NULL)
		call_end(part(waiter), waiter->why);
	if (again)
		rest(waiter);
	else
		free_waiter(waiter);
}

static void
release(struct v3_waiter *waiter)
{
	const struct v3_delete_range_request delete = { .key = waiter->key };
	const struct v3_request_op op = { .which = V3_IS_request_delete_range,
		.request_delete_range = &delete };

	waiter->state = RELEASING;
	waiter->releases = true;
	waiter->step.done = released;
	if (waiter->granted)
		backend_v3_revoke(backend_of(waiter), &waiter->step,
		    &(struct msg_v3_revoke){ V3_WHO(worker_of(waiter), waiter->credential),
		    .id = (uint64_t)waiter->lease });
	else
		MUST(choose(waiter, &(struct kv_choice){
		    .key = waiter->key, .created = waiter->created,
		    .then = &op }).code == V3_OK);
}

/* Its call ends with that, as soon as its key is gone. */
static void
give_up(struct v3_waiter *waiter, struct v3_status status)
{
	struct v3_call *call;

	let_go(waiter);
	if (waiter->made || waiter->granted) {
		waiter->why = status;
		release(waiter);
		return;
	}
	call = part(waiter);
	free_waiter(waiter);
	call_end(call, status);
}

/* The step's answer is no good. */
static void
fail(struct v3_waiter *waiter, const struct kv_answer *answer)
{
	if (answer->passes && waiter->state == LOOKING && may_try_again(waiter)) {
		rest(waiter);
		return;
	}
	waiter->state = RESTING;
	give_up(waiter, answer->status);
}

/* Its key is not there any more. */
static void
lost(struct v3_waiter *waiter)
{
	waiter->state = RESTING;
	waiter->made = false;
	give_up(waiter, waiter->lost);
}

/* ---- looking ------------------------------ */

static void
hold(struct v3_waiter *waiter, const struct kv_answer *answer)
{
	const struct v3_call *waiting = waiter->call;
	struct waiter_first first = { .header = kv_header(waiting, answer), .name = waiter->name,
		.key = waiter->key, .created = waiter->created, .lease = waiter->lease };

	/* Users may have begun to count, or have other rights: he gets no answer, and keeps no
	 * key. */
	if (!call_may_hear(waiting)) {
		waiter->state = RESTING;
		give_up(waiter, v3_status_of(V3_REFUSE_PERMISSION));
		return;
	}
	waiter->first(part(waiter), &first);
	free_waiter(waiter);
}

static void
watching(struct backend_v3_watch *watch, const struct msg_v3_watching *answer)
{
	struct v3_waiter *waiter = waiter_of_watch(watch);
	enum v3_error error = v3_error_from_number(answer->error);

	if (error == V3_NONE) {
		if (watch->behind)
			backend_v3_watch_more(backend_of(waiter), watch);
	} else if (error == V3_COMPACTED) {
		look(waiter);
	} else if (v3_error_code(error) == V3_UNAVAILABLE && may_try_again(waiter)) {
		rest(waiter);
	} else {
		give_up(waiter, (struct v3_status){ (enum v3_code)v3_error_code(error),
		    v3_error_text(error) });
	}
}

/* It is gone: of that alone the watch tells. */
static void
happened(struct backend_v3_watch *watch, const struct backend_v3_batch *batch UNUSED)
{
	struct v3_waiter *waiter = waiter_of_watch(watch);

	backend_v3_unwatch(backend_of(waiter), watch);
	look(waiter);
}

static void
turned(struct backend_v3_watch *watch)
{
	if (watch->behind)
		backend_v3_watch_more(backend_of(waiter_of_watch(watch)), watch);
}

static bool
may_be_kept(const struct backend_v3_watch *watch)
{
	return call_may_hear(CONTAINER_OF(watch, const struct v3_waiter, watch)->call);
}

static void
forbidden(struct backend_v3_watch *watch)
{
	give_up(waiter_of_watch(watch), v3_status_of(V3_REFUSE_PERMISSION));
}

static void
watch_before(struct v3_waiter *waiter, struct slice key, int64_t revision)
{
	waiter->state = WATCHING;
	buf_clear(&waiter->watched);
	if (!backend_v3_watch_has_room(backend_of(waiter), key.size)) {
		give_up(waiter, v3_status_of(V3_REFUSE_TOO_MANY_REQUESTS));
		return;
	}
	buf_append_slice(&waiter->watched, key);
	waiter->watch = (struct backend_v3_watch){
		.watching = watching, .events = happened, .turned = turned,
		.may_be_kept = may_be_kept, .forbidden = forbidden,
		.key = buf_slice(&waiter->watched), .start = (uint64_t)revision + 1,
		.flags = V3_WATCH_NO_PUT,
	};
	backend_v3_watch(backend_of(waiter), &waiter->watch);
}

static void
see(struct v3_waiter *waiter, const struct kv_answer *answer)
{
	const struct v3_response_op *op = kv_first(&answer->shown.txn);
	struct v3_key_value before;

	if (answer->status.code != V3_OK) {
		fail(waiter, answer);
	} else if (!answer->shown.txn.succeeded || op == NULL) {
		lost(waiter);
	} else if (!kv_key_value(op->response_range, &before)) {
		hold(waiter, answer);
	} else if (request_has_to_end(waiter->call->request)) {
		waiter->state = RESTING;
		give_up(waiter, v3_status_of(V3_REFUSE_STOPPED));
	} else {
		watch_before(waiter, before.key, answer->header.revision);
	}
}

/* What is needed of an answer meanwhile is not the call's: it may wait for long. */
static void
looked(struct backend_call *step, const struct msg_outcome *outcome)
{
	struct kv_answer answer;
	struct arena arena;

	arena_init(&arena);
	kv_take(V3_METHOD_txn, outcome, &arena, &answer);
	see(waiter_of_step(step), &answer);
	arena_free(&arena);
}

/* Is the key there, and which is the last that was made before it? */
static void
look(struct v3_waiter *waiter)
{
	struct v3_range_request range = { .limit = 1, .keys_only = true,
		.sort_order = V3_SORT_DESCEND, .sort_target = V3_SORT_CREATE,
		.max_create_revision = waiter->created - 1 };
	const struct v3_request_op op = { .which = V3_IS_request_range, .request_range = &range };
	struct arena arena;

	arena_init(&arena);
	range.key = kv_below(&arena, waiter->name, &range.range_end);
	waiter->state = LOOKING;
	waiter->step.done = looked;
	MUST(choose(waiter, &(struct kv_choice){
	    .key = waiter->key, .created = waiter->created, .then = &op }).code == V3_OK);
	arena_free(&arena);
}

/* ---- acquiring ------------------------------ */

/* There is a key, or there is none. True: the call has gone meanwhile, or the server stops. */
static bool
ends_now(struct v3_waiter *waiter)
{
	if (waiter->call != NULL && !waiter->ends)
		return false;
	waiter->state = RESTING;
	if (waiter->call != NULL)
		give_up(waiter, v3_status_of(V3_REFUSE_STOPPED));
	else if (waiter->made || waiter->granted)
		release(waiter);
	else
		free_waiter(waiter);
	return true;
}

/* Its name is kept twice: for its own key, and for that before it. */
static void
count(struct v3_waiter *waiter)
{
	request_keeps(waiter->call->request, sizeof(*waiter) + 2 * waiter->key.size +
	    waiter->value.size);
}

static void
begin_to_look(struct v3_waiter *waiter)
{
	buf_free(&waiter->value);
	count(waiter);
	look(waiter);
}

static void
proclaimed(struct backend_call *step, const struct msg_outcome *outcome)
{
	struct v3_waiter *waiter = waiter_of_step(step);
	struct kv_answer answer;
	struct arena arena;

	arena_init(&arena);
	kv_take(V3_METHOD_txn, outcome, &arena, &answer);
	if (answer.status.code != V3_OK)
		fail(waiter, &answer);
	else if (!answer.shown.txn.succeeded)
		lost(waiter);
	else if (!ends_now(waiter))
		begin_to_look(waiter);
	arena_free(&arena);
}

static struct v3_put_request
put_of(const struct v3_waiter *waiter)
{
	return (struct v3_put_request){ .key = waiter->key, .value = buf_slice(&waiter->value),
		.lease = waiter->lease };
}

static void
proclaim(struct v3_waiter *waiter)
{
	const struct v3_put_request put = put_of(waiter);
	const struct v3_request_op op = { .which = V3_IS_request_put, .request_put = &put };

	waiter->state = PROCLAIMING;
	waiter->step.done = proclaimed;
	MUST(choose(waiter, &(struct kv_choice){
	    .key = waiter->key, .created = waiter->created, .then = &op }).code == V3_OK);
}

static void
go_on_with_key(struct v3_waiter *waiter, const struct kv_answer *answer)
{
	const struct v3_response_op *op = kv_first(&answer->shown.txn);
	struct v3_key_value found;

	if (answer->shown.txn.succeeded) {
		waiter->made = true;
		waiter->created = answer->header.revision;
	} else if (op != NULL && kv_key_value(op->response_range, &found)) {
		waiter->created = found.create_revision;
	} else {
		lost(waiter);
		return;
	}
	if (ends_now(waiter))
		return;
	if (!waiter->made && waiter->proclaims &&
	    !slice_equal(found.value, buf_slice(&waiter->value)))
		proclaim(waiter);
	else
		begin_to_look(waiter);
}

static void
acquired(struct backend_call *step, const struct msg_outcome *outcome)
{
	struct v3_waiter *waiter = waiter_of_step(step);
	struct kv_answer answer;
	struct arena arena;

	arena_init(&arena);
	kv_take(V3_METHOD_txn, outcome, &arena, &answer);
	if (answer.status.code == V3_OK)
		go_on_with_key(waiter, &answer);
	else if (waiter->call == NULL)
		(void)ends_now(waiter);
	else
		fail(waiter, &answer);
	arena_free(&arena);
}

static struct v3_status
acquire(struct v3_waiter *waiter)
{
	const struct v3_put_request put = put_of(waiter);
	const struct v3_range_request range = { .key = waiter->key };
	const struct v3_request_op then = { .which = V3_IS_request_put, .request_put = &put };
	const struct v3_request_op otherwise = { .which = V3_IS_request_range,
		.request_range = &range };

	waiter->state = ACQUIRING;
	waiter->step.done = acquired;
	return choose(waiter, &(struct kv_choice){
	    .key = waiter->key, .then = &then, .otherwise = &otherwise });
}

static void
granted(struct backend_call *step, const struct msg_outcome *outcome)
{
	struct v3_waiter *waiter = waiter_of_step(step);
	struct kv_answer answer;
	struct v3_status status;
	struct arena arena;

	arena_init(&arena);
	kv_take(V3_METHOD_lease_grant, outcome, &arena, &answer);
	arena_free(&arena);
	/* Refused, it is not there, or another's. */
	if (answer.status.code != V3_OK && outcome->error == ERR_NONE)
		waiter->granted = false;
	if (waiter->call != NULL && answer.status.code != V3_OK) {
		fail(waiter, &answer);
		return;
	}
	if (ends_now(waiter))
		return;
	status = acquire(waiter);
	if (status.code != V3_OK) {
		waiter->state = RESTING;
		give_up(waiter, status);
	}
}

/* ---- the call ------------------------------ */

static void
gone(struct v3_call *call)
{
	struct v3_waiter *waiter = call->state;

	(void)part(waiter);
	/* Whether there is a key is not known yet; or it goes already. */
	if (waiter->state == GRANTING || waiter->state == ACQUIRING || waiter->releases)
		return;
	let_go(waiter);
	if (waiter->made || waiter->granted)
		release(waiter);
	else
		free_waiter(waiter);
}

static void
stop(struct v3_call *call)
{
	struct v3_waiter *waiter = call->state;

	if (waiter->state == GRANTING || waiter->state == ACQUIRING)
		waiter->ends = true;
	else if (!waiter->releases)
		give_up(waiter, v3_status_of(V3_REFUSE_STOPPED));
}

static void
set_key(struct v3_waiter *waiter, struct slice name)
{
	uint8_t *bytes = (uint8_t *)(waiter + 1);
	struct buf hex = BUF_INIT;

	buf_append_hex(&hex, (uint64_t)waiter->lease);
	ASSERT(hex.size <= LEASE_HEX_BYTES);
	if (name.size > 0)
		memcpy(bytes, name.data, name.size);
	bytes[name.size] = '/';
	memcpy(bytes + name.size + 1, hex.data, hex.size);
	waiter->name = slice_of(bytes, name.size);
	waiter->key = slice_of(bytes, name.size + 1 + hex.size);
	buf_free(&hex);
}

static struct v3_waiter *
new_waiter(struct v3_call *call, const struct waiter_wish *wish)
{
	struct waiters *waiters = call->request->worker->waiters;
	struct v3_waiter *waiter = xzalloc(sizeof(*waiter) + wish->name.size + 1 +
	    LEASE_HEX_BYTES);

	waiter->waiters = waiters;
	waiter->lease = wish->lease;
	waiter->granted = wish->lease == 0;
	while (waiter->lease == 0)
		waiter->lease = (int64_t)(rand_entropy() & INT64_MAX);
	set_key(waiter, wish->name);
	waiter->proclaims = wish->proclaims;
	waiter->first = wish->first;
	waiter->lost = wish->lost;
	buf_init(&waiter->watched, 0);
	buf_init(&waiter->value, 0);
	buf_append_slice(&waiter->value, wish->value);
	waiter->timer = loop_timer_new(waiters->worker->loop, rested, waiter);
	TAILQ_INSERT_TAIL(&waiters->all, waiter, link);
	waiters->count++;
	waiters->waiting++;
	waiter->call = call;
	waiter->credential = call->who.credential;
	call->state = waiter;
	call->gone = gone;
	call->stop = stop;
	call->request->ends_with_client = true;
	call->request->stays = true;
	return waiter;
}

/* Of the keys below that name, which are read as long as it waits. */
static bool
may_look(struct v3_call *call, struct slice name)
{
	const struct v3_range_request range = kv_first_below(&call->request->arena, name);
	struct v3_ask ask = { .writes = false };
	bool may;

	MUST(kv_own_lists(V3_METHOD_range, &range, &ask).code == V3_OK);
	may = kv_is_permitted(call, &ask);
	v3_ask_free(&ask);
	return may;
}

static bool
may_wait(struct v3_call *call, const struct waiter_wish *wish)
{
	if (wish->name.size > V3_WAITER_NAME_BYTES_MAX) {
		call_end(call, v3_status_of(V3_REFUSE_REQUEST_TOO_LARGE));
		return false;
	}
	if (call->request->worker->waiters->count >= V3_WAITERS_MAX) {
		call_end(call, v3_status_of(V3_REFUSE_TOO_MANY_REQUESTS));
		return false;
	}
	return may_look(call, wish->name) && call_may_ask(call);
}

/* raftd asks for that, too; but a lease would be granted before. */
static bool
may_have_key(const struct v3_waiter *waiter)
{
	return !v3_users_count(worker_of(waiter)) ||
	    call_may(waiter->call, V3_AUTH_WRITE, waiter->key, SLICE_EMPTY);
}

static struct v3_status
begin(struct v3_waiter *waiter)
{
	if (!may_have_key(waiter))
		return v3_status_of(V3_REFUSE_PERMISSION);
	if (!waiter->granted)
		return acquire(waiter);
	waiter->step.done = granted;
	backend_v3_grant(backend_of(waiter), &waiter->step, &(struct msg_v3_grant){
	    V3_WHO(worker_of(waiter), waiter->credential), .id = (uint64_t)waiter->lease,
	    .ttl_s = V3_WAITER_TTL_S });
	return (struct v3_status){ V3_OK, "" };
}

void
waiter_begin(struct v3_call *call, const struct waiter_wish *wish)
{
	struct v3_waiter *waiter;
	struct v3_status status;

	if (!may_wait(call, wish))
		return;
	waiter = new_waiter(call, wish);
	count(waiter);
	waiter->step.sent_ns = &call->request->sent_ns;
	status = begin(waiter);
	/* Its call may be gone before its step is. */
	waiter->step.sent_ns = NULL;
	if (status.code == V3_OK) {
		request_drop_body(call->request);
		return;
	}
	(void)part(waiter);
	free_waiter(waiter);
	call_end(call, status);
}
