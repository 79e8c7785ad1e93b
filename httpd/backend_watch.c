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
#include "common/limits.h"
#include "common/metric.h"
#include "common/rand.h"
#include "httpd/backend_priv.h"

#define NOT_REGISTERED UINT64_MAX
#define FETCHED_AHEAD 16

static bool
watch_matches(const struct hash_link *link, struct slice key)
{
	const struct backend_watch *watch = CONTAINER_OF(link, const struct backend_watch, by_id);

	return slice_equal(slice_of(&watch->id, sizeof(watch->id)), key);
}

static struct backend_watch *
find_watch(const struct backend *backend, uint64_t id)
{
	struct hash_link *link = hash_find(&backend->watches, slice_of(&id, sizeof(id)));

	return link == NULL ? NULL : CONTAINER_OF(link, struct backend_watch, by_id);
}

static void
send_watch(struct backend *backend, struct backend_watch *watch)
{
	watch->registered_index = NOT_REGISTERED;
	watch->behind = false;
	watch->given = 0;
	if (!backend->open)
		return;
	msg_watch_frame(channel_out(backend->channel), watch->id, &(struct msg_watch){
	    .flags = watch->flags,
	    .since = watch->next_index,
	    .key = watch->key,
	});
}

static void
open_watch(struct backend *backend, struct backend_watch *watch, struct slice key, unsigned flags,
    uint64_t since)
{
	ASSERT(watch->watching != NULL);
	ASSERT(watch->event != NULL);
	ASSERT(watch->soon != NULL);
	watch->id = backend->next_watch++;
	watch->started_ms = loop_now(backend->worker->loop).monotonic_ms;
	watch->next_index = since;
	watch->flags = (uint8_t)flags;
	watch->key = key;
	hash_insert(&backend->watches, &watch->by_id, slice_of(&watch->id, sizeof(watch->id)));
	send_watch(backend, watch);
}

void
backend_watch(struct backend *backend, struct backend_watch *watch, struct slice key,
    unsigned flags, uint64_t since)
{
	watch->answered = false;
	TAILQ_INSERT_TAIL(&backend->unanswered, watch, link);
	open_watch(backend, watch, key, flags, since);
	backend_tick_soon(backend);
}

void
backend_watch_on(struct backend *backend, struct backend_watch *watch, struct slice key,
    unsigned flags, uint64_t next_index)
{
	watch->answered = true;
	open_watch(backend, watch, key, flags, next_index);
}

void
backend_watch_rest(const struct backend *backend, struct backend_watch *watch)
{
	ASSERT(watch->answered);
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
		msg_watch_more_frame(channel_out(backend->channel), watch->id,
		    &(struct msg_watch_more){ 0 });
}

size_t
backend_watch_count(const struct backend *backend)
{
	return backend->watches.count;
}

/* The watch is over: nothing of it is here any more. */
static void
forget_watch(struct backend *backend, struct backend_watch *watch)
{
	hash_remove(&backend->watches, &watch->by_id);
	if (!watch->answered)
		TAILQ_REMOVE(&backend->unanswered, watch, link);
	watch->id = 0;
}

/* raftd has it, or will when it comes to what was sent before. */
static void
send_unwatch(struct backend *backend, const struct backend_watch *watch)
{
	if (backend->open)
		msg_unwatch_frame(channel_out(backend->channel), watch->id,
		    &(struct msg_unwatch){ 0 });
}

void
backend_unwatch(struct backend *backend, struct backend_watch *watch)
{
	if (watch->id == 0)
		return;
	send_unwatch(backend, watch);
	forget_watch(backend, watch);
}

static void
end_watch(struct backend *backend, struct backend_watch *watch, const struct msg_watching *answer)
{
	forget_watch(backend, watch);
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
	if (watch->answered)
		return;
	TAILQ_REMOVE(&backend->unanswered, watch, link);
	watch->answered = true;
	watch->watching(watch, answer);
}

static void
deliver(struct backend *backend, uint64_t id, uint64_t store_index, struct slice event,
    struct blob **shared)
{
	struct backend_watch *watch = find_watch(backend, id);

	if (watch == NULL || !watch->answered)
		return;
	/* As raftd counts, whatever becomes of it. */
	if (watch->behind)
		watch->given += event.size;
	if (store_index < watch->next_index)
		return;
	watch->next_index = store_index + 1;
	if ((watch->flags & WATCH_FLAG_STREAM) == 0)
		forget_watch(backend, watch);
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
	struct blob *shared = NULL;
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
		backend_protocol_error(backend, "an event that is none");
		return;
	}
	for (unsigned i = 0;; i++) {
		if (i % FETCHED_AHEAD == 0)
			fetch_ahead(backend, ids);
		if (!codec_get_u64(&ids, &id))
			break;
		deliver(backend, id, record.store_index, whole, &shared);
	}
	blob_unref(&shared);
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
	struct hash_link *link;

	for (link = hash_first(&backend->watches); link != NULL;
	     link = hash_next(&backend->watches, link)) {
		struct backend_watch *watch = CONTAINER_OF(link, struct backend_watch, by_id);

		if (watch->answered) {
			backend_watch_rest(backend, watch);
			metric_add(METRIC_watch_resumed, 1);
		}
		/* Should this raftd die before it takes the watch, what it announced
		 * meanwhile tells nothing of it. */
		send_watch(backend, watch);
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

bool
backend_watch_expire(struct backend *backend, uint64_t now_ms)
{
	struct backend_watch *watch;

	while ((watch = TAILQ_FIRST(&backend->unanswered)) != NULL &&
	    backend_is_overdue(backend, watch->started_ms, BACKEND_WAIT_TIMED, now_ms)) {
		send_unwatch(backend, watch);
		end_watch(backend, watch, &(struct msg_watching){
		    .error = ERR_RAFT_INTERNAL,
		    .cause = SLICE_LITERAL("no answer from raftd in time"),
		    .store_index = backend->worker->cluster->store_index,
		});
	}
	return watch != NULL;
}

void
backend_watch_stand_by(struct backend *backend)
{
	struct hash_link *link;

	while ((link = hash_first(&backend->watches)) != NULL) {
		struct backend_watch *watch = CONTAINER_OF(link, struct backend_watch, by_id);

		send_unwatch(backend, watch);
		end_watch(backend, watch, &(struct msg_watching){
		    .error = ERR_RAFT_INTERNAL,
		    .cause = SLICE_LITERAL("this machine was removed from the cluster"),
		});
	}
}

void
backend_watch_start(struct backend *backend)
{
	hash_init(&backend->watches, rand_entropy(), watch_matches);
	TAILQ_INIT(&backend->unanswered);
	backend->next_watch = 1;
	buf_init(&backend->event, ASSEMBLED_BYTES_MAX);
}

void
backend_watch_finish(struct backend *backend)
{
	struct hash_link *link;

	while ((link = hash_pop(&backend->watches)) != NULL)
		CONTAINER_OF(link, struct backend_watch, by_id)->id = 0;
	hash_free(&backend->watches);
	buf_free(&backend->event);
}
