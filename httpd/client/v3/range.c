/*
 * range.c - Range of the KV service: an answer of any length, where the carrier can send one in
 * pieces; else one that is put together (asked.h).
 *
 *	asked ----> answered	it is all there				[done]
 *	asked ----> streaming	the first piece: its head says how long it is [piece]
 *	streaming --> streaming	the client took most of what there was	[drained]
 *	streaming --> answered	the last piece				[done]
 *	streaming --> failed	raftd is gone, or nobody read on in time	[lost, done]
 *
 * One piece is asked for at a time, so memory holds one or two of them. Each holds a place in raftd
 * as long as its client takes, so there are RANGES_IN_PIECES_MAX; others are put together.
 */
#include "common/limits.h"
#include "httpd/backend.h"
#include "httpd/client/v3/asked.h"
#include "httpd/client/v3/kv.h"
#include "httpd/client/v3/methods.h"
#include "httpd/worker.h"

/* In the call's arena. */
struct range_call {
	struct backend_call call;
	struct v3_call *of;
	bool begun;			/* the head of the answer is out, */
	uint64_t left;			/* and so many bytes are to follow */
};

static void
gone(struct v3_call *call)
{
	struct range_call *range = call->state;

	call->request->worker->ranges_in_pieces--;
	backend_cancel(call->request->worker->backend, &range->call);
}

/* More has come: it goes on to the client. False: the call is over, and range may be gone. */
static bool
pass_on(struct range_call *range, struct slice bytes)
{
	if (bytes.size > range->left)
		bytes.size = (size_t)range->left;
	range->left -= bytes.size;
	return bytes.size == 0 || call_answer_more(range->of, bytes);
}

/* *event becomes what is behind its head. False: that is none. */
static bool
read_head(struct range_call *range, struct slice *event, struct v3_answer *answer,
    struct v3_result *result)
{
	struct reader in = reader_of(*event), results;

	if (!v3_answer_get(&in, answer))
		return false;
	results = reader_of(answer->results);
	if (answer->error != V3_NONE || !v3_result_get(&results, result) ||
	    !reader_done(&results))
		return false;
	*event = slice_of(in.at, (size_t)(in.end - in.at));
	range->begun = true;
	range->left = result->bytes;
	return true;
}

/* Its head goes out, *event becomes the rest. False: the call is over, and range may be gone. */
static bool
begin(struct range_call *range, const struct msg_outcome *outcome, struct slice *event)
{
	struct v3_response_header header = call_header(range->of, outcome->raft_term);
	struct v3_range_response response = { .header = &header };
	struct v3_answer answer;
	struct v3_result result;

	if (!read_head(range, event, &answer, &result)) {
		call_fail(range->of, (struct v3_status){ V3_INTERNAL, "raftd sent no answer" });
		return false;
	}
	header.revision = (int64_t)answer.revision;
	response.more = (result.flags & V3_RESULT_MORE) != 0;
	response.count = (int64_t)result.count;
	return call_answer_begin(range->of, &response, result.bytes);
}

static void
want_more(struct range_call *range)
{
	struct v3_call *call = range->of;

	if (backend_call_rests(&range->call) && call_backlog(call) <= RANGE_BACKLOG_BYTES)
		backend_call_more(call->request->worker->backend, &range->call);
}

static void
drained(struct v3_call *call)
{
	want_more(call->state);
}

static void
piece(struct backend_call *backend_call, const struct msg_outcome *outcome)
{
	struct range_call *range = CONTAINER_OF(backend_call, struct range_call, call);
	struct slice event = outcome->event;

	if ((range->begun || begin(range, outcome, &event)) && pass_on(range, event))
		want_more(range);
}

/* What came of it is void. */
static void
lost(struct backend_call *backend_call)
{
	struct range_call *range = CONTAINER_OF(backend_call, struct range_call, call);

	if (range->begun)
		call_fail(range->of, v3_status_of(V3_REFUSE_TIMED_OUT));
}

static void
done(struct backend_call *backend_call, const struct msg_outcome *outcome)
{
	struct range_call *range = CONTAINER_OF(backend_call, struct range_call, call);
	struct v3_call *call = range->of;
	struct kv_answer answer;

	call->request->worker->ranges_in_pieces--;
	if (!range->begun) {
		kv_take(V3_METHOD_range, outcome, &call->request->arena, &answer);
		if (answer.status.code != V3_OK) {
			call_end(call, answer.status);
			return;
		}
		answer.header = kv_header(call, &answer);
		call_answer(call, &answer.shown);
		return;
	}
	call->gone = NULL;
	if (outcome->error != ERR_NONE)
		call_end(call, call_failure(outcome));
	else if (pass_on(range, outcome->event))
		call_end(call, range->left == 0 ? (struct v3_status){ V3_OK, "" } :
		    (struct v3_status){ V3_INTERNAL, "raftd sent no answer" });
}

static void
ask(struct v3_call *call, const struct v3_ask *lists)
{
	struct range_call *range = arena_zalloc(&call->request->arena, sizeof(*range));

	range->of = call;
	range->call.done = done;
	range->call.piece = piece;
	range->call.lost = lost;
	range->call.sent_ns = &call->request->sent_ns;
	call->state = range;
	call->request->worker->ranges_in_pieces++;
	call->gone = gone;
	call->drained = drained;
	backend_v3_read_on(call->request->worker->backend, &range->call, &(struct msg_v3_read){
	    .quorum = !lists->serializable, .compares = buf_slice(&lists->compares),
	    .ops = buf_slice(&lists->ops) });
}

void
serve_range(struct v3_call *call, const void *message)
{
	struct v3_ask lists = { .writes = false };
	struct v3_status status;

	if (call->carrier->begin_long == NULL ||
	    call->request->worker->ranges_in_pieces >= RANGES_IN_PIECES_MAX) {
		serve_keys(call, message);
		return;
	}
	status = kv_lists(call, message, &lists);
	if (status.code != V3_OK) {
		call_end(call, status);
	} else if (kv_is_permitted(call, &lists) && call_may_ask(call)) {
		/* It stands in the call's frame from here on. */
		request_drop_body(call->request);
		ask(call, &lists);
	}
	v3_ask_free(&lists);
}
