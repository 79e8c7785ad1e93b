/*
 * lock_wait.c - requests that wait for a lock (see lock_wait.h).
 *
 * A request has an entry in the lock's directory, holds the lock when no entry has a lower
 * index, and waits for the one before it alone:
 *
 *	acquiring --> looking	raftd has made the entry, or found one of that
 *				value					[acquired]
 *	looking ----> watching	another one is before it		[looked]
 *	watching ---> looking	that one was changed, or removed; or the watch
 *				was lost				[happened, watching]
 *	looking ----> taking	none is before it, so none will be	[looked]
 *	taking -----> answered	its TTL was set once more: 200		[taken]
 *	looking, taking -> resting	raftd or a quorum is away	[rest]
 *	resting ----> looking	a moment later				[due]
 *	any --------> answered	its entry is gone: 500			[lost]
 *	any --------> releasing	its time is over, the server stops; or the
 *				client has left				[give_up, gone]
 *	releasing --> over	its entry is gone, so far as is known	[released]
 *	any --------> elsewhere	another worker goes on with it	[pack, then gone]
 *
 * While it waits its entry's TTL is set anew twice in that time, as a refresh, which wakes
 * nobody. What only this process knows is lost when it is killed: then the entry goes with
 * its TTL.
 *
 * Not the request's own is an entry that was there before, of the same value: it is waited
 * for, and stays when this request goes.
 *
 * A waiter lives on the heap, since raftd may have to be told something when its request is
 * gone. Two calls of it are under way at most: its step, and the refresh.
 */
#include "httpd/client/lock_wait.h"

#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/metric.h"
#include "common/xmem.h"
#include "httpd/api_error.h"
#include "httpd/backend.h"
#include "httpd/client/gate.h"
#include "httpd/client/params.h"
#include "httpd/cluster.h"
#include "httpd/routes.h"
#include "httpd/worker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#define REST_MS 250			/* then raftd is asked again */
#define IN_VAIN "lock watch closed"
#define TEXT_TYPE "text/plain; charset=utf-8"

enum lock_state { ACQUIRING, LOOKING, WATCHING, RESTING, TAKING, RELEASING };

struct locks {
	struct worker *worker;
	TAILQ_HEAD(, lock_waiter) all;
	size_t waiting;			/* with a request */
};

struct lock_waiter {
	TAILQ_ENTRY(lock_waiter) link;
	struct locks *locks;
	struct request *request;	/* NULL: nobody waits any more */
	enum lock_state state;
	struct backend_call step;	/* of acquiring, looking, taking, releasing */
	struct backend_call refresh;
	bool refreshing;
	struct backend_watch watch;	/* of the entry before */
	struct buf watched;		/* its key */
	struct loop_timer *timer;	/* for the first of: */
	uint64_t refresh_at_ms;
	uint64_t until_ms;		/* UINT64_MAX: it waits for ever */
	uint64_t rest_until_ms;		/* resting */
	uint64_t index;			/* of its entry */
	uint64_t ttl_s;
	bool own;			/* its request made the entry */
	bool at_once;			/* it is not to wait */
	bool ends;			/* acquiring: the server stops */
	const char *in_vain;		/* what is answered when the entry is released: that, or */
	enum err error;			/* an error of the API, if it is one, */
	struct slice cause;		/* with its cause, in the request's arena */
	uint64_t credential;
	struct slice key, user;		/* behind this struct */
};

/* ---- life -------------------------------------------------------------------------- */

struct locks *
locks_new(struct worker *worker)
{
	struct locks *locks = xzalloc(sizeof(*locks));

	locks->worker = worker;
	TAILQ_INIT(&locks->all);
	return locks;
}

static void
free_waiter(struct lock_waiter *waiter)
{
	TAILQ_REMOVE(&waiter->locks->all, waiter, link);
	loop_timer_free(&waiter->timer);
	buf_free(&waiter->watched);
	free(waiter);
}

void
locks_free(struct locks **locks_pointer)
{
	struct locks *locks = *locks_pointer;
	struct lock_waiter *waiter;

	*locks_pointer = NULL;
	if (locks == NULL)
		return;
	while ((waiter = TAILQ_FIRST(&locks->all)) != NULL)
		free_waiter(waiter);
	free(locks);
}

size_t
locks_waiting(const struct locks *locks)
{
	return locks == NULL ? 0 : locks->waiting;
}

