/*
 * observe.c - the Election service's stream of leaders, and of what they proclaim.
 *
 *	looking -----> following	there is a leader: he is told of	[looked]
 *	looking -----> waiting		there is none				[looked]
 *	waiting -----> following	a key was made: its owner leads		[happened]
 *	following ---> following	it has another value			[happened]
 *	following ---> looking		it is gone; or its past is compacted	[happened, watching]
 *	any ---------> resting		raftd or a quorum is away		[rest]
 *	resting -----> looking		a moment later				[look_again]
 *	any ---------> over		[end]; the client left			[gone]
 *
 * A leader's values are all told. Above V3_STREAM_BACKLOG of what the client has not taken his
 * key's changes are history, as for a watch (watch_send.c).
 *
 * Source: docs/api.md, "Locks and elections of v3".
 */
#include "common/limits.h"
#include "common/v3_error.h"
#include "common/xmem.h"
#include "httpd/client/v3/kv.h"
#include "httpd/client/v3/methods.h"
#include "httpd/cluster.h"
#include "httpd/v3/protobuf.h"
#include "httpd/worker.h"

#include <stdlib.h>

#define REST_MS 250			/* then raftd is asked again */

struct observer {
	struct v3_call *call;
	bool looking;			/* step is with raftd */
	bool follows;			/* the watch is of a leader's key, else of all */
	struct backend_call step;
	struct backend_v3_watch watch;
	struct buf watched;		/* its range */
	struct loop_timer *timer;	/* of resting */
	int64_t created, modified;	/* of what was told last */
	struct slice name;		/* behind this struct */
};

static void look(struct observer *observer);

static struct backend *
backend_of(const struct observer *observer)
{
	return observer->call->request->worker->backend;
}

static struct observer *
observer_of(struct backend_v3_watch *watch)
{
	return CONTAINER_OF(watch, struct observer, watch);
}

/* ---- life ------------------------------ */

static void
free_observer(struct observer *observer)
{
	if (observer->looking)
		backend_cancel(backend_of(observer), &observer->step);
	backend_v3_unwatch(backend_of(observer), &observer->watch);
	loop_timer_free(&observer->timer);
	buf_free(&observer->watched);
	free(observer);
}

static void
gone(struct v3_call *call)
{
	free_observer(call->state);
}

static void
end(struct observer *observer, struct v3_status status)
{
	struct v3_call *call = observer->call;

	free_observer(observer);
	call_end(call, status);
}

static void
stop(struct v3_call *call)
{
	end(call->state, v3_status_of(V3_REFUSE_STOPPED));
}

static void
look_again(void *argument)
{
	look(argument);
}

/* What went wrong passes, or the call is over by it. */
static void
rest(struct observer *observer, struct v3_status status, bool passes)
{
	if (passes && observer->call->request->worker->cluster->phase != PHASE_STANDBY)
		loop_timer_set(observer->timer, REST_MS);
	else
		end(observer, status);
}

/* ---- told ------------------------------ */

/* False: the call is over, and the observer is gone. */
static bool
say(struct observer *observer, struct slice bytes, const struct v3_key_value *kv,
    uint64_t raft_term, int64_t revision)
{
	struct v3_response_header header = call_header(observer->call, raft_term);

	if (observer->created == kv->create_revision && observer->modified == kv->mod_revision)
		return true;
	observer->created = kv->create_revision;
	observer->modified = kv->mod_revision;
	header.revision = revision;
	return call_message(observer->call, &(struct v3_leader_response){ .header = &header,
	    .kv = bytes });
}

/* ---- watched ------------------------------ */

/* Ask for a piece of the past, if the client has taken most of what there was. */
static void
ask_on(struct observer *observer)
{
	if (observer->watch.behind && call_backlog(observer->call) <= V3_STREAM_BACKLOG / 2)
		backend_v3_watch_more(backend_of(observer), &observer->watch);
}

static void
drained(struct v3_call *call)
{
	struct observer *observer = call->state;

	if (backend_v3_watch_is_open(&observer->watch) && observer->watch.registered)
		ask_on(observer);
}

static void
turned(struct backend_v3_watch *watch)
{
	ask_on(observer_of(watch));
}

static void
watching(struct backend_v3_watch *watch, const struct msg_v3_watching *answer)
{
	struct observer *observer = observer_of(watch);
	enum v3_error error = v3_error_from_number(answer->error);

	if (error == V3_NONE)
		ask_on(observer);
	else if (error == V3_COMPACTED)
		look(observer);
	else
		rest(observer, (struct v3_status){ (enum v3_code)v3_error_code(error),
		    v3_error_text(error) }, v3_error_code(error) == V3_UNAVAILABLE);
}

static void happened(struct backend_v3_watch *watch, const struct backend_v3_batch *batch);

static bool
may_be_kept(const struct backend_v3_watch *watch)
{
	return call_may_hear(CONTAINER_OF(watch, const struct observer, watch)->call);
}

static void
forbidden(struct backend_v3_watch *watch)
{
	end(observer_of(watch), v3_status_of(V3_REFUSE_PERMISSION));
}

/* end empty: that key alone. */
static void
follow(struct observer *observer, struct slice key, struct slice end_key, int64_t revision)
{
	if (!backend_v3_watch_has_room(backend_of(observer), key.size + end_key.size)) {
		end(observer, v3_status_of(V3_REFUSE_TOO_MANY_REQUESTS));
		return;
	}
	buf_clear(&observer->watched);
	buf_append_slice(&observer->watched, key);
	buf_append_slice(&observer->watched, end_key);
	observer->follows = end_key.size == 0;
	observer->watch = (struct backend_v3_watch){
		.watching = watching, .events = happened, .turned = turned,
		.may_be_kept = may_be_kept, .forbidden = forbidden,
		.key = slice_of(observer->watched.data, key.size),
		.end = slice_of(observer->watched.data + key.size, end_key.size),
		.start = (uint64_t)revision + 1,
		.flags = observer->follows ? 0 : V3_WATCH_NO_DELETE,
	};
	backend_v3_watch(backend_of(observer), &observer->watch);
}

