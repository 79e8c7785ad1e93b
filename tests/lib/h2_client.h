/*
 * h2_client.h - a client of HTTP/2 in a test, over one end of a socket pair.
 *
 * h2_pump sends what is to be sent and takes what came; it never waits. Answers are found by the
 * id of their stream.
 */
#ifndef MOOTHALL_TESTS_LIB_H2_CLIENT_H
#define MOOTHALL_TESTS_LIB_H2_CLIENT_H

#include "common/buf.h"

#include <nghttp2/nghttp2.h>

#define H2_ANSWERS_MAX 64

struct h2_answer {
	int32_t id;
	unsigned status;
	struct buf fields;		/* "name: value\n", with a zero byte behind */
	struct buf body;
	struct buf upload;		/* not sent yet */
	bool upload_ends;
	bool ended, reset;
	uint32_t code;			/* of the reset */
};

struct h2_client {
	int fd;
	nghttp2_session *session;
	const char *token;		/* metadata of what is asked from now on; NULL: none */
	struct buf out;			/* that the socket does not take yet */
	struct h2_answer answers[H2_ANSWERS_MAX];
	size_t count;
	unsigned goaways;
	uint32_t goaway_code;
	bool closed;			/* by the server */
};

/* window: what a stream may be sent before more is asked for; 0: all of it waits. */
void h2_client_open(struct h2_client *client, int fd, uint32_t window);
void h2_client_close(struct h2_client *client);
/* Ask; type: of the content, or NULL; ends: no body follows. Valid until the client is closed. */
struct h2_answer *h2_client_ask(struct h2_client *client, const char *method, const char *path,
    const char *type, bool ends);
/* More of its body. */
void h2_client_send(struct h2_client *client, struct h2_answer *answer, struct slice bytes,
    bool ends);
void h2_client_reset(struct h2_client *client, const struct h2_answer *answer);
void h2_client_pump(struct h2_client *client);

#endif
