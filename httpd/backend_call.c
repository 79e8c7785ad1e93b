/*
 * backend_call.c - calls, which are answered by an outcome: what writes and reads have
 * in common (see backend.h; backend_write.c, backend_read.c).
 */
#include "common/cause.h"
#include "common/limits.h"
#include "common/xmem.h"
#include "httpd/backend_priv.h"

#include <stdlib.h>

static struct backend_call *
call_of(struct question *question)
{
	return CONTAINER_OF(question, struct backend_call, question);
}

/* ---- sending ------------------------------------------------------------------------- */

static void
send_call(struct backend *backend, struct question *question)
{
	struct backend_call *call = call_of(question);

	if (!backend->open)
		return;
	if (call->write && call->sent)
		frame_set_flags(call->frame.data, FRAME_AGAIN);
	channel_send(backend->channel, buf_slice(&call->frame));
	call->sent = true;
	if (call->sent_ns != NULL && *call->sent_ns == 0)
		*call->sent_ns = loop_now(backend->worker->loop).monotonic_ns;
}

void
backend_call_send(struct backend *backend, struct backend_call *call)
{
	send_call(backend, &call->question);
}

size_t
backend_call_count(const struct backend *backend)
{
	return backend->call_count;
}

bool
backend_is_full(const struct backend *backend)
{
	uint64_t most = MIN_OF(backend->worker->config.max_requests, WORKER_REQUESTS_MAX);

	return backend->call_count >= most;
}

/* ---- ending -------------------------------------------------------------------------- */

static void
drop_event(struct backend *backend, struct backend_call *call)
{
	if (call->collects)
		backend->collected_bytes -= call->event.size;
	buf_clear(&call->event);
}

static void
forget_call(struct backend *backend, struct backend_call *call)
{
	question_over(backend, &call->question);
	backend->writes_bytes -= call->sent_bytes;
	backend->call_count--;
}

static void
end_call(struct backend *backend, struct backend_call *call, const struct msg_outcome *outcome)
{
	struct buf frame = call->frame;
	struct buf event = call->event;

	/* The call may be freed by its owner, and the outcome may be in event. */
	drop_event(backend, call);
	forget_call(backend, call);
	call->done(call, outcome);
	buf_free(&frame);
	buf_free(&event);
	backend_write_admit(backend);
}

static enum cause
cause_of(const struct backend_call *call, enum question_failure why)
{
	bool late = why == FAILED_LATE;

	if (!call->write)
		return late ? CAUSE_SILENT_READ : CAUSE_REMOVED_READ;
	if (call->sent)
		return late ? CAUSE_SILENT : CAUSE_REMOVED_AGAIN;
	return late ? CAUSE_UNSENT : CAUSE_REMOVED;
}

static void
fail_call(struct backend *backend, struct question *question, enum question_failure why)
{
	struct backend_call *call = call_of(question);

	end_call(backend, call, &(struct msg_outcome){
	    .error = ERR_RAFT_INTERNAL,
	    .cause = slice_text(cause_text(cause_of(call, why))),
	    .store_index = why == FAILED_LATE ? backend->worker->cluster->store_index : 0,
	});
}

/* Takes the place of a write whose owner left: it is still repeated until it
 * is answered, so that low does not pass what may be under way. */
static void
ghost_done(struct backend_call *call, const struct msg_outcome *outcome UNUSED)
{
	free(call);
}

static void
drop_call(struct question *question)
{
	struct backend_call *call = call_of(question);

	buf_free(&call->frame);
	buf_free(&call->event);
	if (call->done == ghost_done)
		free(call);
}

static const struct question_kind call_kind = {
	.ids = IDS_CALLS, .send = send_call, .lost = backend_read_lost, .fail = fail_call,
	.drop = drop_call,
};

void
backend_call_start(struct backend *backend, struct backend_call *call, uint64_t id,
    enum question_place place)
{
	ASSERT(call->done != NULL);
	call->write = place != PLACE_ASKED;
	call->sent = false;
	call->collects = false;
	call->sent_bytes = 0;
	buf_init(&call->frame, 0);
	buf_init(&call->event, ASSEMBLED_BYTES_MAX);
	backend->call_count++;
	question_begin(backend, &call->question, &call_kind, id, place);
}

