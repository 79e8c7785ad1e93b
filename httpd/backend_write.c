/*
 * backend_write.c - writes on their way to raftd, each of which takes effect once.
 *
 *	begun ----> placed	it has the next sequence, and goes out	[place_write]
 *	begun ----> waiting	the window is full, or others wait	[place_write]
 *	waiting --> placed	lower ones were answered		[backend_write_admit]
 *
 * Writes have a sequence each, without gaps, and go out in its order, also
 * when they are repeated; raftd's session table makes each take effect once.
 * It keeps an answer until low passes it, so no write goes out that is further
 * than a window from the lowest one not answered. Nor does one as long as those that
 * are not answered are WRITES_SENT_BYTES: raftd has each of them more than once.
 *
 * A write's frame is made once. Its sequence, and the lowest one not answered, are known
 * when it has a place only: they stand in front, and are written there then.
 *
 * Calls themselves, their answers and their ends are backend_call.c's.
 */
#include "common/limits.h"
#include "httpd/backend_priv.h"

#define WINDOW SESSION_RESULTS_MAX

/* The lowest sequence that is not answered. */
static uint64_t
low_sequence(const struct backend *backend)
{
	const struct question *first = TAILQ_FIRST(&backend->lists[PLACE_WRITES]);

	return first == NULL ? backend->next_sequence : first->id;
}

static bool
window_has_room(const struct backend *backend)
{
	return backend->next_sequence - low_sequence(backend) < WINDOW &&
	    backend->writes_bytes < WRITES_SENT_BYTES;
}

/* Before a write's frame is made: its place. */
static void
place_write(struct backend *backend, struct backend_call *call)
{
	if (TAILQ_EMPTY(&backend->lists[PLACE_WAITING]) && window_has_room(backend))
		backend_call_start(backend, call, backend->next_sequence++, PLACE_WRITES);
	else
		backend_call_start(backend, call, 0, PLACE_WAITING);
}

/* Its frame is made: what is not known before it has a place is written into it, and it
 * goes out; without a place it waits. */
static void
send_placed(struct backend *backend, struct backend_call *call)
{
	if (call->question.id == 0)
		return;
	frame_set_request_id(call->frame.data, call->question.id);
	frame_set_first_u64(call->frame.data, low_sequence(backend));
	call->sent_bytes = call->frame.size;
	backend->writes_bytes += call->sent_bytes;
	backend_call_send(backend, call);
}

void
backend_write(struct backend *backend, struct backend_call *call, const struct msg_write *write)
{
	place_write(backend, call);
	msg_write_frame(&call->frame, 0, write);
	send_placed(backend, call);
}

void
backend_member_change(struct backend *backend, struct backend_call *call,
    const struct msg_member_change *change)
{
	place_write(backend, call);
	msg_member_change_frame(&call->frame, 0, change);
	send_placed(backend, call);
}

void
backend_place_change(struct backend *backend, struct backend_call *call,
    const struct msg_place_change *change)
{
	place_write(backend, call);
	msg_place_change_frame(&call->frame, 0, change);
	send_placed(backend, call);
}

void
backend_config_change(struct backend *backend, struct backend_call *call,
    const struct msg_config_change *change)
{
	place_write(backend, call);
	msg_config_change_frame(&call->frame, 0, change);
	send_placed(backend, call);
}

void
backend_auth_change(struct backend *backend, struct backend_call *call,
    const struct msg_auth_change *change)
{
	place_write(backend, call);
	msg_auth_change_frame(&call->frame, 0, change);
	send_placed(backend, call);
}

void
backend_v3_write(struct backend *backend, struct backend_call *call,
    const struct msg_v3_write *write)
{
	place_write(backend, call);
	backend_call_collect(call);
	msg_v3_write_frame(&call->frame, 0, write);
	send_placed(backend, call);
}

void
backend_v3_compact(struct backend *backend, struct backend_call *call,
    const struct msg_v3_compact *compact)
{
	place_write(backend, call);
	backend_call_collect(call);
	msg_v3_compact_frame(&call->frame, 0, compact);
	send_placed(backend, call);
}

void
backend_v3_grant(struct backend *backend, struct backend_call *call,
    const struct msg_v3_grant *grant)
{
	place_write(backend, call);
	backend_call_collect(call);
	msg_v3_grant_frame(&call->frame, 0, grant);
	send_placed(backend, call);
}

void
backend_v3_revoke(struct backend *backend, struct backend_call *call,
    const struct msg_v3_revoke *revoke)
{
	place_write(backend, call);
	backend_call_collect(call);
	msg_v3_revoke_frame(&call->frame, 0, revoke);
	send_placed(backend, call);
}

void
backend_v3_alarm(struct backend *backend, struct backend_call *call,
    const struct msg_v3_alarm *alarm)
{
	place_write(backend, call);
	backend_call_collect(call);
	msg_v3_alarm_frame(&call->frame, 0, alarm);
	send_placed(backend, call);
}

void
backend_v3_auth_change(struct backend *backend, struct backend_call *call,
    const struct msg_v3_auth_change *change)
{
	place_write(backend, call);
	backend_call_collect(call);
	msg_v3_auth_change_frame(&call->frame, 0, change);
	send_placed(backend, call);
}

void
backend_write_admit(struct backend *backend)
{
	struct question *question;

	while ((question = TAILQ_FIRST(&backend->lists[PLACE_WAITING])) != NULL &&
	    window_has_room(backend)) {
		question_admit(backend, question, backend->next_sequence++);
		send_placed(backend, CONTAINER_OF(question, struct backend_call, question));
	}
}
