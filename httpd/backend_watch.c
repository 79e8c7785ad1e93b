/*
 * backend_watch.c - open watches: every event once and in order, also across a
 * restart of raftd (see backend.h).
 *
 *	asked ------> waiting	"watching" came			[backend_watch_watching]
 *	waiting ----> waiting	an event of a stream		[deliver]
 *	waiting ----> waiting	behind no more			[backend_watch_watching]
 *	waiting ----> over	an event, or an error
 *	any --------> asked	a new raftd			[backend_watch_resume]
 *
 * next_index is what a watch waits for: one more than the last event it had,
 * or than the store index it began at. An event below it came before, from an
 * earlier raftd. A watch that has seen nothing for long would ask for an index
 * that has left raftd's history, so settled_index follows what is known to be
 * behind us: raftd sends its events in the order of indexes, and announces a
 * store index before the events of that turn, so when the next one is announced
 * all up to the one before have come. That holds for those who are live; one that
 * is behind gets its events when raftd finds time and its client has read what came
 * before. So settled_index counts for a watch only beyond the index up to which it
 * has all of the past, and not at all before raftd has told that.
 *
 * What raftd gives to all that are behind is bounded by what this worker has worked
 * off, which it tells at the end of each turn (watch_taken): it takes longer to give
 * one event to a thousand connections than to tell them so.
 *
 * One that is behind gets a piece (WATCH_PIECE_BYTES, and by how much the last event
 * passes it), which both sides count alike; then raftd waits for watch_more.
 */
#include "common/cause.h"
#include "common/limits.h"
#include "common/metric.h"
#include "common/xmem.h"
#include "httpd/backend_priv.h"

#include <stdlib.h>

#define NOT_REGISTERED UINT64_MAX
#define FETCHED_AHEAD 16

static const struct question_kind watch_kind;

static struct backend_watch *
watch_of(struct question *question)
{
	return CONTAINER_OF(question, struct backend_watch, question);
}

static struct backend_watch *
find_watch(const struct backend *backend, uint64_t id)
{
	struct question *question = question_find(backend, &watch_kind, id);

	return question == NULL ? NULL : watch_of(question);
}

/* Then it waits in no list: only for events. */
static bool
is_answered(const struct backend_watch *watch)
{
	return watch->question.place == PLACE_NOWHERE;
}

static void
send_watch(struct backend *backend, struct question *question)
{
	struct backend_watch *watch = watch_of(question);

	watch->registered_index = NOT_REGISTERED;
	watch->behind = false;
	watch->given = 0;
	if (!backend->open)
		return;
	msg_watch_frame(channel_out(backend->channel), question->id, &(struct msg_watch){
	    .flags = watch->flags,
	    .since = watch->next_index,
	    .key = watch->key,
	});
}

/* place: PLACE_ASKED, or PLACE_NOWHERE for one that was answered elsewhere. */
static void
open_watch(struct backend *backend, struct backend_watch *watch, struct slice key, unsigned flags,
    uint64_t since, enum question_place place)
{
	ASSERT(watch->watching != NULL);
	ASSERT(watch->event != NULL);
	ASSERT(watch->soon != NULL);
	ASSERT(watch->may_be_kept != NULL);
	watch->next_index = since;
	watch->flags = (uint8_t)flags;
	watch->key = key;
	question_begin(backend, &watch->question, &watch_kind, backend->next_watch++, place);
	send_watch(backend, &watch->question);
}

void
backend_watch(struct backend *backend, struct backend_watch *watch, struct slice key,
    unsigned flags, uint64_t since)
{
	open_watch(backend, watch, key, flags, since, PLACE_ASKED);
}

void
backend_watch_on(struct backend *backend, struct backend_watch *watch, struct slice key,
    unsigned flags, uint64_t next_index)
{
	open_watch(backend, watch, key, flags, next_index, PLACE_NOWHERE);
}

void
backend_watch_rest(const struct backend *backend, struct backend_watch *watch)
{
	ASSERT(is_answered(watch));
	if (!watch->behind && backend->settled_index > watch->registered_index)
		watch->next_index = MAX_OF(watch->next_index, backend->settled_index + 1);
	/* It has everything from the time before it was registered. */
	if (watch->next_index > watch->registered_index)
		watch->flags |= WATCH_FLAG_GOES_ON;
}

