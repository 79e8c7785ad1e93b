/*
 * border.c - what stands around each request of a worker (see border.h).
 */
#include "httpd/border.h"

#include "common/ipc/wire.h"
#include "common/metric.h"
#include "common/xmem.h"
#include "httpd/access.h"
#include "httpd/client/cors.h"
#include "httpd/http/host.h"
#include "httpd/http/server.h"
#include "httpd/tally.h"
#include "httpd/worker.h"

#include <stdio.h>
#include <stdlib.h>

struct border {
	struct hosts *hosts;		/* -host-names; NULL: any */
	struct cors *cors;		/* client role: -cors; NULL: nothing to do */
	struct access *access;		/* the access log; NULL: off */
	struct tally *tally;
};

/* ---- life ------------------------------------------------------------------------- */

static void
read_options(struct border *border, const struct worker *worker)
{
	border->access = access_new(worker);
	border->hosts = hosts_new(&worker->config);
	if (worker->role == ROLE_CLIENT)
		border->cors = cors_new(&worker->config);
}

static void
forget_options(struct border *border)
{
	access_free(&border->access);
	hosts_free(&border->hosts);
	cors_free(&border->cors);
}

struct border *
border_new(const struct worker *worker)
{
	struct border *border = xzalloc(sizeof(*border));

	border->tally = tally_new();
	read_options(border, worker);
	return border;
}

void
border_free(struct border **border)
{
	if (*border == NULL)
		return;
	forget_options(*border);
	tally_free(&(*border)->tally);
	free(*border);
	*border = NULL;
}

void
border_reconfigure(struct border *border, const struct worker *worker)
{
	forget_options(border);
	read_options(border, worker);
}

/* ---- who may ask ------------------------------------------------------------------- */

/* Called by a name that is not ours: the page of a browser may think it is its own. */
static bool
is_misdirected(struct request *request)
{
	const struct hosts *hosts = request->worker->border->hosts;
	struct slice names[] = { request_header(request, "host"), host_of_target(request->target) };
	char sentence[192];

	for (size_t i = 0; hosts != NULL && i < ARRAY_COUNT(names); i++) {
		if (hosts_allow(hosts, names[i]))
			continue;
		snprintf(sentence, sizeof(sentence), "\"%.*s\" is not a name of this node: "
		    "-host-names lists those it has", (int)MIN_OF(names[i].size, (size_t)100),
		    (const char *)names[i].data);
		metric_add(METRIC_rejected_host, 1);
		response_plain_error(request, 421, sentence);
		return true;
	}
	return false;
}

/* Nodes, scripts and etcdctl send no Origin. What does is a page, and members are not
 * for pages to remove: the peer port has no -cors that could allow one. */
static bool
is_write_of_a_page(const struct request *request)
{
	return request->worker->role == ROLE_PEER &&
	    (request->method & (METHOD_GET | METHOD_HEAD | METHOD_OPTIONS)) == 0 &&
	    request_header(request, "origin").data != NULL;
}

bool
border_refuses(struct request *request)
{
	const struct cors *cors = request->worker->border->cors;

	if (is_misdirected(request))
		return true;
	if (is_write_of_a_page(request)) {
		metric_add(METRIC_rejected_origin, 1);
		response_plain_error(request, 403,
		    "the peer port takes no changes from web pages (header Origin)");
		return true;
	}
	if (request->worker->role == ROLE_CLIENT && cors_forbids(cors, request)) {
		metric_add(METRIC_rejected_origin, 1);
		response_plain_error(request, 403, "writes of this origin are not allowed");
		return true;
	}
	return false;
}

/* ---- answers ------------------------------------------------------------------------ */

void
border_put_lines(const struct request *request, struct buf *lines)
{
	const struct cors *cors = request->worker->border->cors;

	if (cors != NULL)
		cors_put(cors, request, lines);
}

void
border_answered(const struct request *request, unsigned what)
{
	const struct worker *worker = request->worker;
	struct border *border = worker->border;
	uint64_t now_ns = loop_now(worker->loop).monotonic_ns;
	uint64_t slow_ms = worker->config.slow_request;

	if ((what & ANSWER_BEGUN) != 0) {
		tally_answer(border->tally, request, now_ns);
		if (request->whole_ns != 0 && slow_ms != 0 && !request->ends_with_client &&
		    now_ns - request->whole_ns >= slow_ms * NS_PER_MS)
			access_tell_slow(request, now_ns);
	}
	if ((what & ANSWER_OVER) != 0 && border->access != NULL)
		access_put(border->access, request);
}

void
border_flush(struct border *border)
{
	access_flush(border->access);
}
