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
 * Calls themselves, their answers and their ends are backend.c's.
 */
#include "common/limits.h"
#include "httpd/backend_priv.h"

#define WINDOW SESSION_RESULTS_MAX

/* The lowest sequence that is not answered. */
static uint64_t
low_sequence(const struct backend *backend)
{
	const struct backend_call *first = TAILQ_FIRST(&backend->writes);

	return first == NULL ? backend->next_sequence : first->id;
}

static bool
window_has_room(const struct backend *backend)
{
	return backend->next_sequence - low_sequence(backend) < WINDOW &&
	    backend->writes_bytes < WRITES_SENT_BYTES;
}

/* Give a write its sequence; its frame is made after that, with it in it. */
static void
take_sequence(struct backend *backend, struct backend_call *call)
{
	call->id = backend->next_sequence++;
	TAILQ_INSERT_TAIL(&backend->writes, call, link);
	hash_insert(&backend->calls, &call->by_id, slice_of(&call->id, sizeof(call->id)));
}

/* Its frame is made. */
static void
send_placed(struct backend *backend, struct backend_call *call)
{
	call->sent_bytes = call->frame.size;
	backend->writes_bytes += call->sent_bytes;
	backend_call_send(backend, call);
}

/* Before a write's frame is made: its place. */
static void
place_write(struct backend *backend, struct backend_call *call)
{
	backend_call_start(backend, call);
	call->write = true;
	call->plain = false;
	if (TAILQ_EMPTY(&backend->waiting) && window_has_room(backend)) {
		take_sequence(backend, call);
	} else {
		call->id = 0;
		TAILQ_INSERT_TAIL(&backend->waiting, call, link);
	}
}

void
backend_write(struct backend *backend, struct backend_call *call, struct msg_write *write)
{
	place_write(backend, call);
	call->type = MSG_write;
	write->low = low_sequence(backend);
	msg_write_frame(&call->frame, call->id, write);
	if (call->id != 0)
		send_placed(backend, call);
}

void
backend_member_change(struct backend *backend, struct backend_call *call,
    struct msg_member_change *change)
{
	place_write(backend, call);
	call->type = MSG_member_change;
	change->low = low_sequence(backend);
	msg_member_change_frame(&call->frame, call->id, change);
	if (call->id != 0)
		send_placed(backend, call);
}

void
backend_config_change(struct backend *backend, struct backend_call *call,
    struct msg_config_change *change)
{
	place_write(backend, call);
	call->type = MSG_config_change;
	change->low = low_sequence(backend);
	msg_config_change_frame(&call->frame, call->id, change);
	if (call->id != 0)
		send_placed(backend, call);
}

/* A write that had to wait: its frame anew, with its sequence. */
static void
renew_frame(struct backend *backend, struct backend_call *call)
{
	struct buf frame = BUF_INIT;
	struct frame old;
	struct msg_write write;
	struct msg_member_change change;
	struct msg_config_change config;
	size_t used;

	ASSERT(frame_parse(buf_slice(&call->frame), &old, &used) == ERR_NONE);
	if (call->type == MSG_member_change) {
		ASSERT(msg_member_change_decode(old.payload, &change) == ERR_NONE);
		change.low = low_sequence(backend);
		msg_member_change_frame(&frame, call->id, &change);
	} else if (call->type == MSG_config_change) {
		ASSERT(msg_config_change_decode(old.payload, &config) == ERR_NONE);
		config.low = low_sequence(backend);
		msg_config_change_frame(&frame, call->id, &config);
	} else {
		ASSERT(msg_write_decode(old.payload, &write) == ERR_NONE);
		write.low = low_sequence(backend);
		msg_write_frame(&frame, call->id, &write);
	}
	buf_free(&call->frame);
	call->frame = frame;
}

void
backend_write_admit(struct backend *backend)
{
	struct backend_call *call;

	while ((call = TAILQ_FIRST(&backend->waiting)) != NULL && window_has_room(backend)) {
		TAILQ_REMOVE(&backend->waiting, call, link);
		take_sequence(backend, call);
		renew_frame(backend, call);
		send_placed(backend, call);
	}
}
