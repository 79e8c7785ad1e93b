/*
 * tally.c - what the answers of a worker count for (see tally.h).
 *
 * A route sees few methods and statuses, so those that came are looked through
 * one by one.
 */
#include "httpd/tally.h"

#include "common/metric.h"
#include "common/xmem.h"
#include "httpd/routes.h"

#include <stdio.h>
#include <stdlib.h>

struct tally_kind {
	enum request_method method;
	unsigned status;
	struct metric_series *count;
};

struct tally_route {
	struct tally_kind *kinds;
	size_t kind_count, kind_capacity;
	struct metric_series *duration;
	bool keys;			/* it reads and writes them */
};

struct tally {
	size_t route_count;
	struct tally_route routes[];
};

struct tally *
tally_new(void)
{
	size_t count = route_count();
	struct tally *tally = xzalloc(sizeof(*tally) + count * sizeof(tally->routes[0]));

	tally->route_count = count;
	for (unsigned i = 0; i < count; i++)
		tally->routes[i].keys = strcmp(route_name(i), "/v2/keys") == 0 ||
		    strcmp(route_name(i), "/v1/keys") == 0;
	return tally;
}

void
tally_free(struct tally **tally)
{
	if (*tally == NULL)
		return;
	for (size_t i = 0; i < (*tally)->route_count; i++)
		free((*tally)->routes[i].kinds);
	free(*tally);
	*tally = NULL;
}

static struct metric_series *
count_of(struct tally *tally, const struct request *request)
{
	struct tally_route *route = &tally->routes[request->route];
	struct tally_kind *kind;
	const char *values[3];
	char code[12];

	for (size_t i = 0; i < route->kind_count; i++) {
		kind = &route->kinds[i];
		if (kind->status == request->status && kind->method == request->method)
			return kind->count;
	}
	route->kinds = xgrow(route->kinds, &route->kind_capacity, route->kind_count + 1,
	    sizeof(route->kinds[0]));
	snprintf(code, sizeof(code), "%u", request->status);
	values[0] = route_name(request->route);
	values[1] = request_method_name(request->method);
	values[2] = code;
	kind = &route->kinds[route->kind_count++];
	*kind = (struct tally_kind){ request->method, request->status,
		metric_series(METRIC_http_requests, values) };
	return kind->count;
}

void
tally_answer(struct tally *tally, const struct request *request, uint64_t now_ns)
{
	struct tally_route *route = &tally->routes[request->route];

	metric_series_add(count_of(tally, request), 1);
	if (request->watches)
		metric_add(METRIC_watches_begun, 1);
	/* What was refused before it was whole took as long as its client liked. */
	if (request->whole_ns == 0)
		return;
	if (route->duration == NULL) {
		const char *name = route_name(request->route);

		route->duration = metric_series(METRIC_http_duration, &name);
	}
	metric_series_observe(route->duration, now_ns - request->whole_ns);
	if (route->keys && !request->watches &&
	    (request->method & (METHOD_GET | METHOD_HEAD)) != 0)
		metric_observe(METRIC_read_time, now_ns - request->whole_ns);
}
