/*
 * http_client.c - one HTTP request to a peer port (see http_client.h).
 *
 * The connect is made here and not by the bufferevent: a port of this host that
 * nobody listens on refuses inside connect(), and that must come out as refused,
 * because raftd takes it as "the whole node is gone".
 */
#include "httpd/peer/http_client.h"

#include "common/limits.h"
#include "common/port_text.h"
#include "common/xmem.h"
#include "httpd/http/tls.h"
#include "httpd/peer/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>

struct http_call {
	struct loop *loop;
	struct tls *tls;		/* NULL: plain */
	struct tls_check check;		/* from the handshake on */
	char host[ADDRESS_HOST_BYTES_MAX + 1];
	struct lookup_call *resolving;
	struct bufferevent *bev;
	struct loop_timer *timer;	/* connect, answer, or a failure to be told */
	struct answer *answer;
	struct buf out;			/* the request */
	struct resolved resolved;
	size_t next;			/* address to try next */
	bool connected;
	bool secured;			/* the handshake is done */
	bool all_refused;		/* so far */
	uint64_t connect_ms, answer_ms, silence_ms;
	enum err failed;		/* told when the timer is due; ERR_NONE: none yet */
	char why[TLS_TEXT_BYTES];
	void (*done)(void *argument, const struct http_result *result);
	void *argument;
};

static void http_connect(struct http_call *call);
static void http_on_event(struct bufferevent *bev, short events, void *argument);

/* The bufferevent goes on, or ends, without what we kept of its handshake. */
static void
http_end_check(struct http_call *call)
{
	if (call->check.set != NULL)
		tls_check_end(&call->check, bufferevent_openssl_get_ssl(call->bev));
}

static void
http_drop_connection(struct http_call *call)
{
	if (call->bev == NULL)
		return;
	http_end_check(call);
	bufferevent_free(call->bev);
	call->bev = NULL;
}

/* A plain request to a port with TLS is answered with these words. */
static bool
http_wants_tls(const struct answer *answer)
{
	return answer_status(answer) == 400 &&
	    slice_equal(answer_body(answer), SLICE_LITERAL(PORT_WANTS_TLS "\n"));
}

static void
http_finish(struct http_call *call, enum err err, const char *why)
{
	struct http_result result = { err, why, NULL, NULL };

	if (err == ERR_NONE && http_wants_tls(call->answer)) {
		result.err = ERR_FOREIGN;
		result.why = "it speaks HTTPS, this node plain HTTP; give -peer-cert-file and "
		    "-peer-key-file to all nodes or to none";
	} else if (err == ERR_NONE) {
		result.answer = call->answer;
		if (answer_upgraded(call->answer)) {
			http_end_check(call);
			bufferevent_setcb(call->bev, NULL, NULL, NULL, NULL);
			bufferevent_disable(call->bev, EV_READ);
			result.upgraded = call->bev;
			call->bev = NULL;
		}
	}
	call->done(call->argument, &result);
	http_cancel(&call);
}

/* Tell it from the loop, not from where we are called. */
static void
http_fail_later(struct http_call *call, enum err err, const char *why)
{
	call->failed = err;
	snprintf(call->why, sizeof(call->why), "%s", why);
	loop_timer_set(call->timer, 0);
}

static void
http_on_timer(void *argument)
{
	struct http_call *call = argument;
	char why[sizeof(call->why)];

	if (call->failed != ERR_NONE) {
		memcpy(why, call->why, sizeof(why));
		http_finish(call, call->failed, why);
	} else if (call->connected) {
		http_finish(call, ERR_TIMED_OUT, call->tls != NULL && !call->secured ?
		    "no answer to a TLS handshake in time" : "no answer in time");
	} else {
		call->all_refused = false;
		snprintf(call->why, sizeof(call->why), "connection timed out");
		http_connect(call);
	}
}

