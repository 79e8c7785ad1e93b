/*
 * watch.c - the Watch service: a stream that carries many watches.
 *
 *	asked ------> created	raftd has it				[registered]
 *	asked ------> refused	created and canceled at once, id -1	[registered, take_turns]
 *	created ----> canceled	the client said so			[take_turns]
 *				what it waits for is compacted		[registered]
 *	any --------> gone	with its stream
 *
 * Requests are answered in their order. A create is raftd's to answer: what comes behind it
 * waits in a queue, but for other creates, which raftd answers in order, too.
 *
 * Source: docs/api.md, "v3".
 */
#include "common/limits.h"
#include "common/rand.h"
#include "common/v3_error.h"
#include "common/xmem.h"
#include "httpd/client/gate.h"
#include "httpd/client/v3/methods.h"
#include "httpd/client/v3/watch_stream.h"
#include "httpd/worker.h"

#include <stdlib.h>

struct stream_turn {
	TAILQ_ENTRY(stream_turn) link;
	enum turn_kind {
		TURN_CREATE,		/* waits for raftd */
		TURN_REFUSED,
		TURN_CANCEL,
		TURN_PROGRESS,
	} kind;
	struct stream_watch *watch;	/* to be created, or canceled; then NULL: it is gone */
	enum v3_error error;		/* it is refused for */
};

static struct backend *
backend_of(const struct watch_stream *stream)
{
	return stream->call->request->worker->backend;
}

/* ---- life ------------------------------ */

static bool
match_id(const struct hash_link *link, struct slice key)
{
	const struct stream_watch *watch = CONTAINER_OF(link, struct stream_watch, by_id);

	return slice_equal(slice_of(&watch->id, sizeof(watch->id)), key);
}

struct stream_watch *
watches_find(const struct watch_stream *stream, int64_t id)
{
	struct hash_link *link = hash_find(&stream->by_id, slice_of(&id, sizeof(id)));

	return link == NULL ? NULL : CONTAINER_OF(link, struct stream_watch, by_id);
}

void
watches_name(struct stream_watch *watch, int64_t id)
{
	watch->id = id;
	watch->named = true;
	hash_insert(&watch->stream->by_id, &watch->by_id, slice_of(&watch->id, sizeof(watch->id)));
}

/* Its id is free. */
static void
unname(struct stream_watch *watch)
{
	if (watch->named)
		hash_remove(&watch->stream->by_id, &watch->by_id);
	watch->named = false;
}

static void registered(struct backend_v3_watch *watch, const struct msg_v3_watching *answer);

/* Why he may not watch that; V3_NONE: he may. */
static enum v3_error
refusal_of(const struct v3_call *call, struct slice key, struct slice end)
{
	static const uint8_t zero;
	struct v3_status nobody;

	if (!v3_users_count(call->request->worker))
		return gate_is_root(call->request) ? V3_NONE : V3_PERMISSION;
	nobody = call_nobody(call);
	if (nobody.code == V3_UNAUTHENTICATED)
		return V3_AUTH_TOKEN;
	if (nobody.code == V3_INVALID_ARGUMENT)
		return V3_USER_EMPTY;
	return nobody.code == V3_OK && call_may(call, V3_AUTH_READ,
	    key.size == 0 ? slice_of(&zero, 1) : key, end) ? V3_NONE : V3_PERMISSION;
}

bool
watches_may(const struct v3_call *call, struct slice key, struct slice end)
{
	return refusal_of(call, key, end) == V3_NONE;
}

static bool
may_be_kept(const struct backend_v3_watch *watch)
{
	return watches_may(CONTAINER_OF(watch, const struct stream_watch,
	    watch)->stream->call, watch->key, watch->end);
}

static void
forbidden(struct backend_v3_watch *watch)
{
	/* The call's end says that he may not. */
	watches_end(CONTAINER_OF(watch, struct stream_watch, watch)->stream,
	    v3_status_of(V3_REFUSE_PERMISSION));
}

