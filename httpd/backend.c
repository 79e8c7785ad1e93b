/*
 * backend.c - the worker's end of the channel to raftd: hello, status and calls
 * (see backend.h; writes are in backend_write.c, watches in backend_watch.c, backups in
 * backend_backup.c, how long what waits in backend_time.c).
 *
 *	shut ------> greeted	raftd's hello is right		[take_hello]
 *	greeted ---> open	a status of a member: everything under way is
 *				sent, in its order		[open_up]
 *	greeted ---> greeted	a status of one who stands by: what is under way
 *				finds no raftd that could answer it	[stand_by]
 *	any -------> shut	the channel closed		[shut]
 *
 * Reads have ids of their own (READ_ID), since raftd keeps no answer for them.
 */
#include "httpd/backend_priv.h"
#include "common/diag.h"
#include "common/ipc/shared_index.h"
#include "common/limits.h"
#include "common/rand.h"
#include "common/xmem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#define READ_ID (UINT64_C(1) << 63)
/* The supervisor makes a new channel at once if raftd lives, or when it lives again. A
 * worker that is without one for so long all the same starts over. */
#define ABANDONED_MS 15000

static uint64_t
now_ms(const struct backend *backend)
{
	return loop_now(backend->worker->loop).monotonic_ms;
}

static bool
call_matches(const struct hash_link *link, struct slice key)
{
	const struct backend_call *call = CONTAINER_OF(link, const struct backend_call, by_id);

	return slice_equal(slice_of(&call->id, sizeof(call->id)), key);
}

static struct backend_call *
find_call(const struct backend *backend, uint64_t id)
{
	struct hash_link *link = hash_find(&backend->calls, slice_of(&id, sizeof(id)));

	return link == NULL ? NULL : CONTAINER_OF(link, struct backend_call, by_id);
}

/* ---- sending calls ------------------------------------------------------------------- */

