/*
 * transport.h - bytes to and from one client: what is below HTTP.
 *
 * Plain, it reads and writes its socket directly: one system call for what came
 * and one for what goes in a turn. With TLS, tls_link.c is in between.
 *
 *	opening --> open	the handshake is finished	[transport_read]
 *	opening --> plain	refused, or no TLS at all: what comes now is
 *				only there to be dropped	[transport_read]
 */
#ifndef MOOTHALL_HTTPD_HTTP_TRANSPORT_H
#define MOOTHALL_HTTPD_HTTP_TRANSPORT_H

#include "common/err.h"
#include "common/loop.h"
#include "common/slice.h"

#include <sys/uio.h>

struct bufferevent;
struct tls;
struct transport;

/* Takes fd, a connected non-blocking stream socket. Nothing is wanted at first.
 * tls: NULL for a plain connection; else it outlives this. */
struct transport *transport_new(struct loop *loop, int fd, struct tls *tls,
    void (*ready)(void *argument, unsigned events), void *argument);
/* Closes the connection; accepts NULL in *transport. */
void transport_free(struct transport **transport);
/* Its socket, for another process to go on with; -1: it cannot, with TLS. */
int transport_fd(const struct transport *transport);
/* True as long as nothing is known of the other side. */
bool transport_is_opening(const struct transport *transport);
/* With TLS: both sides have agreed on HTTP/2. */
bool transport_speaks_h2(const struct transport *transport);
/* It has not become open in time: say so in the log. */
void transport_late(const struct transport *transport);
/* "host:port" of the other side; "-" if that is not known. */
#define TRANSPORT_FROM_BYTES 64
void transport_from(const struct transport *transport, char text[TRANSPORT_FROM_BYTES]);
/* The common name of the certificate that was verified. False: there is none, or none that
 * could be a user's. */
#define TRANSPORT_NAME_BYTES 256
bool transport_certificate_name(const struct transport *transport,
    char name[TRANSPORT_NAME_BYTES]);
/* Which events are wanted from now on (LOOP_READ | LOOP_WRITE, or 0). */
void transport_want(struct transport *transport, unsigned events);

/* room: TRANSPORT_READ_BYTES at least. ERR_NONE with *size above 0; ERR_AGAIN:
 * nothing there now; ERR_CLOSED: the other side sends no more; ERR_IO: broken.
 * ERR_FOREIGN: it does not speak TLS, but should; ERR_REFUSED: its handshake
 * failed. Both are said in the log; it is a plain connection from then on, whose
 * first bytes are lost. */
#define TRANSPORT_READ_BYTES ((size_t)64 * 1024)
enum err transport_read(struct transport *transport, void *data, size_t room,
    size_t *size) MUST_CHECK;
/* ERR_NONE with *size, which may be less than all; ERR_AGAIN: no room now;
 * ERR_IO: broken. */
enum err transport_write(struct transport *transport, struct iovec *pieces, int count,
    size_t *size) MUST_CHECK;
/* We send no more; the other side may still. */
void transport_end_output(struct transport *transport);

/*
 * Turn into a bufferevent: input already has unread in it, output has what is
 * to be sent first. *transport is freed; returned owned.
 */
struct bufferevent *transport_upgrade(struct transport **transport, struct slice unread,
    struct slice first);

#endif
