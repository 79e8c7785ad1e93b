/*
 * backend.c - the worker's end of the channel to raftd: hello, status, and which answer
 * goes where (see backend.h; what is asked is in backend_question.c and the files of
 * each kind, for how long it may wait in backend_time.c).
 *
 *	shut ------> greeted	raftd's hello is right		[take_hello]
 *	greeted ---> open	a status of a member: everything under way is
 *				sent, in its order		[open_up]
 *	greeted ---> greeted	a status of one who stands by: what is under way
 *				finds no raftd that could answer it	[stand_by]
 *	any -------> shut	the channel closed		[shut]
 */
#include "common/diag.h"
#include "common/ipc/greeting.h"
#include "common/ipc/shared_index.h"
#include "common/rand.h"
#include "common/xmem.h"
#include "httpd/backend_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

/* The supervisor makes a new channel at once if raftd lives, or when it lives again. A
 * worker that is without one for so long all the same starts over. */
#define ABANDONED_MS 15000

static uint64_t
now_ms(const struct backend *backend)
{
	return loop_now(backend->worker->loop).monotonic_ms;
}

/* Before the cluster changes. */
static void
note_leader(struct backend *backend)
{
	if (backend->worker->cluster->leader_id != 0)
		backend->led_until_ms = now_ms(backend);
}

/* ---- deadlines ------------------------------------------------------------------------------ */

static void
tick(void *argument)
{
	struct backend *backend = argument;
	bool any;

	backend->ticking = false;
	(void)backend_is_silent(backend);
	any = question_expire(backend);
	if (backend->channel == NULL && now_ms(backend) - backend->shut_since_ms >= ABANDONED_MS) {
		diag_error("backend", "no channel to raftd for %d ms, starting over", ABANDONED_MS);
		loop_stop(backend->worker->loop, EXIT_TROUBLE);
	}
	if (any || backend->channel == NULL)
		backend_tick_soon(backend);
}

void
backend_tick_soon(struct backend *backend)
{
	if (backend->ticking)
		return;
	backend->ticking = true;
	loop_timer_set(backend->deadline, BACKEND_TICK_MS);
}

/* ---- the channel ----------------------------------------------------------------------------- */

static void
shut(struct backend *backend)
{
	if (backend->channel == NULL)
		return;
	channel_free(&backend->channel);
	shared_index_free(&backend->announced);
	if (backend->changes.lost != NULL)
		backend->changes.lost(backend->changes.argument);
	if (backend->peers.lost != NULL)
		backend->peers.lost(backend->peers.argument);
	backend->greeted = false;
	backend->open = false;
	backend->silent = false;
	backend->shut_since_ms = now_ms(backend);
	backend_call_interrupt(backend);
	question_interrupt(backend);
	backend_watch_interrupt(backend);
	backend_v3_watch_interrupt(backend);
	note_leader(backend);
	cluster_stale(backend->worker->cluster);
	backend_tick_soon(backend);
}

/* Without it the requests wait for the next one, as when raftd is restarted. */
static void
lose(struct backend *backend, int why)
{
	const struct worker_owner *owner = &backend->worker->owner;

	shut(backend);
	owner->lost_raftd(owner->argument, backend->token, why);
}

void
backend_protocol_error(struct backend *backend, const char *what)
{
	diag_error("backend", "raftd sent %s", what);
	lose(backend, CHANNEL_END_RULES);
}

/* raftd can answer: send all that is under way. */
static void
open_up(struct backend *backend)
{
	backend->open = true;
	backend->open_since_ms = now_ms(backend);
	silence_begin(&backend->silence, backend->open_since_ms,
	    shared_index_beats(backend->announced));
	question_send_all(backend);
	backend_watch_resume(backend);
	backend_v3_watch_resume(backend);
}

/* The member that it was sent to, or was to be, is removed: nobody here answers it. */
static void
stand_by(struct backend *backend)
{
	question_fail_all(backend);
	backend_watch_stand_by(backend);
	backend_v3_watch_stand_by(backend);
}

/* raftd's first frame; fd is its shared index. */
static void
take_hello(struct backend *backend, const struct frame *frame, int fd)
{
	const struct greeting raftd = { .counts = GREETING_TOKEN, .role = ROLE_RAFTD,
		.token = backend->token };
	struct msg_hello hello;
	unsigned flaws = greeting_flaws(frame, &raftd, &hello);

	/* What the page holds belongs to the protocol: that is looked at first. */
	if (!backend->greeted && (flaws & FLAW_PROTOCOL) != 0) {
		if (fd != -1)
			close(fd);
		diag_error("backend", "raftd speaks another protocol: its=%u ours=%u",
		    (unsigned)hello.protocol, (unsigned)WIRE_PROTOCOL);
		loop_stop(backend->worker->loop, EXIT_PROTOCOL);
		return;
	}
	if (backend->greeted || flaws != 0) {
		if (fd != -1)
			close(fd);
		backend_protocol_error(backend, "an invalid hello");
		return;
	}
	if (fd == -1 || shared_index_open(fd, &backend->announced) != ERR_NONE) {
		backend_protocol_error(backend, "an invalid hello");
		return;
	}
	backend->greeted = true;
}