struct stream_watch *
watches_add(struct watch_stream *stream, struct slice key, struct slice end)
{
	struct stream_watch *watch;

	if (stream->count >= V3_STREAM_WATCHES_MAX ||
	    !backend_v3_watch_has_room(backend_of(stream), key.size + end.size))
		return NULL;
	watch = xzalloc(sizeof(*watch) + key.size + end.size);
	if (key.size > 0)
		memcpy(watch->bytes, key.data, key.size);
	if (end.size > 0)
		memcpy(watch->bytes + key.size, end.data, end.size);
	watch->stream = stream;
	watch->watch.key = slice_of(watch->bytes, key.size);
	watch->watch.end = slice_of(watch->bytes + key.size, end.size);
	watch->watch.watching = registered;
	watch->watch.events = watches_happened;
	watch->watch.turned = watches_turned;
	watch->watch.may_be_kept = may_be_kept;
	watch->watch.forbidden = forbidden;
	LIST_INSERT_HEAD(&stream->watches, watch, link);
	stream->count++;
	return watch;
}

void
watches_remove(struct stream_watch *watch)
{
	struct watch_stream *stream = watch->stream;
	struct stream_turn *turn;

	/* What is not there any more is not canceled. */
	if (watch->given_up)
		TAILQ_FOREACH(turn, &stream->turns, link)
			if (turn->watch == watch)
				turn->watch = NULL;
	backend_v3_unwatch(backend_of(stream), &watch->watch);
	unname(watch);
	if (watch->waits)
		TAILQ_REMOVE(&stream->behind, watch, by_turn);
	stream->pieces -= watch->asked;
	LIST_REMOVE(watch, link);
	stream->count--;
	free(watch);
}

void
watches_free(struct watch_stream *stream)
{
	struct stream_turn *turn;

	while ((turn = TAILQ_FIRST(&stream->turns)) != NULL) {
		TAILQ_REMOVE(&stream->turns, turn, link);
		free(turn);
	}
	while (!LIST_EMPTY(&stream->watches))
		watches_remove(LIST_FIRST(&stream->watches));
	hash_free(&stream->by_id);
	backend_v3_progress_cancel(backend_of(stream), &stream->progress);
	loop_timer_free(&stream->notices);
	loop_timer_free(&stream->again);
	buf_free(&stream->packed);
	free(stream);
}

void
watches_end(struct watch_stream *stream, struct v3_status status)
{
	struct v3_call *call = stream->call;

	watches_free(stream);
	call_end(call, status);
}

/* Who has said all, and waits for nothing, has had all. False: then the call is over. */
static bool
goes_on(struct watch_stream *stream)
{
	if (!stream->call->half_closed || stream->count > 0 || stream->turn_count > 0)
		return true;
	watches_end(stream, (struct v3_status){ V3_OK, "" });
	return false;
}

/* ---- how far it is ------------------------------ */

static void
look_again(void *argument)
{
	watches_look(argument);
}

/* Has that watch all up to that revision? One that begins with the next one has. */
static bool
is_at(const struct stream_watch *watch, uint64_t revision)
{
	return watch->watch.registered && !watch->watch.behind &&
	    watch->watch.served <= revision && watch->watch.start <= revision + 1;
}

/* False: the call is over. */
static bool
say_notices(struct watch_stream *stream, uint64_t revision)
{
	struct stream_watch *watch, *next;

	for (watch = LIST_FIRST(&stream->watches); watch != NULL; watch = next) {
		struct v3_watch_response response = { .watch_id = watch->id };

		next = LIST_NEXT(watch, link);
		if (watch->notified && watch->created && !watch->heard &&
		    is_at(watch, revision) && !watches_say(stream, &response, revision))
			return false;
		watch->heard = false;
	}
	return true;
}

static bool
are_all_at(const struct watch_stream *stream, uint64_t revision)
{
	const struct stream_watch *watch;

	LIST_FOREACH(watch, &stream->watches, link)
		if (watch->created && !is_at(watch, revision))
			return false;
	return true;
}

