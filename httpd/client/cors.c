/*
 * cors.c - which web pages may read and write (see cors.h).
 */
#include "httpd/client/cors.h"

#include "common/xmem.h"
#include "httpd/http/host.h"
#include "httpd/worker.h"

#include <stdlib.h>
#include <string.h>

#define ALLOWED_TO_ALL \
	"Access-Control-Allow-Methods: POST, GET, OPTIONS, PUT, DELETE\r\n" \
	"Access-Control-Allow-Headers: accept, content-type, authorization\r\n"

struct cors {
	const char *origins;		/* separated by commas */
	bool any;			/* "*" is one of them */
	bool check;			/* refuse writes of others */
};

/* Is it an item of the list? */
static bool
is_listed(const char *list, struct slice origin)
{
	while (list[0] != '\0') {
		size_t size = strcspn(list, ",");

		if (slice_equal(slice_of(list, size), origin))
			return true;
		list += size;
		if (list[0] == ',')
			list++;
	}
	return false;
}

struct cors *
cors_new(const struct config *config)
{
	struct cors *cors;

	if (config->cors[0] == '\0' && !config->origin_check)
		return NULL;
	cors = xzalloc(sizeof(*cors));
	cors->origins = config->cors;
	cors->any = is_listed(config->cors, SLICE_LITERAL("*"));
	cors->check = config->origin_check;
	return cors;
}

void
cors_free(struct cors **cors)
{
	free(*cors);
	*cors = NULL;
}

void
cors_put(const struct cors *cors, const struct request *request, struct buf *lines)
{
	struct slice origin;

	if (cors->any) {
		buf_append_text(lines, "Access-Control-Allow-Origin: *\r\n" ALLOWED_TO_ALL);
		return;
	}
	origin = request_header(request, "origin");
	if (origin.size == 0 || !is_listed(cors->origins, origin))
		return;
	buf_append_text(lines, "Access-Control-Allow-Origin: ");
	buf_append_slice(lines, origin);
	buf_append_text(lines, "\r\nVary: Origin\r\n" ALLOWED_TO_ALL);
}

bool
cors_is_own(const struct request *request)
{
	const struct slice scheme = request->worker->tls == NULL ? SLICE_LITERAL("http://") :
	    SLICE_LITERAL("https://");
	struct slice origin = request_header(request, "origin");
	struct slice host = request_header(request, "host");

	return slice_starts_with(origin, scheme) &&
	    host_is_own(&request->worker->config, host) &&
	    slice_equal(slice_of(origin.data + scheme.size, origin.size - scheme.size), host);
}

/* Does the request carry what a browser adds to it by itself, for whatever page it is? */
static bool
shows_who_asks(const struct request *request)
{
	const struct config *config = &request->worker->config;

	return request_header(request, "authorization").data != NULL ||
	    config->ca_file[0] != '\0' || config->trusted_ca_file[0] != '\0';
}

bool
cors_forbids(const struct cors *cors, const struct request *request)
{
	struct slice origin;

	if ((request->method & (METHOD_PUT | METHOD_POST | METHOD_DELETE)) == 0 ||
	    (cors != NULL && cors->any))
		return false;
	origin = request_header(request, "origin");
	if (origin.size == 0 || ((cors == NULL || !cors->check) && !shows_who_asks(request)))
		return false;
	return (cors == NULL || !is_listed(cors->origins, origin)) && !cors_is_own(request);
}
