/*
 * http_client.h - one HTTP request to a peer port, on a connection of its own.
 *
 *	start --> resolving	the host is a name nobody asked for lately
 *	      --> connecting	one address after the other	[http_connect]
 *	      --> securing	with TLS: the handshake		[http_secure]
 *	      --> waiting	request is out			[http_send]
 *	      --> done		whole answer, upgrade or failure, told once
 *
 * The connection is closed behind the answer, unless the answer is 101: then
 * the callee gets it. done comes from the loop, never from inside http_start.
 *
 * All nodes of a cluster use TLS between them, or none does: whether this one
 * does decides, not the scheme of the address. So what is to be secret never
 * leaves in plain text, and a cluster that is stopped and started with the other
 * way finds itself again by the addresses it knew before.
 */
#ifndef MOOTHALL_HTTPD_PEER_HTTP_CLIENT_H
#define MOOTHALL_HTTPD_PEER_HTTP_CLIENT_H

#include "common/loop.h"
#include "httpd/peer/answer.h"
#include "httpd/peer/identity.h"
#include "httpd/peer/lookup.h"

struct bufferevent;
struct http_call;
struct tls;

struct http_request {
	struct peer_address address;
	struct tls *tls;		/* NULL: plain; else it outlives the call */
	const char *method, *path;
	struct slice headers;		/* whole lines, beyond those made here */
	const char *upgrade;		/* protocol to ask for; NULL: close behind the answer */
	struct slice body;
	const char *content_type;	/* of the body; NULL: JSON */
	uint64_t connect_ms;		/* for each address */
	uint64_t answer_ms;		/* from there to the whole answer, handshake included */
	uint64_t silence_ms;		/* for stream_socket_options */
};

struct http_result {
	/* ERR_NONE: answer is whole. ERR_REFUSED: every address refuses
	 * connections. ERR_NOT_FOUND: no such host. ERR_FOREIGN: one of us speaks
	 * HTTPS and the other does not, or does not trust the other. ERR_TIMED_OUT,
	 * ERR_CLOSED, ERR_MALFORMED, ERR_TOO_BIG, ERR_IO. */
	enum err err;
	const char *why;		/* for people; borrowed */
	const struct answer *answer;	/* borrowed; with ERR_NONE only */
	struct bufferevent *upgraded;	/* taken by the callee; NULL if it was no 101 */
};

/*
 * Send the request, all of it copied.
 *
 *	done	called once; the call is gone by then: forget the pointer
 */
struct http_call *http_start(struct lookups *lookups, struct loop *loop,
    const struct http_request *request,
    void (*done)(void *argument, const struct http_result *result), void *argument);
/* done will not be called; accepts NULL in *call. */
void http_cancel(struct http_call **call);

#endif
