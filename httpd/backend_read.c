/*
 * backend_read.c - reads, and answers of theirs that come in pieces (see backend.h).
 *
 *	asked -----> resting	a piece came			[backend_read_piece]
 *	resting ---> asked	the next one is wanted		[backend_call_more]
 *	either ----> asked anew	raftd is gone, the next one begins from the start
 *								[backend_read_interrupt]
 *	asked -----> over	the last piece			[take_outcome]
 *
 * One that rests waits for its owner and has no deadline; one that asks has.
 */
#include "httpd/backend_priv.h"

static uint64_t
now_ms(const struct backend *backend)
{
	return loop_now(backend->worker->loop).monotonic_ms;
}

void
backend_read(struct backend *backend, struct backend_call *call, const struct msg_read *read)
{
	ASSERT(call->piece != NULL);
	ASSERT(call->lost != NULL);
	backend_call_start(backend, call);
	call->write = false;
	call->plain = (read->flags & READ_FLAG_QUORUM) == 0;
	call->id = backend->next_read++;
	TAILQ_INSERT_TAIL(&backend->reads, call, link);
	hash_insert(&backend->calls, &call->by_id, slice_of(&call->id, sizeof(call->id)));
	msg_read_frame(&call->frame, call->id, read);
	backend_call_send(backend, call);
}

void
backend_call_more(struct backend *backend, struct backend_call *call)
{
	ASSERT(call->resting);
	call->resting = false;
	call->started_ms = now_ms(backend);
	TAILQ_REMOVE(&backend->resting, call, link);
	TAILQ_INSERT_TAIL(&backend->reads, call, link);
	msg_read_more_frame(channel_out(backend->channel), call->id,
	    &(struct msg_read_more){ .unused = 0 });
	/* It may be asked for while answers are written, behind the frames of this turn. */
	loop_again(backend->worker->loop);
	backend_tick_soon(backend);
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
	if (call->resting) {
		backend_protocol_error(backend, "a piece that was not asked for");
		return;
	}
	TAILQ_REMOVE(&backend->reads, call, link);
	TAILQ_INSERT_TAIL(&backend->resting, call, link);
	call->begun = true;
	call->resting = true;
	call->piece(call, outcome);
}

void
backend_read_interrupt(struct backend *backend)
{
	struct backend_call *call, *next;

	for (call = TAILQ_FIRST(&backend->reads); call != NULL; call = next) {
		next = TAILQ_NEXT(call, link);
		if (!call->begun)
			continue;
		TAILQ_REMOVE(&backend->reads, call, link);
		TAILQ_INSERT_TAIL(&backend->resting, call, link);
		call->resting = true;
	}
	while ((call = TAILQ_FIRST(&backend->resting)) != NULL) {
		TAILQ_REMOVE(&backend->resting, call, link);
		TAILQ_INSERT_TAIL(&backend->reads, call, link);
		call->begun = false;
		call->resting = false;
		call->started_ms = now_ms(backend);
		/* One that cannot begin anew may take others with it. */
		call->lost(call);
	}
}