static void
progressed(struct backend_v3_progress *progress, uint64_t revision)
{
	struct watch_stream *stream = CONTAINER_OF(progress, struct watch_stream, progress);
	struct v3_watch_response response = { .watch_id = -1 };
	bool wanted_now = stream->progress_wanted, all = revision != 0;

	if (all && stream->notice_due) {
		stream->notice_due = false;
		if (!say_notices(stream, revision))
			return;
	}
	all = all && are_all_at(stream, revision);
	/* Who asked when this was on its way may know of more by now. */
	stream->progress_wanted = stream->wanted_later || (wanted_now && !all);
	stream->wanted_later = false;
	if (wanted_now && all && !watches_say(stream, &response, revision))
		return;
	if (all || (revision != 0 && !wanted_now)) {
		watches_look(stream);
		return;
	}
	if (!stream->progress_wanted)
		return;
	/* One begins later, or raftd is another's now. */
	if (stream->again == NULL)
		stream->again = loop_timer_new(stream->call->request->worker->loop, look_again,
		    stream);
	loop_timer_set(stream->again, V3_PROGRESS_AGAIN_MS);
}

void
watches_look(struct watch_stream *stream)
{
	const struct stream_watch *watch;

	if ((!stream->progress_wanted && !stream->notice_due) ||
	    backend_v3_progress_is_asked(&stream->progress))
		return;
	/* It is looked again when one of these has turned. */
	if (!stream->notice_due)
		LIST_FOREACH(watch, &stream->watches, link)
			if (watch->created && (watch->watch.behind || !watch->watch.registered))
				return;
	backend_v3_progress(backend_of(stream), &stream->progress);
}

static void
set_notices(struct watch_stream *stream)
{
	uint64_t ms = stream->call->request->worker->v3_notice_ms;

	/* Those that were opened together need not all hear of it together. */
	loop_timer_set(stream->notices, ms + rand_entropy() % (ms / 10 + 1));
}

static void
notices_due(void *argument)
{
	struct watch_stream *stream = argument;

	stream->notice_due = true;
	set_notices(stream);
	watches_look(stream);
}

void
watches_notify(struct watch_stream *stream)
{
	if (stream->notices != NULL)
		return;
	stream->notices = loop_timer_new(stream->call->request->worker->loop, notices_due, stream);
	set_notices(stream);
}

/* ---- answers, in the order of requests ------------------------------ */

/* They count for the client, who chooses how many they are. */
static void
count_turns(struct watch_stream *stream, size_t count)
{
	stream->turn_count = count;
	request_keeps(stream->call->request, count * sizeof(struct stream_turn));
}

static void
remove_first_turn(struct watch_stream *stream)
{
	struct stream_turn *turn = TAILQ_FIRST(&stream->turns);

	TAILQ_REMOVE(&stream->turns, turn, link);
	count_turns(stream, stream->turn_count - 1);
	free(turn);
}

/* False: the call is over. */
static bool
say_refused(struct watch_stream *stream, enum v3_error error, uint64_t revision)
{
	struct v3_watch_response response = { .watch_id = -1, .created = true, .canceled = true,
		.cancel_reason = slice_text(v3_error_text(error)) };

	return watches_say(stream, &response, revision);
}

/* False: the call is over. */
static bool
say_canceled(struct stream_watch *watch)
{
	struct watch_stream *stream = watch->stream;
	struct v3_watch_response response = { .watch_id = watch->id, .canceled = true };
	uint64_t served = backend_v3_watch_served(backend_of(stream), &watch->watch);

	/* Before the one that it was to begin with nothing was told by it. */
	if (served < watch->watch.start)
		served = 0;
	watches_remove(watch);
	return watches_say(stream, &response, MAX_OF(served, stream->revision));
}

/* What is at the front and needs no raftd. False: the call is over. */
static bool
take_turns(struct watch_stream *stream)
{
	struct stream_turn *turn;
	bool good = true;

	while (good && (turn = TAILQ_FIRST(&stream->turns)) != NULL && turn->kind != TURN_CREATE) {
		struct stream_turn taken = *turn;

		remove_first_turn(stream);
		if (taken.kind == TURN_REFUSED)
			good = say_refused(stream, taken.error, stream->revision);
		else if (taken.kind == TURN_CANCEL)
			good = taken.watch == NULL || say_canceled(taken.watch);
		else if (backend_v3_progress_is_asked(&stream->progress))
			stream->wanted_later = true;
		else
			stream->progress_wanted = true;
	}
	if (!good)
		return false;
	watches_look(stream);
	return goes_on(stream);
}

