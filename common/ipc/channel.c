/*
 * channel.c - one end of a Unix socket that carries frames.
 *
 *	open ---> broken	a write failed: queue dropped, still reading	[broke]
 *	open ---> failed	queue too long, no descriptor to be had		[fail_later]
 *	any  ---> closed	end of file, no frame, failed: owner was told	[tell_closed]
 *
 * A broken channel goes on reading, since the other side's last words may
 * still be in the socket: a child that ends says why, and then closes.
 *
 * Writing. What is appended in a turn is one batch; a batch that the socket
 * does not take at once waits in a queue of batches. Nothing is moved, so a
 * long queue costs nothing but its memory.
 *
 * Descriptors. The kernel hands a descriptor to the recvmsg that takes the
 * first byte it was sent with. That recvmsg may begin with older bytes but
 * never goes on behind the sendmsg that carried the descriptor (unix(7):
 * ancillary data is a barrier). So the sender gives a frame with a descriptor
 * a sendmsg of its own, and the receiver gives a descriptor to the frame that
 * holds the last byte of the recvmsg it came with.
 *
 * Who closes a connection with SO_LINGER last waits in close() until all of it is sent,
 * even if it is non-blocking. So no descriptor is closed as the other side left it, by us
 * or by the kernel: all that may come with one recvmsg are received, and what is still
 * under way when a channel goes is received first.
 */
#include "common/ipc/channel.h"
#include "common/ipc/codec.h"
#include "common/ipc/trace.h"
#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/xmem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define READ_BYTES (64 * KIB)		/* room offered to one recvmsg */
#define IDLE_BYTES_MAX (64 * KIB)	/* memory a buffer may keep while empty */
#define WRITE_PIECES_MAX 16
#define ARRIVED_MAX 4
#define DESCRIPTORS_MAX 253		/* in one recvmsg: SCM_MAX_FD of the kernel */

/* A descriptor that waits to be sent with the frame at that place of a batch. */
struct attachment {
	TAILQ_ENTRY(attachment) link;
	size_t frame_start;
	size_t frame_end;
	int fd;			/* our copy */
};

TAILQ_HEAD(attachment_list, attachment);

/* What was appended in one turn, as far as it is not yet written; a tail has one of its own. */
struct channel_batch {
	STAILQ_ENTRY(channel_batch) link;
	struct buf frames;
	struct blob *blob;		/* NULL, or what it is a part of, referenced */
	struct slice bytes;		/* in one of both */
	size_t written;
	struct attachment_list attachments;	/* in order of place */
};

/* A descriptor that came, and the place in the stream of its frame. */
struct arrival {
	uint64_t place;
	int fd;
};

struct channel {
	int fd;
	struct loop_io *io;
	struct loop_timer *wake;	/* does what may not happen inside a call */
	struct channel_owner owner;
	bool *freed;			/* set by channel_free while we call the owner */

	struct buf in;
	uint64_t in_place;		/* where in the stream the first byte of in is */
	struct arrival arrived[ARRIVED_MAX];
	size_t arrived_count;		/* 0 if the owner takes none */
	bool paused;

	struct buf out;			/* this turn's batch */
	struct attachment_list attachments;
	STAILQ_HEAD(, channel_batch) batches;
	size_t batch_bytes;		/* not yet written, of all batches */
	bool blocked;			/* the socket took no more: the loop says when */

	bool broken;
	enum err failed;		/* to be told by wake */
	bool closed;			/* the owner was told, or knows */
};

static void
drop_attachments(struct attachment_list *list)
{
	struct attachment *attachment;

	while ((attachment = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, attachment, link);
		close(attachment->fd);
		free(attachment);
	}
}

static void
drop_first_batch(struct channel *channel)
{
	struct channel_batch *batch = STAILQ_FIRST(&channel->batches);

	STAILQ_REMOVE_HEAD(&channel->batches, link);
	channel->batch_bytes -= batch->bytes.size - batch->written;
	drop_attachments(&batch->attachments);
	/* The memory serves the next turn, unless it is too much to keep. */
	if (channel->out.data == NULL && batch->frames.data != NULL &&
	    batch->frames.capacity <= IDLE_BYTES_MAX) {
		channel->out = batch->frames;
		buf_clear(&channel->out);
	} else {
		buf_free(&batch->frames);
	}
	blob_unref(&batch->blob);
	free(batch);
}

static void
drop_output(struct channel *channel)
{
	while (!STAILQ_EMPTY(&channel->batches))
		drop_first_batch(channel);
	channel->blocked = false;
	drop_attachments(&channel->attachments);
	buf_recycle(&channel->out, IDLE_BYTES_MAX);
}