/* A key where there was none: the first, so its owner leads. */
static void
begin_to_follow(struct observer *observer, const struct backend_v3_event *event,
    uint64_t raft_term)
{
	struct v3_key_value kv;

	if (!v3_key_value_read(event->key_value, &kv)) {
		end(observer, (struct v3_status){ V3_INTERNAL, "raftd sent no event" });
		return;
	}
	backend_v3_unwatch(backend_of(observer), &observer->watch);
	if (say(observer, event->key_value, &kv, raft_term, (int64_t)event->revision))
		follow(observer, kv.key, SLICE_EMPTY, (int64_t)event->revision);
}

/* False: what follows is not for it any more. */
static bool
take_event(struct observer *observer, const struct backend_v3_event *event, uint64_t raft_term)
{
	struct v3_key_value kv;

	if (!observer->follows) {
		begin_to_follow(observer, event, raft_term);
		return false;
	}
	if (event->gone) {
		backend_v3_unwatch(backend_of(observer), &observer->watch);
		look(observer);
		return false;
	}
	if (!v3_key_value_read(event->key_value, &kv)) {
		end(observer, (struct v3_status){ V3_INTERNAL, "raftd sent no event" });
		return false;
	}
	return say(observer, event->key_value, &kv, raft_term, (int64_t)event->revision);
}

static void
happened(struct backend_v3_watch *watch, const struct backend_v3_batch *batch)
{
	struct observer *observer = observer_of(watch);

	if (!batch->past && call_backlog(observer->call) > V3_STREAM_BACKLOG) {
		backend_v3_watch_drop(backend_of(observer), watch,
		    batch->events[batch->items[0]].revision);
		return;
	}
	for (size_t i = 0; i < batch->count; i++)
		if (!take_event(observer, &batch->events[batch->items[i]], batch->raft_term))
			return;
}

/* ---- looking ------------------------------ */

static void
see(struct observer *observer, const struct kv_answer *answer, struct arena *arena)
{
	const struct v3_range_response *range = &answer->shown.range;
	int64_t revision = answer->header.revision;
	struct v3_key_value kv;
	struct slice key, end_key;

	if (answer->status.code != V3_OK) {
		rest(observer, answer->status, answer->passes);
	} else if (request_has_to_end(observer->call->request)) {
		end(observer, v3_status_of(V3_REFUSE_STOPPED));
	} else if (!kv_key_value(range, &kv)) {
		key = kv_below(arena, observer->name, &end_key);
		follow(observer, key, end_key, revision);
	} else if (say(observer, range->kvs.items[0], &kv, answer->raft_term, revision)) {
		follow(observer, kv.key, SLICE_EMPTY, revision);
	}
}

static void
looked(struct backend_call *step, const struct msg_outcome *outcome)
{
	struct observer *observer = CONTAINER_OF(step, struct observer, step);
	struct kv_answer answer;
	struct arena arena;

	observer->looking = false;
	arena_init(&arena);
	kv_take(V3_METHOD_range, outcome, &arena, &answer);
	see(observer, &answer, &arena);
	arena_free(&arena);
}

/* Of the first key below the name. */
static void
lists_of(struct slice name, struct v3_ask *ask)
{
	struct v3_range_request range;
	struct arena arena;

	arena_init(&arena);
	range = kv_first_below(&arena, name);
	MUST(kv_own_lists(V3_METHOD_range, &range, ask).code == V3_OK);
	arena_free(&arena);
}

static void
look(struct observer *observer)
{
	struct v3_ask ask = { .writes = false };

	lists_of(observer->name, &ask);
	observer->looking = true;
	observer->step.done = looked;
	kv_send(observer->call->request->worker, observer->call->who.credential, &observer->step,
	    &ask);
	v3_ask_free(&ask);
}

/* ---- the call ------------------------------ */

/* All that he is told of lies below the name. */
static bool
may_observe(struct v3_call *call, struct slice name)
{
	struct v3_ask ask = { .writes = false };
	bool may;

	lists_of(name, &ask);
	may = kv_is_permitted(call, &ask);
	v3_ask_free(&ask);
	return may;
}

void
serve_observe(struct v3_call *call, const void *message)
{
	const struct v3_leader_request *asked = message;
	struct observer *observer;

	if (asked->name.size > V3_WAITER_NAME_BYTES_MAX) {
		call_end(call, v3_status_of(V3_REFUSE_REQUEST_TOO_LARGE));
		return;
	}
	if (!may_observe(call, asked->name) || !call_may_ask(call))
		return;
	observer = xzalloc(sizeof(*observer) + asked->name.size);
	if (asked->name.size > 0)
		memcpy(observer + 1, asked->name.data, asked->name.size);
	observer->name = slice_of(observer + 1, asked->name.size);
	observer->call = call;
	observer->timer = loop_timer_new(call->request->worker->loop, look_again, observer);
	buf_init(&observer->watched, 0);
	call->request->watches = true;
	call->request->stays = true;
	call->state = observer;
	call->gone = gone;
	call->stop = stop;
	call->drained = drained;
	request_drop_body(call->request);
	/* With the range that is watched. */
	request_keeps(call->request, sizeof(*observer) + 3 * observer->name.size);
	look(observer);
}