/* False: the call is over. */
static bool
add_turn(struct watch_stream *stream, enum turn_kind kind, struct stream_watch *watch,
    enum v3_error error)
{
	struct stream_turn *turn;

	if (stream->turn_count >= V3_STREAM_TURNS_MAX) {
		watches_end(stream, v3_status_of(V3_REFUSE_TOO_MANY_REQUESTS));
		return false;
	}
	turn = xzalloc(sizeof(*turn));
	*turn = (struct stream_turn){ .kind = kind, .watch = watch, .error = error };
	TAILQ_INSERT_TAIL(&stream->turns, turn, link);
	count_turns(stream, stream->turn_count + 1);
	return take_turns(stream);
}

/* ---- what raftd says of a watch ------------------------------ */

/* False: the call is over. */
static bool
say_created(struct stream_watch *watch, uint64_t revision)
{
	struct v3_watch_response response = { .watch_id = watch->id, .created = true };

	watch->created = true;
	return watches_say(watch->stream, &response, revision);
}

/* It is over. False: so is the call. */
static bool
say_ended(struct stream_watch *watch, const struct msg_v3_watching *answer)
{
	struct watch_stream *stream = watch->stream;
	enum v3_error error = v3_error_from_number(answer->error);
	struct v3_watch_response response = { .watch_id = watch->id, .canceled = true };

	if (error == V3_COMPACTED)
		response.compact_revision = (int64_t)answer->compacted;
	else
		response.cancel_reason = slice_text(v3_error_text(error));
	watches_remove(watch);
	return watches_say(stream, &response, answer->revision);
}

static bool
is_stopped(enum v3_error error)
{
	return error == V3_STOPPED || error == V3_TIMED_OUT;
}

/* It was refused. False: so is the call. */
static bool
refuse_watch(struct stream_watch *watch, const struct msg_v3_watching *answer)
{
	struct watch_stream *stream = watch->stream;

	/* Who begins before what is there hears of the watch, and that it has ended. */
	if (answer->error == V3_COMPACTED && !watch->vain)
		return say_created(watch, answer->revision) && say_ended(watch, answer);
	watches_remove(watch);
	return say_refused(stream, v3_error_from_number(answer->error), answer->revision);
}

static void
registered(struct backend_v3_watch *backend_watch, const struct msg_v3_watching *answer)
{
	struct stream_watch *watch = CONTAINER_OF(backend_watch, struct stream_watch, watch);
	struct watch_stream *stream = watch->stream;
	struct stream_turn *turn;

	if (is_stopped(v3_error_from_number(answer->error))) {
		watches_end(stream, (struct v3_status){ V3_UNAVAILABLE,
		    v3_error_text(v3_error_from_number(answer->error)) });
		return;
	}
	if (watch->created) {
		/* A cancel may wait for it still. */
		if (watch->named && say_ended(watch, answer) && goes_on(stream))
			watches_look(stream);
		return;
	}
	turn = TAILQ_FIRST(&stream->turns);
	ASSERT(turn != NULL);
	ASSERT(turn->watch == watch);
	remove_first_turn(stream);
	if (answer->error != V3_NONE) {
		if (refuse_watch(watch, answer))
			(void)take_turns(stream);
		return;
	}
	if (!say_created(watch, answer->revision))
		return;
	if (request_has_to_end(stream->call->request)) {
		watches_end(stream, v3_status_of(V3_REFUSE_STOPPED));
		return;
	}
	if (watch->watch.behind)
		watches_turned(&watch->watch);
	if (take_turns(stream))
		request_may_move(stream->call->request);
}

/* ---- requests ------------------------------ */

/* False: it would be there twice. */
static bool
choose_id(struct watch_stream *stream, int64_t asked, int64_t *id)
{
	*id = asked;
	if (asked != 0)
		return watches_find(stream, asked) == NULL;
	do {
		*id = stream->next_id++;
	} while (watches_find(stream, *id) != NULL);
	return true;
}