static void
want(struct channel *channel)
{
	unsigned events = 0;

	if (!channel->closed && channel->failed == ERR_NONE) {
		if (!channel->paused)
			events |= LOOP_READ;
		if (!STAILQ_EMPTY(&channel->batches))
			events |= LOOP_WRITE;
	}
	loop_io_want(channel->io, events);
}

/* From the loop only; the owner may free the channel in it. */
static void
tell_closed(struct channel *channel, enum err why)
{
	channel->closed = true;
	drop_output(channel);
	want(channel);
	channel->owner.closed(channel->owner.argument, why);
}

static void
fail_later(struct channel *channel, enum err why)
{
	if (channel->closed || channel->failed != ERR_NONE)
		return;
	channel->failed = why;
	drop_output(channel);
	want(channel);
	loop_timer_set(channel->wake, 0);
}

void
channel_calm(int fd)
{
	static const struct linger none = { 0 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
}

/* Close what the other side sent, at once. */
static void
drop_descriptor(int fd)
{
	channel_calm(fd);
	close(fd);
}

/* The descriptor for the frame in that stretch of the stream, or -1. Of more
 * than one the first counts; so nothing stays open that nobody asked for. */
static int
take_arrived(struct channel *channel, uint64_t frame_place, uint64_t end_place)
{
	size_t kept = 0;
	int fd = -1;

	for (size_t i = 0; i < channel->arrived_count; i++) {
		struct arrival arrival = channel->arrived[i];

		if (arrival.place >= end_place)
			channel->arrived[kept++] = arrival;
		else if (arrival.place >= frame_place && fd == -1)
			fd = arrival.fd;
		else
			drop_descriptor(arrival.fd);
	}
	channel->arrived_count = kept;
	return fd;
}

/* Give whole frames to the owner. False: the channel is freed or closed. */
static bool
deliver(struct channel *channel)
{
	bool traced = trace_wanted();
	bool freed = false;
	size_t at = 0;
	enum err err = ERR_NONE;

	channel->freed = &freed;
	while (at < channel->in.size && !channel->paused && channel->failed == ERR_NONE) {
		struct frame frame;
		size_t used;

		err = frame_parse(slice_of(channel->in.data + at, channel->in.size - at), &frame,
		    &used);
		if (err != ERR_NONE)
			break;
		if (traced)
			trace_frame("received from", channel->owner.name, &frame);
		channel->owner.received(channel->owner.argument, &frame,
		    take_arrived(channel, channel->in_place + at, channel->in_place + at + used));
		if (freed)
			return false;
		at += used;
	}
	channel->freed = NULL;
	channel->in_place += at;
	buf_consume(&channel->in, at);
	if (channel->in.size == 0)
		buf_recycle(&channel->in, IDLE_BYTES_MAX);
	else if (err == ERR_AGAIN)
		(void)buf_reserve(&channel->in, frame_missing(buf_slice(&channel->in)));
	if (err == ERR_TOO_BIG) {
		tell_closed(channel, err);
		return false;
	}
	return channel->failed == ERR_NONE;
}

static void
keep_descriptors(struct channel *channel, struct msghdr *message, uint64_t place)
{
	struct cmsghdr *header;

	for (header = CMSG_FIRSTHDR(message); header != NULL;
	    header = CMSG_NXTHDR(message, header)) {
		size_t count;

		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(header) + i * sizeof(fd), sizeof(fd));
			if (!channel->owner.takes_descriptors ||
			    channel->arrived_count == ARRIVED_MAX)
				drop_descriptor(fd);
			else
				channel->arrived[channel->arrived_count++] =
				    (struct arrival){ place, fd };
		}
	}
}

/* One recvmsg of up to size bytes: how many came, 0 at the end, -1 for errno; and with
 * descriptors? */
static ssize_t
receive(struct channel *channel, size_t size, bool *carried)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
	} control;
	struct iovec piece = { buf_reserve(&channel->in, size), size };
	struct msghdr message = {
		.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t got = recvmsg(channel->fd, &message, MSG_CMSG_CLOEXEC);

	if (got > 0) {
		buf_added(&channel->in, (size_t)got);
		keep_descriptors(channel, &message, channel->in_place + channel->in.size - 1);
	}
	*carried = got > 0 && message.msg_controllen > 0;
	return got;
}

/* Descriptors that are under way to a channel that goes. What the socket holds is
 * bounded by the kernel, and nothing more can be sent after the shutdown. */
static void
drop_unread_descriptors(struct channel *channel)
{
	bool carried;
	ssize_t got;

	(void)shutdown(channel->fd, SHUT_RD);
	channel->owner.takes_descriptors = false;
	do {
		buf_clear(&channel->in);
		got = receive(channel, READ_BYTES, &carried);
	} while (got > 0 || (got == -1 && errno == EINTR));
}