void
backend_call_send(struct backend *backend, struct backend_call *call)
{
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
backend_call_start(struct backend *backend, struct backend_call *call)
{
	ASSERT(call->done != NULL);
	call->started_ms = now_ms(backend);
	call->sent = false;
	call->sent_bytes = 0;
	call->begun = false;
	call->resting = false;
	buf_init(&call->frame, 0);
	buf_init(&call->event, ASSEMBLED_BYTES_MAX);
	backend->call_count++;
	backend_tick_soon(backend);
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

/* ---- ending calls ----------------------------------------------------------------------- */

static struct backend_call_list *
list_of(struct backend *backend, const struct backend_call *call)
{
	if (call->id == 0)
		return &backend->waiting;
	if (call->write)
		return &backend->writes;
	return call->resting ? &backend->resting : &backend->reads;
}

static void
forget_call(struct backend *backend, struct backend_call *call)
{
	TAILQ_REMOVE(list_of(backend, call), call, link);
	if (call->id != 0)
		hash_remove(&backend->calls, &call->by_id);
	backend->writes_bytes -= call->sent_bytes;
	backend->call_count--;
}

static void
end_call(struct backend *backend, struct backend_call *call, const struct msg_outcome *outcome)
{
	struct buf frame = call->frame;
	struct buf event = call->event;

	/* The call may be freed by its owner, and the outcome may be in event. */
	forget_call(backend, call);
	call->done(call, outcome);
	buf_free(&frame);
	buf_free(&event);
	backend_write_admit(backend);
}

/* Takes the place of a write whose owner left: it is still repeated until it
 * is answered, so that low does not pass what may be under way. */
static void
ghost_done(struct backend_call *call, const struct msg_outcome *outcome UNUSED)
{
	free(call);
}

void
backend_cancel(struct backend *backend, struct backend_call *call)
{
	struct backend_call *ghost;

	if (call->write && call->sent) {
		ghost = xmalloc(sizeof(*ghost));
		*ghost = *call;
		ghost->done = ghost_done;
		ghost->sent_ns = NULL;
		hash_remove(&backend->calls, &call->by_id);
		hash_insert(&backend->calls, &ghost->by_id,
		    slice_of(&ghost->id, sizeof(ghost->id)));
		TAILQ_INSERT_BEFORE(call, ghost, link);
		TAILQ_REMOVE(&backend->writes, call, link);
		return;
	}
	if (call->begun)
		backend_read_stop(backend, call->id);
	forget_call(backend, call);
	buf_free(&call->frame);
	buf_free(&call->event);
	backend_write_admit(backend);
}

static void
take_outcome(struct backend *backend, const struct frame *frame)
{
	struct backend_call *call = find_call(backend, frame->request_id);
	struct msg_outcome outcome;

	if (msg_outcome_decode(frame->payload, &outcome) != ERR_NONE) {
		backend_protocol_error(backend, "an outcome that is none");
		return;
	}
	if ((frame->flags & FRAME_MORE) != 0 && frame->request_id >= READ_ID) {
		backend_read_piece(backend, call, frame->request_id, &outcome);
		return;
	}
	/* Of a read that was cancelled, or a write that was given up. */
	if (call == NULL)
		return;
	if ((frame->flags & FRAME_MORE) != 0 || call->event.size > 0) {
		buf_append_slice(&call->event, outcome.event);
		if ((frame->flags & FRAME_MORE) != 0)
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

static void
fail_call(struct backend *backend, struct backend_call *call)
{
	struct slice cause;

	if (!call->write)
		cause = SLICE_LITERAL("no answer from raftd in time");
	else if (call->sent)
		cause = SLICE_LITERAL("no answer from raftd in time, "
				      "the write may or may not have been applied");
	else
		cause = SLICE_LITERAL("no connection to raftd, the write was not applied");
	end_call(backend, call, &(struct msg_outcome){
	    .error = ERR_RAFT_INTERNAL,
	    .cause = cause,
	    .store_index = backend->worker->cluster->store_index,
	});
}

/* ---- counters ----------------------------------------------------------------------------- */

static void
send_stats(struct backend *backend, struct backend_stats_call *call)
{
	if (backend->open)
		msg_stats_ask_frame(channel_out(backend->channel), call->id,
		    &(struct msg_stats_ask){ .kind = (uint8_t)call->kind });
}

void
backend_stats(struct backend *backend, struct backend_stats_call *call, int kind)
{
	ASSERT(call->done != NULL);
	call->id = backend->next_read++;
	call->kind = kind;
	call->started_ms = now_ms(backend);
	TAILQ_INSERT_TAIL(&backend->stats, call, link);
	send_stats(backend, call);
	backend_tick_soon(backend);
}

void
backend_stats_cancel(struct backend *backend, struct backend_stats_call *call)
{
	TAILQ_REMOVE(&backend->stats, call, link);
}

static void
take_stats(struct backend *backend, const struct frame *frame)
{
	struct backend_stats_call *call;
	struct msg_stats stats;

	if (msg_stats_decode(frame->payload, &stats) != ERR_NONE) {
		backend_protocol_error(backend, "stats that are none");
		return;
	}
	TAILQ_FOREACH(call, &backend->stats, link) {
		if (call->id == frame->request_id) {
			TAILQ_REMOVE(&backend->stats, call, link);
			call->done(call, &stats);
			return;
		}
	}
}

/* ---- deadlines ------------------------------------------------------------------------------ */

/* Lists are in order of start. A plain read may wait longer than what came behind it. */
static struct backend_call *
first_overdue(const struct backend *backend, const struct backend_call_list *list, uint64_t now)
{
	struct backend_call *call;

	TAILQ_FOREACH(call, list, link) {
		if (backend_is_overdue(backend, call->started_ms,
		    call->plain ? BACKEND_WAIT_QUEUED : BACKEND_WAIT_TIMED, now))
			return call;
		if (!backend_is_overdue(backend, call->started_ms, BACKEND_WAIT_TIMED, now))
			break;
	}
	return NULL;
}

static bool
expire_list(struct backend *backend, struct backend_call_list *list, uint64_t now)
{
	struct backend_call *call;

	while ((call = first_overdue(backend, list, now)) != NULL)
		fail_call(backend, call);
	return !TAILQ_EMPTY(list);
}

static void
tick(void *argument)
{
	struct backend *backend = argument;
	struct backend_stats_call *stats;
	uint64_t now = now_ms(backend);
	bool any;

	backend->ticking = false;
	(void)backend_is_silent(backend);
	any = expire_list(backend, &backend->writes, now);
	any = expire_list(backend, &backend->waiting, now) || any;
	any = expire_list(backend, &backend->reads, now) || any;
	while ((stats = TAILQ_FIRST(&backend->stats)) != NULL &&
	    backend_is_overdue(backend, stats->started_ms, BACKEND_WAIT_TIMED, now)) {
		TAILQ_REMOVE(&backend->stats, stats, link);
		stats->done(stats, &(struct msg_stats){ .kind = (uint8_t)stats->kind,
		    .error = ERR_RAFT_INTERNAL });
	}
	any = backend_watch_expire(backend, now) || stats != NULL || any;
	any = backend_backup_expire(backend, now) || any;
	if (backend->channel == NULL && now - backend->shut_since_ms >= ABANDONED_MS) {
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
	struct backend_call *call;

	if (backend->channel == NULL)
		return;
	channel_free(&backend->channel);
	shared_index_free(&backend->announced);
	if (backend->changes.lost != NULL)
		backend->changes.lost(backend->changes.argument);
	backend->greeted = false;
	backend->open = false;
	backend->silent = false;
	backend->shut_since_ms = now_ms(backend);
	TAILQ_FOREACH(call, &backend->writes, link)
		buf_clear(&call->event);
	backend_read_interrupt(backend);
	backend_watch_interrupt(backend);
	backend_backup_lost(backend);
	cluster_stale(backend->worker->cluster);
	backend_tick_soon(backend);
}

/* Without it the requests wait for the next one, as when raftd is restarted. */
static void
lose(struct backend *backend, int why)
{
	shut(backend);
	worker_lost_raftd(backend->worker, backend->token, why);
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
	struct backend_call *call;
	struct backend_stats_call *stats;

	backend->open = true;
	backend->open_since_ms = now_ms(backend);
	silence_begin(&backend->silence, backend->open_since_ms,
	    shared_index_beats(backend->announced));
	TAILQ_FOREACH(call, &backend->writes, link)
		backend_call_send(backend, call);
	TAILQ_FOREACH(call, &backend->reads, link)
		backend_call_send(backend, call);
	TAILQ_FOREACH(stats, &backend->stats, link)
		send_stats(backend, stats);
	backend_watch_resume(backend);
}

static void
fail_all(struct backend *backend, struct backend_call_list *list)
{
	struct backend_call *call;

	while ((call = TAILQ_FIRST(list)) != NULL) {
		struct slice cause = SLICE_LITERAL("this machine was removed from the cluster");

		if (call->write && call->sent)
			cause = SLICE_LITERAL("this machine was removed from the cluster, the "
			    "write may or may not have been applied");
		else if (call->write)
			cause = SLICE_LITERAL("this machine was removed from the cluster, the "
			    "write was not applied");
		end_call(backend, call, &(struct msg_outcome){ .error = ERR_RAFT_INTERNAL,
		    .cause = cause });
	}
}

/* The member that it was sent to, or was to be, is removed: nobody here answers it. */
static void
stand_by(struct backend *backend)
{
	struct backend_stats_call *stats;

	/* One that ends lets one that waits in. */
	fail_all(backend, &backend->writes);
	fail_all(backend, &backend->waiting);
	fail_all(backend, &backend->reads);
	while ((stats = TAILQ_FIRST(&backend->stats)) != NULL) {
		TAILQ_REMOVE(&backend->stats, stats, link);
		stats->done(stats, &(struct msg_stats){ .kind = (uint8_t)stats->kind,
		    .error = ERR_RAFT_INTERNAL });
	}
	backend_watch_stand_by(backend);
}

/* raftd's first frame; fd is its shared index. */
static void
take_hello(struct backend *backend, const struct frame *frame, int fd)
{
	struct msg_hello hello;

	/* What the page holds belongs to the protocol: that is looked at first. */
	if (!backend->greeted && msg_hello_decode(frame->payload, &hello) == ERR_NONE &&
	    hello.magic == WIRE_MAGIC && hello.protocol != WIRE_PROTOCOL) {
		if (fd != -1)
			close(fd);
		diag_error("backend", "raftd speaks another protocol: its=%u ours=%u",
		    (unsigned)hello.protocol, (unsigned)WIRE_PROTOCOL);
		loop_stop(backend->worker->loop, EXIT_PROTOCOL);
		return;
	}
	if (backend->greeted || fd == -1 ||
	    shared_index_open(fd, &backend->announced) != ERR_NONE) {
		backend_protocol_error(backend, "a hello that is none");
		return;
	}
	if (msg_hello_decode(frame->payload, &hello) != ERR_NONE || hello.magic != WIRE_MAGIC ||
	    hello.role != ROLE_RAFTD || hello.token != backend->token) {
		backend_protocol_error(backend, "a hello that is none");
		return;
	}
	backend->greeted = true;
}

static void
take_status(struct backend *backend, const struct frame *frame)
{
	struct msg_status status;

	if (msg_status_decode(frame->payload, &status) != ERR_NONE ||
	    cluster_update(backend->worker->cluster, &status) != ERR_NONE) {
		backend_protocol_error(backend, "a status that is none");
		return;
	}
	backend_watch_announced(backend, status.store_index);
	if (!backend->open && (status.phase == PHASE_MEMBER || status.phase == PHASE_REMOVED))
		open_up(backend);
	else if (!backend->open && status.phase == PHASE_STANDBY)
		stand_by(backend);
	if (backend->peers.status != NULL)
		backend->peers.status(backend->peers.argument);
}

static void
channel_received(void *argument, const struct frame *frame, int fd)
{
	struct backend *backend = argument;
	struct msg_watching watching;
	struct msg_event event;
	struct msg_changed changed;
	struct msg_backup_piece piece;

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
	if ((message_senders(frame->type) & FROM_NODE) != 0 && backend->worker->role == ROLE_PEER) {
		if (backend->peers.frame != NULL)
			backend->peers.frame(backend->peers.argument, frame);
		return;
	}
	switch (frame->type) {
	case MSG_status:
		take_status(backend, frame);
		return;
	case MSG_outcome:
		take_outcome(backend, frame);
		return;
	case MSG_stats:
		take_stats(backend, frame);
		return;
	case MSG_watching:
		if (msg_watching_decode(frame->payload, &watching) != ERR_NONE)
			break;
		backend_watch_watching(backend, frame->request_id, &watching);
		return;
	case MSG_event:
		if (msg_event_decode(frame->payload, &event) != ERR_NONE)
			break;
		backend_watch_event(backend, frame, &event);
		return;
	case MSG_changed:
		if (msg_changed_decode(frame->payload, &changed) != ERR_NONE)
			break;
		backend_watch_announced(backend, changed.store_index);
		if (backend->changes.changed != NULL)
			backend->changes.changed(backend->changes.argument, &changed);
		return;
	case MSG_backup_piece:
		if (msg_backup_piece_decode(frame->payload, &piece) != ERR_NONE)
			break;
		backend_backup_piece(backend, frame->request_id, &piece);
		return;
	default:
		break;
	}
	backend_protocol_error(backend, message_name(frame->type));
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
	msg_hello_frame(channel_out(backend->channel), 0, &(struct msg_hello){
	    .magic = WIRE_MAGIC,
	    .protocol = WIRE_PROTOCOL,
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

void
backend_own_peers(struct backend *backend, struct backend_peer_owner owner)
{
	backend->peers = owner;
}

void
backend_peer_frame(struct backend *backend, uint64_t from, const struct frame *frame)
{
	/* A raftd that has not said yet who it is may be another node than the one that
	 * this was sent to: one that was removed begins anew under the same streams. */
	if (backend->greeted && backend->worker->cluster->phase != PHASE_RECOVERING)
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

/* ---- life ------------------------------------------------------------------------------------ */

struct backend *
backend_new(struct worker *worker)
{
	struct backend *backend = xzalloc(sizeof(*backend));

	backend->worker = worker;
	backend->session = rand_entropy();
	backend->next_sequence = 1;
	backend->next_read = READ_ID;
	backend->shut_since_ms = now_ms(backend);
	TAILQ_INIT(&backend->writes);
	TAILQ_INIT(&backend->waiting);
	TAILQ_INIT(&backend->reads);
	TAILQ_INIT(&backend->resting);
	TAILQ_INIT(&backend->stats);
	TAILQ_INIT(&backend->backups);
	hash_init(&backend->calls, rand_entropy(), call_matches);
	backend->deadline = loop_timer_new(worker->loop, tick, backend);
	backend_watch_start(backend);
	return backend;
}

static void
free_calls(struct backend *backend, struct backend_call_list *list)
{
	struct backend_call *call;

	while ((call = TAILQ_FIRST(list)) != NULL) {
		forget_call(backend, call);
		buf_free(&call->frame);
		buf_free(&call->event);
		if (call->done == ghost_done)
			free(call);
	}
}

void
backend_free(struct backend **backend_pointer)
{
	struct backend *backend = *backend_pointer;

	*backend_pointer = NULL;
	if (backend == NULL)
		return;
	free_calls(backend, &backend->writes);
	free_calls(backend, &backend->waiting);
	free_calls(backend, &backend->reads);
	free_calls(backend, &backend->resting);
	hash_free(&backend->calls);
	backend_watch_finish(backend);
	channel_free(&backend->channel);
	shared_index_free(&backend->announced);
	loop_timer_free(&backend->deadline);
	free(backend);
}