void
backend_watch_more(struct backend *backend, struct backend_watch *watch)
{
	ASSERT(backend_watch_is_paused(watch));
	watch->given = 0;
	if (backend->open)
		msg_watch_more_frame(channel_out(backend->channel), watch->question.id,
		    &(struct msg_watch_more){ 0 });
}

size_t
backend_watch_count(const struct backend *backend)
{
	return backend->by_id[IDS_WATCHES].count;
}

/* raftd has it, or will when it comes to what was sent before. */
static void
send_unwatch(struct backend *backend, const struct backend_watch *watch)
{
	if (backend->open)
		msg_unwatch_frame(channel_out(backend->channel), watch->question.id,
		    &(struct msg_unwatch){ 0 });
}

void
backend_unwatch(struct backend *backend, struct backend_watch *watch)
{
	if (!backend_watch_is_open(watch))
		return;
	send_unwatch(backend, watch);
	question_over(backend, &watch->question);
}

static void
end_watch(struct backend *backend, struct backend_watch *watch, const struct msg_watching *answer)
{
	question_over(backend, &watch->question);
	watch->watching(watch, answer);
}

void
backend_watch_watching(struct backend *backend, uint64_t id, const struct msg_watching *answer)
{
	struct backend_watch *watch = find_watch(backend, id);

	if (watch == NULL)
		return;
	if (answer->error != ERR_NONE) {
		end_watch(backend, watch, answer);
		return;
	}
	watch->registered_index = answer->store_index;
	watch->behind = answer->behind != 0;
	if (!watch->behind)
		watch->next_index = MAX_OF(watch->next_index, answer->store_index + 1);
	if (is_answered(watch))
		return;
	question_leave(backend, &watch->question);
	watch->watching(watch, answer);
}

void
backend_watch_review(struct backend *backend, enum err error, struct slice cause)
{
	const struct hash *watches = &backend->by_id[IDS_WATCHES];
	struct backend_watch **ended = NULL;
	size_t count = 0, capacity = 0;
	struct hash_link *link;

	/* First all are found: the table may change under who walks over it. */
	for (link = hash_first(watches); link != NULL; link = hash_next(watches, link)) {
		struct backend_watch *watch =
		    watch_of(CONTAINER_OF(link, struct question, by_id));

		if (watch->may_be_kept(watch))
			continue;
		ended = xgrow(ended, &capacity, count + 1, sizeof(ended[0]));
		ended[count++] = watch;
	}
	for (size_t i = 0; i < count; i++) {
		send_unwatch(backend, ended[i]);
		end_watch(backend, ended[i], &(struct msg_watching){ .error = (uint16_t)error,
		    .cause = cause });
	}
	free(ended);
}

static void
deliver(struct backend *backend, uint64_t id, uint64_t store_index, struct slice event,
    struct blob **shared)
{
	struct backend_watch *watch = find_watch(backend, id);

	if (watch == NULL || !is_answered(watch))
		return;
	/* As raftd counts, whatever becomes of it. */
	if (watch->behind)
		watch->given += event.size;
	if (store_index < watch->next_index)
		return;
	watch->next_index = store_index + 1;
	if ((watch->flags & WATCH_FLAG_STREAM) == 0)
		question_over(backend, &watch->question);
	watch->event(watch, event, shared);
}

/*
 * Fetch what the next few deliveries touch. A thousand watchers that have waited for
 * long are in no cache; met one by one, each would be waited for at every step.
 */
static void
fetch_ahead(struct backend *backend, struct reader ids)
{
	const struct backend_watch *watches[FETCHED_AHEAD];
	size_t count = 0;
	uint64_t id;

	for (int i = 0; i < FETCHED_AHEAD && codec_get_u64(&ids, &id); i++)
		if ((watches[count] = find_watch(backend, id)) != NULL)
			count++;
	for (size_t i = 0; i < count; i++)
		watches[i]->soon(watches[i]);
}

