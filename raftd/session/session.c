/*
 * session.c - a worker's channel: hello, then messages.
 *
 *	attached --hello with the right token--> open --closed, bad bytes--> gone
 *
 * Frames for other nodes are gathered over a turn: at its end each goes to the node's stream,
 * if raftd has one, else to the peer worker.
 *
 * A session that is gone stays in the list until the turn's end, because its
 * end may be found while its own frame is being handled.
 */
#include "raftd/session/session.h"

#include "common/ipc/greeting.h"
#include "common/ipc/shared_index.h"
#include "common/tails.h"
#include "common/xmem.h"
#include "raftd/session/dispatch.h"
#include "raftd/session/streams.h"

#include <sys/queue.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * Who has asked for a key so lately is told at once of what changes; others would wake
 * up for nothing. A worker that has not been told sees by the shared index that its
 * cache is old, and asks.
 */
#define READING_MS 100
/* Memory that is kept for what goes to other nodes. */
#define FOR_NODES_BYTES (64 * KIB)

/* What has changed, and a worker was not told of yet. */
struct held {
	bool any;
	bool all;			/* too much to say it: all has changed */
	struct msg_changed last;	/* without paths */
	struct buf paths;
};

struct session {
	LIST_ENTRY(session) link;
	struct sessions *sessions;
	struct channel *channel;
	int role;
	uint32_t number;
	uint64_t token;
	struct asker asker;	/* its session: 0 until its hello */
	uint64_t reading_until_ms;
	struct held held;
	bool gone;
	char name[24];		/* "client 1", "peer" */
};

struct sessions {
	LIST_HEAD(, session) list;
	struct loop *loop;
	struct node *node;
	struct session *peer;	/* open session of the peer worker */
	struct shared_index *announced; /* store index up to which changes were announced */
	struct streams *streams;
	struct buf for_nodes;	/* this turn's frames */
	void (*lost)(void *argument, uint64_t token, int why);
	void *lost_argument;
	size_t count;
};

static void stream_over(void *argument, uint64_t number);
static void received(void *argument, const struct frame *frame, int fd);
static void closed(void *argument, enum err why);

struct sessions *
sessions_new(struct loop *loop, struct node *node)
{
	struct sessions *sessions = xzalloc(sizeof(*sessions));

	LIST_INIT(&sessions->list);
	sessions->loop = loop;
	sessions->node = node;
	sessions->announced = shared_index_new();
	sessions->streams = streams_new(loop, node, stream_over, sessions);
	buf_init(&sessions->for_nodes, CHANNEL_QUEUE_BYTES_MAX);
	return sessions;
}

static void
session_free(struct session *session)
{
	LIST_REMOVE(session, link);
	session->sessions->count--;
	buf_free(&session->held.paths);
	channel_free(&session->channel);
	free(session);
}

void
sessions_free(struct sessions **sessions)
{
	if (*sessions == NULL)
		return;
	while (!LIST_EMPTY(&(*sessions)->list))
		session_free(LIST_FIRST(&(*sessions)->list));
	streams_free(&(*sessions)->streams);
	buf_free(&(*sessions)->for_nodes);
	shared_index_free(&(*sessions)->announced);
	free(*sessions);
	*sessions = NULL;
}

void
sessions_on_lost(struct sessions *sessions,
    void (*lost)(void *argument, uint64_t token, int why), void *argument)
{
	sessions->lost = lost;
	sessions->lost_argument = argument;
}

size_t
sessions_count(const struct sessions *sessions)
{
	return sessions->count;
}

size_t
sessions_queued(const struct sessions *sessions)
{
	const struct session *session;
	size_t bytes = 0;

	LIST_FOREACH(session, &sessions->list, link)
		bytes += channel_queued(session->channel);
	return bytes;
}

size_t
sessions_queued_for_nodes(const struct sessions *sessions)
{
	return streams_queued(sessions->streams);
}

void
sessions_beat(struct sessions *sessions)
{
	shared_index_beat(sessions->announced);
}

static void
count_workers(struct sessions *sessions)
{
	const struct session *session;
	size_t count = 0;

	LIST_FOREACH(session, &sessions->list, link)
		if (session->role == ROLE_CLIENT && session->asker.session != 0 && !session->gone)
			count++;
	node_set_workers(sessions->node, count);
}

static const char *
role_name(int role)
{
	return role == ROLE_PEER ? "peer" : "client";
}

