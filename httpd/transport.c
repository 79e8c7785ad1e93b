/*
 * transport.c - bytes to and from one client, plain (see transport.h).
 */
#include "httpd/transport.h"
#include "common/xmem.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct transport {
	struct loop *loop;
	struct loop_io *io;
	int fd;
};

struct transport *
transport_new(struct loop *loop, int fd, void (*ready)(void *argument, unsigned events),
    void *argument)
{
	struct transport *transport = xmalloc(sizeof(*transport));

	transport->loop = loop;
	transport->fd = fd;
	transport->io = loop_io_new(loop, fd, ready, argument);
	return transport;
}

void
transport_free(struct transport **transport_pointer)
{
	struct transport *transport = *transport_pointer;

	*transport_pointer = NULL;
	if (transport == NULL)
		return;
	loop_io_free(&transport->io);
	if (transport->fd != -1)
		close(transport->fd);
	free(transport);
}

void
transport_want(struct transport *transport, unsigned events)
{
	loop_io_want(transport->io, events);
}

enum err
transport_read(struct transport *transport, void *data, size_t room, size_t *size)
{
	ssize_t got = recv(transport->fd, data, room, 0);

	if (got > 0) {
		*size = (size_t)got;
		return ERR_NONE;
	}
	if (got == 0)
		return ERR_CLOSED;
	if (errno == EAGAIN || errno == EINTR)
		return ERR_AGAIN;
	return ERR_IO;
}

enum err
transport_write(struct transport *transport, const struct iovec *pieces, int count, size_t *size)
{
	ssize_t put = count == 1 ? write(transport->fd, pieces[0].iov_base, pieces[0].iov_len) :
	    writev(transport->fd, pieces, count);

	if (put >= 0) {
		*size = (size_t)put;
		return ERR_NONE;
	}
	if (errno == EAGAIN || errno == EINTR)
		return ERR_AGAIN;
	return ERR_IO;
}

void
transport_end_output(struct transport *transport)
{
	shutdown(transport->fd, SHUT_WR);
}

struct bufferevent *
transport_upgrade(struct transport **transport, struct slice unread, struct slice first)
{
	struct bufferevent *stream;
	int fd = (*transport)->fd;
	struct event_base *base = loop_base((*transport)->loop);

	loop_io_free(&(*transport)->io);
	(*transport)->fd = -1;
	transport_free(transport);
	stream = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	ASSERT(stream != NULL);
	/* The end of the input is frozen for all but the socket, its front is not. */
	ASSERT(evbuffer_prepend(bufferevent_get_input(stream), unread.data, unread.size) == 0);
	ASSERT(bufferevent_write(stream, first.data, first.size) == 0);
	return stream;
}
