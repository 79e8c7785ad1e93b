/*
 * backend_read.c - reads, and answers of theirs that come in pieces (see backend.h).
 *
 *	asked -----> resting	a piece came			[backend_read_piece]
 *	resting ---> asked	the next one is wanted		[backend_call_more]
 *	either ----> asked anew	raftd is gone, the next one begins from the start
 *								[backend_read_lost]
 *	asked -----> over	the last piece			[backend_call_outcome]
 *
 * One that rests waits for its owner and has no deadline; one that asks has.
 */
#include "httpd/backend_priv.h"

void
backend_read(struct backend *backend, struct backend_call *call, const struct msg_read *read)
{
	ASSERT(call->piece != NULL);
	ASSERT(call->lost != NULL);
	backend_call_start(backend, call, backend->next_id++, PLACE_ASKED);
	/* A plain read needs no other node, and stands in a queue as long as it takes. */
	if ((read->flags & READ_FLAG_QUORUM) == 0)
		call->question.patience = PATIENCE_QUEUED;
	msg_read_frame(&call->frame, call->question.id, read);
	backend_call_send(backend, call);
}

void
backend_lock_look(struct backend *backend, struct backend_call *call,
    const struct msg_lock_look *look)
{
	call->piece = NULL;
	backend_call_start(backend, call, backend->next_id++, PLACE_ASKED);
	msg_lock_look_frame(&call->frame, call->question.id, look);
	backend_call_send(backend, call);
}

static void
send_v3_read(struct backend *backend, struct backend_call *call, const struct msg_v3_read *read)
{
	if (read->quorum == 0)
		call->question.patience = PATIENCE_QUEUED;
	msg_v3_read_frame(&call->frame, call->question.id, read);
	backend_call_send(backend, call);
}

void
backend_v3_read(struct backend *backend, struct backend_call *call, const struct msg_v3_read *read)
{
	call->piece = NULL;
	backend_call_start(backend, call, backend->next_id++, PLACE_ASKED);
	backend_call_collect(call);
	send_v3_read(backend, call, read);
}

void
backend_v3_read_on(struct backend *backend, struct backend_call *call,
    const struct msg_v3_read *read)
{
	ASSERT(call->piece != NULL);
	ASSERT(call->lost != NULL);
	backend_call_start(backend, call, backend->next_id++, PLACE_ASKED);
	send_v3_read(backend, call, read);
}

void
backend_v3_lease(struct backend *backend, struct backend_call *call,
    const struct msg_v3_lease *lease)
{
	call->piece = NULL;
	backend_call_start(backend, call, backend->next_id++, PLACE_ASKED);
	backend_call_collect(call);
	msg_v3_lease_frame(&call->frame, call->question.id, lease);
	backend_call_send(backend, call);
}

void
backend_v3_state(struct backend *backend, struct backend_call *call,
    const struct msg_v3_state *state)
{
	call->piece = NULL;
	backend_call_start(backend, call, backend->next_id++, PLACE_ASKED);
	backend_call_collect(call);
	msg_v3_state_frame(&call->frame, call->question.id, state);
	backend_call_send(backend, call);
}

void
backend_call_more(struct backend *backend, struct backend_call *call)
{
	ASSERT(backend_call_rests(call));
	question_ask(backend, &call->question);
	msg_read_more_frame(channel_out(backend->channel), call->question.id,
	    &(struct msg_read_more){ .unused = 0 });
	/* It may be asked for while answers are written, behind the frames of this turn. */
	loop_again(backend->worker->loop);
}

void
backend_read_stop(struct backend *backend, uint64_t id)
{
	if (!backend->open)
		return;
	msg_read_stop_frame(channel_out(backend->channel), id,
	    &(struct msg_read_stop){ .unused = 0 });
	loop_again(backend->worker->loop);
}

void
backend_read_piece(struct backend *backend, struct backend_call *call, uint64_t id,
    const struct msg_outcome *outcome)
{
	if (call == NULL) {
		backend_read_stop(backend, id);
		return;
	}
	if (backend_call_rests(call) || call->piece == NULL) {
		backend_protocol_error(backend, "a piece that was not asked for");
		return;
	}
	question_move(backend, &call->question, PLACE_RESTING);
	call->question.begun = true;
	call->piece(call, outcome);
}

void
backend_read_lost(struct backend *backend, struct question *question)
{
	struct backend_call *call = CONTAINER_OF(question, struct backend_call, question);

	question_ask(backend, question);
	question->begun = false;
	call->lost(call);
}