/* how: CHANNEL_END_*; 0: nobody wants another. */
static void
end_session(struct session *session, int how, const char *why)
{
	struct sessions *sessions = session->sessions;

	if (session->gone)
		return;
	session->gone = true;
	if (how != 0 && sessions->lost != NULL)
		sessions->lost(sessions->lost_argument, session->token, how);
	diag_debug("session", "session ends worker=%s-%" PRIu32 " why=%s",
	    role_name(session->role), session->number, why);
	if (sessions->peer == session) {
		sessions->peer = NULL;
		streams_orphaned(sessions->streams);
	}
	if (session->asker.session != 0)
		node_session_gone(sessions->node, session->asker.session);
	count_workers(sessions);
}

static void
break_session(struct session *session, const char *why)
{
	diag_error("session", "worker sent what it must not: worker=%s-%" PRIu32 " what=%s",
	    role_name(session->role), session->number, why);
	end_session(session, CHANNEL_END_RULES, why);
}

static void
tell_changed(struct session *session, const struct msg_changed *changed)
{
	msg_changed_frame(channel_out(session->channel), 0, changed);
}

/* It is told when there is something else to say. */
static void
hold_changed(struct held *held, const struct msg_changed *changed)
{
	static const struct path_record all = { .path = { (const uint8_t *)"/", 1 },
		.below = true };

	held->any = true;
	held->last = *changed;
	held->last.paths = SLICE_EMPTY;
	if (held->all)
		return;
	held->all = held->paths.size + changed->paths.size > ANNOUNCE_HELD_BYTES_MAX;
	if (!held->all) {
		buf_append_slice(&held->paths, changed->paths);
	} else {
		buf_free(&held->paths);
		path_record_put(&held->paths, &all);
	}
}

static void
tell_held(struct session *session)
{
	struct held *held = &session->held;

	if (!held->any)
		return;
	held->last.paths = buf_slice(&held->paths);
	tell_changed(session, &held->last);
	held->any = held->all = false;
	buf_free(&held->paths);
}

/* What goes to a worker goes behind what it has to know of changes. */
static struct buf *
out_to(struct session *session)
{
	tell_held(session);
	return channel_out(session->channel);
}

static void
send_status(struct session *session, const struct msg_status *status)
{
	msg_status_frame(out_to(session), 0, status);
}

void
sessions_attach(struct sessions *sessions, int role, uint32_t number, uint64_t token, int fd)
{
	struct session *session;

	session = xzalloc(sizeof(*session));
	session->sessions = sessions;
	session->role = role;
	session->number = number;
	session->token = token;
	session->asker = (struct asker){ .node = sessions->node,
		.sender = role == ROLE_PEER ? FROM_PEER_WORKER : FROM_CLIENT_WORKER };
	if (role == ROLE_PEER)
		snprintf(session->name, sizeof(session->name), "peer");
	else
		snprintf(session->name, sizeof(session->name), "client %" PRIu32, number);
	session->channel = channel_new(sessions->loop, fd, (struct channel_owner){
	    .name = session->name, .received = received, .closed = closed,
	    .takes_descriptors = role == ROLE_PEER, .argument = session });
	LIST_INSERT_HEAD(&sessions->list, session, link);
	sessions->count++;
	greeting_put(channel_out(session->channel),
	    &(struct msg_hello){ .role = ROLE_RAFTD, .token = token });
	channel_attach(session->channel, shared_index_fd(sessions->announced));
}

/* ---- what comes ------------------------------------------------------------- */

/* A worker has one channel, and there is one peer worker. But a client worker
 * that drains keeps its channel while its successor of the same number has one. */
static void
end_replaced(struct session *session)
{
	struct session *older;

	LIST_FOREACH(older, &session->sessions->list, link)
		if (older != session && older->role == session->role &&
		    (older->asker.session == session->asker.session || session->role == ROLE_PEER))
			end_session(older, 0, "replaced");
}

/* Before a status, with which it begins to serve. */
static void
send_present_users(struct session *session)
{
	struct sessions *sessions = session->sessions;
	struct msg_v3_tokens tokens;
	struct msg_v3_auth v3_auth;
	struct msg_auth auth;

	node_auth(sessions->node, &auth);
	shared_index_set_auth(sessions->announced, auth.revision);
	msg_auth_frame(out_to(session), 0, &auth);
	node_v3_auth(sessions->node, &v3_auth, &tokens);
	shared_index_set_v3_auth(sessions->announced, v3_auth.version);
	msg_v3_auth_frame(out_to(session), 0, &v3_auth);
	msg_v3_tokens_frame(out_to(session), 0, &tokens);
}

