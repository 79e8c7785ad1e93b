/*
 * transport.c - bytes to and from one client (see transport.h).
 */
#include "httpd/http/transport.h"
#include "common/xmem.h"
#include "httpd/http/tls_link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

_Static_assert(TRANSPORT_READ_BYTES >= TLS_ROOM_BYTES, "what is read at once fits");

/* What a connection with TLS needs besides. */
struct secure {
	struct tls *tls;
	struct tls_link *link;
	struct loop_timer *again;	/* there is more to read than the socket knows */
	void (*ready)(void *argument, unsigned events);
	void *argument;
	/* Asked for at once: a client that has hung up cannot be asked any more. */
	char from[TRANSPORT_FROM_BYTES];
};

struct transport {
	struct loop *loop;
	struct loop_io *io;
	struct secure *secure;		/* NULL: plain */
	int fd;
};

/* ---- TLS --------------------------------------------------------------------- */

static void
read_more(void *argument)
{
	const struct secure *secure = argument;

	secure->ready(secure->argument, LOOP_READ);
}

static void
secure_ready(void *argument, unsigned events)
{
	const struct transport *transport = argument;
	const struct secure *secure = transport->secure;

	if (tls_link_is_blocked(secure->link) && (events & LOOP_WRITE) != 0)
		events |= LOOP_READ;
	secure->ready(secure->argument, events);
}

static void
secure_want(const struct transport *transport, unsigned events)
{
	const struct secure *secure = transport->secure;

	if ((events & LOOP_READ) != 0 && tls_link_has_more(secure->link))
		loop_timer_set(secure->again, 0);
	else
		loop_timer_cancel(secure->again);
	if (tls_link_is_blocked(secure->link))
		events |= LOOP_WRITE;
	loop_io_want(transport->io, events);
}

static void
secure_free(struct transport *transport)
{
	struct secure *secure = transport->secure;

	transport->secure = NULL;
	tls_link_free(&secure->link);
	loop_timer_free(&secure->again);
	free(secure);
}

/* Go on without TLS, to let the connection end in peace. */
static void
secure_become_plain(struct transport *transport)
{
	const struct secure *secure = transport->secure;

	loop_io_free(&transport->io);
	transport->io = loop_io_new(transport->loop, transport->fd, secure->ready,
	    secure->argument);
	secure_free(transport);
}

static enum err
secure_read(struct transport *transport, void *data, size_t room, size_t *size)
{
	const struct secure *secure = transport->secure;
	enum err err = tls_link_read(secure->link, data, room, size);

	if (err == ERR_REFUSED || err == ERR_FOREIGN) {
		tls_report(secure->tls, secure->from, tls_link_check(secure->link),
		    tls_link_failure(secure->link), tls_link_why(secure->link),
		    loop_now(transport->loop).monotonic_ms);
		secure_become_plain(transport);
	}
	return err;
}

static void
secure_new(struct transport *transport, struct tls *tls,
    void (*ready)(void *argument, unsigned events), void *argument)
{
	struct secure *secure = xzalloc(sizeof(*secure));

	transport->secure = secure;
	secure->tls = tls;
	secure->link = tls_link_new(tls, transport->fd);
	secure->again = loop_timer_new(transport->loop, read_more, secure);
	secure->ready = ready;
	secure->argument = argument;
	transport_from(transport, secure->from);
}

/* ---- plain or not ---------------------------------------------------------------- */

struct transport *
transport_new(struct loop *loop, int fd, struct tls *tls,
    void (*ready)(void *argument, unsigned events), void *argument)
{
	struct transport *transport = xzalloc(sizeof(*transport));

	transport->loop = loop;
	transport->fd = fd;
	if (tls != NULL) {
		transport->io = loop_io_new(loop, fd, secure_ready, transport);
		secure_new(transport, tls, ready, argument);
	} else {
		transport->io = loop_io_new(loop, fd, ready, argument);
	}
	return transport;
}

int
transport_fd(const struct transport *transport)
{
	return transport->secure == NULL ? transport->fd : -1;
}

bool
transport_is_opening(const struct transport *transport)
{
	return transport->secure != NULL && !tls_link_is_open(transport->secure->link);
}

bool
transport_speaks_h2(const struct transport *transport)
{
	return transport->secure != NULL && tls_link_speaks_h2(transport->secure->link);
}

