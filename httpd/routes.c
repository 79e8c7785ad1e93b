/*
 * routes.c - the endpoints by number (see routes.h).
 */
#include "httpd/routes.h"

static const char *const names[] = {
	"other",
#define ROUTE(roles, match, path, methods, handler) path,
#include "httpd/route_table.h"
};

size_t
route_count(void)
{
	return ARRAY_COUNT(names);
}

const char *
route_name(unsigned route)
{
	return names[route];
}

unsigned
route_named(struct slice name)
{
	for (unsigned route = 0; route < ARRAY_COUNT(names); route++)
		if (slice_equal(name, slice_text(names[route])))
			return route;
	return 0;
}
