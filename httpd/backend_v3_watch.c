/*
 * backend_v3_watch.c - open watches of the v3 keys: every revision once and in order, also
 * across a restart of raftd (see backend.h).
 *
 *	asked ------> live	raftd has it, it begins now or later	[backend_v3_watching]
 *	asked ------> behind	it begins in the past
 *	live -------> behind	its client is slow			[backend_v3_watch_drop]
 *				or raftd had too much at once		[backend_v3_watching]
 *	behind -----> behind	a piece was asked for, and came		[backend_v3_past]
 *	behind -----> live	and it was the last one
 *	live, behind -> asked	a new raftd				[backend_v3_watch_resume]
 *	any --------> over	refused, compacted, nobody wants it any more
 *
 * For each it is known up to which revision it was served. A live one has all that raftd told
 * of: the channel is in order, and raftd tells how far it is behind what happened up to there.
 * One that is behind has what its pieces said. From there it goes on at the next raftd.
 */
#include "common/limits.h"
#include "common/v3_error.h"
#include "common/xmem.h"
#include "httpd/backend_priv.h"

#include <stdlib.h>

static const struct question_kind watch_kind, progress_kind;

static struct backend_v3_watch *
watch_of(struct question *question)
{
	return CONTAINER_OF(question, struct backend_v3_watch, question);
}

static struct backend_v3_watch *
find_watch(const struct backend *backend, uint64_t id)
{
	struct question *question = question_find(backend, &watch_kind, id);

	return question == NULL ? NULL : watch_of(question);
}

static bool
is_answered(const struct backend_v3_watch *watch)
{
	return watch->question.place == PLACE_NOWHERE;
}

static size_t
bytes_of(const struct backend_v3_watch *watch)
{
	return V3_WATCH_BYTES + watch->key.size + watch->end.size;
}

/* ---- to raftd ------------------------------ */

static void
send_watch(struct backend *backend, struct question *question)
{
	struct backend_v3_watch *watch = watch_of(question);

	watch->registered = false;
	watch->behind = false;
	watch->asked = false;
	if (backend->open)
		msg_v3_watch_frame(channel_out(backend->channel), question->id,
		    &(struct msg_v3_watch){
			.flags = watch->flags,
			.start = is_answered(watch) ? watch->served + 1 : watch->start,
			.key = watch->key,
			.end = watch->end,
		    });
}

static void
open_watch(struct backend *backend, struct backend_v3_watch *watch, enum question_place place)
{
	ASSERT(watch->watching != NULL);
	ASSERT(watch->events != NULL);
	ASSERT(watch->turned != NULL);
	ASSERT(watch->may_be_kept != NULL);
	ASSERT(watch->forbidden != NULL);
	backend->v3_bytes += bytes_of(watch);
	question_begin(backend, &watch->question, &watch_kind, backend->next_watch++, place);
	send_watch(backend, &watch->question);
}

void
backend_v3_watch(struct backend *backend, struct backend_v3_watch *watch)
{
	watch->served = 0;
	open_watch(backend, watch, PLACE_ASKED);
}

void
backend_v3_watch_on(struct backend *backend, struct backend_v3_watch *watch, uint64_t served)
{
	watch->served = served;
	open_watch(backend, watch, PLACE_NOWHERE);
}

uint64_t
backend_v3_watch_served(const struct backend *backend, const struct backend_v3_watch *watch)
{
	return watch->registered && !watch->behind ?
	    MAX_OF(watch->served, backend->v3_revision) : watch->served;
}

void
backend_v3_watch_more(struct backend *backend, struct backend_v3_watch *watch)
{
	ASSERT(watch->behind);
	if (watch->asked)
		return;
	watch->asked = true;
	msg_v3_watch_more_frame(channel_out(backend->channel), watch->question.id,
	    &(struct msg_v3_watch_more){ 0 });
	loop_again(backend->worker->loop);
}

void
backend_v3_watch_drop(struct backend *backend, struct backend_v3_watch *watch, uint64_t revision)
{
	ASSERT(!watch->behind);
	watch->behind = true;
	watch->asked = false;
	watch->served = revision - 1;
	msg_v3_watch_drop_frame(channel_out(backend->channel), watch->question.id,
	    &(struct msg_v3_watch_drop){ .revision = revision });
}

static void
send_unwatch(struct backend *backend, const struct backend_v3_watch *watch)
{
	if (backend->open)
		msg_v3_unwatch_frame(channel_out(backend->channel), watch->question.id,
		    &(struct msg_v3_unwatch){ 0 });
}

static void
forget(struct backend *backend, struct backend_v3_watch *watch)
{
	backend->v3_bytes -= bytes_of(watch);
	question_over(backend, &watch->question);
}

