/*
 * watch_move.c - a stream of watches from one worker to another (see watch_stream.h).
 *
 * It goes when all that was asked is answered. What it takes along is each watch with how far it
 * was served: the other worker has raftd give it what is behind that.
 */
#include "httpd/client/v3/watch_move.h"

#include "common/limits.h"
#include "httpd/client/gate.h"
#include "httpd/client/v3/watch_stream.h"
#include "httpd/routes.h"
#include "httpd/worker.h"

bool
watches_pack(const struct v3_call *call, struct msg_handed *handed)
{
	struct watch_stream *stream = call->state;
	const struct backend *backend = call->request->worker->backend;
	const struct stream_watch *watch;

	if (!call->request->streaming || !call->half_closed || stream->turn_count > 0)
		return false;
	buf_clear(&stream->packed);
	LIST_FOREACH(watch, &stream->watches, link) {
		v3_handed_watch_put(&stream->packed, &(struct v3_handed_watch){
		    .id = (uint64_t)watch->id,
		    .served = backend_v3_watch_served(backend, &watch->watch),
		    .flags = (uint8_t)(watch->watch.flags |
			(watch->notified ? V3_HANDED_NOTIFIED : 0) |
			(watch->fragments ? V3_HANDED_FRAGMENTS : 0)),
		    .key = watch->watch.key,
		    .end = watch->watch.end,
		});
		if (stream->packed.size > HANDOVER_BYTES_MAX)
			return false;
	}
	handed->route = slice_text(route_name(call->request->route));
	handed->v3_watches = buf_slice(&stream->packed);
	handed->v3_next_id = (uint64_t)stream->next_id;
	handed->v3_progress = stream->progress_wanted || stream->wanted_later;
	handed->user = call->request->user;
	handed->credential = call->request->credential;
	handed->v3_credential = call->who.credential;
	return true;
}

/* False: there is no room for it. */
static bool
take(struct watch_stream *stream, const struct v3_handed_watch *handed)
{
	struct stream_watch *watch;

	if (watches_find(stream, (int64_t)handed->id) != NULL)
		return false;
	watch = watches_add(stream, handed->key, handed->end);
	if (watch == NULL)
		return false;
	watches_name(watch, (int64_t)handed->id);
	watch->created = true;
	watch->notified = (handed->flags & V3_HANDED_NOTIFIED) != 0;
	watch->fragments = (handed->flags & V3_HANDED_FRAGMENTS) != 0;
	if (watch->notified)
		watches_notify(stream);
	watch->watch.flags = handed->flags & V3_WATCH_ALL;
	stream->revision = MAX_OF(stream->revision, handed->served);
	backend_v3_watch_on(stream->call->request->worker->backend, &watch->watch,
	    handed->served);
	return true;
}

void
watch_move_take(struct v3_call *call, const struct msg_handed *handed)
{
	struct request *request = call->request;
	struct watch_stream *stream = watches_new(call);
	struct reader in = reader_of(handed->v3_watches);
	struct v3_handed_watch watch;

	ASSERT(request->streaming);
	request->route = route_named(handed->route);
	request->user = arena_copy(&request->arena, handed->user);
	request->credential = handed->credential;
	call->who.credential = handed->v3_credential;
	call->half_closed = true;
	stream->next_id = (int64_t)handed->v3_next_id;
	stream->progress_wanted = handed->v3_progress != 0;
	if (!v3_users_count(request->worker) && !gate_is_root(request)) {
		watches_end(stream, v3_status_of(V3_REFUSE_PERMISSION));
		return;
	}
	while (v3_handed_watch_get(&in, &watch)) {
		bool may = watches_may(call, watch.key, watch.end);

		if (may && take(stream, &watch))
			continue;
		watches_end(stream, v3_status_of(may ? V3_REFUSE_STOPPED :
		    V3_REFUSE_PERMISSION));
		return;
	}
}
