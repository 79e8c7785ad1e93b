/*
 * gate_class.c - see gate_class.h.
 */
#include "httpd/client/gate_class.h"

static const struct {
	const char *path;		/* itself, and what is below it */
	unsigned methods;
	enum gate_class class;
} classes[] = {
	{ "/v2/keys", ~0U, CLASS_KEYS },
	{ "/v1/keys", ~0U, CLASS_KEYS },
	{ "/v1/watch", ~0U, CLASS_KEYS },
	{ "/mod/dashboard", METHOD_GET | METHOD_HEAD, CLASS_OPEN },
	{ "/mod", ~0U, CLASS_KEYS },
	{ "/v2/auth", ~0U, CLASS_ASKS },
	{ "/new", METHOD_GET | METHOD_HEAD, CLASS_KEYS },
	{ "/v2/members", METHOD_GET | METHOD_HEAD, CLASS_OPEN },
	{ "/v2/machines", METHOD_GET | METHOD_HEAD, CLASS_OPEN },
	{ "/v1/machines", METHOD_GET | METHOD_HEAD, CLASS_OPEN },
	{ "/v2/peers", METHOD_GET | METHOD_HEAD, CLASS_OPEN },
	{ "/v1/peers", METHOD_GET | METHOD_HEAD, CLASS_OPEN },
	{ "/v2/leader", METHOD_GET | METHOD_HEAD, CLASS_OPEN },
	{ "/v1/leader", METHOD_GET | METHOD_HEAD, CLASS_OPEN },
	{ "/v2/stats/log", ~0U, CLASS_ROOT },
	{ "/v2/stats", METHOD_GET | METHOD_HEAD, CLASS_OPEN },
	{ "/v1/stats", METHOD_GET | METHOD_HEAD, CLASS_OPEN },
	{ "/ui", METHOD_GET | METHOD_HEAD, CLASS_OPEN },
	{ "/version", METHOD_GET | METHOD_HEAD, CLASS_OPEN },
	{ "/health", METHOD_GET | METHOD_HEAD, CLASS_OPEN },
	{ "/livez", METHOD_GET | METHOD_HEAD, CLASS_OPEN },
	{ "/readyz", METHOD_GET | METHOD_HEAD, CLASS_OPEN },
	/* The v3 API, which has users of its own; calls of gRPC are refused in its way. */
	{ "/v3", METHOD_POST, CLASS_ASKS },
	{ "/v3beta", METHOD_POST, CLASS_ASKS },
	{ "/etcdserverpb.KV", METHOD_POST, CLASS_ASKS },
	{ "/etcdserverpb.Watch", METHOD_POST, CLASS_ASKS },
	{ "/etcdserverpb.Lease", METHOD_POST, CLASS_ASKS },
	{ "/etcdserverpb.Cluster", METHOD_POST, CLASS_ASKS },
	{ "/etcdserverpb.Maintenance", METHOD_POST, CLASS_ASKS },
	{ "/etcdserverpb.Auth", METHOD_POST, CLASS_ASKS },
	{ "/v3lockpb.Lock", METHOD_POST, CLASS_ASKS },
	{ "/v3electionpb.Election", METHOD_POST, CLASS_ASKS },
	{ "/grpc.health.v1.Health", METHOD_POST, CLASS_ASKS },
	{ "/metrics", METHOD_GET | METHOD_HEAD, CLASS_OPEN },
};

enum gate_class
gate_class(const struct request *request)
{
	for (size_t i = 0; i < ARRAY_COUNT(classes); i++) {
		struct slice path = slice_text(classes[i].path);

		if ((classes[i].methods & request->method) != 0 &&
		    slice_starts_with(request->path, path) && (request->path.size == path.size ||
		    request->path.data[path.size] == '/'))
			return classes[i].class;
	}
	return CLASS_ROOT;
}
