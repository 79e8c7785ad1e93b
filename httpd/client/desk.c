/*
 * desk.c - see desk.h.
 */
#include "httpd/client/desk.h"

#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/loop.h"
#include "common/xmem.h"
#include "httpd/worker.h"

#include <stdlib.h>

#define ANSWER_MS 2000			/* the supervisor only reads what it knows */
#define STALL_SHOWN_MS 60000
#define LEAD_MS 35000			/* longer than it gives a transfer */

struct desk {
	struct worker *worker;
	TAILQ_HEAD(, desk_call) calls;
	size_t count;
	uint64_t last_id;
	bool looked;			/* stalls were looked at: */
	uint64_t stalls;		/* so many there were, */
	uint64_t stalled_ms;		/* and then there was a new one; 0: there was none */
	struct loop_timer *timer;	/* with calls: due when the first may be given up */
};

static void
set_timer(struct desk *desk)
{
	uint64_t now_ms = loop_now(desk->worker->loop).monotonic_ms, first_ms = UINT64_MAX;
	const struct desk_call *call;

	TAILQ_FOREACH(call, &desk->calls, link)
		first_ms = MIN_OF(first_ms, call->until_ms);
	if (first_ms == UINT64_MAX)
		loop_timer_cancel(desk->timer);
	else
		loop_timer_set(desk->timer, first_ms > now_ms ? first_ms - now_ms : 0);
}

static void
answer(struct desk *desk, struct desk_call *call, const struct msg_view *view,
    const struct msg_told *told)
{
	desk_cancel(desk, call);
	if (call->viewed != NULL)
		call->viewed(call, view);
	else
		call->told(call, told);
}

static struct desk_call *
find_late(struct desk *desk)
{
	uint64_t now_ms = loop_now(desk->worker->loop).monotonic_ms;
	struct desk_call *call;

	TAILQ_FOREACH(call, &desk->calls, link)
		if (call->until_ms <= now_ms)
			return call;
	return NULL;
}

static void
due(void *argument)
{
	struct desk *desk = argument;
	struct desk_call *call;

	while ((call = find_late(desk)) != NULL)
		answer(desk, call, NULL, NULL);
	set_timer(desk);
}

struct desk *
desk_new(struct worker *worker)
{
	struct desk *desk = xzalloc(sizeof(*desk));

	desk->worker = worker;
	TAILQ_INIT(&desk->calls);
	desk->timer = loop_timer_new(worker->loop, due, desk);
	return desk;
}

void
desk_free(struct desk **desk)
{
	if (*desk == NULL)
		return;
	ASSERT(TAILQ_EMPTY(&(*desk)->calls));
	loop_timer_free(&(*desk)->timer);
	free(*desk);
	*desk = NULL;
}

bool
desk_ask(struct desk *desk, struct desk_call *call, const struct msg_ask *ask)
{
	struct worker *worker = desk->worker;
	uint64_t limit_ms = ask->what == ASK_LEAD ? LEAD_MS : ANSWER_MS;

	ASSERT((call->viewed != NULL) == (ask->what == ASK_VIEW));
	if (desk->count >= DESK_CALLS_MAX || !worker->config.answers)
		return false;
	desk->count++;
	call->id = ++desk->last_id;
	call->until_ms = loop_now(worker->loop).monotonic_ms + limit_ms;
	TAILQ_INSERT_TAIL(&desk->calls, call, link);
	set_timer(desk);
	worker->owner.ask(worker->owner.argument, call->id, ask);
	return true;
}

void
desk_cancel(struct desk *desk, struct desk_call *call)
{
	TAILQ_REMOVE(&desk->calls, call, link);
	desk->count--;
}

bool
desk_sees_stalls(struct desk *desk, uint64_t stalls)
{
	uint64_t now_ms = loop_now(desk->worker->loop).monotonic_ms;

	if (desk->looked && stalls > desk->stalls)
		desk->stalled_ms = now_ms;
	desk->looked = true;
	desk->stalls = stalls;
	return desk->stalled_ms != 0 && now_ms - desk->stalled_ms < STALL_SHOWN_MS;
}

/* NULL: it is over, or asked for something else. */
static struct desk_call *
find(const struct desk *desk, uint64_t id, bool view)
{
	struct desk_call *call;

	TAILQ_FOREACH(call, &desk->calls, link)
		if (call->id == id && (call->viewed != NULL) == view)
			return call;
	return NULL;
}

void
desk_viewed(struct desk *desk, uint64_t id, const struct msg_view *view)
{
	struct desk_call *call = find(desk, id, true);

	if (call != NULL)
		answer(desk, call, view, NULL);
}

void
desk_told(struct desk *desk, uint64_t id, const struct msg_told *told)
{
	struct desk_call *call = find(desk, id, false);

	if (call != NULL)
		answer(desk, call, NULL, told);
}
