/*
 * method.h - the methods of the v3 API: which one a path names.
 *
 * Made from method_table.h: the row of a method serves gRPC and the gateway alike. Pure.
 */
#ifndef MOOTHALL_HTTPD_V3_METHOD_H
#define MOOTHALL_HTTPD_V3_METHOD_H

#include "common/arena.h"
#include "httpd/v3/message.h"
#include "httpd/v3/status.h"

enum v3_method_tag {
#define METHOD(tag, service, name, request, response, kind, path, other_path) V3_METHOD_##tag,
#include "httpd/v3/method_table.h"
	V3_METHODS
};

enum v3_method_kind {
	V3_UNARY,		/* one request, one answer */
	V3_SERVER_STREAM,	/* one request, any number of answers */
	V3_BOTH_STREAM,		/* any number of both */
};

struct v3_method {
	enum v3_method_tag tag;
	enum v3_method_kind kind;
	struct slice service;	/* with its package */
	struct slice name;
	const struct v3_type *(*request)(void);
	const struct v3_type *(*response)(void);
	struct slice gateway[2];	/* paths below /v3; empty: there is none */
};

const struct v3_method *v3_method(enum v3_method_tag tag);
/* Of the path of a gRPC call, "/package.Service/Method". NULL: refused, with *refusal; its text
 * is made in the arena. */
const struct v3_method *v3_method_by_grpc_path(struct slice path, struct arena *arena,
    struct v3_status *refusal) MUST_CHECK;
/* Why one that is not served is refused. */
struct v3_status v3_method_unserved(const struct v3_method *method, struct arena *arena);
/* Of a path of HTTP, without a query: /v3/..., /v3beta/... NULL: there is none. */
const struct v3_method *v3_method_by_gateway_path(struct slice path) MUST_CHECK;

#endif
