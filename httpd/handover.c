/*
 * handover.c - the channels between client workers (see handover.h).
 */
#include "httpd/handover.h"

#include "common/diag.h"
#include "common/ipc/channel.h"
#include "common/ipc/greeting.h"
#include "common/ipc/wire.h"
#include "common/key_limits.h"
#include "common/xmem.h"
#include "httpd/http/server.h"
#include "httpd/http/url.h"
#include "httpd/worker.h"

#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

struct lane {
	TAILQ_ENTRY(lane) link;
	struct handover *handover;
	struct channel *channel;
	uint64_t token;
	bool give;
	bool greeted;			/* the other's hello came */
	uint32_t room;			/* give: may go; take: lent and not used */
	int fd;				/* of the frame that is looked at; -1: none, or taken */
};

struct handover {
	struct worker *worker;
	TAILQ_HEAD(, lane) lanes;
	struct lane *giving;		/* of lanes; NULL: nobody takes ours */
};

static void
drop_lane(struct lane *lane)
{
	struct handover *handover = lane->handover;

	TAILQ_REMOVE(&handover->lanes, lane, link);
	channel_free(&lane->channel);
	/* The server may be waiting for it, or has to do without. */
	loop_again(handover->worker->loop);
	if (handover->giving == lane) {
		handover->giving = NULL;
		server_keep(handover->worker->server);
	}
	free(lane);
}

static void
refuse(struct lane *lane, const char *what)
{
	diag_error("handover", "another worker sent %s", what);
	drop_lane(lane);
}

static void
take_hello(struct lane *lane, const struct frame *frame)
{
	const struct greeting other = { .counts = GREETING_TOKEN, .role = ROLE_CLIENT,
		.token = lane->token };
	struct msg_hello hello;
	unsigned flaws = greeting_flaws(frame, &other, &hello);

	if ((flaws & (FLAW_NO_HELLO | FLAW_STRANGER)) != 0) {
		refuse(lane, "an invalid hello");
	} else if ((flaws & FLAW_PROTOCOL) != 0) {
		diag_warn("handover", "another worker speaks another protocol: its=%u ours=%u",
		    (unsigned)hello.protocol, (unsigned)WIRE_PROTOCOL);
		drop_lane(lane);
	} else {
		lane->greeted = true;
	}
}

static enum err
on_room(struct lane *lane, const struct frame *frame UNUSED, const struct msg_room *m)
{
	if (!lane->give || m->connections > HANDOVER_WINDOW - lane->room)
		return ERR_MALFORMED;
	lane->room += m->connections;
	server_offer(lane->handover->worker->server, lane->room);
	return ERR_NONE;
}

