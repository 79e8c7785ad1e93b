/*
 * stream.h - a call that is answered by many messages, a line of JSON for each.
 *
 *	open ---> message, message, ... ---> ended	the connection broke, or the server ended it
 *			  \--------------> refused	an error came instead, or behind them
 */
#ifndef MOOTHALL_CTL_V3_STREAM_H
#define MOOTHALL_CTL_V3_STREAM_H

#include "ctl/v3/call.h"

enum ctl3_news {
	CTL3_MESSAGE,
	CTL3_NOTHING,		/* in that time */
	CTL3_ENDED,		/* problem says why; another endpoint may go on */
	CTL3_REFUSED,		/* problem is what the server says */
	CTL3_SIGNAL,		/* interrupt.h has one */
};

struct ctl3_stream;

/* To the endpoint of that number, 0 to client_endpoint_count - 1. The client is borrowed until
 * the end; path and body are copied. */
struct ctl3_stream *ctl3_stream_open(struct ctl3 *v3, size_t endpoint, const char *path,
    struct slice body);
void ctl3_stream_close(struct ctl3_stream **stream);

/* Wait for the next message, at most so long; CLIENT_NO_LIMIT: for ever. message is borrowed until
 * the next call. */
enum ctl3_news ctl3_stream_next(struct ctl3_stream *stream, uint64_t limit_ms,
    const struct json **message);
/* Borrowed; "" if there is none. */
const char *ctl3_stream_problem(const struct ctl3_stream *stream);

#endif
