/*
 * backend_stats.c - raftd's counters, asked for (see backend.h).
 */
#include "httpd/backend_priv.h"

static struct backend_stats_call *
call_of(struct question *question)
{
	return CONTAINER_OF(question, struct backend_stats_call, question);
}

static void
send_stats(struct backend *backend, struct question *question)
{
	if (backend->open)
		msg_stats_ask_frame(channel_out(backend->channel), question->id,
		    &(struct msg_stats_ask){ .kind = (uint8_t)call_of(question)->kind });
}

static void
fail_stats(struct backend *backend, struct question *question, enum question_failure why UNUSED)
{
	struct backend_stats_call *call = call_of(question);

	question_over(backend, question);
	call->done(call, &(struct msg_stats){ .kind = (uint8_t)call->kind,
	    .error = ERR_RAFT_INTERNAL });
}

static void
drop_stats(struct question *question UNUSED)
{
}

/* It has no pieces, so none is lost. */
static const struct question_kind stats_kind = {
	.ids = IDS_CALLS, .send = send_stats, .fail = fail_stats, .drop = drop_stats,
};

void
backend_stats(struct backend *backend, struct backend_stats_call *call, int kind)
{
	ASSERT(call->done != NULL);
	call->kind = kind;
	question_begin(backend, &call->question, &stats_kind, backend->next_id++, PLACE_ASKED);
	send_stats(backend, &call->question);
}

void
backend_stats_cancel(struct backend *backend, struct backend_stats_call *call)
{
	question_over(backend, &call->question);
}

void
backend_stats_came(struct backend *backend, uint64_t id, const struct msg_stats *stats)
{
	struct question *question = question_find(backend, &stats_kind, id);

	if (question == NULL)
		return;
	question_over(backend, question);
	call_of(question)->done(call_of(question), stats);
}