/* Read and deliver up to about limit bytes. */
static void
read_frames(struct channel *channel, size_t limit)
{
	size_t total = 0;

	while (total < limit && !channel->paused) {
		bool carried;
		ssize_t got = receive(channel, READ_BYTES, &carried);

		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1 && errno == EAGAIN)
			break;
		if (got <= 0) {
			tell_closed(channel, got == 0 ? ERR_CLOSED : err_from_errno(errno));
			return;
		}
		if (!deliver(channel))
			return;
		/* That was all. What carries a descriptor comes alone, and more may follow. */
		if ((size_t)got < READ_BYTES && !carried)
			break;
		total += (size_t)got;
	}
}

/*
 * Write the next stretch: up to the next frame with a descriptor, or exactly
 * that frame. False if the socket takes no more for now.
 */
static bool
write_stretch(struct channel *channel)
{
	struct iovec pieces[WRITE_PIECES_MAX];
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .bytes = { 0 } };
	struct msghdr message = { .msg_iov = pieces };
	struct attachment *carried = NULL;
	struct channel_batch *batch;
	size_t total = 0;
	ssize_t sent;

	STAILQ_FOREACH(batch, &channel->batches, link) {
		struct attachment *next = TAILQ_FIRST(&batch->attachments);
		size_t end = batch->bytes.size;

		if (message.msg_iovlen == WRITE_PIECES_MAX)
			break;
		if (next != NULL && next->frame_start == batch->written) {
			if (total > 0)
				break;
			carried = next;
			end = next->frame_end;
		} else if (next != NULL) {
			end = next->frame_start;
		}
		pieces[message.msg_iovlen++] = (struct iovec){
			(void *)(uintptr_t)(batch->bytes.data + batch->written),
			end - batch->written };
		total += end - batch->written;
		if (end < batch->bytes.size)
			break;
	}
	if (carried != NULL) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &carried->fd, sizeof(int));
	}
	do {
		sent = sendmsg(channel->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (sent == -1 && errno == EINTR);
	if (sent == -1 && errno == EAGAIN)
		return false;
	if (sent == -1) {
		channel->broken = true;
		drop_output(channel);
		return false;
	}
	if (carried != NULL) {
		batch = STAILQ_FIRST(&channel->batches);
		TAILQ_REMOVE(&batch->attachments, carried, link);
		close(carried->fd);
		free(carried);
	}
	for (size_t left = (size_t)sent; left > 0;) {
		size_t step;

		batch = STAILQ_FIRST(&channel->batches);
		step = MIN_OF(left, batch->bytes.size - batch->written);
		batch->written += step;
		channel->batch_bytes -= step;
		left -= step;
		if (batch->written == batch->bytes.size)
			drop_first_batch(channel);
	}
	return (size_t)sent == total;
}

static void
write_batches(struct channel *channel)
{
	while (!STAILQ_EMPTY(&channel->batches) && write_stretch(channel))
		continue;
	channel->blocked = !STAILQ_EMPTY(&channel->batches);
	want(channel);
}

static void
ready(void *argument, unsigned events)
{
	struct channel *channel = argument;

	if ((events & LOOP_WRITE) != 0)
		write_batches(channel);
	if ((events & LOOP_READ) != 0)
		read_frames(channel, CHANNEL_READ_BYTES_MAX);
}

/* What channel_pause and fail_later left for the loop to do. */
static void
woken(void *argument)
{
	struct channel *channel = argument;

	if (channel->closed)
		return;
	if (channel->failed != ERR_NONE)
		tell_closed(channel, channel->failed);
	else
		(void)deliver(channel);
}

struct channel *
channel_new(struct loop *loop, int fd, struct channel_owner owner)
{
	struct channel *channel = xzalloc(sizeof(*channel));
	int flags = fcntl(fd, F_GETFL);

	ASSERT(owner.name != NULL);
	ASSERT(flags != -1);
	MUST(fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0);
	MUST(fcntl(fd, F_SETFD, FD_CLOEXEC) == 0);
	channel->fd = fd;
	channel->owner = owner;
	channel->io = loop_io_new(loop, fd, ready, channel);
	channel->wake = loop_timer_new(loop, woken, channel);
	buf_init(&channel->out, CHANNEL_QUEUE_BYTES_MAX);
	TAILQ_INIT(&channel->attachments);
	STAILQ_INIT(&channel->batches);
	want(channel);
	return channel;
}

int
channel_end_of(enum err why)
{
	switch (why) {
	case ERR_CLOSED:
		return CHANNEL_END_CLOSED;
	case ERR_BUSY:
		return CHANNEL_END_QUEUE;
	case ERR_TOO_BIG:
		return CHANNEL_END_BYTES;
	default:
		return CHANNEL_END_SOCKET;
	}
}

void
channel_free(struct channel **channel_pointer)
{
	struct channel *channel = *channel_pointer;

	*channel_pointer = NULL;
	if (channel == NULL)
		return;
	if (channel->freed != NULL)
		*channel->freed = true;
	loop_io_free(&channel->io);
	loop_timer_free(&channel->wake);
	drop_output(channel);
	for (size_t i = 0; i < channel->arrived_count; i++)
		drop_descriptor(channel->arrived[i].fd);
	drop_unread_descriptors(channel);
	buf_free(&channel->in);
	buf_free(&channel->out);
	close(channel->fd);
	free(channel);
}

struct buf *
channel_out(struct channel *channel)
{
	return &channel->out;
}

static struct channel_batch *
queue_bytes(struct channel *channel, struct slice bytes)
{
	struct channel_batch *batch = xzalloc(sizeof(*batch));

	batch->bytes = bytes;
	TAILQ_INIT(&batch->attachments);
	STAILQ_INSERT_TAIL(&channel->batches, batch, link);
	channel->batch_bytes += bytes.size;
	return batch;
}

/* tail: with which the last frame of the turn so far ends, and which follows; or empty. */
static void
queue_out(struct channel *channel, struct slice tail)
{
	bool lost = channel->closed || channel->broken || channel->failed != ERR_NONE;
	struct channel_batch *batch;

	if (channel->out.size == 0)
		return;
	if (!lost && trace_wanted())
		trace_batch("sent to", channel->owner.name, buf_slice(&channel->out), tail);
	batch = queue_bytes(channel, buf_slice(&channel->out));
	batch->frames = channel->out;
	TAILQ_CONCAT(&batch->attachments, &channel->attachments, link);
	buf_init(&channel->out, CHANNEL_QUEUE_BYTES_MAX);
}

void
channel_append_tail(struct channel *channel, struct blob *blob, struct slice bytes)
{
	if (channel->out.overflowed)
		return;		/* the flush will fail the channel */
	queue_out(channel, bytes);
	queue_bytes(channel, bytes)->blob = blob_ref(blob);
}

void
channel_send(struct channel *channel, struct slice frame)
{
	buf_append_slice(&channel->out, frame);
}

void
channel_attach(struct channel *channel, int fd)
{
	struct attachment *last = TAILQ_LAST(&channel->attachments, attachment_list);
	struct attachment *attachment;
	size_t start = last == NULL ? 0 : last->frame_start;
	size_t end = start;
	int copy;

	if (channel->out.overflowed)
		return;		/* the flush will fail the channel */
	/* This turn's batch begins with a frame, so its frames can be walked. */
	while (end < channel->out.size) {
		struct frame frame;
		size_t used = 0;
		enum err err;

		start = end;
		err = frame_parse(slice_of(channel->out.data + start, channel->out.size - start),
		    &frame, &used);
		ASSERT(err == ERR_NONE);
		end = start + used;
	}
	ASSERT(end > start);
	ASSERT(last == NULL || last->frame_start < start);
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy == -1) {
		fail_later(channel, err_from_errno(errno));
		return;
	}
	attachment = xmalloc(sizeof(*attachment));
	*attachment = (struct attachment){ .frame_start = start, .frame_end = end, .fd = copy };
	TAILQ_INSERT_TAIL(&channel->attachments, attachment, link);
}

