/*
 * method.c - the methods of the v3 API (see method.h).
 */
#include "httpd/v3/method.h"

#define SHOWN_BYTES ((size_t)256)	/* of a path that is refused */

#define TEXT(text) { (const uint8_t *)("" text), sizeof(text) - 1 }

static const struct v3_method methods[] = {
#define METHOD(tag, service, name, request, response, kind, path, other_path) \
	[V3_METHOD_##tag] = { V3_METHOD_##tag, V3_##kind, TEXT(service), TEXT(name), \
		v3_##request##_type, v3_##response##_type, { TEXT(path), TEXT(other_path) } },
#include "httpd/v3/method_table.h"
};

const struct v3_method *
v3_method(enum v3_method_tag tag)
{
	return &methods[tag];
}

static struct slice
behind(struct slice text, size_t size)
{
	return slice_of(text.data + size, text.size - size);
}

static bool
is_known_service(struct slice service)
{
	for (size_t i = 0; i < ARRAY_COUNT(methods); i++)
		if (slice_equal(methods[i].service, service))
			return true;
	return false;
}

/* What is said of a path that no method has. */
static const char *
unknown(struct slice path, struct arena *arena)
{
	const uint8_t *slash;
	struct slice service, method;

	slash = path.size > 0 && path.data[0] == '/' ? memrchr(path.data, '/', path.size) : NULL;
	if (slash == NULL || slash == path.data) {
		path.size = MIN_OF(path.size, SHOWN_BYTES);
		return arena_printf(arena, "malformed method name: \"%.*s\"", SLICE_ARGS(path));
	}
	service = slice_of(path.data + 1, (size_t)(slash - path.data) - 1);
	method = behind(path, service.size + 2);
	method.size = MIN_OF(method.size, SHOWN_BYTES);
	if (is_known_service(service))
		return arena_printf(arena, "unknown method %.*s for service %.*s",
		    SLICE_ARGS(method), SLICE_ARGS(service));
	service.size = MIN_OF(service.size, SHOWN_BYTES);
	return arena_printf(arena, "unknown service %.*s", SLICE_ARGS(service));
}

const struct v3_method *
v3_method_by_grpc_path(struct slice path, struct arena *arena, struct v3_status *refusal)
{
	for (size_t i = 0; i < ARRAY_COUNT(methods); i++) {
		const struct v3_method *method = &methods[i];
		size_t service_end = 1 + method->service.size;

		if (path.size == service_end + 1 + method->name.size && path.data[0] == '/' &&
		    path.data[service_end] == '/' &&
		    slice_equal(behind(path, service_end + 1), method->name) &&
		    slice_equal(slice_of(path.data + 1, method->service.size), method->service))
			return method;
	}
	refusal->code = V3_UNIMPLEMENTED;
	refusal->text = unknown(path, arena);
	return NULL;
}

struct v3_status
v3_method_unserved(const struct v3_method *method, struct arena *arena)
{
	return (struct v3_status){ V3_UNIMPLEMENTED,
	    arena_printf(arena, "unknown method %.*s for service %.*s", SLICE_ARGS(method->name),
		SLICE_ARGS(method->service)) };
}

const struct v3_method *
v3_method_by_gateway_path(struct slice path)
{
	static const struct slice prefixes[] = { TEXT("/v3/"), TEXT("/v3beta/") };

	for (size_t p = 0; p < ARRAY_COUNT(prefixes); p++) {
		struct slice rest;

		if (!slice_starts_with(path, prefixes[p]))
			continue;
		/* The paths of the table begin with the slash. */
		rest = behind(path, prefixes[p].size - 1);
		for (size_t i = 0; i < ARRAY_COUNT(methods); i++)
			for (size_t j = 0; j < ARRAY_COUNT(methods[i].gateway); j++)
				if (slice_equal(rest, methods[i].gateway[j]))
					return &methods[i];
	}
	return NULL;
}
