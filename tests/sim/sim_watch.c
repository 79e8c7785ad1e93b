/*
 * sim_watch.c - watches: chains of long polls and streams; every event that
 * fits comes once, in order, and none is left out.
 *
 *	closed --open_watch--> asked --watching--> open --event--> open (stream)
 *	open --event--> closed, and again from the next index (chain)
 *	open --piece of the past--> open, and more is asked for
 *	asked, open --raftd died--> asked again with the next index
 *	any --error or boredom--> closed
 */
#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/xmem.h"
#include "tests/sim/sim_check.h"

#include <inttypes.h>
#include <stdlib.h>

struct watcher {
	struct sim_worker *worker;
	uint64_t id;			/* 0: closed */
	const char *key;
	uint8_t flags;
	uint64_t next;			/* store index from which events count; 0: not yet known */
	bool answered;			/* watching came since it was asked last */
	bool behind;			/* and said that the past comes first */
	size_t given;			/* bytes of it since more was asked for */
	uint64_t asked_next;
	uint64_t bored_at_ms;		/* then it is given up for another */
	struct sim_event *timer;
};

static void open_later(struct watcher *watch);

static struct world *
world_of(const struct watcher *watch)
{
	return watch->worker->machine->world;
}

struct watcher *
watcher_new(struct sim_worker *worker)
{
	struct watcher *watch = xzalloc(sizeof(*watch));

	watch->worker = worker;
	open_later(watch);
	return watch;
}

void
watcher_free(struct watcher **watch)
{
	free(*watch);
	*watch = NULL;
}

static void
ask(struct watcher *watch)
{
	struct msg_watch message = {
		.flags = watch->flags,
		.since = watch->next,
		.key = slice_text(watch->key),
	};
	struct buf frame = BUF_INIT;

	watch->answered = false;
	watch->behind = false;
	watch->given = 0;
	watch->asked_next = watch->next;
	msg_watch_frame(&frame, watch->id, &message);
	worker_send(watch->worker, blob_new(buf_slice(&frame)));
	buf_free(&frame);
	world_tell(world_of(watch), watch->worker->machine, "watch %" PRIu64 " %s flags=%x since=%"
	    PRIu64, watch->id, watch->key, watch->flags, watch->next);
}

static void
choose(struct watcher *watch)
{
	struct world *world = world_of(watch);
	uint64_t present = model_index(world->model);

	watch->key = load_key(world);
	watch->flags = 0;
	if (world_chance(world, 600))
		watch->flags |= WATCH_FLAG_RECURSIVE;
	if (world_chance(world, 500))
		watch->flags |= WATCH_FLAG_STREAM;
	watch->next = 0;
	if (world_chance(world, 300))
		watch->next = 1 + world_below(world, present + 4);
	watch->bored_at_ms = world->now_ms + 1000 + world_below(world, 8000);
}

static void
unwatch(struct watcher *watch)
{
	struct msg_unwatch message = { 0 };
	struct buf frame = BUF_INIT;

	msg_unwatch_frame(&frame, watch->id, &message);
	worker_send(watch->worker, blob_new(buf_slice(&frame)));
	buf_free(&frame);
	watch->id = 0;
}

/* Open what is closed; look from time to time whether it is boring. */
static void
tend(struct world *world, struct sim_event *event)
{
	struct watcher *watch = event->object;

	watch->timer = NULL;
	if (!watch->worker->attached) {
		open_later(watch);
		return;
	}
	if (watch->id != 0 && !world->healed && world->now_ms >= watch->bored_at_ms) {
		unwatch(watch);
		watch->key = NULL;
	}
	if (watch->id == 0) {
		if (watch->key == NULL || (!world->healed && world->now_ms >= watch->bored_at_ms))
			choose(watch);
		watch->id = worker_new_id(watch->worker);
		ask(watch);
	}
	open_later(watch);
}

static void
open_later(struct watcher *watch)
{
	struct world *world = world_of(watch);

	uint64_t delay_ms = watch->id != 0 ? 500 + world_below(world, 500)
					   : world_below(world, world->healed ? 5 : 50);

	world_cancel(world, &watch->timer);
	watch->timer = world_after(world, delay_ms, tend);
	watch->timer->object = watch;
}

void
watcher_reset(struct watcher *watch)
{
	watch->id = 0;
	watch->key = NULL;
	open_later(watch);
}

void
watcher_attach(struct watcher *watch)
{
	if (watch->id != 0)
		ask(watch);
}

/* No event that fits may be left out between what came last and what comes now. */
static void
check_no_gap(const struct watcher *watch, uint64_t until)
{
	const struct world *world = world_of(watch);

	for (uint64_t index = watch->next; index < until; index++)
		if (model_wants(world->model, slice_text(watch->key), watch->flags, index) ==
		    WANT_ALWAYS)
			sim_fail(world, watch->worker->machine, "watch %" PRIu64
			    " on %s (flags %x) "
			    "misses event %" PRIu64 " on %.*s", watch->id, watch->key,
			    watch->flags, index,
			    SLICE_ARGS(model_event(world->model, index)->key));
}

