/*
 * asked.c - a v3 call that raftd answers once (see asked.h).
 */
#include "httpd/client/v3/asked.h"

#include "common/v3_error.h"
#include "httpd/v3/show.h"
#include "httpd/worker.h"

bool
asked_is_refused(const struct v3_asked *asked, uint16_t error)
{
	enum v3_error why = (enum v3_error)error;

	if (error == V3_NONE)
		return false;
	call_end(asked->of, (struct v3_status){ (enum v3_code)v3_error_code(why),
	    v3_error_text(why) });
	return true;
}

void
asked_fail(const struct v3_asked *asked)
{
	call_end(asked->of, (struct v3_status){ V3_INTERNAL, "raftd sent no answer" });
}

static void
show(struct v3_asked *asked, const struct msg_outcome *outcome)
{
	struct v3_call *call = asked->of;
	struct v3_response_header header = call_header(call, outcome->raft_term);
	enum v3_error error = V3_NONE;
	union v3_shown shown;

	if (v3_show(call->method->tag, outcome->event, &call->request->arena, &header, &shown,
	    &error) != ERR_NONE) {
		asked_fail(asked);
		return;
	}
	if (asked_is_refused(asked, (uint16_t)error))
		return;
	if (asked->lease != 0)
		shown.grant.ID = (int64_t)asked->lease;
	call_answer(call, &shown);
}

static void
answered(struct backend_call *backend_call, const struct msg_outcome *outcome)
{
	struct v3_asked *asked = CONTAINER_OF(backend_call, struct v3_asked, call);

	if (outcome->error != ERR_NONE)
		call_end(asked->of, call_failure(outcome));
	else
		asked->show(asked, outcome);
}

static void
gone(struct v3_call *call)
{
	struct v3_asked *asked = call->state;

	backend_cancel(call->request->worker->backend, &asked->call);
}

struct v3_asked *
asked_new(struct v3_call *call)
{
	struct v3_asked *asked = arena_zalloc(&call->request->arena, sizeof(*asked));

	asked->of = call;
	asked->show = show;
	asked->call.done = answered;
	asked->call.sent_ns = &call->request->sent_ns;
	call->state = asked;
	call->gone = gone;
	return asked;
}

struct v3_asked *
asked_new_shown(struct v3_call *call,
    void (*show_it)(struct v3_asked *asked, const struct msg_outcome *outcome))
{
	struct v3_asked *asked = asked_new(call);

	asked->show = show_it;
	return asked;
}