static struct backend *
backend_of(const struct lock_waiter *waiter)
{
	return waiter->locks->worker->backend;
}

static uint64_t
now_ms(const struct lock_waiter *waiter)
{
	return loop_now(waiter->locks->worker->loop).monotonic_ms;
}

static struct lock_waiter *
waiter_of_step(struct backend_call *call)
{
	return CONTAINER_OF(call, struct lock_waiter, step);
}

/* The next of its times. Only while it waits: a call of its own has its end elsewhere. */
static void
set_timer(struct lock_waiter *waiter)
{
	uint64_t now = now_ms(waiter);
	uint64_t next = MIN_OF(waiter->refresh_at_ms, waiter->until_ms);

	if (waiter->state == RESTING)
		next = MIN_OF(next, waiter->rest_until_ms);
	loop_timer_set(waiter->timer, next > now ? next - now : 0);
}

/* Whatever is under way of it, and of a request that waited. */
static void
let_go(struct lock_waiter *waiter)
{
	loop_timer_cancel(waiter->timer);
	if (waiter->refreshing)
		backend_cancel(backend_of(waiter), &waiter->refresh);
	waiter->refreshing = false;
	backend_unwatch(backend_of(waiter), &waiter->watch);
}

/* Nobody waits for it any more, here. */
static struct request *
part(struct lock_waiter *waiter)
{
	struct request *request = waiter->request;

	waiter->request = NULL;
	waiter->locks->waiting--;
	request->gone = NULL;
	request->stop = NULL;
	request->pack = NULL;
	return request;
}

/* ---- answers ------------------------------------------------------------------------- */

static void
answer_error(struct lock_waiter *waiter, enum err err, struct slice cause)
{
	struct request *request = part(waiter);
	struct slice kept = arena_copy(&request->arena, cause);

	metric_add(METRIC_locks_failed, 1);
	let_go(waiter);
	free_waiter(waiter);
	api_error(request, err, kept, 0);
}

static void
answer_in_vain(struct lock_waiter *waiter, const char *text)
{
	struct request *request = part(waiter);

	metric_add(METRIC_locks_given_up, 1);
	let_go(waiter);
	free_waiter(waiter);
	response_plain_error(request, 500, text);
}

/* raftd has refused, or has said what makes no sense. */
static void
answer_outcome(struct lock_waiter *waiter, const struct msg_outcome *outcome)
{
	if (outcome->error != ERR_NONE)
		answer_error(waiter, err_from_number(outcome->error), outcome->cause);
	else
		answer_error(waiter, ERR_RAFT_INTERNAL, SLICE_LITERAL("raftd sent no lock"));
}

/* Its entry is not there any more. */
static void
lost(struct lock_waiter *waiter)
{
	answer_in_vain(waiter, IN_VAIN);
}

static void
answer_held(struct lock_waiter *waiter)
{
	struct request *request = part(waiter);
	uint64_t index = waiter->index;
	char text[24];

	metric_add(METRIC_locks_acquired, 1);
	let_go(waiter);
	free_waiter(waiter);
	snprintf(text, sizeof(text), "%" PRIu64, index);
	cluster_id_header(request);
	response_header_number(request, "X-Etcd-Index", index);
	response_send(request, 200, TEXT_TYPE, slice_text(text));
}

/* ---- what raftd is told ------------------------------------------------------------- */

static void
send_write(struct lock_waiter *waiter, struct backend_call *call, enum write_op op,
    struct slice value, void (*done)(struct backend_call *call, const struct msg_outcome *outcome))
{
	struct msg_write write = {
		.op = (uint8_t)op,
		.key = waiter->key,
		.value = value,
		.prev_index = waiter->index,
		.user = waiter->user,
		.credential = waiter->credential,
	};

	if (op != WRITE_LOCK_RELEASE) {
		write.flags = WRITE_FLAG_TTL;
		write.ttl_s = waiter->ttl_s;
	}
	/* Set anew without being another one, an entry wakes nobody who waits behind it. */
	if (op == WRITE_LOCK_RENEW)
		write.flags |= WRITE_FLAG_REFRESH;
	call->done = done;
	backend_write(backend_of(waiter), call, &write);
}

