/*
 * restings.c - see restings.h.
 */
#include "httpd/client/restings.h"

#include "common/limits.h"
#include "common/loop.h"
#include "common/xmem.h"
#include "httpd/worker.h"

#include <stdlib.h>
#include <sys/queue.h>

/* In the request's arena. */
struct resting {
	TAILQ_ENTRY(resting) link;
	struct restings *of;
	struct request *request;
	enum attempt_answer why;
	uint64_t due_ms;		/* monotonic */
};

struct restings {
	struct worker *worker;
	void (*refuse)(struct request *request, enum attempt_answer why);
	TAILQ_HEAD(, resting) list;	/* in the order of their times */
	size_t count;
	struct loop_timer *timer;	/* due with the first of them */
};

static void
leave(struct resting *resting)
{
	TAILQ_REMOVE(&resting->of->list, resting, link);
	resting->of->count--;
}

static void
gone(struct request *request)
{
	leave(request->state);
}

void
restings_add(struct restings *restings, struct request *request, enum attempt_answer why)
{
	struct resting *resting;

	if (restings->count == AUTH_RESTING_MAX) {
		restings->refuse(request, why);
		return;
	}
	resting = arena_zalloc(&request->arena, sizeof(*resting));
	resting->of = restings;
	resting->request = request;
	resting->why = why;
	resting->due_ms = loop_now(restings->worker->loop).monotonic_ms + AUTH_REFUSED_MS;
	request->state = resting;
	request->gone = gone;
	if (TAILQ_EMPTY(&restings->list))
		loop_timer_set(restings->timer, AUTH_REFUSED_MS);
	TAILQ_INSERT_TAIL(&restings->list, resting, link);
	restings->count++;
}

static void
due(void *argument)
{
	struct restings *restings = argument;
	uint64_t now_ms = loop_now(restings->worker->loop).monotonic_ms;
	struct resting *resting;

	while ((resting = TAILQ_FIRST(&restings->list)) != NULL && resting->due_ms <= now_ms) {
		leave(resting);
		resting->request->gone = NULL;
		restings->refuse(resting->request, resting->why);
	}
	if (resting != NULL)
		loop_timer_set(restings->timer, resting->due_ms - now_ms);
}

struct restings *
restings_new(struct worker *worker,
    void (*refuse)(struct request *request, enum attempt_answer why))
{
	struct restings *restings = xzalloc(sizeof(*restings));

	restings->worker = worker;
	restings->refuse = refuse;
	restings->timer = loop_timer_new(worker->loop, due, restings);
	TAILQ_INIT(&restings->list);
	return restings;
}

void
restings_free(struct restings **restings)
{
	ASSERT(TAILQ_EMPTY(&(*restings)->list));
	loop_timer_free(&(*restings)->timer);
	free(*restings);
	*restings = NULL;
}