void
backend_v3_unwatch(struct backend *backend, struct backend_v3_watch *watch)
{
	if (!backend_v3_watch_is_open(watch))
		return;
	send_unwatch(backend, watch);
	forget(backend, watch);
}

size_t
backend_v3_watch_count(const struct backend *backend)
{
	return backend->by_id[IDS_V3_WATCHES].count;
}

bool
backend_v3_watch_has_room(const struct backend *backend, size_t bytes)
{
	return V3_WATCH_BYTES + bytes <= V3_WORKER_WATCHES_BYTES_MAX - backend->v3_bytes;
}

uint64_t
backend_v3_term(const struct backend *backend)
{
	return backend->v3_term;
}

/* ---- what raftd says ------------------------------ */

void
backend_v3_watching(struct backend *backend, uint64_t id, const struct msg_v3_watching *answer)
{
	struct backend_v3_watch *watch = find_watch(backend, id);

	backend->v3_term = answer->raft_term;
	if (watch == NULL)
		return;
	if (answer->error != V3_NONE) {
		forget(backend, watch);
		watch->watching(watch, answer);
		return;
	}
	if (!is_answered(watch)) {
		watch->registered = true;
		watch->behind = answer->behind != 0;
		watch->served = watch->start == 0 ? answer->revision : watch->start - 1;
		question_leave(backend, &watch->question);
		watch->watching(watch, answer);
		return;
	}
	if (watch->registered)
		watch->served = watch->behind ? MIN_OF(watch->served, answer->revision) :
		    answer->revision;
	watch->registered = true;
	watch->asked = watch->asked && watch->behind;
	watch->behind = watch->behind || answer->behind != 0;
	watch->turned(watch);
}

/* The bytes of a list of changes, whole; false: not yet. */
static bool
is_whole(struct backend *backend, const struct frame *frame, struct slice *events)
{
	bool more = (frame->flags & FRAME_MORE) != 0;

	if (!more && backend->v3_events.size == 0)
		return true;
	buf_append_slice(&backend->v3_events, *events);
	*events = buf_slice(&backend->v3_events);
	return !more;
}

/* A change for a watch. */
struct v3_pair {
	uint64_t watch_id;
	uint32_t item;
};

/* What came, taken apart. */
struct v3_arrival {
	struct backend_v3_event *events;
	size_t event_count, event_capacity;
	struct v3_pair *pairs;
	size_t pair_count, pair_capacity;
	uint32_t *items;		/* of pairs, in their order */
	struct blob *shared[BACKEND_V3_FORMS];
	const uint32_t *shared_items;	/* of which these were made */
	size_t shared_count;
};

static bool
take_ids(struct v3_arrival *arrival, struct slice bytes)
{
	struct reader ids = reader_of(bytes);
	uint64_t id;

	while (codec_get_u64(&ids, &id)) {
		arrival->pairs = xgrow(arrival->pairs, &arrival->pair_capacity,
		    arrival->pair_count + 1, sizeof(arrival->pairs[0]));
		arrival->pairs[arrival->pair_count++] =
		    (struct v3_pair){ id, (uint32_t)arrival->event_count - 1 };
	}
	return reader_done(&ids);
}

static bool
take_apart(struct v3_arrival *arrival, struct slice bytes)
{
	struct reader in = reader_of(bytes);
	struct v3_change_record record;
	uint64_t before = 0;

	while (!reader_done(&in)) {
		if (!v3_change_record_get(&in, &record) ||
		    (record.flags & ~V3_CHANGE_ALL) != 0 || record.revision < before)
			return false;
		before = record.revision;
		arrival->events = xgrow(arrival->events, &arrival->event_capacity,
		    arrival->event_count + 1, sizeof(arrival->events[0]));
		arrival->events[arrival->event_count++] = (struct backend_v3_event){
			.revision = record.revision,
			.gone = (record.flags & V3_CHANGE_DELETE) != 0,
			.key_value = record.key_value,
			.previous = record.previous,
		};
		if (!take_ids(arrival, record.watch_ids))
			return false;
	}
	return true;
}

static void
drop_shared(struct v3_arrival *arrival)
{
	for (size_t i = 0; i < BACKEND_V3_FORMS; i++)
		blob_unref(&arrival->shared[i]);
}

static void
arrival_free(struct v3_arrival *arrival)
{
	drop_shared(arrival);
	free(arrival->events);
	free(arrival->pairs);
	free(arrival->items);
}