static enum err
on_status(struct backend *backend, const struct frame *frame UNUSED, const struct msg_status *m)
{
	enum err err;

	note_leader(backend);
	err = cluster_update(backend->worker->cluster, m);
	if (err != ERR_NONE)
		return err;
	backend_watch_announced(backend, m->store_index);
	if (!backend->open && (m->phase == PHASE_MEMBER || m->phase == PHASE_REMOVED))
		open_up(backend);
	else if (!backend->open && m->phase == PHASE_STANDBY)
		stand_by(backend);
	if (backend->peers.status != NULL)
		backend->peers.status(backend->peers.argument);
	return ERR_NONE;
}

static enum err
on_outcome(struct backend *backend, const struct frame *frame, const struct msg_outcome *m)
{
	backend_call_outcome(backend, frame, m);
	return ERR_NONE;
}

static enum err
on_stats(struct backend *backend, const struct frame *frame, const struct msg_stats *m)
{
	backend_stats_came(backend, frame->request_id, m);
	return ERR_NONE;
}

static enum err
on_watching(struct backend *backend, const struct frame *frame, const struct msg_watching *m)
{
	backend_watch_watching(backend, frame->request_id, m);
	return ERR_NONE;
}

static enum err
on_event(struct backend *backend, const struct frame *frame, const struct msg_event *m)
{
	backend_watch_event(backend, frame, m);
	return ERR_NONE;
}

static enum err
on_v3_watching(struct backend *backend, const struct frame *frame,
    const struct msg_v3_watching *m)
{
	backend_v3_watching(backend, frame->request_id, m);
	return ERR_NONE;
}

static enum err
on_v3_events(struct backend *backend, const struct frame *frame, const struct msg_v3_events *m)
{
	backend_v3_events(backend, frame, m);
	return ERR_NONE;
}

static enum err
on_v3_past(struct backend *backend, const struct frame *frame, const struct msg_v3_past *m)
{
	backend_v3_past(backend, frame, m);
	return ERR_NONE;
}

static enum err
on_v3_progress(struct backend *backend, const struct frame *frame,
    const struct msg_v3_progress *m)
{
	backend_v3_progress_came(backend, frame->request_id, m);
	return ERR_NONE;
}

static enum err
on_changed(struct backend *backend, const struct frame *frame UNUSED, const struct msg_changed *m)
{
	backend_watch_announced(backend, m->store_index);
	if (backend->changes.changed != NULL)
		backend->changes.changed(backend->changes.argument, m);
	return ERR_NONE;
}

static enum err
on_auth(struct backend *backend, const struct frame *frame UNUSED, const struct msg_auth *m)
{
	return backend->changes.auth == NULL ? ERR_NONE :
	    backend->changes.auth(backend->changes.argument, m);
}

static enum err
on_v3_auth(struct backend *backend, const struct frame *frame UNUSED, const struct msg_v3_auth *m)
{
	return backend->changes.v3_auth == NULL ? ERR_NONE :
	    backend->changes.v3_auth(backend->changes.argument, m);
}

static enum err
on_v3_tokens(struct backend *backend, const struct frame *frame UNUSED,
    const struct msg_v3_tokens *m)
{
	return backend->changes.v3_tokens == NULL ? ERR_NONE :
	    backend->changes.v3_tokens(backend->changes.argument, m);
}

static enum err
on_backup_piece(struct backend *backend, const struct frame *frame,
    const struct msg_backup_piece *m)
{
	backend_backup_piece(backend, frame->request_id, m);
	return ERR_NONE;
}

static enum err
on_peer_stream_over(struct backend *backend, const struct frame *frame UNUSED,
    const struct msg_peer_stream_over *m)
{
	if (backend->peers.stream_over != NULL)
		backend->peers.stream_over(backend->peers.argument, m->number);
	return ERR_NONE;
}

#define DISPATCH_TO struct backend
#define TO_BACKEND DISPATCH_ROW
#include "common/ipc/dispatch_define.h"

/* What was sent, in words, if that type is refused. */
static const char *
refused_as(uint16_t type)
{
	switch (type) {
	case MSG_status:
		return "an invalid status";
	case MSG_outcome:
		return "an invalid outcome";
	case MSG_stats:
		return "invalid stats";
	default:
		return message_name(type);
	}
}

