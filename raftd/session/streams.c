/*
 * streams.c - see streams.h.
 *
 * Writing. Frames of a turn lie in one buffer of their owner, for all nodes; of each stream
 * the pieces are noted, and leave at the turn's end in one call. What a socket does not take
 * is copied, and waits.
 *
 * The peer worker shares each connection, and may be taken over: so reading and writing ask
 * not to wait by themselves, whatever the connection's flags are, and only connections of
 * a network are taken: no other kind can carry descriptors, whose closing might wait.
 */
#include "raftd/session/streams.h"

#include "common/diag.h"
#include "common/ipc/channel.h"
#include "common/ipc/message.h"
#include "common/ipc/trace.h"
#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/peer_meter.h"
#include "common/xmem.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define READ_BYTES (64 * KIB)		/* in one call, and kept for the next */
#define TURN_BYTES (256 * KIB)		/* read or written in one turn of the loop */
#define PIECES_MAX 16

enum direction { OURS, THEIRS, DIRECTIONS };	/* who opened it */

struct stream_peer;

struct raft_stream {
	struct stream_peer *peer;
	enum direction direction;
	uint64_t number;		/* by which the worker knows it; 0: it is gone */
	int fd;
	struct loop_io *io;
	struct buf in;			/* came, and is no whole frame yet */
	bool fresh;			/* what came with it was not looked at yet */
	struct buf out;			/* what the socket has not taken, */
	size_t written;			/* but for so much of it */
	struct iovec pieces[PIECES_MAX]; /* of this turn, behind out; borrowed */
	size_t piece_count, piece_bytes;
};

/* Another node. */
struct stream_peer {
	LIST_ENTRY(stream_peer) link;
	struct streams *streams;
	uint64_t id;
	char name[24];			/* for traces */
	struct raft_stream *stream[DIRECTIONS];
	struct peer_meter meter;
	uint64_t dropped;		/* frames, since a stream took one */
};

struct streams {
	LIST_HEAD(, stream_peer) peers;
	struct loop *loop;
	struct node *node;
	void (*over)(void *argument, uint64_t number);
	void *over_argument;
	uint64_t local;			/* in what is sent: this node's id */
	size_t count;
};

static const char NO_FRAME[] = "it sent a frame above the limit, or no frame at all";
static const char ENDED[] = "connection closed";

struct streams *
streams_new(struct loop *loop, struct node *node,
    void (*over)(void *argument, uint64_t number), void *argument)
{
	struct streams *streams = xzalloc(sizeof(*streams));

	LIST_INIT(&streams->peers);
	streams->loop = loop;
	streams->node = node;
	streams->over = over;
	streams->over_argument = argument;
	return streams;
}

/* The other node sees it, whatever copies there are. */
static void
drop_connection(int fd)
{
	(void)shutdown(fd, SHUT_RDWR);
	channel_calm(fd);
	close(fd);
}

static void
stream_end(struct raft_stream *stream, const char *why)
{
	struct stream_peer *peer = stream->peer;
	struct streams *streams = peer->streams;

	diag_info("peer", "stream ended: id=%016" PRIx64 " direction=%s: %s", peer->id,
	    stream->direction == OURS ? "out" : "in", why);
	/* Unless another has its place. */
	if (peer->stream[stream->direction] == stream)
		peer->stream[stream->direction] = NULL;
	streams->count--;
	if (stream->number != 0)
		streams->over(streams->over_argument, stream->number);
	loop_io_free(&stream->io);
	drop_connection(stream->fd);
	buf_free(&stream->in);
	buf_free(&stream->out);
	free(stream);
	if (peer->stream[OURS] != NULL || peer->stream[THEIRS] != NULL)
		return;
	LIST_REMOVE(peer, link);
	free(peer);
}

void
streams_orphaned(struct streams *streams)
{
	struct stream_peer *peer;

	LIST_FOREACH(peer, &streams->peers, link)
		for (int i = 0; i < DIRECTIONS; i++)
			if (peer->stream[i] != NULL)
				peer->stream[i]->number = 0;
}

