/*
 * keys_v1.c - /v1/keys and /v1/watch: the requests of the first series.
 *
 * They are served by the same store and by the same ways as those of /v2; what is
 * different are the parameters (params.h) and the form of an answer (event_json.h).
 *
 * A read shows the store's index, which moves with every write to any key, so no body
 * in the cache would be true: raftd is asked.
 *
 * Source: docs/api.md, "The first series".
 */
#include "common/ipc/wire.h"
#include "httpd/api_error.h"
#include "httpd/backend.h"
#include "httpd/client/handlers.h"
#include "httpd/client/keys.h"
#include "httpd/client/params.h"
#include "httpd/client/read.h"
#include "httpd/client/watch.h"
#include "httpd/worker.h"

#define KEYS_PREFIX_SIZE (sizeof("/v1/keys") - 1)
#define WATCH_PREFIX_SIZE (sizeof("/v1/watch") - 1)

/* Unlike /v2, what is wrong with a request is told with the store's index. */
static void
refuse(struct request *request, enum err err, struct slice cause)
{
	api_error(request, err, cause, backend_store_index(request->worker->backend));
}

static void
handle_get(struct request *request, struct slice key)
{
	if (keys_is_allowed(request, key, 0) && !keys_is_silent(request))
		read_begin(request, key, READ_FLAG_SORTED, EVENT_FORM_V1);
}

static void
handle_set(struct request *request, struct slice key)
{
	struct msg_write write = { .op = WRITE_SET, .key = key };
	struct params params;
	struct slice cause;
	enum err err = params_read_v1_set(&request->arena, request->query, keys_form(request),
	    &params, &cause);

	if (err != ERR_NONE) {
		refuse(request, err, cause);
		return;
	}
	if (!keys_is_served(request))
		return;
	write.value = params.value;
	if (params.has_ttl) {
		write.flags |= WRITE_FLAG_TTL;
		write.ttl_s = params.ttl_s;
	}
	if (params.has_prev_value) {
		write.op = WRITE_COMPARE_AND_SWAP;
		write.flags |= WRITE_FLAG_PREV_VALUE;
		write.prev_value = params.prev_value;
	} else if (params.prev_exist == PARAMS_FALSE) {
		write.op = WRITE_CREATE;
	}
	keys_write(request, &write, EVENT_FORM_V1);
}

void
keys_v1_handle(struct request *request)
{
	struct slice key = keys_key(request, KEYS_PREFIX_SIZE);

	if ((request->method & (METHOD_PUT | METHOD_POST)) != 0)
		handle_set(request, key);
	else if (!keys_is_served(request))
		return;
	else if (request->method == METHOD_DELETE)
		keys_write(request, &(struct msg_write){ .op = WRITE_DELETE, .key = key },
		    EVENT_FORM_V1);
	else
		handle_get(request, key);
}

/* False: it is none, which was answered. Of all that came with it nothing is kept: a body
 * may be large, and the watch may wait for ever. */
static bool
read_index(struct request *request, uint64_t *since)
{
	struct params params;
	struct slice cause;
	struct arena arena;
	enum err err;

	arena_init(&arena);
	err = params_read_v1_watch(&arena, request->query, keys_form(request), &params, &cause);
	if (err == ERR_NONE) {
		*since = params.wait_index;
		request_drop_body(request);
	} else {
		refuse(request, err, cause);
	}
	arena_free(&arena);
	return err == ERR_NONE;
}

/* An index counts in a POST only, where it has to be. */
void
watch_v1_handle(struct request *request)
{
	struct slice key = keys_key(request, WATCH_PREFIX_SIZE);
	uint64_t since = 0;

	if (request->method == METHOD_POST && !read_index(request, &since))
		return;
	if (keys_is_served(request) && keys_is_allowed(request, key, 0))
		keys_watch_begin(request, key, 0, since, EVENT_FORM_V1);
}
