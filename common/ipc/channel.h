/*
 * channel.h - one end of a Unix socket that carries frames.
 *
 * Owns the socket, the bytes not yet parsed and the queue of what waits to be
 * written. All that is sent in one turn goes out in one write at the turn's
 * end (channel_flush, which the owner calls from its turn end). Descriptors
 * travel beside the frame they were sent with. An owner that does not take any gets
 * none: whatever the other side sends is closed here, without waiting for it.
 *
 * A peer that sends what is no frame, or lets more than its limit pile up, is
 * cut off: closed() is called once, with the reason, from the loop, never from
 * inside channel_send.
 *
 * With "-log-level ipc=trace" each frame is a line of the log (trace.h): before it is
 * given to the owner, and when it is written to the socket or queued for it.
 */
#ifndef MOOTHALL_COMMON_IPC_CHANNEL_H
#define MOOTHALL_COMMON_IPC_CHANNEL_H

#include "common/blob.h"
#include "common/ipc/frame.h"
#include "common/loop.h"

struct channel;

struct channel_owner {
	const char *name;	/* of who is at the other end, for a trace; kept as a pointer */
	/* A frame came; borrowed until return. fd is -1 or, with takes_descriptors, a
	 * descriptor now owned by the callee. The callee may call channel_free. */
	void (*received)(void *argument, const struct frame *frame, int fd);
	/* The other side closed (ERR_CLOSED), sent bytes that are no frame
	 * (ERR_TOO_BIG), let the queue fill (ERR_BUSY), or the socket failed. */
	void (*closed)(void *argument, enum err why);
	bool takes_descriptors;
	void *argument;
};

/* Takes fd (a stream socket; made non-blocking and close-on-exec here). */
struct channel *channel_new(struct loop *loop, int fd, struct channel_owner owner);
/* What closed() was told, as the other processes are told: CHANNEL_END_* of wire.h. */
int channel_end_of(enum err why);
/* Close and free at once, what is queued is lost; accepts NULL in *channel. */
void channel_free(struct channel **channel);

/* Where to append whole frames to be sent: msg_x_frame(channel_out(c), id, &m). */
struct buf *channel_out(struct channel *channel);
/* The frame last appended ends with these bytes of the blob, which are not copied:
 * frame_end_before counted them. */
void channel_append_tail(struct channel *channel, struct blob *blob, struct slice bytes);
/* A frame that is encoded already. */
void channel_send(struct channel *channel, struct slice frame);
/* The frame last appended carries a copy of fd, which stays the caller's. */
void channel_attach(struct channel *channel, int fd);
/* Write what is queued as far as the socket takes it; the rest follows. */
void channel_flush(struct channel *channel);
/* Bytes that wait to be written. */
size_t channel_queued(const struct channel *channel);
/* Its socket; stays the channel's. */
int channel_fd(const struct channel *channel);
/* See to it that whoever closes a descriptor that came with a frame does not wait. */
void channel_calm(int fd);
/* What was read and is no whole frame yet, for a program that goes on with the
 * socket; and there, before anything else is read. */
struct slice channel_unread(const struct channel *channel);
void channel_feed(struct channel *channel, struct slice bytes);
/* Read and deliver what is there now, outside of a callback; bounded. */
void channel_poll(struct channel *channel);
/* Stop or go on reading (back-pressure). */
void channel_pause(struct channel *channel, bool pause);

#endif