static void
greet(struct session *session, const struct frame *frame)
{
	const struct greeting worker = {
		.counts = GREETING_NUMBER | GREETING_TOKEN | GREETING_SESSION,
		.role = session->role, .number = session->number, .token = session->token };
	struct msg_hello hello;
	struct msg_status status;
	unsigned flaws = greeting_flaws(frame, &worker, &hello);

	if ((flaws & FLAW_NO_HELLO) != 0) {
		break_session(session, "no hello");
		return;
	}
	if ((flaws & FLAW_PROTOCOL) != 0) {
		diag_error("session", "worker speaks protocol %u, this is %u", hello.protocol,
		    WIRE_PROTOCOL);
		end_session(session, 0, "protocol");
		return;
	}
	if ((flaws & FLAW_STRANGER) != 0) {
		break_session(session, "hello of another");
		return;
	}
	session->asker.session = hello.session;
	end_replaced(session);
	count_workers(session->sessions);
	if (session->role == ROLE_PEER)
		session->sessions->peer = session;
	else
		send_present_users(session);
	node_status(session->sessions->node, &status);
	/* Ahead of what was announced this only makes workers ask. */
	shared_index_set(session->sessions->announced, status.store_index);
	send_status(session, &status);
}

/* Does it wait for more than a worker may, or leave more than it should? Then it is not
 * read from until that has changed. */
static bool
has_enough(const struct session *session)
{
	return session->asker.asked >= SESSION_REQUESTS_MAX ||
	    channel_queued(session->channel) > SESSION_QUEUE_BYTES;
}

static void
received(void *argument, const struct frame *frame, int fd)
{
	struct session *session = argument;

	if (!session->gone && session->asker.session != 0 && session->role == ROLE_PEER &&
	    streams_takes(frame->type)) {
		if (streams_take(session->sessions->streams, frame, fd) != ERR_NONE)
			break_session(session, message_name(frame->type));
		return;
	}
	if (fd != -1) {
		channel_calm(fd);
		close(fd);
	}
	if (session->gone)
		return;
	if (session->asker.session == 0) {
		greet(session, frame);
		return;
	}
	if (message_is_peer(frame->type) && session->role == ROLE_PEER) {
		/* A bad frame of a node is that node's fault, not the worker's. */
		if (node_peer_frame(session->sessions->node, frame) != ERR_NONE)
			diag_warn("session", "bad message of a node type=%s from=%016" PRIx64,
			    message_name(frame->type), frame->request_id);
		return;
	}
	if (frame->type == MSG_read)
		session->reading_until_ms =
		    loop_now(session->sessions->loop).monotonic_ms + READING_MS;
	if (session_dispatch(&session->asker, frame) != ERR_NONE)
		break_session(session, message_name(frame->type));
	else if (has_enough(session))
		channel_pause(session->channel, true);
}

static void
closed(void *argument, enum err why)
{
	struct session *session = argument;

	if (why == ERR_BUSY)
		diag_warn("session", "worker does not take what it is sent, cut off: worker=%s-%"
		    PRIu32, role_name(session->role), session->number);
	else if (why != ERR_CLOSED)
		diag_warn("session", "channel to a worker failed: worker=%s-%" PRIu32 " error=%s",
		    role_name(session->role), session->number, err_text(why));
	end_session(session, channel_end_of(why), err_text(why));
}

/* ---- what goes -------------------------------------------------------------- */

/* A worker that does not take its answers gets no new ones. */
static void
flush(struct session *session)
{
	channel_flush(session->channel);
	channel_pause(session->channel, has_enough(session));
}

static void
stream_over(void *argument, uint64_t number)
{
	struct sessions *sessions = argument;

	if (sessions->peer != NULL)
		msg_peer_stream_over_frame(out_to(sessions->peer), 0,
		    &(struct msg_peer_stream_over){ .number = number });
}

/* One nobody carries is a lost message, which the core is built for. */
static void
send_for_nodes(struct sessions *sessions)
{
	struct buf *frames = &sessions->for_nodes;
	struct frame frame;
	size_t at = 0, used;

	if (frames->size == 0 && !frames->overflowed)
		return;
	while (!frames->overflowed && frame_parse(slice_of(frames->data + at, frames->size - at),
	    &frame, &used) == ERR_NONE) {
		uint8_t *bytes = frames->data + at;

		at += used;
		/* Snapshots have a connection of their own, which the worker makes. */
		if (!message_is_bulk(frame.type) && streams_send(sessions->streams, bytes, used))
			continue;
		if (sessions->peer != NULL)
			channel_send(sessions->peer->channel, slice_of(bytes, used));
	}
	streams_flush(sessions->streams);
	buf_recycle(frames, FOR_NODES_BYTES);
}

