/*
 * keep_alive.c - LeaseKeepAlive of the v3 API: a stream of renewals, each answered, in their
 * order.
 *
 *	came --> waiting	behind SIDE_BY_SIDE others			[next]
 *	waiting --> asked	raftd has it					[ask]
 *	asked --> answered	all before it are, too				[tell]
 *
 * A stream lives as long as its client, so what it holds does not grow with what has passed.
 * One that failed ends it: its client begins another, at another member.
 *
 * Source: docs/api.md, "v3".
 */
#include "common/limits.h"
#include "common/xmem.h"
#include "httpd/backend.h"
#include "httpd/client/v3/call.h"
#include "httpd/client/v3/methods.h"
#include "httpd/worker.h"

#include <stdlib.h>

#define SIDE_BY_SIDE ((size_t)64)
#define WAITING_KEPT ((size_t)1024)	/* places, while none waits */

struct renewal {
	TAILQ_ENTRY(renewal) link;
	struct backend_call call;
	struct keep_alive *of;
	uint64_t id;
	bool done;			/* and this is what came of it: */
	struct v3_lease_answer answer;
	uint64_t raft_term;
};

struct keep_alive {
	struct v3_call *of;
	uint64_t *waiting;		/* [first, first + count), in the order they came */
	size_t first, count, capacity;
	TAILQ_HEAD(, renewal) asked;	/* in that order, too */
	size_t asked_count;
};

/* ---- life ------------------------------ */

static void
remove_first(struct keep_alive *keep)
{
	struct renewal *renewal = TAILQ_FIRST(&keep->asked);

	TAILQ_REMOVE(&keep->asked, renewal, link);
	keep->asked_count--;
	free(renewal);
}

static void
drop(struct keep_alive *keep)
{
	const struct renewal *renewal;

	while ((renewal = TAILQ_FIRST(&keep->asked)) != NULL) {
		if (!renewal->done)
			backend_cancel(keep->of->request->worker->backend,
			    &TAILQ_FIRST(&keep->asked)->call);
		remove_first(keep);
	}
	free(keep->waiting);
	free(keep);
}

/* It counts for the client, who chooses how much it is. */
static void
count(struct keep_alive *keep)
{
	if (keep->count == 0 && keep->capacity > WAITING_KEPT) {
		free(keep->waiting);
		keep->waiting = NULL;
		keep->first = keep->capacity = 0;
	}
	request_keeps(keep->of->request, sizeof(*keep) +
	    keep->capacity * sizeof(*keep->waiting) +
	    keep->asked_count * sizeof(struct renewal));
}

static void
gone(struct v3_call *call)
{
	drop(call->state);
}

static void
end(struct keep_alive *keep, struct v3_status status)
{
	struct v3_call *call = keep->of;

	drop(keep);
	call_end(call, status);
}

/* Answers in their order, as far as they came. False: the call is over. */
static bool
tell(struct keep_alive *keep)
{
	const struct renewal *renewal;

	while ((renewal = TAILQ_FIRST(&keep->asked)) != NULL && renewal->done) {
		struct v3_response_header header = call_header(keep->of, renewal->raft_term);
		const struct v3_lease_keep_alive_response response = { .header = &header,
			.ID = (int64_t)renewal->id,
			.TTL = renewal->answer.found != 0 ?
			    (int64_t)renewal->answer.left_s : 0 };

		header.revision = (int64_t)renewal->answer.revision;
		remove_first(keep);
		if (!call_message(keep->of, &response))
			return false;
	}
	return true;
}

static void go_on(struct keep_alive *keep);

static void
answered(struct backend_call *call, const struct msg_outcome *outcome)
{
	struct renewal *renewal = CONTAINER_OF(call, struct renewal, call);
	struct keep_alive *keep = renewal->of;
	struct reader in = reader_of(outcome->event);

	renewal->done = true;
	renewal->raft_term = outcome->raft_term;
	if (outcome->error != ERR_NONE)
		end(keep, call_failure(outcome));
	else if (!v3_lease_answer_get(&in, &renewal->answer))
		end(keep, (struct v3_status){ V3_INTERNAL, "raftd sent no answer" });
	else if (tell(keep))
		go_on(keep);
}

static void
ask(struct keep_alive *keep)
{
	struct backend *backend = keep->of->request->worker->backend;

	while (keep->count > 0 && keep->asked_count < SIDE_BY_SIDE && !backend_is_full(backend)) {
		struct renewal *renewal = xzalloc(sizeof(*renewal));

		renewal->of = keep;
		renewal->id = keep->waiting[keep->first];
		renewal->call.done = answered;
		TAILQ_INSERT_TAIL(&keep->asked, renewal, link);
		keep->first++;
		keep->count--;
		keep->asked_count++;
		backend_v3_lease(backend, &renewal->call,
		    &(struct msg_v3_lease){ .what = V3_LEASE_RENEW, .id = renewal->id });
	}
}

/* May end the call. */
static void
go_on(struct keep_alive *keep)
{
	struct v3_call *call = keep->of;

	/* A client that takes no answers gets no more of them made. */
	if (response_backlog(call->request) < V3_RENEWALS_BACKLOG)
		ask(keep);
	count(keep);
	if (keep->asked_count > 0)
		return;
	if (keep->count == 0 && call->half_closed)
		end(keep, (struct v3_status){ V3_OK, "" });
	else if (keep->count > 0 && response_backlog(call->request) < V3_RENEWALS_BACKLOG)
		end(keep, v3_status_of(V3_REFUSE_TOO_MANY_REQUESTS));
}

static void
drained(struct v3_call *call)
{
	go_on(call->state);
}

static void
closed(struct v3_call *call)
{
	go_on(call->state);
}

static void
stop(struct v3_call *call)
{
	struct keep_alive *keep = call->state;

	/* Its client has said all, and what it asked is answered soon. */
	if (!call->half_closed)
		end(keep, v3_status_of(V3_REFUSE_STOPPED));
}

static void
add(struct keep_alive *keep, uint64_t id)
{
	if (keep->first > 0 && keep->first + keep->count == keep->capacity) {
		memmove(keep->waiting, keep->waiting + keep->first,
		    keep->count * sizeof(*keep->waiting));
		keep->first = 0;
	}
	keep->waiting = xgrow(keep->waiting, &keep->capacity, keep->first + keep->count + 1,
	    sizeof(*keep->waiting));
	keep->waiting[keep->first + keep->count++] = id;
}

static void
next(struct v3_call *call, const void *message)
{
	const struct v3_lease_keep_alive_request *request = message;
	struct keep_alive *keep = call->state;

	if (keep->count == V3_RENEWALS_WAITING_MAX) {
		end(keep, v3_status_of(V3_REFUSE_TOO_MANY_REQUESTS));
		return;
	}
	/* What is renewed is not asked for where it is done. */
	if (!call_is_kept(call))
		return;
	/* While others are under way they are what may be asked. */
	if (keep->asked_count == 0 && keep->count == 0) {
		call->gone = NULL;
		if (!call_may_ask(call)) {
			drop(keep);
			return;
		}
		call->gone = gone;
	}
	add(keep, (uint64_t)request->ID);
	go_on(keep);
}

void
serve_keep_alive(struct v3_call *call, const void *message UNUSED)
{
	struct keep_alive *keep = xzalloc(sizeof(*keep));

	keep->of = call;
	TAILQ_INIT(&keep->asked);
	count(keep);
	call->state = keep;
	call->next = next;
	call->closed = closed;
	call->gone = gone;
	call->drained = drained;
	call->stop = stop;
}