/* What was made of the same items is shared with who comes next. */
static void
give(struct backend_v3_watch *watch, struct v3_arrival *arrival, const uint32_t *items,
    size_t count, uint64_t revision, uint64_t raft_term, bool past)
{
	if (count != arrival->shared_count ||
	    memcmp(items, arrival->shared_items, count * sizeof(items[0])) != 0)
		drop_shared(arrival);
	arrival->shared_items = items;
	arrival->shared_count = count;
	watch->events(watch, &(struct backend_v3_batch){
	    .revision = revision,
	    .raft_term = raft_term,
	    .events = arrival->events,
	    .items = items,
	    .count = count,
	    .past = past,
	    .shared = arrival->shared,
	});
}

static int
compare_pairs(const void *a, const void *b)
{
	const struct v3_pair *left = a, *right = b;

	if (left->watch_id != right->watch_id)
		return left->watch_id < right->watch_id ? -1 : 1;
	return (left->item > right->item) - (left->item < right->item);
}

static void
give_live(struct backend *backend, struct v3_arrival *arrival, const struct msg_v3_events *message,
    size_t first, size_t end)
{
	struct backend_v3_watch *watch = find_watch(backend, arrival->pairs[first].watch_id);

	/* What was on its way to one that is behind meanwhile comes again, in its piece. */
	if (watch == NULL || !watch->registered || watch->behind)
		return;
	while (first < end && arrival->events[arrival->items[first]].revision <= watch->served)
		first++;
	if (first == end)
		return;
	give(watch, arrival, arrival->items + first, end - first, message->revision,
	    message->raft_term, false);
}

static void
give_all(struct backend *backend, struct v3_arrival *arrival, const struct msg_v3_events *message)
{
	qsort(arrival->pairs, arrival->pair_count, sizeof(arrival->pairs[0]), compare_pairs);
	arrival->items = xmalloc((arrival->pair_count + 1) * sizeof(arrival->items[0]));
	for (size_t i = 0; i < arrival->pair_count; i++)
		arrival->items[i] = arrival->pairs[i].item;
	for (size_t i = 0, end; i < arrival->pair_count; i = end) {
		for (end = i + 1; end < arrival->pair_count; end++)
			if (arrival->pairs[end].watch_id != arrival->pairs[i].watch_id)
				break;
		give_live(backend, arrival, message, i, end);
	}
}

void
backend_v3_events(struct backend *backend, const struct frame *frame,
    const struct msg_v3_events *message)
{
	struct v3_arrival arrival = { .event_count = 0 };
	struct slice bytes = message->events;

	backend->v3_term = message->raft_term;
	if (!is_whole(backend, frame, &bytes))
		return;
	if (backend->v3_events.overflowed || !take_apart(&arrival, bytes)) {
		arrival_free(&arrival);
		backend_protocol_error(backend, "invalid events of the v3 keys");
		return;
	}
	if (arrival.pair_count > 0)
		give_all(backend, &arrival, message);
	arrival_free(&arrival);
	buf_free(&backend->v3_events);
	backend->v3_revision = MAX_OF(backend->v3_revision, message->revision);
}

static void
give_past(struct backend *backend, struct backend_v3_watch *watch, struct v3_arrival *arrival,
    const struct msg_v3_past *message)
{
	uint64_t id = watch->question.id;

	arrival->items = xmalloc((arrival->event_count + 1) * sizeof(arrival->items[0]));
	for (size_t i = 0; i < arrival->event_count; i++)
		arrival->items[i] = (uint32_t)i;
	watch->served = MAX_OF(watch->served, message->revision);
	watch->behind = message->behind != 0;
	watch->asked = false;
	if (arrival->event_count > 0)
		give(watch, arrival, arrival->items, arrival->event_count, message->revision,
		    message->raft_term, true);
	/* It may be over by that. */
	watch = find_watch(backend, id);
	if (watch != NULL)
		watch->turned(watch);
}

void
backend_v3_past(struct backend *backend, const struct frame *frame,
    const struct msg_v3_past *message)
{
	struct backend_v3_watch *watch = find_watch(backend, frame->request_id);
	struct v3_arrival arrival = { .event_count = 0 };
	struct slice bytes = message->events;

	backend->v3_term = message->raft_term;
	if (!is_whole(backend, frame, &bytes))
		return;
	if (backend->v3_events.overflowed || !take_apart(&arrival, bytes)) {
		arrival_free(&arrival);
		backend_protocol_error(backend, "an invalid piece of the past of the v3 keys");
		return;
	}
	if (watch != NULL && watch->registered && watch->behind && watch->asked)
		give_past(backend, watch, &arrival, message);
	arrival_free(&arrival);
	buf_free(&backend->v3_events);
}

/* ---- another raftd, or none ------------------------------ */