void
sessions_flush(struct sessions *sessions)
{
	struct session *session, *next;

	send_for_nodes(sessions);
	for (session = LIST_FIRST(&sessions->list); session != NULL; session = next) {
		next = LIST_NEXT(session, link);
		if (session->gone)
			session_free(session);
		else
			flush(session);
	}
}

static struct session *
find(const struct sessions *sessions, uint64_t id)
{
	struct session *session;

	LIST_FOREACH(session, &sessions->list, link)
		if (session->asker.session == id && !session->gone)
			return session;
	return NULL;
}

size_t
sessions_queued_for(const struct sessions *sessions, uint64_t id)
{
	const struct session *session = find(sessions, id);

	return session == NULL ? 0 : channel_queued(session->channel);
}

/* The next piece of what is left of an event; true if more follows. */
static bool
cut(struct slice *left, struct slice *piece)
{
	piece->data = left->data;
	piece->size = MIN_OF(left->size, FRAME_CHUNK_BYTES);
	if (piece->size == left->size)
		return false;
	left->data += piece->size;
	left->size -= piece->size;
	return true;
}

void
sessions_outcome(struct sessions *sessions, uint64_t id, uint64_t request_id,
    const struct node_outcome *outcome)
{
	struct session *session = find(sessions, id);
	struct msg_outcome message = {
		.error = (uint16_t)outcome->error,
		.cause = outcome->cause,
		.store_index = outcome->store_index,
		.raft_index = outcome->raft_index,
		.raft_term = outcome->raft_term,
	};
	struct slice left = outcome->event;
	bool more;

	if (session == NULL)
		return;
	/* A piece is no end: else who reads a long answer might ask for ever more. */
	if (!outcome->more)
		asker_answered(&session->asker);
	do {
		struct buf *out = out_to(session);
		struct slice piece;
		size_t begun;

		more = cut(&left, &piece);
		begun = frame_begin(out, MSG_outcome, more || outcome->more ? FRAME_MORE : 0,
		    request_id);
		if (outcome->record != NULL && piece.size >= TAIL_BYTES_MIN) {
			/* The event is the last field. */
			msg_outcome_put(out, &message);
			codec_set_length(out, out->size, piece.size);
			frame_end_before(out, begun, piece.size);
			channel_append_tail(session->channel, outcome->record, piece);
			continue;
		}
		message.event = piece;
		msg_outcome_put(out, &message);
		message.event = SLICE_EMPTY;
		frame_end(out, begun);
	} while (more);
}

void
sessions_watching(struct sessions *sessions, uint64_t id, uint64_t watch_id,
    const struct msg_watching *answer)
{
	struct session *session = find(sessions, id);

	if (session != NULL)
		msg_watching_frame(out_to(session), watch_id, answer);
}

/* For at most EVENT_IDS_MAX watches. */
static void
send_event(struct session *session, const uint64_t *watch_ids, size_t count, struct slice event,
    uint64_t past_bytes)
{
	struct buf ids = BUF_INIT;
	struct msg_event message;
	bool more;

	for (size_t i = 0; i < count; i++)
		codec_put_u64(&ids, watch_ids[i]);
	message.watch_ids = buf_slice(&ids);
	message.past_bytes = past_bytes;
	do {
		struct buf *out = out_to(session);
		size_t begun;

		more = cut(&event, &message.event);
		begun = frame_begin(out, MSG_event, more ? FRAME_MORE : 0, 0);
		msg_event_put(out, &message);
		frame_end(out, begun);
	} while (more);
	buf_free(&ids);
}

void
sessions_event(struct sessions *sessions, uint64_t id, const uint64_t *watch_ids, size_t count,
    struct slice event, uint64_t past_bytes)
{
	struct session *session = find(sessions, id);

	if (session == NULL)
		return;
	/* What it costs to give it to those that are behind counts once. */
	for (size_t at = 0; at < count; at += EVENT_IDS_MAX)
		send_event(session, watch_ids + at, MIN_OF(count - at, EVENT_IDS_MAX), event,
		    at == 0 ? past_bytes : 0);
}