void
channel_flush(struct channel *channel)
{
	if (channel->closed || channel->failed != ERR_NONE || channel->broken) {
		drop_output(channel);
		return;
	}
	if (channel->out.overflowed || channel_queued(channel) > CHANNEL_QUEUE_BYTES_MAX) {
		fail_later(channel, ERR_BUSY);
		return;
	}
	queue_out(channel, SLICE_EMPTY);
	if (!channel->blocked && !STAILQ_EMPTY(&channel->batches))
		write_batches(channel);
}

size_t
channel_queued(const struct channel *channel)
{
	return channel->batch_bytes + channel->out.size;
}

int
channel_fd(const struct channel *channel)
{
	return channel->fd;
}

struct slice
channel_unread(const struct channel *channel)
{
	return buf_slice(&channel->in);
}

void
channel_feed(struct channel *channel, struct slice bytes)
{
	ASSERT(channel->in_place == 0);
	buf_append_slice(&channel->in, bytes);
}

void
channel_poll(struct channel *channel)
{
	ASSERT(channel->freed == NULL);
	if (!channel->closed && channel->failed == ERR_NONE)
		read_frames(channel, CHANNEL_READ_BYTES_MAX);
}

void
channel_pause(struct channel *channel, bool pause)
{
	if (channel->paused == pause)
		return;
	channel->paused = pause;
	want(channel);
	/* Frames that came before the pause are there already. */
	if (!pause && channel->in.size > 0 && !channel->closed)
		loop_timer_set(channel->wake, 0);
}