void
streams_free(struct streams **streams)
{
	struct stream_peer *peer, *next;

	if (*streams == NULL)
		return;
	streams_orphaned(*streams);
	for (peer = LIST_FIRST(&(*streams)->peers); peer != NULL; peer = next) {
		struct raft_stream *ours = peer->stream[OURS], *theirs = peer->stream[THEIRS];

		next = LIST_NEXT(peer, link);
		if (ours != NULL)
			stream_end(ours, "this node ends");
		if (theirs != NULL)
			stream_end(theirs, "this node ends");
	}
	free(*streams);
	*streams = NULL;
}

static struct stream_peer *
find(const struct streams *streams, uint64_t id)
{
	struct stream_peer *peer;

	LIST_FOREACH(peer, &streams->peers, link)
		if (peer->id == id)
			return peer;
	return NULL;
}

/* ---- what comes ------------------------------------------------------------------ */

/* What makes a frame unacceptable, or NULL. */
static const char *
frame_flaw(const struct stream_peer *peer, const struct frame *frame)
{
	if (frame->request_id != peer->id)
		return "it sent a frame in another node's name";
	if (!message_is_peer(frame->type))
		return "it sent a frame that is not for nodes";
	if ((frame->flags & ~FRAME_MORE) != 0)
		return "it sent a frame with unknown flags";
	return NULL;
}

static void
frame_came(struct stream_peer *peer, const struct frame *frame)
{
	if (trace_wanted())
		trace_frame("received from", peer->name, frame);
	peer_meter_received(&peer->meter, frame, loop_now(peer->streams->loop).monotonic_ns);
	if (node_peer_frame(peer->streams->node, frame) != ERR_NONE)
		diag_warn("peer", "bad message of a node type=%s from=%016" PRIx64,
		    message_name(frame->type), peer->id);
}

/* Give whole frames to the conductor. False: the stream has ended. */
static bool
take_frames(struct raft_stream *stream)
{
	const char *flaw = NULL;
	struct frame frame;
	size_t at = 0, used;
	enum err err;

	for (;;) {
		err = frame_parse(slice_of(stream->in.data + at, stream->in.size - at), &frame,
		    &used);
		if (err != ERR_NONE)
			break;
		flaw = frame_flaw(stream->peer, &frame);
		if (flaw != NULL)
			break;
		frame_came(stream->peer, &frame);
		at += used;
	}
	if (flaw != NULL || err != ERR_AGAIN) {
		stream_end(stream, flaw != NULL ? flaw : NO_FRAME);
		return false;
	}
	buf_consume(&stream->in, at);
	if (stream->in.size == 0)
		buf_recycle(&stream->in, READ_BYTES);
	return true;
}

static void
read_stream(struct raft_stream *stream)
{
	size_t total = 0;

	while (total < TURN_BYTES) {
		/* Of a large frame all that is missing, as far as one turn goes. */
		size_t missing = MIN_OF(frame_missing(buf_slice(&stream->in)), TURN_BYTES);
		size_t size = MAX_OF(missing, READ_BYTES);
		ssize_t got = recv(stream->fd, buf_reserve(&stream->in, size), size,
		    MSG_DONTWAIT);

		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1 && errno == EAGAIN)
			return;
		if (got <= 0) {
			stream_end(stream, got == 0 ? ENDED : strerror(errno));
			return;
		}
		buf_added(&stream->in, (size_t)got);
		if (!take_frames(stream) || (size_t)got < size)
			return;
		total += (size_t)got;
	}
}

/* ---- what goes --------------------------------------------------------------------- */

static size_t
waiting(const struct raft_stream *stream)
{
	return stream->out.size - stream->written + stream->piece_bytes;
}

static void
want(struct raft_stream *stream)
{
	/* A fresh one is ready at once, whoever speaks first. */
	loop_io_want(stream->io,
	    LOOP_READ | (stream->out.size > 0 || stream->fresh ? LOOP_WRITE : 0));
}

