/*
 * router.c - method and path to handler (see router.h).
 */
#include "httpd/router.h"
#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/modules.h"
#include "common/port_text.h"
#include "common/url_list.h"
#include "httpd/admin.h"
#include "httpd/api_error.h"
#include "httpd/border.h"
#include "httpd/client/gate.h"
#include "httpd/client/handlers.h"
#include "httpd/client/v3/refuse.h"
#include "httpd/cluster.h"
#include "httpd/http/host.h"
#include "httpd/http/url.h"
#include "httpd/metrics.h"
#include "httpd/peer/peer.h"
#include "httpd/worker.h"

#include <stdio.h>

enum route_match { EXACT, PREFIX };

struct route {
	unsigned roles;
	enum route_match match;
	struct slice path;
	unsigned methods;
	route_handler handler;
};

static const struct route routes[] = {
#define ROUTE(roles, match, path, methods, handler) \
	{ roles, match, { (const uint8_t *)(path), sizeof(path) - 1 }, methods, handler },
#include "httpd/route_table.h"
};

static bool
matches(const struct route *route, struct slice path)
{
	if (!slice_starts_with(path, route->path))
		return false;
	if (path.size == route->path.size)
		return true;
	return route->match == PREFIX && path.data[route->path.size] == '/';
}

static void
send_allowed(struct request *request, unsigned methods)
{
	static const struct {
		enum request_method method;
		const char *name;
	} names[] = {
#define METHOD(name, bit) { METHOD_##name, #name },
#include "httpd/http/method_table.h"
	};
	char allowed[64] = "";

	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		if ((methods & names[i].method) == 0)
			continue;
		if (allowed[0] != '\0')
			strcat(allowed, ",");
		strcat(allowed, names[i].name);
	}
	response_header(request, "Allow", "%s", allowed);
	response_plain_error(request, 405, "Method Not Allowed");
}

static void
send_clean_path(struct request *request)
{
	struct buf location = BUF_INIT;

	url_path_put_clean(request->path, &location);
	if (request->query.size > 0) {
		buf_append_byte(&location, '?');
		url_put_visible(request->query, &location);
	}
	response_header(request, "Location", "%.*s", SLICE_ARGS(location));
	response_send(request, 301, NULL, SLICE_EMPTY);
	buf_free(&location);
}

/* Path and query as they came, of an absolute target too. */
static struct slice
path_and_query(struct slice target)
{
	struct slice host = host_of_target(target);
	size_t at = host.size == 0 ? 0 : (size_t)(host.data + host.size - target.data);

	return slice_of(target.data + at, target.size - at);
}

/* What a port does not have may be what the node's other port has. */
static void
send_not_found(struct request *request)
{
	const struct config *config = &request->worker->config;
	bool peer = request->worker->role == ROLE_PEER;
	struct slice url = url_list_first(slice_text(peer ? config->client_url :
	    config->peer_url));
	char sentence[URL_BYTES_MAX + 128];

	if (call_is_grpc(request)) {
		call_refuse_unknown(request);
		return;
	}
	for (size_t i = 0; url.size > 0 && i < ARRAY_COUNT(routes); i++) {
		if ((routes[i].roles & (peer ? ROUTE_CLIENT : ROUTE_PEER)) == 0 ||
		    !matches(&routes[i], request->path))
			continue;
		snprintf(sentence, sizeof(sentence), PORT_IS_OTHER "%s port; the %s port is %.*s",
		    peer ? "peer" : "client", peer ? "client" : "peer",
		    SLICE_ARGS(url));
		response_plain_error(request, 404, sentence);
		return;
	}
	response_plain_error(request, 404, "404 page not found");
}

/* A node that stands by has no data: clients are sent to who has, and on its
 * peer port there is nobody. What is said of the node itself is said here. */
static bool
stands_by(struct request *request)
{
	static const struct slice own[] = { { (const uint8_t *)"/metrics", 8 },
		{ (const uint8_t *)"/health", 7 },
		{ (const uint8_t *)"/livez", 6 },
		{ (const uint8_t *)"/readyz", 7 },
		{ (const uint8_t *)"/v2/stats/node", 14 },
		{ (const uint8_t *)"/v2/stats/log", 13 },
		{ (const uint8_t *)"/v2/admin/status", 16 } };
	const struct worker *worker = request->worker;

	if (worker->cluster->phase != PHASE_STANDBY)
		return false;
	for (size_t i = 0; i < ARRAY_COUNT(own); i++)
		if (slice_equal(request->path, own[i]))
			return false;
	if (call_is_grpc(request)) {
		call_refuse_leaderless(request);
	} else if (worker->role == ROLE_PEER) {
		send_not_found(request);
	} else if (worker->cluster->standby_url[0] == '\0') {
		/* It passes: clients take a 4xx for final, and repeat after a 5xx. */
		api_error(request, ERR_LEADER_ELECT,
		    SLICE_LITERAL("standing by: the leader is not known yet"), 0);
	} else {
		struct slice rest = path_and_query(request->target);
		struct buf location = BUF_INIT;

		/* Of another node, and of the client. */
		url_put_visible(slice_text(worker->cluster->standby_url), &location);
		/* The path of a URL may be left out before its query. */
		if (rest.size == 0 || rest.data[0] != '/')
			buf_append_byte(&location, '/');
		url_put_visible(rest, &location);
		response_header(request, "Location", "%.*s", SLICE_ARGS(location));
		response_send(request, 307, NULL, SLICE_EMPTY);
		buf_free(&location);
	}
	return true;
}

/* Which rows are this port's. */
static unsigned
roles_of(const struct request *request)
{
	const struct config *config = &request->worker->config;
	bool below_mod = slice_starts_with(request->path, SLICE_LITERAL("/mod"));
	unsigned roles = ROUTE_CLIENT, modules;
	struct slice unknown;

	if (request->worker->role == ROLE_PEER)
		return ROUTE_PEER;
	if (request_is_of_metrics(request))
		return ROUTE_METRICS;
	if ((below_mod || slice_starts_with(request->path, SLICE_LITERAL("/ui"))) &&
	    strcmp(config->ui, "off") != 0)
		roles |= ROUTE_UI;
	if (!below_mod)
		return roles;
	modules = modules_read(config->modules, &unknown);
	return roles | ((modules & MODULE_LOCK) != 0 ? ROUTE_LOCK : 0u) |
	    ((modules & MODULE_LEADER) != 0 ? ROUTE_LEADER : 0u);
}

void
router_handle(struct request *request)
{
	unsigned role = roles_of(request);

	if (border_refuses(request))
		return;
	if (request->method == METHOD_OPTIONS) {
		response_send(request, 200, NULL, SLICE_EMPTY);
		return;
	}
	if (!url_path_is_clean(request->path)) {
		send_clean_path(request);
		return;
	}
	if (!request_is_of_metrics(request) && stands_by(request))
		return;
	for (size_t i = 0; i < ARRAY_COUNT(routes); i++) {
		const struct route *route = &routes[i];
		unsigned methods = route->methods;

		if ((route->roles & role) == 0 || !matches(route, request->path))
			continue;
		request->route = (unsigned)i + 1;
		if ((methods & METHOD_GET) != 0)
			methods |= METHOD_HEAD;
		if ((methods & request->method) != 0)
			gate_pass(request, route->handler);
		else
			send_allowed(request, methods);
		return;
	}
	send_not_found(request);
}