static void
released(struct backend_call *call, const struct msg_outcome *outcome UNUSED)
{
	struct lock_waiter *waiter = waiter_of_step(call);

	if (waiter->request == NULL)
		free_waiter(waiter);
	else if (waiter->error != ERR_NONE)
		answer_error(waiter, waiter->error, waiter->cause);
	else
		answer_in_vain(waiter, waiter->in_vain);
}

static void
release(struct lock_waiter *waiter)
{
	let_go(waiter);
	waiter->state = RELEASING;
	send_write(waiter, &waiter->step, WRITE_LOCK_RELEASE, SLICE_EMPTY, released);
}

/* Is a step of it with raftd? */
static bool
has_step(const struct lock_waiter *waiter)
{
	return waiter->state == ACQUIRING || waiter->state == LOOKING ||
	    waiter->state == TAKING || waiter->state == RELEASING;
}

static void
give_up(struct lock_waiter *waiter, const char *text)
{
	if (has_step(waiter))
		backend_cancel(backend_of(waiter), &waiter->step);
	if (!waiter->own) {
		answer_in_vain(waiter, text);
		return;
	}
	waiter->in_vain = text;
	release(waiter);
}

/* True if what went wrong passes by itself, and it is to be tried again. */
static bool
passes(const struct lock_waiter *waiter, unsigned error)
{
	return (error == ERR_RAFT_INTERNAL || error == ERR_LEADER_ELECT) &&
	    waiter->locks->worker->cluster->phase != PHASE_STANDBY;
}

static void
rest(struct lock_waiter *waiter)
{
	waiter->state = RESTING;
	waiter->rest_until_ms = now_ms(waiter) + REST_MS;
	set_timer(waiter);
	request_may_move(waiter->request);
}

/* ---- taking ------------------------------------------------------------------------- */

static void
taken(struct backend_call *call, const struct msg_outcome *outcome)
{
	struct lock_waiter *waiter = waiter_of_step(call);

	if (outcome->error == ERR_NONE)
		answer_held(waiter);
	else if (outcome->error == ERR_KEY_NOT_FOUND)
		lost(waiter);
	else if (passes(waiter, outcome->error))
		rest(waiter);
	else
		answer_outcome(waiter, outcome);
}

static void
take(struct lock_waiter *waiter)
{
	let_go(waiter);
	waiter->state = TAKING;
	send_write(waiter, &waiter->step, WRITE_LOCK_RENEW, SLICE_EMPTY, taken);
}

/* ---- waiting ------------------------------------------------------------------------ */

static void look(struct lock_waiter *waiter);

static struct lock_waiter *
waiter_of_watch(struct backend_watch *watch)
{
	return CONTAINER_OF(watch, struct lock_waiter, watch);
}

/* What raftd itself says has its term; what the backend says for it passes. */
static void
watching(struct backend_watch *watch, const struct msg_watching *answer)
{
	struct lock_waiter *waiter = waiter_of_watch(watch);

	if (answer->error == ERR_NONE)
		return;
	if (answer->error == ERR_EVENT_INDEX_CLEARED || answer->error == ERR_WATCHER_CLEARED) {
		look(waiter);
	} else if (answer->raft_term == 0 && passes(waiter, answer->error)) {
		rest(waiter);
	} else if (!waiter->own) {
		answer_error(waiter, err_from_number(answer->error), answer->cause);
	} else {
		waiter->error = err_from_number(answer->error);
		waiter->cause = arena_copy(&waiter->request->arena, answer->cause);
		release(waiter);
	}
}

static void
happened(struct backend_watch *watch, struct slice event UNUSED, struct blob **shared UNUSED)
{
	look(waiter_of_watch(watch));
}

static void
soon(const struct backend_watch *watch)
{
	response_soon(CONTAINER_OF(watch, const struct lock_waiter, watch)->request);
}

static bool
may_be_kept(const struct backend_watch *watch)
{
	const struct lock_waiter *waiter = CONTAINER_OF(watch, const struct lock_waiter, watch);

	return gate_may_write(waiter->request, waiter->key, AUTH_KEY);
}

static void
watch_before(struct lock_waiter *waiter, struct slice name, uint64_t since)
{
	waiter->state = WATCHING;
	buf_clear(&waiter->watched);
	buf_append_slice(&waiter->watched, waiter->key);
	buf_append_byte(&waiter->watched, '/');
	buf_append_slice(&waiter->watched, name);
	waiter->watch.watching = watching;
	waiter->watch.event = happened;
	waiter->watch.soon = soon;
	waiter->watch.may_be_kept = may_be_kept;
	backend_watch(backend_of(waiter), &waiter->watch, buf_slice(&waiter->watched), 0, since);
}

