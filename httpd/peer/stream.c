/*
 * stream.c - frames on an upgraded connection (see stream.h).
 *
 * libevent's bufferevent carries it, with TLS or without, until raftd has it.
 *
 * What comes from the other side is foreign: a frame that is too big, of a type
 * that does not travel between nodes, with unknown flags or from another node
 * than the handshake named closes the stream with a sentence.
 */
#include "httpd/peer/stream.h"

#include "common/ipc/message.h"
#include "common/limits.h"
#include "common/xmem.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/util.h>
#include <openssl/err.h>

/* Taken from the socket in one turn: a snapshot chunk in few calls. */
#define STREAM_READ_BYTES (256 * KIB)

struct stream {
	struct bufferevent *bev;	/* NULL: raftd has it, */
	uint64_t number;		/* by this number, else 0; */
	int fd;				/* and this is our copy */
	bool left;			/* it goes on without this process */
	struct stream_ends ends;
	struct stream_owner owner;
};

static const char NO_FRAME[] = "it sent a frame above the limit, or no frame at all";
static const char ENDED[] = "connection closed by the other side";

/* What makes a frame unacceptable, or NULL. */
static const char *
stream_check(const struct stream *stream, const struct frame *frame, char *text, size_t size)
{
	if (frame->request_id != stream->ends.remote) {
		snprintf(text, size, "it sent a frame in the name of node %016" PRIx64,
		    frame->request_id);
		return text;
	}
	if (!message_is_peer(frame->type)) {
		snprintf(text, size, "it sent a frame of type 0x%x, which is not for nodes",
		    (unsigned)frame->type);
		return text;
	}
	if ((frame->flags & ~FRAME_MORE) != 0) {
		snprintf(text, size, "it sent a frame with unknown flags 0x%x",
		    (unsigned)frame->flags);
		return text;
	}
	return NULL;
}

/* The next whole frame at the start of input, in one piece. */
static enum err
stream_next(struct evbuffer *input, struct frame *frame, size_t *used)
{
	size_t available = evbuffer_get_length(input);
	struct reader head;
	uint32_t length;

	if (available < FRAME_HEADER_BYTES)
		return ERR_AGAIN;
	head = reader_of(slice_of(evbuffer_pullup(input, (ev_ssize_t)FRAME_HEADER_BYTES),
	    FRAME_HEADER_BYTES));
	if (!codec_get_u32(&head, &length) || length > FRAME_BYTES_MAX - FRAME_HEADER_BYTES)
		return ERR_TOO_BIG;
	*used = FRAME_HEADER_BYTES + length;
	if (available < *used)
		return ERR_AGAIN;
	return frame_parse(slice_of(evbuffer_pullup(input, (ev_ssize_t)*used), *used), frame, used);
}

static void
stream_over(struct stream *stream, const char *why)
{
	stream->owner.closed(stream->owner.closed_argument, stream, why);
}

/* False: the stream is over. */
static bool
stream_take(struct stream *stream, const struct frame *frame)
{
	char text[96];
	const char *wrong = stream_check(stream, frame, text, sizeof(text));

	if (wrong != NULL) {
		stream_over(stream, wrong);
		return false;
	}
	stream->owner.frame(stream->owner.frame_argument, frame);
	return true;
}

static void
stream_on_read(struct bufferevent *bev, void *argument)
{
	struct stream *stream = argument;
	struct evbuffer *input = bufferevent_get_input(bev);
	struct frame frame;
	size_t used;
	enum err err;

	while ((err = stream_next(input, &frame, &used)) == ERR_NONE) {
		if (!stream_take(stream, &frame))
			return;
		evbuffer_drain(input, used);
	}
	if (err != ERR_AGAIN)
		stream_over(stream, NO_FRAME);
}

unsigned long
stream_tls_error(struct bufferevent *bev)
{
	unsigned long first = 0;
	unsigned long error;

	if (bufferevent_openssl_get_ssl(bev) == NULL)
		return 0;
	/* They come last first; the very first may be a kind of error and no error. */
	while ((error = bufferevent_get_openssl_error(bev)) != 0)
		if (ERR_GET_LIB(error) != 0 && !ERR_SYSTEM_ERROR(error))
			first = error;
	return first;
}

static const char *
stream_error(struct bufferevent *bev, int number)
{
	unsigned long error = stream_tls_error(bev);
	const char *why = error == 0 ? NULL : ERR_reason_error_string(error);

	return why != NULL ? why : evutil_socket_error_to_string(number);
}

static void
stream_on_event(struct bufferevent *bev, short events, void *argument)
{
	struct stream *stream = argument;
	int number = errno;
	const char *why = ENDED;

	if ((events & BEV_EVENT_ERROR) != 0)
		why = stream_error(bev, number);
	if ((events & (BEV_EVENT_ERROR | BEV_EVENT_EOF)) != 0)
		stream_over(stream, why);
}

/* ---- that raftd has ------------------------------------------------------------------ */

