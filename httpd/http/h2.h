/*
 * h2.h - HTTP/2 on a connection of a client port: the door of h2.c.
 *
 *	HTTP/1.1 --> HTTP/2	the first bytes are the preface, or TLS agreed on h2	[h2_begin]
 *	open --> noticed	the worker stops, or nothing was asked for long: the client is
 *				told to begin nothing more			[notice]
 *	noticed --> leaving	it knows, or a second is over: what it has begun is the last
 *	leaving --> over	that is answered; after 9 s the connection is cut
 *	any --> over		the client broke the rules: told, and closed
 *
 * The library nghttp2 has the frames, HPACK and windows; it does no I/O. What comes is given to
 * it, and what it has to send is put into the connection's queue, as much as a turn may write.
 * Each stream is a request as any other (h2_stream.c).
 *
 * Source: RFC 9113.
 */
#ifndef MOOTHALL_HTTPD_HTTP_H2_H
#define MOOTHALL_HTTPD_HTTP_H2_H

#include "common/base.h"

struct conn;

#ifdef WITH_V3
#define H2_IS_SERVED true
/* From its next byte on, the first of the preface, the connection speaks HTTP/2. */
void h2_begin(struct conn *conn);
#else
#define H2_IS_SERVED false
static inline void
h2_begin(struct conn *conn UNUSED)
{
}
#endif

#endif