static void
http_on_read(struct bufferevent *bev, void *argument)
{
	struct http_call *call = argument;
	struct evbuffer *input = bufferevent_get_input(bev);
	size_t size = evbuffer_get_length(input);
	size_t used = 0;
	enum err err;

	err = answer_take(call->answer, slice_of(evbuffer_pullup(input, -1), size), &used);
	if (err == ERR_AGAIN) {
		evbuffer_drain(input, size);
		return;
	}
	evbuffer_drain(input, used);
	http_finish(call, err, err == ERR_MALFORMED ? "the answer is not HTTP" : err_text(err));
}

/* A connect from an ephemeral port to itself succeeds when nobody listens. */
static bool
http_connected_to_itself(int fd)
{
	struct sockaddr_storage local, remote;
	socklen_t local_size = sizeof(local);
	socklen_t remote_size = sizeof(remote);

	memset(&local, 0, sizeof(local));
	memset(&remote, 0, sizeof(remote));
	return getsockname(fd, (struct sockaddr *)&local, &local_size) == 0 &&
	    getpeername(fd, (struct sockaddr *)&remote, &remote_size) == 0 &&
	    local_size == remote_size && memcmp(&local, &remote, local_size) == 0;
}

/* The request goes out. */
static void
http_send(struct http_call *call)
{
	bufferevent_write(call->bev, call->out.data, call->out.size);
	bufferevent_enable(call->bev, EV_READ);
}