void
backend_call_collect(struct backend_call *call)
{
	call->collects = true;
	buf_free(&call->event);
	buf_init(&call->event, V3_ANSWER_BYTES_MAX);
}

void
backend_cancel(struct backend *backend, struct backend_call *call)
{
	struct backend_call *ghost;
	bool collected = call->collects && call->event.size > 0;

	drop_event(backend, call);
	if (call->write && call->sent) {
		ghost = xmalloc(sizeof(*ghost));
		*ghost = *call;
		ghost->done = ghost_done;
		buf_free(&ghost->event);
		ghost->sent_ns = NULL;
		question_replace(backend, &call->question, &ghost->question);
		return;
	}
	if (call->question.begun || collected)
		backend_read_stop(backend, call->question.id);
	forget_call(backend, call);
	buf_free(&call->frame);
	buf_free(&call->event);
	backend_write_admit(backend);
}

/* ---- answers --------------------------------------------------------------------------- */

/* What came of it is all that may come: a write is done, and nothing of it is to be repeated. */
static void
give_up(struct backend *backend, struct backend_call *call, enum err err)
{
	backend_read_stop(backend, call->question.id);
	end_call(backend, call, &(struct msg_outcome){ .error = (uint16_t)err });
}

/* Add what came; false: it was too much, and the call is over. */
static bool
collect(struct backend *backend, struct backend_call *call, struct slice event)
{
	if (event.size > V3_ANSWER_BYTES_MAX - call->event.size) {
		give_up(backend, call, ERR_TOO_BIG);
		return false;
	}
	if (event.size > V3_COLLECTED_BYTES_MAX - backend->collected_bytes) {
		give_up(backend, call, ERR_BUSY);
		return false;
	}
	buf_append_slice(&call->event, event);
	backend->collected_bytes += event.size;
	return true;
}

static void
collect_piece(struct backend *backend, struct backend_call *call, struct slice event)
{
	/* Whoever wanted to see it is gone. */
	if (call->done == ghost_done) {
		give_up(backend, call, ERR_CLOSED);
		return;
	}
	if (!collect(backend, call, event))
		return;
	/* raftd is at it, and ends it in time. */
	call->question.patience = PATIENCE_QUEUED;
	msg_read_more_frame(channel_out(backend->channel), call->question.id,
	    &(struct msg_read_more){ .unused = 0 });
	loop_again(backend->worker->loop);
}

void
backend_call_outcome(struct backend *backend, const struct frame *frame,
    const struct msg_outcome *came)
{
	struct question *question = question_find(backend, &call_kind, frame->request_id);
	bool more = (frame->flags & FRAME_MORE) != 0;
	struct backend_call *call = question == NULL ? NULL : call_of(question);
	struct msg_outcome outcome = *came;

	if (more && call != NULL && call->collects) {
		collect_piece(backend, call, outcome.event);
		return;
	}
	if (more && frame->request_id >= READ_ID) {
		backend_read_piece(backend, call, frame->request_id, came);
		return;
	}
	/* Of a read that was cancelled, or a write that was given up. */
	if (call == NULL)
		return;
	if (call->collects && call->event.size > 0) {
		if (outcome.error == ERR_NONE && !collect(backend, call, outcome.event))
			return;
		outcome.event = buf_slice(&call->event);
	} else if (more || call->event.size > 0) {
		buf_append_slice(&call->event, outcome.event);
		if (more)
			return;
		outcome.event = buf_slice(&call->event);
		if (call->event.overflowed) {
			outcome.error = ERR_RAFT_INTERNAL;
			outcome.cause = SLICE_LITERAL("the answer is too large");
			outcome.event = SLICE_EMPTY;
		}
	}
	end_call(backend, call, &outcome);
}

void
backend_call_interrupt(struct backend *backend)
{
	struct question *question;

	TAILQ_FOREACH(question, &backend->lists[PLACE_WRITES], link)
		drop_event(backend, call_of(question));
	TAILQ_FOREACH(question, &backend->lists[PLACE_ASKED], link)
		if (question->kind == &call_kind)
			drop_event(backend, call_of(question));
}
