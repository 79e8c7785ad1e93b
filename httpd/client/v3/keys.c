/*
 * keys.c - the KV service of the v3 API: range, put, delete, txn, compaction.
 *
 * Source: docs/api.md, "v3".
 */
#include "httpd/client/v3/asked.h"
#include "httpd/client/v3/kv.h"
#include "httpd/client/v3/methods.h"
#include "httpd/worker.h"

void
serve_keys(struct v3_call *call, const void *message)
{
	struct v3_ask ask = { .writes = false };
	struct v3_status status = kv_lists(call, message, &ask);

	if (status.code != V3_OK) {
		call_end(call, status);
	} else if (kv_is_permitted(call, &ask) && call_may_ask(call)) {
		/* It stands in the call's frame from here on. */
		request_drop_body(call->request);
		kv_send(call->request->worker, call->who.credential, &asked_new(call)->call, &ask);
	}
	v3_ask_free(&ask);
}

/* ---- compaction ------------------------------ */

static void wait_swept(struct v3_call *call, uint64_t revision);

static void
answer_swept(struct v3_asked *asked, const struct msg_outcome *outcome)
{
	struct v3_response_header header = call_header(asked->of, outcome->raft_term);
	struct reader in = reader_of(outcome->event);
	struct v3_state_answer answer;

	if (!v3_state_answer_get(&in, &answer)) {
		asked_fail(asked);
	} else if (answer.error == V3_TIMED_OUT) {
		/* It was compacted: how long its caller waits for the rest is the caller's. */
		wait_swept(asked->of, asked->revision);
	} else if (!asked_is_refused(asked, answer.error)) {
		header.revision = (int64_t)answer.revision;
		call_answer(asked->of, &(struct v3_compaction_response){ .header = &header });
	}
}

static void
wait_swept(struct v3_call *call, uint64_t revision)
{
	struct v3_asked *asked;

	if (!call_may_ask(call))
		return;
	asked = asked_new_shown(call, answer_swept);
	asked->revision = revision;
	backend_v3_state(call->request->worker->backend, &asked->call,
	    &(struct msg_v3_state){ .what = V3_STATE_SWEPT, .revision = revision });
}

/* It was compacted; now for what was freed by that on this member. */
static void
ask_swept(struct v3_asked *asked, const struct msg_outcome *outcome)
{
	struct reader in = reader_of(outcome->event);
	struct v3_answer answer;

	if (!v3_answer_get(&in, &answer))
		asked_fail(asked);
	else if (!asked_is_refused(asked, answer.error))
		wait_swept(asked->of, asked->revision);
}

void
serve_compact(struct v3_call *call, const void *message)
{
	const struct v3_compaction_request *request = message;
	struct v3_asked *asked;

	if (!call_may_ask(call))
		return;
	asked = request->physical ? asked_new_shown(call, ask_swept) : asked_new(call);
	asked->revision = (uint64_t)request->revision;
	call->decided = true;
	backend_v3_compact(call->request->worker->backend, &asked->call,
	    &(struct msg_v3_compact){ CALL_WHO(call), .revision = asked->revision });
}