/* Begin the handshake on the connection that is there. */
static void
http_secure(struct http_call *call)
{
	int fd = (int)bufferevent_getfd(call->bev);

	(void)bufferevent_setfd(call->bev, -1);
	bufferevent_free(call->bev);
	call->bev = bufferevent_openssl_socket_new(loop_base(call->loop), fd,
	    tls_connect(call->tls, call->host, &call->check), BUFFEREVENT_SSL_CONNECTING,
	    BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	ASSERT(call->bev != NULL);
	bufferevent_setcb(call->bev, http_on_read, NULL, http_on_event, call);
}

/* What OpenSSL says of the end of a connection; errno if it was the socket's. */
static void
http_tls_failed(struct http_call *call, int number)
{
	unsigned long error = stream_tls_error(call->bev);
	char why[TLS_TEXT_BYTES];

	if (call->check.refused[0] != '\0' || error != 0) {
		(void)tls_why(&call->check, error, why);
		http_finish(call, ERR_FOREIGN, why);
	} else if (number != 0) {
		http_finish(call, ERR_IO, strerror(number));
	} else {
		http_finish(call, ERR_CLOSED, "connection closed during the TLS handshake");
	}
}

static void
http_on_connected(struct http_call *call)
{
	if (http_connected_to_itself(bufferevent_getfd(call->bev))) {
		snprintf(call->why, sizeof(call->why), "connection refused");
		http_connect(call);
		return;
	}
	call->connected = true;
	loop_timer_set(call->timer, call->answer_ms);
	if (call->tls != NULL)
		http_secure(call);
	else
		http_send(call);
}

static void
http_on_event(struct bufferevent *bev UNUSED, short events, void *argument)
{
	struct http_call *call = argument;
	int number = errno;

	if ((events & BEV_EVENT_CONNECTED) != 0 && call->connected) {
		call->secured = true;
		http_send(call);
	} else if ((events & BEV_EVENT_CONNECTED) != 0) {
		http_on_connected(call);
	} else if (!call->connected) {
		call->all_refused = call->all_refused && number == ECONNREFUSED;
		snprintf(call->why, sizeof(call->why), "%s",
		    number == ECONNREFUSED ? "connection refused" : strerror(number));
		http_connect(call);
	} else if (call->tls != NULL && ((events & BEV_EVENT_ERROR) != 0 || !call->secured)) {
		http_tls_failed(call, (events & BEV_EVENT_ERROR) != 0 ? number : 0);
	} else if ((events & BEV_EVENT_ERROR) != 0) {
		http_finish(call, ERR_IO, strerror(number));
	} else if ((events & BEV_EVENT_EOF) != 0) {
		http_finish(call, answer_ended(call->answer),
		    "connection closed without an answer");
	}
}

/* A socket on its way to that address, or -1 and errno. */
static int
http_socket(const struct http_call *call, size_t i)
{
	const struct sockaddr *address = (const struct sockaddr *)&call->resolved.found[i].address;
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int number;

	if (fd == -1)
		return -1;
	stream_socket_options(fd, call->silence_ms);
	if (connect(fd, address, call->resolved.found[i].size) == 0 || errno == EINPROGRESS)
		return fd;
	number = errno;
	close(fd);
	errno = number;
	return -1;
}

/* Try the next address; after the last one give up. */
static void
http_connect(struct http_call *call)
{
	int fd;

	http_drop_connection(call);
	while (call->next < call->resolved.count) {
		fd = http_socket(call, call->next++);
		if (fd == -1) {
			call->all_refused = call->all_refused && errno == ECONNREFUSED;
			snprintf(call->why, sizeof(call->why), "%s",
			    errno == ECONNREFUSED ? "connection refused" : strerror(errno));
			continue;
		}
		call->bev = bufferevent_socket_new(loop_base(call->loop), fd,
		    BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
		ASSERT(call->bev != NULL);
		bufferevent_setcb(call->bev, http_on_read, NULL, http_on_event, call);
		/* NULL: the connect is under way already. */
		(void)bufferevent_socket_connect(call->bev, NULL, 0);
		loop_timer_set(call->timer, call->connect_ms);
		return;
	}
	call->failed = call->all_refused ? ERR_REFUSED : ERR_IO;
	loop_timer_set(call->timer, 0);
}

static void
http_on_resolved(void *argument, const struct resolved *resolved)
{
	struct http_call *call = argument;

	call->resolving = NULL;
	call->resolved = *resolved;
	if (resolved->count == 0)
		http_fail_later(call, ERR_NOT_FOUND, "no such host");
	else
		http_connect(call);
}

static void
http_compose(struct buf *out, const struct http_request *request)
{
	char host[ADDRESS_TEXT_BYTES];

	peer_address_text(&request->address, host);
	buf_printf(out, "%s %s HTTP/1.1\r\nHost: %s\r\n", request->method, request->path, host);
	if (request->upgrade != NULL)
		buf_printf(out, "Connection: Upgrade\r\nUpgrade: %s\r\n", request->upgrade);
	else
		buf_append_text(out, "Connection: close\r\n");
	buf_append_slice(out, request->headers);
	if (request->body.size > 0)
		buf_printf(out, "Content-Type: %s\r\nContent-Length: %zu\r\n",
		    request->content_type == NULL ? "application/json" : request->content_type,
		    request->body.size);
	buf_append_text(out, "\r\n");
	buf_append_slice(out, request->body);
}

struct http_call *
http_start(struct lookups *lookups, struct loop *loop, const struct http_request *request,
    void (*done)(void *argument, const struct http_result *result), void *argument)
{
	struct http_call *call = xzalloc(sizeof(*call));

	call->loop = loop;
	call->tls = request->tls;
	memcpy(call->host, request->address.host, sizeof(call->host));
	call->done = done;
	call->argument = argument;
	call->connect_ms = request->connect_ms;
	call->answer_ms = request->answer_ms;
	call->silence_ms = request->silence_ms;
	call->all_refused = true;
	call->answer = answer_new();
	call->timer = loop_timer_new(loop, http_on_timer, call);
	http_compose(&call->out, request);
	if (lookup_known(lookups, &request->address, &call->resolved)) {
		http_connect(call);
	} else {
		call->resolving = lookup_start(lookups, &request->address, http_on_resolved,
		    call);
	}
	return call;
}

void
http_cancel(struct http_call **call)
{
	if (*call == NULL)
		return;
	lookup_cancel(&(*call)->resolving);
	http_drop_connection(*call);
	loop_timer_free(&(*call)->timer);
	answer_free(&(*call)->answer);
	buf_free(&(*call)->out);
	free(*call);
	*call = NULL;
}