void
backend_watch_event(struct backend *backend, const struct frame *frame,
    const struct msg_event *event)
{
	struct reader ids = reader_of(event->watch_ids);
	struct slice whole = event->event;
	struct event_record record;
	struct blob *shared[EVENT_BODIES] = { NULL };
	struct reader in;
	uint64_t id;

	if ((frame->flags & FRAME_MORE) != 0 || backend->event.size > 0) {
		buf_append_slice(&backend->event, whole);
		if ((frame->flags & FRAME_MORE) != 0)
			return;
		whole = buf_slice(&backend->event);
	}
	in = reader_of(whole);
	if (backend->event.overflowed || !event_record_get(&in, &record)) {
		backend_protocol_error(backend, "an invalid event");
		return;
	}
	for (unsigned i = 0;; i++) {
		if (i % FETCHED_AHEAD == 0)
			fetch_ahead(backend, ids);
		if (!codec_get_u64(&ids, &id))
			break;
		deliver(backend, id, record.store_index, whole, shared);
	}
	for (unsigned i = 0; i < EVENT_BODIES; i++)
		blob_unref(&shared[i]);
	buf_free(&backend->event);
	backend->taken += event->past_bytes;
	/* Others may want the same event in a frame of its own. */
	if (record.store_index > backend->settled_index)
		backend->settled_index = record.store_index - 1;
}

void
backend_watch_flush(struct backend *backend)
{
	if (backend->taken == 0)
		return;
	if (backend->open)
		msg_watch_taken_frame(channel_out(backend->channel), 0,
		    &(struct msg_watch_taken){ .past_bytes = backend->taken });
	backend->taken = 0;
}

void
backend_watch_announced(struct backend *backend, uint64_t store_index)
{
	if (store_index <= backend->announced_index)
		return;
	backend->settled_index = MAX_OF(backend->settled_index, backend->announced_index);
	backend->announced_index = store_index;
}

void
backend_watch_resume(struct backend *backend)
{
	const struct hash *watches = &backend->by_id[IDS_WATCHES];
	struct hash_link *link;

	for (link = hash_first(watches); link != NULL; link = hash_next(watches, link)) {
		struct question *question = CONTAINER_OF(link, struct question, by_id);

		/* What is not answered is asked with everything else that is not. */
		if (!is_answered(watch_of(question)))
			continue;
		backend_watch_rest(backend, watch_of(question));
		metric_add(METRIC_watch_resumed, 1);
		/* Should this raftd die before it takes the watch, what it announced
		 * meanwhile tells nothing of it. */
		send_watch(backend, question);
	}
}

void
backend_watch_interrupt(struct backend *backend)
{
	buf_free(&backend->event);
	backend->taken = 0;
	/* What this raftd announced last may have come without its events. */
	backend->announced_index = 0;
}

static void
fail_watch(struct backend *backend, struct question *question, enum question_failure why)
{
	struct backend_watch *watch = watch_of(question);
	bool late = why == FAILED_LATE;

	send_unwatch(backend, watch);
	end_watch(backend, watch, &(struct msg_watching){
	    .error = ERR_RAFT_INTERNAL,
	    .cause = slice_text(cause_text(late ? CAUSE_SILENT_READ : CAUSE_REMOVED_READ)),
	    .store_index = late ? backend->worker->cluster->store_index : 0,
	});
}

static void
drop_watch(struct question *question UNUSED)
{
}

/* It has no pieces, so none is lost. */
static const struct question_kind watch_kind = {
	.ids = IDS_WATCHES, .send = send_watch, .fail = fail_watch, .drop = drop_watch,
};

void
backend_watch_stand_by(struct backend *backend)
{
	struct hash_link *link;

	while ((link = hash_first(&backend->by_id[IDS_WATCHES])) != NULL)
		fail_watch(backend, CONTAINER_OF(link, struct question, by_id), FAILED_REMOVED);
}

void
backend_watch_start(struct backend *backend)
{
	backend->next_watch = 1;
	buf_init(&backend->event, ASSEMBLED_BYTES_MAX);
}

void
backend_watch_finish(struct backend *backend)
{
	buf_free(&backend->event);
}