void
backend_v3_watch_resume(struct backend *backend)
{
	const struct hash *watches = &backend->by_id[IDS_V3_WATCHES];

	for (struct hash_link *link = hash_first(watches); link != NULL;
	    link = hash_next(watches, link)) {
		struct question *question = CONTAINER_OF(link, struct question, by_id);

		/* What is not answered is asked with everything else that is not. */
		if (is_answered(watch_of(question)))
			send_watch(backend, question);
	}
}

void
backend_v3_watch_interrupt(struct backend *backend)
{
	const struct hash *watches = &backend->by_id[IDS_V3_WATCHES];

	for (struct hash_link *link = hash_first(watches); link != NULL;
	    link = hash_next(watches, link)) {
		struct backend_v3_watch *watch =
		    watch_of(CONTAINER_OF(link, struct question, by_id));

		watch->served = backend_v3_watch_served(backend, watch);
		watch->registered = false;
		watch->behind = false;
		watch->asked = false;
	}
	buf_free(&backend->v3_events);
	backend->v3_revision = 0;
}

static void
fail_watch(struct backend *backend, struct question *question, enum question_failure why)
{
	struct backend_v3_watch *watch = watch_of(question);

	send_unwatch(backend, watch);
	forget(backend, watch);
	watch->watching(watch, &(struct msg_v3_watching){
	    .error = why == FAILED_LATE ? V3_TIMED_OUT : V3_STOPPED,
	    .raft_term = backend->v3_term,
	});
}

void
backend_v3_watch_stand_by(struct backend *backend)
{
	struct hash_link *link;

	while ((link = hash_first(&backend->by_id[IDS_V3_WATCHES])) != NULL)
		fail_watch(backend, CONTAINER_OF(link, struct question, by_id), FAILED_REMOVED);
}

void
backend_v3_watch_review(struct backend *backend)
{
	const struct hash *watches = &backend->by_id[IDS_V3_WATCHES];
	uint64_t *ids = NULL;
	size_t count = 0, capacity = 0;

	/* First all are found: one that ends takes those of its stream with it. */
	for (struct hash_link *link = hash_first(watches); link != NULL;
	    link = hash_next(watches, link)) {
		const struct question *question = CONTAINER_OF(link, struct question, by_id);

		ids = xgrow(ids, &capacity, count + 1, sizeof(ids[0]));
		ids[count++] = question->id;
	}
	for (size_t i = 0; i < count; i++) {
		struct backend_v3_watch *watch = find_watch(backend, ids[i]);

		if (watch != NULL && !watch->may_be_kept(watch))
			watch->forbidden(watch);
	}
	free(ids);
}

static void
drop_question(struct question *question UNUSED)
{
}

static const struct question_kind watch_kind = {
	.ids = IDS_V3_WATCHES, .send = send_watch, .fail = fail_watch, .drop = drop_question,
};

/* ---- how far it is ------------------------------ */

static struct backend_v3_progress *
progress_of(struct question *question)
{
	return CONTAINER_OF(question, struct backend_v3_progress, question);
}

static void
send_progress(struct backend *backend, struct question *question)
{
	if (!backend->open)
		return;
	msg_v3_progress_ask_frame(channel_out(backend->channel), question->id,
	    &(struct msg_v3_progress_ask){ 0 });
	loop_again(backend->worker->loop);
}

void
backend_v3_progress(struct backend *backend, struct backend_v3_progress *progress)
{
	ASSERT(progress->done != NULL);
	question_begin(backend, &progress->question, &progress_kind, backend->next_id++,
	    PLACE_ASKED);
	send_progress(backend, &progress->question);
}

void
backend_v3_progress_cancel(struct backend *backend, struct backend_v3_progress *progress)
{
	if (backend_v3_progress_is_asked(progress))
		question_over(backend, &progress->question);
}

void
backend_v3_progress_came(struct backend *backend, uint64_t id,
    const struct msg_v3_progress *message)
{
	struct question *question = question_find(backend, &progress_kind, id);

	backend->v3_term = message->raft_term;
	backend->v3_revision = MAX_OF(backend->v3_revision, message->revision);
	if (question == NULL)
		return;
	question_over(backend, question);
	progress_of(question)->done(progress_of(question), message->revision);
}

static void
fail_progress(struct backend *backend, struct question *question,
    enum question_failure why UNUSED)
{
	question_over(backend, question);
	progress_of(question)->done(progress_of(question), 0);
}

static const struct question_kind progress_kind = {
	.ids = IDS_CALLS, .send = send_progress, .fail = fail_progress, .drop = drop_question,
};

/* ---- life ------------------------------ */

void
backend_v3_watch_start(struct backend *backend)
{
	buf_init(&backend->v3_events, ASSEMBLED_BYTES_MAX);
}

void
backend_v3_watch_finish(struct backend *backend)
{
	buf_free(&backend->v3_events);
}