static uint8_t
flags_of(const struct v3_watch_create_request *create)
{
	unsigned flags = create->prev_kv ? V3_WATCH_PREV_KV : 0;

	for (size_t i = 0; i < create->filters.count; i++) {
		if (create->filters.items[i] == V3_FILTER_NOPUT)
			flags |= V3_WATCH_NO_PUT;
		if (create->filters.items[i] == V3_FILTER_NODELETE)
			flags |= V3_WATCH_NO_DELETE;
	}
	return (uint8_t)flags;
}

/* raftd refuses such a one, and says the revision with it: it takes no id. */
static bool
is_vain(const struct v3_watch_create_request *create)
{
	static const uint8_t zero;
	struct slice key = create->key.size == 0 ? slice_of(&zero, 1) : create->key;
	struct slice end = create->range_end;

	return create->start_revision < 0 || (end.size > 0 &&
	    (end.size != 1 || end.data[0] != 0) && slice_compare(end, key) <= 0);
}

static void
create(struct watch_stream *stream, const struct v3_watch_create_request *asked)
{
	enum v3_error refusal = refusal_of(stream->call, asked->key, asked->range_end);
	bool vain = is_vain(asked);
	struct stream_watch *watch;
	int64_t id = 0;

	if (refusal != V3_NONE) {
		(void)add_turn(stream, TURN_REFUSED, NULL, refusal);
		return;
	}
	if (!vain && !choose_id(stream, asked->watch_id, &id)) {
		(void)add_turn(stream, TURN_REFUSED, NULL, V3_WATCH_ID_USED);
		return;
	}
	watch = watches_add(stream, asked->key, asked->range_end);
	if (watch == NULL) {
		(void)add_turn(stream, TURN_REFUSED, NULL, V3_TOO_MANY_REQUESTS);
		return;
	}
	watch->vain = vain;
	if (!vain)
		watches_name(watch, id);
	watch->watch.start = (uint64_t)asked->start_revision;
	watch->watch.flags = flags_of(asked);
	watch->notified = asked->progress_notify;
	watch->fragments = asked->fragment;
	if (watch->notified)
		watches_notify(stream);
	if (add_turn(stream, TURN_CREATE, watch, V3_NONE))
		backend_v3_watch(backend_of(stream), &watch->watch);
}

static void
next(struct v3_call *call, const void *message)
{
	struct watch_stream *stream = call->state;
	const struct v3_watch_request *asked = message;
	struct stream_watch *watch;

	switch (asked->which) {
	case V3_IS_create_request:
		create(stream, asked->create_request);
		break;
	case V3_IS_cancel_request:
		/* An unknown one is not answered. */
		watch = watches_find(stream, asked->cancel_request->watch_id);
		if (watch == NULL)
			break;
		unname(watch);
		watch->given_up = true;
		(void)add_turn(stream, TURN_CANCEL, watch, V3_NONE);
		break;
	case V3_IS_progress_request:
		(void)add_turn(stream, TURN_PROGRESS, NULL, V3_NONE);
		break;
	case V3_NO_watch_request:
		break;
	}
}

static void
closed(struct v3_call *call)
{
	(void)goes_on(call->state);
}

static void
gone(struct v3_call *call)
{
	watches_free(call->state);
}

static void
drained(struct v3_call *call)
{
	watches_ask_on(call->state);
}

static void
stop(struct v3_call *call)
{
	watches_end(call->state, v3_status_of(V3_REFUSE_STOPPED));
}

struct watch_stream *
watches_new(struct v3_call *call)
{
	struct watch_stream *stream = xzalloc(sizeof(*stream));

	stream->call = call;
	LIST_INIT(&stream->watches);
	TAILQ_INIT(&stream->turns);
	TAILQ_INIT(&stream->behind);
	hash_init(&stream->by_id, rand_entropy(), match_id);
	stream->progress.done = progressed;
	buf_init(&stream->packed, 0);
	call->request->watches = true;
	call->state = stream;
	call->next = next;
	call->closed = closed;
	call->gone = gone;
	call->drained = drained;
	call->stop = stop;
	call->pack = watches_pack;
	return stream;
}

void
serve_watch(struct v3_call *call, const void *message UNUSED)
{
	if (call_may_ask(call))
		(void)watches_new(call);
}
