/*
 * stream.h - one upgraded connection to another node: frames both ways.
 *
 * Owns the connection; raftd may be given one without TLS, and reads and writes it from then
 * on, and says when it is over. Frames are not opened: their size, type number, flags
 * and sender id are checked, nothing else. On the wire the request id is the
 * sender's node id; towards raftd it is the other node's id either way, so
 * only that header field is rewritten.
 */
#ifndef MOOTHALL_HTTPD_PEER_STREAM_H
#define MOOTHALL_HTTPD_PEER_STREAM_H

#include "common/ipc/message.h"

struct bufferevent;
struct stream;

struct stream_owner {
	/* A frame of the other node, request id = its node id; borrowed. Must not
	 * free the stream. */
	void (*frame)(void *frame_argument, const struct frame *frame);
	void *frame_argument;
	/* The stream is over, why is for people and borrowed. Called once, from the
	 * loop; the callee frees the stream. */
	void (*closed)(void *closed_argument, struct stream *stream, const char *why);
	void *closed_argument;
};

struct stream_ends {
	uint64_t local, remote;		/* node ids, as the handshake said */
};

/* Takes the bufferevent with whatever its input holds already. No callback
 * comes before this returned. */
struct stream *stream_new(struct bufferevent *bev, struct stream_ends ends,
    struct stream_owner owner);
/* Can raftd be given it? Not with TLS, nor what is no connection of a network, nor one with
 * more under way than STREAM_GIVEN_BYTES_MAX either way; and once only. */
bool stream_may_go(const struct stream *stream);
/*
 * It may: what of it raftd has to know.
 *
 *	message	in and out are set: borrowed until stream_gone
 *
 * Returns the descriptor, which stays the stream's.
 */
int stream_give(struct stream *stream, struct msg_peer_stream *message);
/* raftd has it under that number: no frame comes from here any more, what is sent here is
 * dropped. */
void stream_gone(struct stream *stream, uint64_t number);
/* 0: raftd does not have it. */
uint64_t stream_number(const struct stream *stream);
/* One that raftd had is over: closed is called, from here. */
void stream_ended(struct stream *stream);
/* As stream_free, but one that raftd was given lives on there. */
void stream_leave(struct stream **stream);
/* Close at once without a callback; accepts NULL in *stream. */
void stream_free(struct stream **stream);

/* Send a frame, its request id replaced by ours, or queue it. False: the queue is full
 * (PEER_QUEUE_BYTES_MAX) and the frame is dropped. */
bool stream_send(struct stream *stream, const struct frame *frame);
/* Bytes that the socket has not taken yet. */
size_t stream_queued(const struct stream *stream);

/* Why a connection with TLS ended with an error, as OpenSSL numbers it; 0: it was
 * the socket's. To be asked for once, in the callback that tells of it. */
unsigned long stream_tls_error(struct bufferevent *bev);

/* Options of a socket between nodes: no delay, and an end within seconds when
 * the other host is gone without a word. */
void stream_socket_options(int fd, uint64_t silence_ms);

#endif