void
transport_late(const struct transport *transport)
{
	const struct secure *secure = transport->secure;

	tls_report(secure->tls, secure->from, tls_link_check(secure->link), TLS_FAILED_LATE,
	    "it took too long", loop_now(transport->loop).monotonic_ms);
}

void
transport_from(const struct transport *transport, char text[TRANSPORT_FROM_BYTES])
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_storage room;
	} address = { .room = { 0 } };
	socklen_t size = sizeof(address);
	char host[INET6_ADDRSTRLEN];

	snprintf(text, TRANSPORT_FROM_BYTES, "-");
	if (getpeername(transport->fd, &address.any, &size) == -1)
		return;
	if (address.any.sa_family == AF_INET &&
	    inet_ntop(AF_INET, &address.v4.sin_addr, host, sizeof(host)) != NULL)
		snprintf(text, TRANSPORT_FROM_BYTES, "%s:%u", host, ntohs(address.v4.sin_port));
	else if (address.any.sa_family == AF_INET6 &&
	    inet_ntop(AF_INET6, &address.v6.sin6_addr, host, sizeof(host)) != NULL)
		snprintf(text, TRANSPORT_FROM_BYTES, "[%s]:%u", host, ntohs(address.v6.sin6_port));
}

void
transport_free(struct transport **transport_pointer)
{
	struct transport *transport = *transport_pointer;

	*transport_pointer = NULL;
	if (transport == NULL)
		return;
	if (transport->secure != NULL)
		secure_free(transport);
	loop_io_free(&transport->io);
	if (transport->fd != -1)
		close(transport->fd);
	free(transport);
}

void
transport_want(struct transport *transport, unsigned events)
{
	if (transport->secure != NULL)
		secure_want(transport, events);
	else
		loop_io_want(transport->io, events);
}

enum err
transport_read(struct transport *transport, void *data, size_t room, size_t *size)
{
	ssize_t got;

	if (transport->secure != NULL)
		return secure_read(transport, data, room, size);
	got = recv(transport->fd, data, room, 0);
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
transport_write(struct transport *transport, struct iovec *pieces, int count, size_t *size)
{
	struct msghdr message = {
		.msg_iov = pieces,
		.msg_iovlen = (size_t)count,
	};
	ssize_t put;

	if (transport->secure != NULL)
		return tls_link_write(transport->secure->link, pieces, count, size);
	/* Cheaper than write and writev, which pass through the file layer first. */
	put = count == 1 ?
	    send(transport->fd, pieces[0].iov_base, pieces[0].iov_len, MSG_NOSIGNAL) :
	    sendmsg(transport->fd, &message, MSG_NOSIGNAL);
	if (put >= 0) {
		*size = (size_t)put;
		return ERR_NONE;
	}
	if (errno == EAGAIN || errno == EINTR)
		return ERR_AGAIN;
	return ERR_IO;
}

bool
transport_certificate_name(const struct transport *transport, char name[TRANSPORT_NAME_BYTES])
{
	return transport->secure != NULL &&
	    tls_link_certificate_name(transport->secure->link, name, TRANSPORT_NAME_BYTES);
}

void
transport_end_output(struct transport *transport)
{
	if (transport->secure != NULL)
		tls_link_end_output(transport->secure->link);
	shutdown(transport->fd, SHUT_WR);
}

struct bufferevent *
transport_upgrade(struct transport **transport, struct slice unread, struct slice first)
{
	struct bufferevent *stream;
	int fd = (*transport)->fd;
	struct event_base *base = loop_base((*transport)->loop);
	struct ssl_st *ssl = NULL;

	if ((*transport)->secure != NULL)
		ssl = tls_link_release(&(*transport)->secure->link);
	loop_io_free(&(*transport)->io);
	(*transport)->fd = -1;
	transport_free(transport);
	if (ssl != NULL)
		stream = bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_OPEN,
		    BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	else
		stream = bufferevent_socket_new(base, fd,
		    BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	ASSERT(stream != NULL);
	/* The end of the input is frozen for all but the socket, its front is not. */
	MUST(evbuffer_prepend(bufferevent_get_input(stream), unread.data, unread.size) == 0);
	MUST(bufferevent_write(stream, first.data, first.size) == 0);
	return stream;
}
