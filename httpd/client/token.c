/*
 * token.c - GET /new: a directory in which the machines of a new cluster meet .
 *
 * Machines of a cluster that is to begin meet below /_etcd/registry/TOKEN
 * (httpd/peer/discovery.h is the other side of it). Nobody knows whether a token will be used,
 * so it goes after a week; the first key that is written into it makes it stay (token_name.h).
 *
 *	asked --> making	the directory, which goes after a week	[token_handle]
 *	making --> sizing	it is there: _config/size in it		[directory_made]
 *	sizing --> answered	it is there: the URL			[size_written]
 *
 * The URL is told when both are there. A node that dies between the two leaves an empty
 * directory that nobody knows of, and that goes.
 *
 * Source: docs/api.md, "A discovery service".
 */
#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/rand.h"
#include "httpd/api_error.h"
#include "httpd/backend.h"
#include "httpd/client/gate.h"
#include "httpd/client/handlers.h"
#include "httpd/client/keys.h"
#include "httpd/client/read.h"
#include "httpd/client/token_name.h"
#include "httpd/http/host.h"
#include "httpd/worker.h"

#include <inttypes.h>
#include <stdio.h>

/* In the request's arena. */
struct token_call {
	struct backend_call call;
	struct request *request;
	struct slice directory, size_key;	/* keys */
	struct slice size;			/* digits */
};

/* ---- GET /new ------------------------------------------------------------------------- */

/* The first size=... of the query; data NULL: there is none. */
static struct slice
size_of(struct slice query)
{
	struct slice name = SLICE_LITERAL("size=");

	while (query.size > 0) {
		const uint8_t *end = memchr(query.data, '&', query.size);
		struct slice pair = query;

		if (end != NULL)
			pair.size = (size_t)(end - query.data);
		if (slice_starts_with(pair, name))
			return slice_of(pair.data + name.size, pair.size - name.size);
		query = slice_of(pair.data + pair.size, query.size - pair.size);
		if (query.size > 0)
			query = slice_of(query.data + 1, query.size - 1);
	}
	return SLICE_EMPTY;
}

/* 0: it is none that may be. */
static unsigned
read_size(struct slice text)
{
	unsigned size = 0;

	if (text.size > 4)
		return 0;
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return 0;
		size = size * 10 + (unsigned)(text.data[i] - '0');
	}
	return size > DISCOVERY_SIZE_MAX ? 0 : size;
}

/* By which name the client reaches this node. The gate and -host-names let it through. */
static struct slice
host_of(const struct request *request)
{
	struct slice host = host_of_target(request->target);

	if (host.size == 0)
		host = request_header(request, "host");
	return host.size == 0 ? slice_text(request->worker->config.addr) : host;
}

static void
gone(struct request *request)
{
	struct token_call *token = request->state;

	backend_cancel(request->worker->backend, &token->call);
}

/* False: it was refused, which was answered. */
static bool
is_written(const struct token_call *token, const struct msg_outcome *outcome)
{
	if (outcome->error == ERR_NONE)
		return true;
	api_error(token->request, err_from_number(outcome->error), outcome->cause,
	    outcome->error == ERR_UNAUTHORIZED ? 0 : outcome->store_index);
	return false;
}

static void
write_key(struct token_call *token, struct msg_write *write,
    void (*done)(struct backend_call *call, const struct msg_outcome *outcome))
{
	struct request *request = token->request;

	write->op = WRITE_CREATE;
	write->user = request->user;
	write->credential = request->credential;
	token->call = (struct backend_call){ .done = done, .sent_ns = &request->sent_ns };
	backend_write(request->worker->backend, &token->call, write);
}

static void
size_written(struct backend_call *call, const struct msg_outcome *outcome)
{
	struct token_call *token = CONTAINER_OF(call, struct token_call, call);
	struct request *request = token->request;
	struct buf body = BUF_INIT;

	if (!is_written(token, outcome))
		return;
	buf_printf(&body, "%s://%.*s/v2/keys%.*s",
	    request->worker->tls == NULL ? "http" : "https", SLICE_ARGS(host_of(request)),
	    SLICE_ARGS(token->directory));
	cluster_id_header(request);
	response_header(request, "Cache-Control", "no-store");
	response_send(request, 200, "text/plain; charset=utf-8", buf_slice(&body));
	buf_free(&body);
}

static void
directory_made(struct backend_call *call, const struct msg_outcome *outcome)
{
	struct token_call *token = CONTAINER_OF(call, struct token_call, call);

	if (is_written(token, outcome))
		write_key(token, &(struct msg_write){ .key = token->size_key,
		    .value = token->size }, size_written);
}

static void
make(struct request *request, unsigned size)
{
	struct token_call *token = arena_zalloc(&request->arena, sizeof(*token));
	struct msg_write write = { .flags = WRITE_FLAG_DIR | WRITE_FLAG_TTL,
		.ttl_s = DISCOVERY_TOKEN_TTL_S };

	token->request = request;
	token->directory = slice_text(arena_printf(&request->arena,
	    TOKEN_REGISTRY_KEY "%016" PRIx64 "%016" PRIx64, rand_entropy(), rand_entropy()));
	token->size_key = slice_text(arena_printf(&request->arena,
	    "%.*s/" TOKEN_CONFIG_NAME "/size", SLICE_ARGS(token->directory)));
	token->size = slice_text(arena_printf(&request->arena, "%u", size));
	if (!gate_may_write(request, token->directory, AUTH_KEY) ||
	    !gate_may_write(request, token->size_key, AUTH_KEY)) {
		gate_refuse_key(request);
		return;
	}
	if (backend_is_full(request->worker->backend)) {
		keys_refuse_full(request);
		return;
	}
	request->state = token;
	request->gone = gone;
	write.key = token->directory;
	write_key(token, &write, directory_made);
}

/* A picture in a page of somebody's is fetched by GET without being asked for: browsers say
 * so. With -cors an operator has let pages in. */
static bool
is_of_a_page(const struct request *request)
{
	return request->worker->config.cors[0] == '\0' &&
	    (request_header(request, "origin").data != NULL ||
	    slice_equal(request_header(request, "sec-fetch-site"), SLICE_LITERAL("cross-site")));
}

void
token_handle(struct request *request)
{
	struct slice text = size_of(request->query);
	unsigned size = text.data == NULL ? DISCOVERY_SIZE_DEFAULT : read_size(text);
	struct buf cause = BUF_INIT;

	if (request->method != METHOD_GET) {
		response_header(request, "Allow", "GET");
		response_plain_error(request, 405, "Method Not Allowed");
	} else if (is_of_a_page(request)) {
		response_plain_error(request, 403, "tokens are not made for web pages");
	} else if (size == 0) {
		buf_printf(&cause, "size=%.*s: the number of machines is 1 to %d",
		    (int)MIN_OF(text.size, (size_t)32), (const char *)text.data,
		    DISCOVERY_SIZE_MAX);
		api_error(request, ERR_INVALID_FIELD, buf_slice(&cause), 0);
	} else if (keys_is_served(request)) {
		make(request, size);
	}
	buf_free(&cause);
}