static void
looked(struct backend_call *call, const struct msg_outcome *outcome)
{
	struct lock_waiter *waiter = waiter_of_step(call);
	struct reader in = reader_of(outcome->event);
	struct lock_record lock;

	if (outcome->error == ERR_KEY_NOT_FOUND) {
		lost(waiter);
	} else if (outcome->error != ERR_NONE || !lock_record_get(&in, &lock)) {
		if (passes(waiter, outcome->error))
			rest(waiter);
		else
			answer_outcome(waiter, outcome);
	} else if (lock.exists == 0) {
		lost(waiter);
	} else if (lock.before == 0) {
		take(waiter);
	} else if (waiter->at_once) {
		/* The step is over; there is nothing to cancel. */
		waiter->state = RESTING;
		give_up(waiter, "failed to acquire lock");
	} else if (request_has_to_end(waiter->request)) {
		waiter->state = RESTING;
		give_up(waiter, IN_VAIN);
	} else {
		watch_before(waiter, lock.before_name, outcome->store_index + 1);
		set_timer(waiter);
	}
}

static void
look(struct lock_waiter *waiter)
{
	waiter->state = LOOKING;
	waiter->step.done = looked;
	backend_lock_look(backend_of(waiter), &waiter->step, &(struct msg_lock_look){
	    .key = waiter->key, .index = waiter->index });
	set_timer(waiter);
}

static void
refreshed(struct backend_call *call, const struct msg_outcome *outcome)
{
	struct lock_waiter *waiter = CONTAINER_OF(call, struct lock_waiter, refresh);

	waiter->refreshing = false;
	if (outcome->error == ERR_NONE)
		return;
	if (passes(waiter, outcome->error)) {
		waiter->refresh_at_ms = now_ms(waiter) + REST_MS;
		set_timer(waiter);
		return;
	}
	if (has_step(waiter))
		backend_cancel(backend_of(waiter), &waiter->step);
	if (outcome->error == ERR_KEY_NOT_FOUND)
		lost(waiter);
	else
		answer_outcome(waiter, outcome);
}

static void
due(void *argument)
{
	struct lock_waiter *waiter = argument;
	uint64_t now = now_ms(waiter);

	if (now >= waiter->until_ms) {
		give_up(waiter, IN_VAIN);
		return;
	}
	if (now >= waiter->refresh_at_ms) {
		waiter->refresh_at_ms = now + waiter->ttl_s * 1000 / 2;
		if (!waiter->refreshing)
			send_write(waiter, &waiter->refresh, WRITE_LOCK_RENEW, SLICE_EMPTY,
			    refreshed);
		waiter->refreshing = true;
	}
	if (waiter->state == RESTING && now >= waiter->rest_until_ms)
		look(waiter);
	else
		set_timer(waiter);
}

/* ---- acquiring ---------------------------------------------------------------------- */

/* The entry's name is its index; 0: the event is none of an entry. */
static uint64_t
index_of_event(struct slice event, bool *created)
{
	struct reader in = reader_of(event);
	struct event_record record;
	struct node_record node;
	uint64_t index = 0;

	if (!event_record_get(&in, &record))
		return 0;
	in = reader_of(record.nodes);
	if (!node_record_get(&in, &node))
		return 0;
	*created = (record.flags & EVENT_CREATED) != 0;
	for (size_t i = node.key.size; i > 0 && node.key.data[i - 1] != '/'; i--)
		index = i;
	if (index == 0 || !params_number(slice_of(node.key.data + index - 1,
	    node.key.size - index + 1), &index))
		return 0;
	return index;
}

static void
acquired(struct backend_call *call, const struct msg_outcome *outcome)
{
	struct lock_waiter *waiter = waiter_of_step(call);

	if (outcome->error == ERR_NONE)
		waiter->index = index_of_event(outcome->event, &waiter->own);
	if (waiter->request == NULL) {
		if (waiter->own)
			release(waiter);
		else
			free_waiter(waiter);
		return;
	}
	if (outcome->error != ERR_NONE || waiter->index == 0) {
		answer_outcome(waiter, outcome);
		return;
	}
	waiter->refresh_at_ms = now_ms(waiter) + waiter->ttl_s * 1000 / 2;
	if (waiter->ends) {
		waiter->state = RESTING;
		give_up(waiter, IN_VAIN);
		return;
	}
	look(waiter);
	request_may_move(waiter->request);
}

