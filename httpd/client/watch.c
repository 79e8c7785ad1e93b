/*
 * watch.c - long polls and streams of events (see watch.h).
 *
 *	asked ----> open	raftd has it: the headers go out	[registered]
 *	asked ----> answered	an error				[registered]
 *	open -----> open	an event of a stream			[happened]
 *	open -----> open	the client has read what it got of the
 *				past: it gets more			[drained]
 *	open -----> answered	an event, or the worker stops		[happened, stop]
 *	open -----> cut		the client reads too slowly		[happened]
 *	any ------> left	the client hung up			[gone]
 *	open -----> elsewhere	another worker goes on with it		[pack, then gone]
 *	elsewhere -> open	there					[keys_watch_go_on]
 *
 * The first watcher of an event renders it for all that want it in that form.
 *
 * Source: docs/api.md, "Watching".
 */
#include "httpd/client/watch.h"
#include "common/ipc/wire.h"
#include "common/metric.h"
#include "httpd/api_error.h"
#include "httpd/backend.h"
#include "httpd/client/gate.h"
#include "httpd/routes.h"
#include "httpd/worker.h"

struct client_watch {
	struct backend_watch watch;
	struct request *request;
	bool stream;
	enum event_form form;
};

_Static_assert((int)EVENT_FORM_V2 < EVENT_BODIES && (int)EVENT_FORM_V1 < EVENT_BODIES,
    "each form of a watch has its place");

static void
registered(struct backend_watch *watch, const struct msg_watching *answer)
{
	const struct client_watch *own = CONTAINER_OF(watch, struct client_watch, watch);
	struct request *request = own->request;

	if (request->streaming) {
		ASSERT(answer->error != ERR_NONE);
		/* Ended by raftd. An empty end makes clients ask again; an error
		 * in the place of an event would be taken for one. */
		response_stream_end(request);
		return;
	}
	if (answer->error != ERR_NONE) {
		api_error(request, err_from_number(answer->error), answer->cause,
		    answer->store_index);
		return;
	}
	cluster_id_header(request);
	response_header_number(request, "X-Etcd-Index", answer->store_index);
	response_header_number(request, "X-Raft-Index", answer->raft_index);
	response_header_number(request, "X-Raft-Term", answer->raft_term);
	response_stream_begin(request, 200, event_json_type(own->form));
	if (request->method == METHOD_HEAD || request_has_to_end(request)) {
		backend_unwatch(request->worker->backend, watch);
		response_stream_end(request);
	}
}

static struct blob *
render(struct slice event, enum event_form form)
{
	struct buf body = BUF_INIT;
	struct blob *blob = NULL;

	blob_begin(&body);
	if (event_json_put(&body, form, event, NULL) == ERR_NONE)
		blob = blob_end(&body, NULL);
	buf_free(&body);
	return blob;
}

/* Say what is lost, and cut: the rest may never be read. */
static void
cut_slow_stream(struct client_watch *watch)
{
	struct request *request = watch->request;
	struct buf body = BUF_INIT;

	backend_unwatch(request->worker->backend, &watch->watch);
	api_error_put(&body, ERR_EVENT_INDEX_CLEARED,
	    SLICE_LITERAL("the client reads too slowly"), watch->watch.next_index - 1);
	response_stream_data(request, buf_slice(&body));
	buf_free(&body);
	response_abort(request);
}

/* Of the past comes no more than the client has read of what came before. */
static void
want_more(struct client_watch *watch)
{
	struct request *request = watch->request;

	if (backend_watch_is_open(&watch->watch) && backend_watch_is_paused(&watch->watch) &&
	    response_backlog(request) <= WATCH_PIECE_BYTES / 2)
		backend_watch_more(request->worker->backend, &watch->watch);
}

static void
drained(struct request *request)
{
	want_more(request->state);
}

/* May who waits not read it? */
static bool
is_hidden(const struct client_watch *watch, struct slice event)
{
	const struct request *request = watch->request;
	struct reader in = reader_of(event);
	struct event_record record;
	struct node_record node;

	if (!gate_is_closed(request->worker))
		return false;
	if (!event_record_get(&in, &record))
		return true;
	in = reader_of(record.nodes);
	return !node_record_get(&in, &node) ||
	    !gate_shows(request, node.key, (node.flags & NODE_DIR) != 0);
}

/* It is as if it had not happened. */
static void
pass_over(struct client_watch *watch)
{
	struct backend_watch *waits = &watch->watch;

	if (backend_watch_is_open(waits))
		want_more(watch);
	else
		backend_watch_on(watch->request->worker->backend, waits, waits->key,
		    waits->flags | WATCH_FLAG_GOES_ON, waits->next_index);
}