static bool
is_of_network(int fd)
{
	struct sockaddr_storage address = { 0 };
	socklen_t size = sizeof(address);

	return getsockname(fd, (struct sockaddr *)&address, &size) == 0 &&
	    (address.ss_family == AF_INET || address.ss_family == AF_INET6);
}

bool
stream_may_go(const struct stream *stream)
{
	return stream->bev != NULL && bufferevent_openssl_get_ssl(stream->bev) == NULL &&
	    evbuffer_get_length(bufferevent_get_input(stream->bev)) <= STREAM_GIVEN_BYTES_MAX &&
	    stream_queued(stream) <= STREAM_GIVEN_BYTES_MAX &&
	    is_of_network((int)bufferevent_getfd(stream->bev));
}

static struct slice
all_of(struct evbuffer *bytes)
{
	size_t size = evbuffer_get_length(bytes);

	return slice_of(evbuffer_pullup(bytes, -1), size);
}

int
stream_give(struct stream *stream, struct msg_peer_stream *message)
{
	ASSERT(stream_may_go(stream));
	message->in = all_of(bufferevent_get_input(stream->bev));
	message->out = all_of(bufferevent_get_output(stream->bev));
	return (int)bufferevent_getfd(stream->bev);
}

void
stream_gone(struct stream *stream, uint64_t number)
{
	stream->number = number;
	stream->fd = (int)bufferevent_getfd(stream->bev);
	bufferevent_setcb(stream->bev, NULL, NULL, NULL, NULL);
	MUST(bufferevent_setfd(stream->bev, -1) == 0);
	bufferevent_free(stream->bev);
	stream->bev = NULL;
}

uint64_t
stream_number(const struct stream *stream)
{
	return stream->number;
}

void
stream_ended(struct stream *stream)
{
	ASSERT(stream->number != 0);
	stream_over(stream, "raftd has it no more");
}

void
stream_leave(struct stream **stream)
{
	if (*stream != NULL)
		(*stream)->left = true;
	stream_free(stream);
}

/* ---- its life ----------------------------------------------------------------------- */

struct stream *
stream_new(struct bufferevent *bev, struct stream_ends ends, struct stream_owner owner)
{
	struct stream *stream = xzalloc(sizeof(*stream));

	stream->ends = ends;
	stream->owner = owner;
	stream->bev = bev;
	bufferevent_setcb(bev, stream_on_read, NULL, stream_on_event, stream);
	bufferevent_set_timeouts(bev, NULL, NULL);
	/* Enough for the largest frame, no more: the rest waits in the kernel. */
	bufferevent_setwatermark(bev, EV_READ, 0, FRAME_BYTES_MAX);
	bufferevent_set_max_single_read(bev, STREAM_READ_BYTES);
	bufferevent_set_max_single_write(bev, STREAM_READ_BYTES);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
	if (evbuffer_get_length(bufferevent_get_input(bev)) > 0)
		bufferevent_trigger(bev, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
	return stream;
}

void
stream_free(struct stream **stream)
{
	if (*stream == NULL)
		return;
	if ((*stream)->bev != NULL) {
		bufferevent_setcb((*stream)->bev, NULL, NULL, NULL, NULL);
		bufferevent_free((*stream)->bev);
	} else {
		/* raftd has a descriptor of it, too. */
		if (!(*stream)->left)
			(void)shutdown((*stream)->fd, SHUT_RDWR);
		close((*stream)->fd);
	}
	free(*stream);
	*stream = NULL;
}

bool
stream_send(struct stream *stream, const struct frame *frame)
{
	struct evbuffer *output;
	size_t size = FRAME_HEADER_BYTES + frame->payload.size;
	struct evbuffer_iovec room;
	struct buf buf;

	if (stream->bev == NULL)
		return true;
	if (size > FRAME_BYTES_MAX || size > PEER_QUEUE_BYTES_MAX - MIN_OF(stream_queued(stream),
	    PEER_QUEUE_BYTES_MAX))
		return false;
	output = bufferevent_get_output(stream->bev);
	/* Encoded where it will be written from: large appends are copied once. */
	if (evbuffer_reserve_space(output, (ev_ssize_t)size, &room, 1) != 1)
		return false;
	buf = (struct buf){ room.iov_base, 0, size, size, false };
	frame_append(&buf, frame->type, frame->flags, stream->ends.local, frame->payload);
	room.iov_len = size;
	return evbuffer_commit_space(output, &room, 1) == 0;
}

size_t
stream_queued(const struct stream *stream)
{
	return stream->bev == NULL ? 0 :
	    evbuffer_get_length(bufferevent_get_output(stream->bev));
}

/* Without these a host that vanished would hold its stream for minutes: the
 * first bounds how long sent bytes may stay unconfirmed, the others how long
 * the connection may be silent. Failure costs time only, so none is looked at. */
void
stream_socket_options(int fd, uint64_t silence_ms)
{
	int on = 1;
	int seconds = (int)MAX_OF(silence_ms / 1000, 1U);
	int count = 3;
	unsigned silence = (unsigned)silence_ms;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof(seconds));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence, sizeof(silence));
}