/* ---- the request -------------------------------------------------------------------- */

static void
gone(struct request *request)
{
	struct lock_waiter *waiter = request->state;
	bool moved = request->moved;

	(void)part(waiter);
	/* Whether there is an entry is not known yet; or it goes already. */
	if (waiter->state == ACQUIRING || waiter->state == RELEASING)
		return;
	if (has_step(waiter))
		backend_cancel(backend_of(waiter), &waiter->step);
	if (!moved)
		metric_add(METRIC_locks_given_up, 1);
	if (waiter->own && !moved) {
		release(waiter);
		return;
	}
	let_go(waiter);
	free_waiter(waiter);
}

static void
stop(struct request *request)
{
	struct lock_waiter *waiter = request->state;

	if (waiter->state == ACQUIRING)
		waiter->ends = true;
	else if (waiter->state != RELEASING)
		give_up(waiter, IN_VAIN);
}

static bool
pack(const struct request *request, struct msg_handed *handed)
{
	const struct lock_waiter *waiter = request->state;

	if (waiter->at_once)
		return false;
	if (waiter->state != LOOKING && waiter->state != WATCHING && waiter->state != RESTING)
		return false;
	handed->flags |= HANDED_LOCK;
	handed->route = slice_text(route_name(request->route));
	handed->key = waiter->key;
	handed->next_index = waiter->index;
	handed->user = waiter->user;
	handed->credential = waiter->credential;
	handed->lock_flags = waiter->own ? HANDED_LOCK_OWN : 0;
	handed->lock_ttl_s = waiter->ttl_s;
	handed->lock_until_ms = waiter->until_ms == UINT64_MAX ? 0 : waiter->until_ms;
	return true;
}

static struct lock_waiter *
new_waiter(struct request *request, struct slice key, uint64_t ttl_s)
{
	struct locks *locks = request->worker->locks;
	struct lock_waiter *waiter = xzalloc(sizeof(*waiter) + key.size + request->user.size);
	uint8_t *texts = (uint8_t *)(waiter + 1);

	memcpy(texts, key.data, key.size);
	waiter->key = slice_of(texts, key.size);
	if (request->user.size > 0)
		memcpy(texts + key.size, request->user.data, request->user.size);
	waiter->user = slice_of(texts + key.size, request->user.size);
	waiter->credential = request->credential;
	waiter->locks = locks;
	waiter->request = request;
	waiter->ttl_s = ttl_s;
	buf_init(&waiter->watched, 0);
	waiter->timer = loop_timer_new(request->worker->loop, due, waiter);
	TAILQ_INSERT_TAIL(&locks->all, waiter, link);
	locks->waiting++;
	request->state = waiter;
	request->gone = gone;
	request->stop = stop;
	request->pack = pack;
	request->ends_with_client = true;
	return waiter;
}

void
lock_wait_begin(struct request *request, const struct lock_wish *wish)
{
	struct lock_waiter *waiter = new_waiter(request, wish->key, wish->ttl_s);

	waiter->state = ACQUIRING;
	waiter->at_once = !wish->for_ever && wish->timeout_s == 0;
	waiter->until_ms = wish->for_ever || waiter->at_once ? UINT64_MAX :
	    now_ms(waiter) + wish->timeout_s * 1000;
	waiter->step.sent_ns = &request->sent_ns;
	send_write(waiter, &waiter->step, WRITE_LOCK_ACQUIRE, wish->value, acquired);
	waiter->step.sent_ns = NULL;
	request_drop_body(request);
}

void
lock_wait_go_on(struct request *request, const struct msg_handed *handed)
{
	struct lock_waiter *waiter;

	request->route = route_named(handed->route);
	request->user = arena_copy(&request->arena, handed->user);
	request->credential = handed->credential;
	waiter = new_waiter(request, handed->key, handed->lock_ttl_s);
	waiter->index = handed->next_index;
	waiter->own = (handed->lock_flags & HANDED_LOCK_OWN) != 0;
	waiter->until_ms = handed->lock_until_ms == 0 ? UINT64_MAX : handed->lock_until_ms;
	/* How long ago it was refreshed is not known. */
	waiter->refresh_at_ms = now_ms(waiter);
	look(waiter);
}