/* The other worker may have been taken over: what is no connection could not be waited for. */
static bool
is_connection(int fd)
{
	int type;
	socklen_t size = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

/* And for an invalid key raftd would close our channel. */
static bool
is_key(struct slice key)
{
	char cause[KEY_CAUSE_BYTES];

	return key.size > 0 && key.data[0] == '/' &&
	    (key.size == 1 || key.data[key.size - 1] != '/') && url_path_is_clean(key) &&
	    key_limits_allow(&KEY_LIMITS_MAX, key, 0, cause);
}

static bool
is_lock_or_none(const struct msg_handed *m)
{
	return (m->flags & HANDED_LOCK) == 0 || ((m->flags & HANDED_WATCH) != 0 &&
	    (m->lock_flags & ~HANDED_LOCK_ALL) == 0 && m->next_index != 0 &&
	    m->lock_ttl_s >= 1 && m->lock_ttl_s <= LOCK_SECONDS_MAX);
}

static bool
are_v3_watches(struct slice list)
{
	struct reader in = reader_of(list);
	struct v3_handed_watch watch;

#ifndef WITH_V3
	return false;
#endif
	while (!reader_done(&in))
		if (!v3_handed_watch_get(&in, &watch) || (watch.flags & ~V3_HANDED_ALL) != 0 ||
		    watch.served > INT64_MAX ||
		    watch.key.size + watch.end.size > V3_REQUEST_BYTES_MAX)
			return false;
	return true;
}

/* Of what it says it waits for. */
static bool
can_be_waited_for(const struct msg_handed *m)
{
	if ((m->flags & HANDED_WATCH) == 0)
		return true;
	if (m->v3_watches.size == 0)
		return is_key(m->key);
	return (m->flags & HANDED_LOCK) == 0 && are_v3_watches(m->v3_watches);
}

static enum err
on_handed(struct lane *lane, const struct frame *frame UNUSED, const struct msg_handed *m)
{
	int fd = lane->fd;

	if (lane->give || lane->room == 0 || (m->flags & ~HANDED_ALL) != 0 ||
	    (m->watch_flags & ~WATCH_FLAG_ALL) != 0 || m->user.size > AUTH_NAME_BYTES_MAX ||
	    !can_be_waited_for(m) || !is_lock_or_none(m) ||
	    (fd != -1 && !is_connection(fd)))
		return ERR_MALFORMED;
	lane->room--;
	lane->fd = -1;
	if (fd == -1)
		diag_warn("handover", "a connection was lost: no descriptor is left for it");
	else
		server_take(lane->handover->worker->server, fd, m);
	return ERR_NONE;
}

#define DISPATCH_TO struct lane
#define TO_LANE DISPATCH_ROW
#include "common/ipc/dispatch_define.h"

/* What was sent, in words, if that type is refused. */
static const char *
refused_as(uint16_t type)
{
	switch (type) {
	case MSG_room:
		return "invalid room";
	case MSG_handed:
		return "an invalid connection";
	default:
		return message_name(type);
	}
}

static void
received(void *argument, const struct frame *frame, int fd)
{
	struct lane *lane = argument;
	enum err err = ERR_NONE;

	if (fd != -1)
		channel_calm(fd);
	lane->fd = fd;
	if (lane->greeted)
		err = dispatch(lane, FROM_CLIENT_WORKER, frame);
	if (lane->fd != -1)
		close(lane->fd);
	lane->fd = -1;
	/* These end the lane. */
	if (!lane->greeted)
		take_hello(lane, frame);
	else if (err != ERR_NONE)
		refuse(lane, refused_as(frame->type));
}

static void
closed(void *argument, enum err why)
{
	struct lane *lane = argument;

	if (lane->give || why != ERR_CLOSED)
		diag_warn("handover", "the other worker is gone: %s", err_text(why));
	drop_lane(lane);
}

struct handover *
handover_new(struct worker *worker)
{
	struct handover *handover = xzalloc(sizeof(*handover));

	handover->worker = worker;
	TAILQ_INIT(&handover->lanes);
	return handover;
}

void
handover_free(struct handover **handover_pointer)
{
	struct handover *handover = *handover_pointer;
	struct lane *lane;

	*handover_pointer = NULL;
	if (handover == NULL)
		return;
	handover->giving = NULL;
	while ((lane = TAILQ_FIRST(&handover->lanes)) != NULL)
		drop_lane(lane);
	free(handover);
}

void
handover_attach(struct handover *handover, bool give, uint64_t token, int fd)
{
	const struct worker *worker = handover->worker;
	struct lane *lane = xzalloc(sizeof(*lane));

	lane->handover = handover;
	lane->token = token;
	lane->give = give;
	lane->fd = -1;
	lane->channel = channel_new(worker->loop, fd, (struct channel_owner){
	    .name = "another client worker", .received = received, .closed = closed,
	    .takes_descriptors = true, .argument = lane });
	TAILQ_INSERT_TAIL(&handover->lanes, lane, link);
	if (give)
		handover->giving = lane;
	greeting_put(channel_out(lane->channel), &(struct msg_hello){ .role = ROLE_CLIENT,
	    .number = worker->number, .token = token });
}

bool
handover_gives(const struct handover *handover)
{
	return handover != NULL && handover->giving != NULL;
}

bool
handover_has_room(const struct handover *handover)
{
	return handover_gives(handover) && handover->giving->room > 0;
}

void
handover_send(struct handover *handover, const struct msg_handed *handed, int fd)
{
	struct lane *lane = handover->giving;

	ASSERT(lane->room > 0);
	lane->room--;
	msg_handed_frame(channel_out(lane->channel), 0, handed);
	channel_attach(lane->channel, fd);
}

static void
lend_room(struct lane *lane)
{
	size_t most = MIN_OF(server_room(lane->handover->worker->server), (size_t)HANDOVER_WINDOW);

	/* Few at a time would be many small frames. */
	if (!lane->greeted || most < lane->room + MIN_OF(most, (size_t)HANDOVER_WINDOW / 2))
		return;
	if (most == lane->room)
		return;
	msg_room_frame(channel_out(lane->channel), 0,
	    &(struct msg_room){ .connections = (uint32_t)(most - lane->room) });
	lane->room = (uint32_t)most;
}

void
handover_flush(struct handover *handover)
{
	struct lane *lane;

	if (handover == NULL)
		return;
	TAILQ_FOREACH(lane, &handover->lanes, link) {
		size_t queued;

		if (!lane->give)
			lend_room(lane);
		queued = channel_queued(lane->channel);
		channel_flush(lane->channel);
		/* Who waits for quiet looks at the end of a turn. */
		if (queued > 0 && channel_queued(lane->channel) == 0)
			loop_again(handover->worker->loop);
	}
}

bool
handover_is_quiet(const struct handover *handover)
{
	const struct lane *lane;

	if (handover == NULL)
		return true;
	TAILQ_FOREACH(lane, &handover->lanes, link) {
		if (!lane->give || channel_queued(lane->channel) > 0)
			return false;
	}
	return true;
}