/* It has all of the past up to that index. */
static void
behind_no_more(struct watcher *watch, const struct msg_watching *answer)
{
	struct world *world = world_of(watch);

	if (!watch->behind || answer->behind != 0)
		sim_fail(world, watch->worker->machine, "watch %" PRIu64 " is registered twice",
		    watch->id);
	world_tell(world, watch->worker->machine, "watch %" PRIu64 " has the past up to %" PRIu64,
	    watch->id, answer->store_index);
	check_no_gap(watch, answer->store_index + 1);
	check_seen(watch->worker, answer->store_index);
	watch->behind = false;
	watch->next = MAX_OF(watch->next, answer->store_index + 1);
}

/* So much of the past comes at a time; then it waits until more is asked for. */
static void
take_piece(struct watcher *watch, size_t bytes)
{
	const struct sim_profile *profile = &world_of(watch)->profile;
	size_t piece = profile->watch_piece_bytes != 0 ? profile->watch_piece_bytes :
	    WATCH_PIECE_BYTES;
	struct buf frame = BUF_INIT;

	if (watch->given >= piece)
		sim_fail(world_of(watch), watch->worker->machine, "watch %" PRIu64
		    " gets more of the past than was asked for", watch->id);
	watch->given += bytes;
	if (watch->given < piece)
		return;
	watch->given = 0;
	msg_watch_more_frame(&frame, watch->id, &(struct msg_watch_more){ 0 });
	worker_send(watch->worker, blob_new(buf_slice(&frame)));
	buf_free(&frame);
}

bool
watcher_answered(struct watcher *watch, uint64_t id, const struct msg_watching *answer)
{
	struct world *world = world_of(watch);
	const struct machine *machine = watch->worker->machine;

	if (watch->id != id)
		return false;
	if (answer->error == ERR_NONE && watch->answered) {
		behind_no_more(watch, answer);
		return true;
	}
	if (answer->error == ERR_WATCHER_CLEARED) {
		if (watch->next >= model_window(world->model).first)
			sim_fail(world, machine, "watch %" PRIu64 " is ended though all it waits "
			    "for from %" PRIu64 " on is in the window", id, watch->next);
	} else if (answer->error != ERR_NONE && answer->error != ERR_EVENT_INDEX_CLEARED) {
		sim_fail(world, machine, "watch %" PRIu64 " is answered with error %u", id,
		    answer->error);
	} else if (answer->error != ERR_NONE &&
	    model_is_cleared(world->model, watch->asked_next, answer->store_index) ==
	    WANT_NEVER) {
		sim_fail(world, machine, "watch %" PRIu64 " since %" PRIu64
		    " is answered with error "
		    "%u at index %" PRIu64, id, watch->asked_next, answer->error,
		    answer->store_index);
	}
	world_tell(world, machine, "watch %" PRIu64 " is answered: error=%u index=%" PRIu64, id,
	    answer->error, answer->store_index);
	check_seen(watch->worker, answer->store_index);
	if (answer->error != ERR_NONE) {
		watch->id = 0;
		watch->key = NULL;
		open_later(watch);
		return true;
	}
	watch->answered = true;
	watch->behind = answer->behind != 0;
	/* Also from before the window: then it is sure that it missed nothing. */
	if (watch->next != 0 && !watch->behind)
		check_no_gap(watch, answer->store_index + 1);
	if (watch->next == 0)
		watch->next = answer->store_index + 1;
	return true;
}
bool
watcher_event(struct watcher *watch, uint64_t id, struct slice bytes)
{
	struct world *world = world_of(watch);
	const struct machine *machine = watch->worker->machine;
	struct reader in = reader_of(bytes);
	struct event_record event;
	const char *differs;

	if (watch->id != id)
		return false;
	differs = model_compare_event(world->model, bytes);
	if (differs != NULL)
		sim_fail(world, machine, "event for watch %" PRIu64 " differs: %s", id, differs);
	if (!event_record_get(&in, &event))
		sim_fail(world, machine, "event for watch %" PRIu64 " is malformed", id);
	if (!watch->answered)
		sim_fail(world, machine, "event for watch %" PRIu64
		    " comes before it is registered", id);
	if (event.store_index < watch->next)
		sim_fail(world, machine, "watch %" PRIu64 " on %s gets event %" PRIu64
		    " though it waits for %" PRIu64 ": twice, or out of order", id, watch->key,
		    event.store_index, watch->next);
	if (model_wants(world->model, slice_text(watch->key), watch->flags, event.store_index) ==
	    WANT_NEVER)
		sim_fail(world, machine, "watch %" PRIu64 " on %s (flags %x) gets event %" PRIu64
		    " on %.*s", id, watch->key, watch->flags, event.store_index,
		    SLICE_ARGS(model_event(world->model, event.store_index)->key));
	check_no_gap(watch, event.store_index);
	check_seen(watch->worker, event.store_index);
	world->events_seen++;
	watch->next = event.store_index + 1;
	if (watch->behind && (watch->flags & WATCH_FLAG_STREAM) != 0)
		take_piece(watch, bytes.size);
	if ((watch->flags & WATCH_FLAG_STREAM) == 0) {
		watch->id = 0;
		open_later(watch);
	}
	return true;
}

bool
watcher_is_complete(const struct watcher *watch, uint64_t store_index)
{
	const struct world *world = world_of(watch);

	if (watch->id == 0 || !watch->answered)
		return false;
	for (uint64_t index = watch->next; index <= store_index; index++)
		if (model_wants(world->model, slice_text(watch->key), watch->flags, index) ==
		    WANT_ALWAYS)
			return false;
	return true;
}
