/*
 * inquiry.c - see inquiry.h.
 */
#include "httpd/client/inquiry.h"

#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/loop.h"
#include "common/xmem.h"
#include "httpd/worker.h"

#include <stdlib.h>

#define ANSWER_MS 2000			/* the supervisor only reads what it knows */
#define STALL_SHOWN_MS 60000
#define LEAD_MS 35000			/* longer than it gives a transfer */

struct inquiries {
	struct worker *worker;
	TAILQ_HEAD(, inquiry_call) calls;
	size_t count;
	uint64_t last_id;
	bool looked;			/* stalls were looked at: */
	uint64_t stalls;		/* so many there were, */
	uint64_t stalled_ms;		/* and then there was a new one; 0: there was none */
	struct loop_timer *timer;	/* with calls: due when the first may be given up */
};

static void
set_timer(struct inquiries *inquiries)
{
	uint64_t now_ms = loop_now(inquiries->worker->loop).monotonic_ms, first_ms = UINT64_MAX;
	const struct inquiry_call *call;

	TAILQ_FOREACH(call, &inquiries->calls, link)
		first_ms = MIN_OF(first_ms, call->until_ms);
	if (first_ms == UINT64_MAX)
		loop_timer_cancel(inquiries->timer);
	else
		loop_timer_set(inquiries->timer, first_ms > now_ms ? first_ms - now_ms : 0);
}

static void
answer(struct inquiries *inquiries, struct inquiry_call *call, const struct msg_view *view,
    const struct msg_told *told)
{
	inquiry_cancel(inquiries, call);
	if (call->viewed != NULL)
		call->viewed(call, view);
	else
		call->told(call, told);
}

static struct inquiry_call *
find_late(struct inquiries *inquiries)
{
	uint64_t now_ms = loop_now(inquiries->worker->loop).monotonic_ms;
	struct inquiry_call *call;

	TAILQ_FOREACH(call, &inquiries->calls, link)
		if (call->until_ms <= now_ms)
			return call;
	return NULL;
}

static void
due(void *argument)
{
	struct inquiries *inquiries = argument;
	struct inquiry_call *call;

	while ((call = find_late(inquiries)) != NULL)
		answer(inquiries, call, NULL, NULL);
	set_timer(inquiries);
}

struct inquiries *
inquiry_new(struct worker *worker)
{
	struct inquiries *inquiries = xzalloc(sizeof(*inquiries));

	inquiries->worker = worker;
	TAILQ_INIT(&inquiries->calls);
	inquiries->timer = loop_timer_new(worker->loop, due, inquiries);
	return inquiries;
}

void
inquiry_free(struct inquiries **inquiries)
{
	if (*inquiries == NULL)
		return;
	ASSERT(TAILQ_EMPTY(&(*inquiries)->calls));
	loop_timer_free(&(*inquiries)->timer);
	free(*inquiries);
	*inquiries = NULL;
}

bool
inquiry_ask(struct inquiries *inquiries, struct inquiry_call *call, const struct msg_ask *ask)
{
	struct worker *worker = inquiries->worker;
	uint64_t limit_ms = ask->what == ASK_LEAD ? LEAD_MS : ANSWER_MS;

	ASSERT((call->viewed != NULL) == (ask->what == ASK_VIEW));
	if (inquiries->count >= DESK_CALLS_MAX)
		return false;
	inquiries->count++;
	call->id = ++inquiries->last_id;
	call->until_ms = loop_now(worker->loop).monotonic_ms + limit_ms;
	TAILQ_INSERT_TAIL(&inquiries->calls, call, link);
	set_timer(inquiries);
	worker->owner.ask(worker->owner.argument, call->id, ask);
	return true;
}

void
inquiry_cancel(struct inquiries *inquiries, struct inquiry_call *call)
{
	TAILQ_REMOVE(&inquiries->calls, call, link);
	inquiries->count--;
}

bool
inquiry_sees_stalls(struct inquiries *inquiries, uint64_t stalls)
{
	uint64_t now_ms = loop_now(inquiries->worker->loop).monotonic_ms;

	if (inquiries->looked && stalls > inquiries->stalls)
		inquiries->stalled_ms = now_ms;
	inquiries->looked = true;
	inquiries->stalls = stalls;
	return inquiries->stalled_ms != 0 && now_ms - inquiries->stalled_ms < STALL_SHOWN_MS;
}

/* NULL: it is over, or asked for something else. */
static struct inquiry_call *
find(const struct inquiries *inquiries, uint64_t id, bool view)
{
	struct inquiry_call *call;

	TAILQ_FOREACH(call, &inquiries->calls, link)
		if (call->id == id && (call->viewed != NULL) == view)
			return call;
	return NULL;
}

void
inquiry_viewed(struct inquiries *inquiries, uint64_t id, const struct msg_view *view)
{
	struct inquiry_call *call = find(inquiries, id, true);

	if (call != NULL)
		answer(inquiries, call, view, NULL);
}

void
inquiry_told(struct inquiries *inquiries, uint64_t id, const struct msg_told *told)
{
	struct inquiry_call *call = find(inquiries, id, false);

	if (call != NULL)
		answer(inquiries, call, NULL, told);
}