static void
happened(struct backend_watch *backend_watch, struct slice event, struct blob **shared)
{
	struct client_watch *watch = CONTAINER_OF(backend_watch, struct client_watch, watch);
	struct blob **body = &shared[watch->form];
	struct request *request = watch->request;

	if (is_hidden(watch, event)) {
		pass_over(watch);
		return;
	}
	if (*body == NULL)
		*body = render(event, watch->form);
	if (*body == NULL) {
		backend_unwatch(request->worker->backend, backend_watch);
		response_abort(request);
		return;
	}
	/* One event may be larger than what may wait, and is not what makes a reader slow. */
	if (watch->stream &&
	    response_backlog_beside_one(request) > request->worker->config.max_watch_backlog) {
		metric_add(METRIC_rejected_slow_watch, 1);
		cut_slow_stream(watch);
		return;
	}
	if (!watch->stream) {
		response_stream_last(request, *body);
		return;
	}
	response_stream_blob(request, *body);
	want_more(watch);
}

static void
soon(const struct backend_watch *watch)
{
	response_soon(CONTAINER_OF(watch, const struct client_watch, watch)->request);
}

static void
gone(struct request *request)
{
	struct client_watch *watch = request->state;

	backend_unwatch(request->worker->backend, &watch->watch);
}

static void
stop(struct request *request)
{
	/* Before the headers, the answer of raftd comes first. */
	if (!request->streaming)
		return;
	gone(request);
	response_stream_end(request);
}

static bool
pack(const struct request *request, struct msg_handed *handed)
{
	struct client_watch *watch = request->state;

	if (!request->streaming || !backend_watch_is_open(&watch->watch))
		return false;
	backend_watch_rest(request->worker->backend, &watch->watch);
	if (watch->form == EVENT_FORM_V1)
		handed->flags |= HANDED_V1;
	handed->route = slice_text(route_name(request->route));
	handed->key = watch->watch.key;
	handed->watch_flags = watch->watch.flags;
	handed->next_index = watch->watch.next_index;
	handed->user = request->user;
	handed->credential = request->credential;
	return true;
}

static bool
may_be_kept(const struct backend_watch *watch)
{
	return gate_may_read(CONTAINER_OF(watch, const struct client_watch, watch)->request,
	    watch->key) != AUTH_READ_NONE;
}

static struct client_watch *
new_watch(struct request *request, unsigned flags, enum event_form form)
{
	struct client_watch *watch = arena_zalloc(&request->arena, sizeof(*watch));

	watch->request = request;
	watch->stream = (flags & WATCH_FLAG_STREAM) != 0;
	watch->form = form;
	watch->watch.watching = registered;
	watch->watch.event = happened;
	watch->watch.soon = soon;
	watch->watch.may_be_kept = may_be_kept;
	request->watches = true;
	request->state = watch;
	request->gone = gone;
	request->stop = stop;
	request->pack = pack;
	request->drained = drained;
	return watch;
}

void
keys_watch_begin(struct request *request, struct slice key, unsigned flags, uint64_t since,
    enum event_form form)
{
	struct client_watch *watch;

	if (gate_may_read(request, key) == AUTH_READ_NONE) {
		gate_refuse_key(request);
		return;
	}
	watch = new_watch(request, flags, form);
	backend_watch(request->worker->backend, &watch->watch, arena_copy(&request->arena, key),
	    flags, since);
}

void
keys_watch_go_on(struct request *request, const struct msg_handed *handed)
{
	struct client_watch *watch = new_watch(request, handed->watch_flags,
	    (handed->flags & HANDED_V1) != 0 ? EVENT_FORM_V1 : EVENT_FORM_V2);

	ASSERT(request->streaming);
	request->route = route_named(handed->route);
	request->user = arena_copy(&request->arena, handed->user);
	request->credential = handed->credential;
	if (gate_may_read(request, handed->key) == AUTH_READ_NONE) {
		response_stream_end(request);
		return;
	}
	backend_watch_on(request->worker->backend, &watch->watch,
	    arena_copy(&request->arena, handed->key), handed->watch_flags, handed->next_index);
}

void
keys_watches_review(struct worker *worker)
{
	if (gate_is_closed(worker))
		backend_watch_review(worker->backend, ERR_UNAUTHORIZED,
		    SLICE_LITERAL("Insufficient credentials"));
}