static void
channel_received(void *argument, const struct frame *frame, int fd)
{
	struct backend *backend = argument;

	if (frame->type == MSG_hello) {
		take_hello(backend, frame, fd);
		return;
	}
	if (fd != -1)
		close(fd);
	if (!backend->greeted) {
		backend_protocol_error(backend, "no hello");
		return;
	}
	if (backend->worker->role == ROLE_PEER && (message_senders(frame->type) & FROM_NODE) != 0) {
		if (backend->peers.frame != NULL)
			backend->peers.frame(backend->peers.argument, frame);
		return;
	}
	if (dispatch(backend, FROM_RAFTD, frame) != ERR_NONE)
		backend_protocol_error(backend, refused_as(frame->type));
}

static void
channel_closed(void *argument, enum err why)
{
	struct backend *backend = argument;

	if (why == ERR_CLOSED)
		diag_info("backend", "raftd closed the channel, waiting for the next one");
	else
		diag_warn("backend", "channel to raftd failed: %s", err_text(why));
	lose(backend, channel_end_of(why));
}

void
backend_attach(struct backend *backend, int fd, uint64_t token)
{
	shut(backend);
	backend->token = token;
	backend->channel = channel_new(backend->worker->loop, fd, (struct channel_owner){
	    .name = "raftd", .received = channel_received, .closed = channel_closed,
	    .takes_descriptors = true, .argument = backend });
	greeting_put(channel_out(backend->channel), &(struct msg_hello){
	    .role = (uint8_t)backend->worker->role,
	    .number = backend->worker->number,
	    .token = token,
	    .session = backend->session,
	});
}

void
backend_flush(struct backend *backend)
{
	if (backend->channel == NULL)
		return;
	backend_watch_flush(backend);
	channel_flush(backend->channel);
}

/* ---- peer role ------------------------------------------------------------------------------- */

void
backend_own_changes(struct backend *backend, struct backend_changes_owner owner)
{
	backend->changes = owner;
}

bool
backend_is_at(struct backend *backend, const uint64_t *store_index)
{
	if (!backend->open)
		return false;
	/* Also the only way to see in this turn that raftd, and its index with
	 * it, is another's already. */
	channel_poll(backend->channel);
	return backend->open && shared_index_get(backend->announced) == *store_index;
}

uint64_t
backend_store_index(const struct backend *backend)
{
	uint64_t told = backend->worker->cluster->store_index;

	return backend->announced == NULL ? told :
	    MAX_OF(told, shared_index_get(backend->announced));
}

bool
backend_auth_is_at(const struct backend *backend, uint64_t revision)
{
	return backend->announced == NULL || shared_index_auth(backend->announced) == revision;
}

bool
backend_v3_auth_is_at(const struct backend *backend, uint64_t version)
{
	return backend->announced == NULL || shared_index_v3_auth(backend->announced) == version;
}

void
backend_own_peers(struct backend *backend, struct backend_peer_owner owner)
{
	backend->peers = owner;
}

/* A raftd that has not said yet who it is may be another node than the one that frames were
 * sent to: one that was removed begins anew under the same streams. */
static bool
is_known(const struct backend *backend)
{
	return backend->greeted && backend->worker->cluster->phase != PHASE_RECOVERING;
}

bool
backend_give_stream(struct backend *backend, const struct msg_peer_stream *stream, int fd)
{
	if (!is_known(backend))
		return false;
	msg_peer_stream_frame(channel_out(backend->channel), 0, stream);
	channel_attach(backend->channel, fd);
	return true;
}

void
backend_peer_frame(struct backend *backend, uint64_t from, const struct frame *frame)
{
	if (is_known(backend))
		frame_append(channel_out(backend->channel), frame->type, frame->flags, from,
		    frame->payload);
}

struct buf *
backend_out(struct backend *backend)
{
	return backend->greeted ? channel_out(backend->channel) : NULL;
}

bool
backend_connected(const struct backend *backend)
{
	return backend->greeted;
}

uint64_t
backend_leaderless_ms(const struct backend *backend)
{
	if (backend->worker->cluster->leader_id != 0)
		return 0;
	return now_ms(backend) - backend->led_until_ms;
}

/* ---- life ------------------------------------------------------------------------------------ */

struct backend *
backend_new(struct worker *worker)
{
	struct backend *backend = xzalloc(sizeof(*backend));

	backend->worker = worker;
	backend->session = rand_entropy();
	backend->next_sequence = 1;
	backend->shut_since_ms = backend->led_until_ms = now_ms(backend);
	question_start(backend);
	backend->deadline = loop_timer_new(worker->loop, tick, backend);
	backend_watch_start(backend);
	backend_v3_watch_start(backend);
	return backend;
}

void
backend_free(struct backend **backend_pointer)
{
	struct backend *backend = *backend_pointer;

	*backend_pointer = NULL;
	if (backend == NULL)
		return;
	question_finish(backend);
	backend_watch_finish(backend);
	backend_v3_watch_finish(backend);
	channel_free(&backend->channel);
	shared_index_free(&backend->announced);
	loop_timer_free(&backend->deadline);
	free(backend);
}