void
sessions_v3_watching(struct sessions *sessions, uint64_t id, uint64_t request_id,
    const struct msg_v3_watching *answer)
{
	struct session *session = find(sessions, id);

	if (session != NULL)
		msg_v3_watching_frame(out_to(session), request_id, answer);
}

void
sessions_v3_events(struct sessions *sessions, uint64_t id, uint64_t request_id,
    const struct msg_v3_events *whole)
{
	struct session *session = find(sessions, id);
	struct msg_v3_events message = *whole;
	struct slice left = whole->events;
	bool more = session != NULL;

	while (more) {
		struct buf *out = out_to(session);
		size_t begun;

		more = cut(&left, &message.events);
		begun = frame_begin(out, MSG_v3_events, more ? FRAME_MORE : 0, request_id);
		msg_v3_events_put(out, &message);
		frame_end(out, begun);
	}
}

void
sessions_v3_past(struct sessions *sessions, uint64_t id, uint64_t request_id,
    const struct msg_v3_past *whole)
{
	struct session *session = find(sessions, id);
	struct msg_v3_past message = *whole;
	struct slice left = whole->events;
	bool more = session != NULL;

	while (more) {
		struct buf *out = out_to(session);
		size_t begun;

		more = cut(&left, &message.events);
		begun = frame_begin(out, MSG_v3_past, more ? FRAME_MORE : 0, request_id);
		msg_v3_past_put(out, &message);
		frame_end(out, begun);
	}
}

void
sessions_v3_progress(struct sessions *sessions, uint64_t id, uint64_t request_id,
    const struct msg_v3_progress *progress)
{
	struct session *session = find(sessions, id);

	if (session != NULL)
		msg_v3_progress_frame(out_to(session), request_id, progress);
}

void
sessions_stats(struct sessions *sessions, uint64_t id, uint64_t request_id,
    const struct msg_stats *stats)
{
	struct session *session = find(sessions, id);

	if (session != NULL)
		msg_stats_frame(out_to(session), request_id, stats);
}

void
sessions_backup_piece(struct sessions *sessions, uint64_t id, uint64_t request_id,
    const struct msg_backup_piece *piece)
{
	struct session *session = find(sessions, id);

	if (session != NULL)
		msg_backup_piece_frame(out_to(session), request_id, piece);
}

void
sessions_status(struct sessions *sessions, const struct msg_status *status)
{
	struct session *session;

	LIST_FOREACH(session, &sessions->list, link)
		if (session->asker.session != 0 && !session->gone)
			send_status(session, status);
}

static bool
serves_clients(const struct session *session)
{
	return session->asker.session != 0 && !session->gone && session->role == ROLE_CLIENT;
}

static void
send_users(struct session *session, const struct node_users *users)
{
	if (users->auth != NULL)
		msg_auth_frame(out_to(session), 0, users->auth);
	if (users->v3_auth != NULL)
		msg_v3_auth_frame(out_to(session), 0, users->v3_auth);
	if (users->v3_tokens != NULL)
		msg_v3_tokens_frame(out_to(session), 0, users->v3_tokens);
}

void
sessions_users(struct sessions *sessions, const struct node_users *users)
{
	struct shared_index *announced = sessions->announced;
	struct session *session;

	/* Nothing of this turn has left for any worker yet. */
	if (users->auth != NULL)
		shared_index_set_auth(announced, users->auth->revision);
	if (users->v3_auth != NULL)
		shared_index_set_v3_auth(announced, users->v3_auth->version);
	if (users->v3_tokens != NULL)
		shared_index_set_v3_auth(announced, users->v3_tokens->version);
	LIST_FOREACH(session, &sessions->list, link)
		if (serves_clients(session))
			send_users(session, users);
}

static void
take_changed(struct session *session, const struct msg_changed *changed, uint64_t now_ms)
{
	if (now_ms < session->reading_until_ms) {
		tell_held(session);
		tell_changed(session, changed);
	} else {
		hold_changed(&session->held, changed);
	}
}

void
sessions_changed(struct sessions *sessions, const struct msg_changed *changed)
{
	uint64_t now_ms = loop_now(sessions->loop).monotonic_ms;
	struct session *session;

	/* Nothing of this turn has left for any worker yet. */
	shared_index_set(sessions->announced, changed->store_index);
	LIST_FOREACH(session, &sessions->list, link)
		if (session->asker.session != 0 && !session->gone && session->role == ROLE_CLIENT)
			take_changed(session, changed, now_ms);
}

struct buf *
sessions_peer_out(struct sessions *sessions)
{
	return &sessions->for_nodes;
}
