/*
 * watch_send.c - what the watches of a stream get (see watch_stream.h).
 *
 * Events come from raftd as they happen, for as long as the client takes them. Above
 * V3_STREAM_BACKLOG of what he has not taken, a watch that has something to come is put behind
 * there: from then on its events are history, of which it gets a piece each time when he has
 * taken most of what there was. So a slow client costs a bound of memory, and loses nothing but
 * what is compacted meanwhile.
 *
 * The first watch of some events makes their bytes for all that get the same.
 */
#include "common/limits.h"
#include "common/xmem.h"
#include "httpd/client/v3/watch_stream.h"
#include "httpd/v3/protobuf.h"
#include "httpd/worker.h"

#include <stdlib.h>

bool
watches_say(struct watch_stream *stream, struct v3_watch_response *response, uint64_t revision)
{
	const struct v3_call *call = stream->call;
	struct v3_response_header header =
	    call_header(call, backend_v3_term(call->request->worker->backend));
	bool goes_on;

	header.revision = (int64_t)revision;
	response->header = &header;
	stream->revision = MAX_OF(stream->revision, revision);
	goes_on = call_message(stream->call, response);
	response->header = NULL;
	return goes_on;
}

/* ---- the past ------------------------------ */

void
watches_ask_on(struct watch_stream *stream)
{
	struct stream_watch *watch;

	while (stream->pieces < V3_STREAM_PIECES_MAX &&
	    call_backlog(stream->call) <= V3_STREAM_BACKLOG / 2 &&
	    (watch = TAILQ_FIRST(&stream->behind)) != NULL) {
		TAILQ_REMOVE(&stream->behind, watch, by_turn);
		watch->waits = false;
		if (!watch->watch.behind)
			continue;
		watch->asked = true;
		stream->pieces++;
		backend_v3_watch_more(stream->call->request->worker->backend, &watch->watch);
	}
}

static void
queue_behind(struct stream_watch *watch)
{
	if (!watch->waits)
		TAILQ_INSERT_TAIL(&watch->stream->behind, watch, by_turn);
	watch->waits = true;
}

void
watches_turned(struct backend_v3_watch *backend_watch)
{
	struct stream_watch *watch = CONTAINER_OF(backend_watch, struct stream_watch, watch);
	struct watch_stream *stream = watch->stream;

	stream->pieces -= watch->asked;
	watch->asked = false;
	if (backend_watch->behind)
		queue_behind(watch);
	watches_ask_on(stream);
	if (!backend_watch->behind)
		watches_look(stream);
}

/* ---- events ------------------------------ */

static struct v3_event
event_of(const struct stream_watch *watch, const struct backend_v3_batch *batch, size_t i)
{
	const struct backend_v3_event *event = &batch->events[batch->items[i]];
	bool previous = (watch->watch.flags & V3_WATCH_PREV_KV) != 0;

	return (struct v3_event){
		.type = event->gone ? V3_EVENT_DELETE : V3_EVENT_PUT,
		.kv = event->key_value,
		.prev_kv = previous && event->previous.size > 0 ? event->previous :
		    SLICE_EMPTY,
	};
}

/* Those of a batch from one on, to before another. Returns false when the call is over. */
static bool
say_part(struct stream_watch *watch, const struct backend_v3_batch *batch, size_t first,
    size_t end)
{
	struct v3_event *events = xmalloc((end - first) * sizeof(*events));
	struct v3_watch_response response = { .watch_id = watch->id,
		.fragment = end < batch->count };
	bool good;

	for (size_t i = first; i < end; i++)
		events[i - first] = event_of(watch, batch, i);
	response.events.items = events;
	response.events.count = end - first;
	good = watches_say(watch->stream, &response, batch->revision);
	free(events);
	return good;
}

/* As protobuf has it, about: where it is cut is said of that. */
static size_t
size_of(const struct stream_watch *watch, const struct backend_v3_batch *batch, size_t i)
{
	struct v3_event event = event_of(watch, batch, i);

	return v3_protobuf_size(v3_event_type(), &event) + 6;
}

/* In parts, between events: each as large as it may be. */
static void
say_parts(struct stream_watch *watch, const struct backend_v3_batch *batch)
{
	for (size_t first = 0, end; first < batch->count; first = end) {
		size_t bytes = V3_FRAGMENT_ROOM;

		for (end = first; end < batch->count; end++) {
			size_t size = size_of(watch, batch, end);

			if (end > first && bytes + size > V3_MESSAGE_BYTES_MAX)
				break;
			bytes += size;
		}
		if (!say_part(watch, batch, first, end))
			return;
	}
}

static bool
is_to_be_cut(const struct stream_watch *watch, const struct backend_v3_batch *batch)
{
	size_t bytes = V3_FRAGMENT_ROOM;

	if (!watch->fragments)
		return false;
	for (size_t i = 0; i < batch->count && bytes <= V3_MESSAGE_BYTES_MAX; i++)
		bytes += size_of(watch, batch, i);
	return bytes > V3_MESSAGE_BYTES_MAX;
}

static struct blob *
make_tail(const struct stream_watch *watch, const struct backend_v3_batch *batch)
{
	const struct v3_call *call = watch->stream->call;
	struct v3_event *events = xmalloc(batch->count * sizeof(*events));
	struct v3_watch_response part = { .watch_id = 0 };
	struct blob *tail;

	for (size_t i = 0; i < batch->count; i++)
		events[i] = event_of(watch, batch, i);
	part.events.items = events;
	part.events.count = batch->count;
	tail = call->carrier->render(call->method->response(), &part);
	free(events);
	return tail;
}

/* What they look like is made once for all that get the same. */
static void
say_shared(struct stream_watch *watch, const struct backend_v3_batch *batch)
{
	struct watch_stream *stream = watch->stream;
	struct v3_call *call = stream->call;
	bool previous = (watch->watch.flags & V3_WATCH_PREV_KV) != 0;
	struct blob **tail = &batch->shared[2 * call->carrier->form + previous];
	struct v3_response_header header = call_header(call, batch->raft_term);
	struct v3_watch_response response = { .header = &header, .watch_id = watch->id };

	if (*tail == NULL)
		*tail = make_tail(watch, batch);
	if (*tail == NULL) {
		watches_end(stream, (struct v3_status){ V3_INTERNAL, "raftd sent no event" });
		return;
	}
	header.revision = (int64_t)batch->revision;
	stream->revision = MAX_OF(stream->revision, batch->revision);
	(void)call_message_with(call, &response, *tail);
}

void
watches_happened(struct backend_v3_watch *backend_watch, const struct backend_v3_batch *batch)
{
	struct stream_watch *watch = CONTAINER_OF(backend_watch, struct stream_watch, watch);
	struct watch_stream *stream = watch->stream;

	/* A cancel waits for its turn. */
	if (!watch->named)
		return;
	if (!batch->past && call_backlog(stream->call) > V3_STREAM_BACKLOG) {
		backend_v3_watch_drop(stream->call->request->worker->backend, backend_watch,
		    batch->events[batch->items[0]].revision);
		queue_behind(watch);
		return;
	}
	watch->heard = true;
	if (is_to_be_cut(watch, batch))
		say_parts(watch, batch);
	else if (stream->call->carrier->render == NULL)
		(void)say_part(watch, batch, 0, batch->count);
	else
		say_shared(watch, batch);
}