/* One call; how much was taken. An error shows again when it is read. */
static size_t
write_some(const struct raft_stream *stream, struct iovec *pieces, size_t count)
{
	struct msghdr message = { .msg_iov = pieces, .msg_iovlen = count };
	ssize_t sent;

	do {
		sent = sendmsg(stream->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (sent == -1 && errno == EINTR);
	return sent > 0 ? (size_t)sent : 0;
}

static void
write_out(struct raft_stream *stream)
{
	struct iovec piece = { stream->out.data + stream->written,
		MIN_OF(stream->out.size - stream->written, TURN_BYTES) };

	stream->written += write_some(stream, &piece, 1);
	if (stream->written == stream->out.size) {
		buf_recycle(&stream->out, READ_BYTES);
		stream->written = 0;
	} else if (stream->written > stream->out.size / 2) {
		buf_consume(&stream->out, stream->written);
		stream->written = 0;
	}
}

/* What the socket has not taken of this turn's pieces waits. */
static void
keep_pieces(struct raft_stream *stream, size_t sent)
{
	for (size_t i = 0; i < stream->piece_count; i++) {
		const struct iovec *piece = &stream->pieces[i];
		size_t skip = MIN_OF(sent, piece->iov_len);

		buf_append(&stream->out, (const uint8_t *)piece->iov_base + skip,
		    piece->iov_len - skip);
		sent -= skip;
	}
	stream->piece_count = 0;
	stream->piece_bytes = 0;
}

static void
flush(struct raft_stream *stream)
{
	size_t sent = 0;

	if (stream->piece_count == 0)
		return;
	if (stream->out.size == 0)
		sent = write_some(stream, stream->pieces, stream->piece_count);
	keep_pieces(stream, sent);
	want(stream);
}

size_t
streams_queued(const struct streams *streams)
{
	const struct stream_peer *peer;
	size_t bytes = 0;

	LIST_FOREACH(peer, &streams->peers, link)
		for (int i = 0; i < DIRECTIONS; i++)
			bytes += peer->stream[i] == NULL ? 0 : waiting(peer->stream[i]);
	return bytes;
}

void
streams_flush(struct streams *streams)
{
	struct stream_peer *peer;

	LIST_FOREACH(peer, &streams->peers, link)
		for (int i = 0; i < DIRECTIONS; i++)
			if (peer->stream[i] != NULL)
				flush(peer->stream[i]);
}

static void
add_piece(struct raft_stream *stream, uint8_t *bytes, size_t size)
{
	struct iovec *last;

	/* What follows goes behind it. */
	if (stream->piece_count == PIECES_MAX)
		keep_pieces(stream, 0);
	stream->piece_bytes += size;
	last = stream->piece_count == 0 ? NULL : &stream->pieces[stream->piece_count - 1];
	if (last != NULL && (uint8_t *)last->iov_base + last->iov_len == bytes)
		last->iov_len += size;
	else
		stream->pieces[stream->piece_count++] = (struct iovec){ bytes, size };
}

bool
streams_send(struct streams *streams, uint8_t *bytes, size_t size)
{
	struct stream_peer *peer;
	struct raft_stream *stream;
	struct frame frame;
	size_t used;

	MUST(frame_parse(slice_of(bytes, size), &frame, &used) == ERR_NONE && used == size);
	peer = find(streams, frame.request_id);
	if (peer == NULL)
		return false;
	stream = peer->stream[OURS] != NULL ? peer->stream[OURS] : peer->stream[THEIRS];
	if (size > PEER_QUEUE_BYTES_MAX - MIN_OF(waiting(stream), PEER_QUEUE_BYTES_MAX)) {
		peer_meter_failed(&peer->meter);
		if (peer->dropped++ == 0)
			diag_warn("peer", "messages dropped, the node takes them too slowly: "
			    "id=%016" PRIx64 " first=%s", peer->id, message_name(frame.type));
		return true;
	}
	peer->dropped = 0;
	if (trace_wanted())
		trace_frame("sent to", peer->name, &frame);
	peer_meter_sent(&peer->meter, &frame, loop_now(streams->loop).monotonic_ns);
	frame_set_request_id(bytes, streams->local);
	add_piece(stream, bytes, size);
	return true;
}

/* ---- taken --------------------------------------------------------------------------- */

static void
ready(void *argument, unsigned events)
{
	struct raft_stream *stream = argument;

	stream->fresh = false;
	if ((events & LOOP_WRITE) != 0) {
		if (stream->out.size > 0)
			write_out(stream);
		want(stream);
	}
	/* First what came with it. */
	if (stream->in.size > 0 && !take_frames(stream))
		return;
	if ((events & LOOP_READ) != 0)
		read_stream(stream);
}

/* A connection over a network? */
static bool
is_of_network(int fd)
{
	int domain = 0, type = 0;
	socklen_t size = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
	    (domain == AF_INET || domain == AF_INET6) &&
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

/* Why a stream is not taken, or NULL. */
static const char *
refusal(struct streams *streams, const struct msg_peer_stream *m, int fd)
{
	struct msg_status status;

	node_status(streams->node, &status);
	if (!is_of_network(fd))
		return "it is no connection over a network";
	if (m->local != status.node_id || m->id == status.node_id || m->id == 0)
		return "it is not of this node";
	if (find(streams, m->id) == NULL && streams->count >= STREAMS_MAX)
		return "there are too many";
	return NULL;
}

static struct stream_peer *
peer_of(struct streams *streams, uint64_t id)
{
	struct stream_peer *peer = find(streams, id);

	if (peer != NULL)
		return peer;
	peer = xzalloc(sizeof(*peer));
	peer->streams = streams;
	peer->id = id;
	snprintf(peer->name, sizeof(peer->name), "node %016" PRIx64, id);
	LIST_INSERT_HEAD(&streams->peers, peer, link);
	return peer;
}

static void
begin(struct streams *streams, const struct msg_peer_stream *m, int fd)
{
	struct raft_stream *stream = xzalloc(sizeof(*stream));
	struct stream_peer *peer = peer_of(streams, m->id);
	enum direction direction = (m->flags & PEER_STREAM_OURS) != 0 ? OURS : THEIRS;
	struct raft_stream *older = peer->stream[direction];

	stream->peer = peer;
	stream->direction = direction;
	stream->number = m->number;
	stream->fd = fd;
	buf_append_slice(&stream->in, m->in);
	buf_append_slice(&stream->out, m->out);
	peer->stream[direction] = stream;
	streams->count++;
	if (older != NULL)
		stream_end(older, "replaced");
	if ((m->flags & PEER_STREAM_MEMBER) != 0 && peer->meter.sent == NULL)
		peer_meter_open(&peer->meter, peer->id);
	streams->local = m->local;
	stream->fresh = true;
	stream->io = loop_io_new(streams->loop, fd, ready, stream);
	want(stream);
}

struct given {
	struct streams *streams;
	int fd;				/* -1: there is none, or it is taken */
};

static enum err
on_peer_stream(struct given *given, const struct frame *frame UNUSED,
    const struct msg_peer_stream *m)
{
	const char *why;

	if (given->fd == -1 || m->number == 0 || (m->flags & ~PEER_STREAM_ALL) != 0 ||
	    m->in.size > STREAM_GIVEN_BYTES_MAX || m->out.size > STREAM_GIVEN_BYTES_MAX)
		return ERR_MALFORMED;
	why = refusal(given->streams, m, given->fd);
	if (why != NULL) {
		diag_warn("peer", "a stream is not taken: id=%016" PRIx64 ": %s", m->id, why);
		given->streams->over(given->streams->over_argument, m->number);
		return ERR_NONE;
	}
	begin(given->streams, m, given->fd);
	given->fd = -1;
	return ERR_NONE;
}

#define DISPATCH_TO struct given
#define TO_STREAMS DISPATCH_ROW
#include "common/ipc/dispatch_define.h"

bool
streams_takes(uint16_t type)
{
	switch (type) {
#define TO_STREAMS(tag, number, senders) case number:
#include "common/ipc/receiver_rows.h"
		return true;
	default:
		return false;
	}
}

enum err
streams_take(struct streams *streams, const struct frame *frame, int fd)
{
	struct given given = { streams, fd };
	enum err err = dispatch(&given, FROM_PEER_WORKER, frame);

	if (given.fd != -1)
		drop_connection(given.fd);
	return err;
}
