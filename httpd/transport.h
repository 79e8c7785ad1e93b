/*
 * transport.h - bytes to and from one client: what is below HTTP.
 *
 * The plain variant reads and writes its socket directly: one system call for
 * what came and one for what goes in a turn. Whatever else carries a connection
 * has to offer the same functions; conn.c knows no more than them.
 */
#ifndef MOOTHALL_HTTPD_TRANSPORT_H
#define MOOTHALL_HTTPD_TRANSPORT_H

#include "common/err.h"
#include "common/loop.h"
#include "common/slice.h"

#include <sys/uio.h>

struct bufferevent;
struct transport;

/* Takes fd, a connected non-blocking stream socket. Nothing is wanted at first. */
struct transport *transport_new(struct loop *loop, int fd,
    void (*ready)(void *argument, unsigned events), void *argument);
/* Closes the connection; accepts NULL in *transport. */
void transport_free(struct transport **transport);
/* Which events are wanted from now on (LOOP_READ | LOOP_WRITE, or 0). */
void transport_want(struct transport *transport, unsigned events);

/* ERR_NONE with *size above 0; ERR_AGAIN: nothing there now; ERR_CLOSED: the
 * other side sends no more; ERR_IO: broken. */
enum err transport_read(struct transport *transport, void *data, size_t room,
    size_t *size) MUST_CHECK;
/* ERR_NONE with *size, which may be less than all; ERR_AGAIN: no room now;
 * ERR_IO: broken. */
enum err transport_write(struct transport *transport, const struct iovec *pieces, int count,
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
