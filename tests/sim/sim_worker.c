/*
 * sim_worker.c - sessions and their channel to raftd.
 */
#include "tests/sim/sim_worker.h"

#include "common/condition.h"
#include "common/ipc/wire.h"
#include "common/xmem.h"
#include "raftd/session/dispatch.h"
#include "tests/sim/sim_check.h"
#include "tests/sim/sim_machine.h"
#include "tests/sim/sim_senseless.h"

#include <inttypes.h>
#include <stdlib.h>

/* How long a worker waits beyond raftd's own time-out. */
#define WORKER_WAIT_MS 2000
/* How long a client may take over a piece. */
#define SLOW_MS 3000
#define NODES_AT 18		/* where an event_record has the length of its nodes */

struct sim_worker *
worker_new(struct machine *machine, size_t number)
{
	struct sim_worker *worker = xzalloc(sizeof(*worker));
	const struct sim_profile *profile = &machine->world->profile;

	worker->machine = machine;
	worker->number = number;
	worker->session = rand_next(&machine->world->rand) | 1;
	worker->next_id = 1;
	TAILQ_INIT(&worker->requests);
	worker->senseless = number > profile->workers;
	if (number == 0 || worker->senseless)
		return worker;
	worker->client_count = profile->clients;
	worker->clients = xmalloc((profile->clients + 1) * sizeof(struct client *));
	for (size_t i = 0; i < profile->clients; i++)
		worker->clients[i] = client_new(worker);
	worker->watch_count = profile->watches;
	worker->watches = xmalloc((profile->watches + 1) * sizeof(struct watcher *));
	for (size_t i = 0; i < profile->watches; i++)
		worker->watches[i] = watcher_new(worker);
	return worker;
}

static void
request_free(struct sim_request *request)
{
	TAILQ_REMOVE(&request->worker->requests, request, link);
	world_cancel(request->worker->machine->world, &request->timer);
	world_cancel(request->worker->machine->world, &request->ask);
	buf_free(&request->pieces);
	blob_unref(&request->frame);
	free(request);
}

void
worker_free(struct sim_worker **worker_pointer)
{
	struct sim_worker *worker = *worker_pointer;

	while (!TAILQ_EMPTY(&worker->requests))
		request_free(TAILQ_FIRST(&worker->requests));
	for (size_t i = 0; i < worker->client_count; i++)
		client_free(&worker->clients[i]);
	free(worker->clients);
	for (size_t i = 0; i < worker->watch_count; i++)
		watcher_free(&worker->watches[i]);
	free(worker->watches);
	free(worker);
	*worker_pointer = NULL;
}

static void
finish(struct sim_request *request, const struct msg_outcome *outcome)
{
	struct world *world = request->worker->machine->world;

	if (outcome == NULL)
		world->unknown++;
	else
		world->answered++;
	request->done(request, outcome);
	request_free(request);
}

uint64_t
worker_new_id(struct sim_worker *worker)
{
	return worker->next_id++;
}

struct sim_worker *
worker_of_session(struct machine *machine, uint64_t session)
{
	for (size_t i = 0; i < machine->worker_count; i++)
		if (machine->workers[i]->session == session && machine->workers[i]->attached)
			return machine->workers[i];
	return NULL;
}

/* When a frame arrives that is written now: soon, and after the one before it. */
static uint64_t
in_order(struct world *world, uint64_t last_ms)
{
	uint64_t at_ms = world->now_ms + world_below(world, 2);

	return MAX_OF(at_ms, last_ms);
}

/* ---- to raftd --------------------------------------------------------------------- */

static void
to_raftd(struct world *world, struct sim_event *event)
{
	struct machine *machine = event->machine;
	struct asker asker = { .node = machine->node, .sender = (unsigned)event->flags,
		.session = event->number };
	struct frame frame;
	size_t used;

	if (machine->life != event->life)
		return;
	if (frame_parse(blob_slice(event->bytes), &frame, &used) != ERR_NONE ||
	    session_dispatch(&asker, &frame) != ERR_NONE)
		sim_fail(world, machine, "a worker's frame is refused");
	machine_wake(machine);
}

void
worker_send(struct sim_worker *worker, struct blob *frame)
{
	struct world *world = worker->machine->world;
	struct sim_event *event;

	if (!worker->attached) {
		blob_unref(&frame);
		return;
	}
	worker->in_at_ms = in_order(world, worker->in_at_ms);
	event = world_after(world, worker->in_at_ms - world->now_ms, to_raftd);
	event->machine = worker->machine;
	event->life = worker->machine->life;
	event->number = worker->session;
	event->flags = worker->number == 0 ? FROM_PEER_WORKER : FROM_CLIENT_WORKER;
	event->bytes = frame;
}

/* ---- from raftd --------------------------------------------------------------------- */

static void
send_plain(struct sim_worker *worker, uint16_t type, uint64_t id)
{
	struct buf frame = BUF_INIT, unused = BUF_INIT;

	codec_put_u64(&unused, 0);
	frame_append(&frame, type, 0, id, buf_slice(&unused));
	worker_send(worker, blob_new(buf_slice(&frame)));
	buf_free(&frame);
	buf_free(&unused);
}

static void
ask_more(struct world *world UNUSED, struct sim_event *event)
{
	struct sim_request *request = event->object;

	request->ask = NULL;
	send_plain(request->worker, MSG_read_more, request->id);
}

/* Its client takes the piece, now or slowly; another piece is asked for then. */
static void
take_piece(struct sim_request *request, const struct msg_outcome *outcome)
{
	struct world *world = request->worker->machine->world;
	uint64_t delay_ms = 0;

	buf_append_slice(&request->pieces, outcome->event);
	world->pieces++;
	if (world_chance(world, world->profile.slow_pieces))
		delay_ms = world_below(world, SLOW_MS);
	request->ask = world_after(world, delay_ms, ask_more);
	request->ask->object = request;
}

/* The last piece, or all of it. */
static void
take_end(struct sim_request *request, const struct msg_outcome *outcome)
{
	struct msg_outcome whole = *outcome;
	struct buf *pieces = &request->pieces;
	size_t size;

	if (pieces->size > 0 && outcome->error == ERR_NONE) {
		buf_append_slice(pieces, outcome->event);
		ASSERT(pieces->size >= NODES_AT + 4);
		size = pieces->size - NODES_AT - 4;
		for (size_t i = 0; i < 4; i++)
			pieces->data[NODES_AT + i] = (uint8_t)(size >> 8 * i);
		whole.event = buf_slice(pieces);
	}
	finish(request, &whole);
}

static void
take_outcome(struct sim_worker *worker, uint64_t id, bool more, const struct msg_outcome *outcome)
{
	struct sim_request *request;

	TAILQ_FOREACH(request, &worker->requests, link)
		if (request->id == id)
			break;
	if (request != NULL && more)
		take_piece(request, outcome);
	else if (request != NULL)
		take_end(request, outcome);
	else if (more)
		/* Nobody wants it any more. */
		send_plain(worker, MSG_read_stop, id);
}

static void
take_watching(struct sim_worker *worker, uint64_t id, const struct msg_watching *answer)
{
	for (size_t i = 0; i < worker->watch_count; i++)
		if (watcher_answered(worker->watches[i], id, answer))
			return;
}

static void
take_event(struct sim_worker *worker, const struct msg_event *event)
{
	struct reader ids = reader_of(event->watch_ids);
	struct buf frame = BUF_INIT;
	uint64_t id;

	while (codec_get_u64(&ids, &id))
		for (size_t i = 0; i < worker->watch_count; i++)
			if (watcher_event(worker->watches[i], id, event->event))
				break;
	if (event->past_bytes == 0)
		return;
	msg_watch_taken_frame(&frame, 0,
	    &(struct msg_watch_taken){ .past_bytes = event->past_bytes });
	worker_send(worker, blob_new(buf_slice(&frame)));
	buf_free(&frame);
}

/* Counters are not replicated: only their form can be checked. */
static enum err
take_progress(struct slice list)
{
	struct reader in = reader_of(list);
	struct progress_record record;
	struct condition condition;

	while (!reader_done(&in))
		if (!progress_record_get(&in, &record) ||
		    (record.condition.size > 0 && !condition_get(&condition, record.condition)))
			return ERR_MALFORMED;
	return ERR_NONE;
}

static enum err
take_stats(const struct msg_stats *stats)
{
	struct reader followers = reader_of(stats->followers);
	struct follower_record record;
	size_t counts[] = { [STATS_SELF] = SELF_STAT_COUNT, [STATS_STORE] = STORE_STAT_COUNT,
		[STATS_LEADER] = 0, [STATS_PROGRESS] = 0 };

	if (stats->kind >= ARRAY_COUNT(counts) ||
	    stats->numbers.size != counts[stats->kind] * sizeof(uint64_t))
		return ERR_MALFORMED;
	if (stats->kind == STATS_PROGRESS)
		return take_progress(stats->followers);
	while (!reader_done(&followers))
		if (!follower_record_get(&followers, &record))
			return ERR_MALFORMED;
	return ERR_NONE;
}

static void
from_raftd(struct world *world, struct sim_event *event)
{
	struct sim_worker *worker = event->object;
	struct msg_outcome outcome;
	struct msg_watching watching;
	struct msg_event hit;
	struct msg_stats stats;
	struct frame frame;
	size_t used;
	enum err err = ERR_MALFORMED;

	if (worker->session != event->life)
		return;
	worker->reply_life = event->flags;
	if (event->flags == worker->machine->life) {
		worker->queued_bytes -= event->bytes->size;
		machine_wake(worker->machine);
	}
	if (frame_parse(blob_slice(event->bytes), &frame, &used) == ERR_NONE) {
		if (worker->senseless) {
			senseless_heard(worker, &frame);
			return;
		}
		if (frame.type == MSG_outcome &&
		    (err = msg_outcome_decode(frame.payload, &outcome)) == ERR_NONE)
			take_outcome(worker, frame.request_id, (frame.flags & FRAME_MORE) != 0,
			    &outcome);
		else if (frame.type == MSG_watching &&
		    (err = msg_watching_decode(frame.payload, &watching)) == ERR_NONE)
			take_watching(worker, frame.request_id, &watching);
		else if (frame.type == MSG_event &&
		    (err = msg_event_decode(frame.payload, &hit)) == ERR_NONE)
			take_event(worker, &hit);
		else if (frame.type == MSG_stats &&
		    (err = msg_stats_decode(frame.payload, &stats)) == ERR_NONE)
			err = take_stats(&stats);
	}
	if (err != ERR_NONE)
		sim_fail(world, worker->machine, "raftd sent a frame that cannot be decoded");
}

void
worker_reply(struct sim_worker *worker, struct blob *frame)
{
	struct world *world = worker->machine->world;
	struct sim_event *event;

	worker->queued_bytes += frame->size;
	worker->out_at_ms = in_order(world, worker->out_at_ms);
	event = world_after(world, worker->out_at_ms - world->now_ms, from_raftd);
	event->object = worker;
	event->life = worker->session;
	event->flags = worker->machine->life;
	event->bytes = frame;
}

/* ---- requests ------------------------------------------------------------------------- */

static void
give_up(struct world *world, struct sim_event *event)
{
	struct sim_request *request = event->object;

	(void)world;
	request->timer = NULL;
	finish(request, NULL);
}

static struct sim_request *
begin(struct sim_worker *worker)
{
	struct sim_request *request = xzalloc(sizeof(*request));
	struct world *world = worker->machine->world;

	request->worker = worker;
	request->id = worker_new_id(worker);
	request->started_ms = world->now_ms;
	request->life = worker->machine->life;
	request->timer = world_after(world,
	    world->profile.request_timeout_ms + WORKER_WAIT_MS, give_up);
	request->timer->object = request;
	check_request(request);
	TAILQ_INSERT_TAIL(&worker->requests, request, link);
	return request;
}

/* Everything below has been answered, or nobody waits for it. */
static uint64_t
lowest_id(const struct sim_worker *worker)
{
	const struct sim_request *first = TAILQ_FIRST(&worker->requests);

	return first->id;
}

static struct sim_request *
begun(struct sim_request *request, struct buf *frame)
{
	request->frame = blob_new(buf_slice(frame));
	buf_free(frame);
	worker_send(request->worker, blob_ref(request->frame));
	return request;
}

struct sim_request *
worker_write(struct sim_worker *worker, struct msg_write *write)
{
	struct sim_request *request = begin(worker);
	struct buf frame = BUF_INIT;

	write->low = lowest_id(worker);
	msg_write_frame(&frame, request->id, write);
	return begun(request, &frame);
}

struct sim_request *
worker_read(struct sim_worker *worker, const struct msg_read *read)
{
	struct sim_request *request = begin(worker);
	struct buf frame = BUF_INIT;

	msg_read_frame(&frame, request->id, read);
	return begun(request, &frame);
}

struct sim_request *
worker_lock_look(struct sim_worker *worker, const struct msg_lock_look *look)
{
	struct sim_request *request = begin(worker);
	struct buf frame = BUF_INIT;

	msg_lock_look_frame(&frame, request->id, look);
	return begun(request, &frame);
}

struct sim_request *
worker_member_change(struct sim_worker *worker, struct msg_member_change *change)
{
	struct sim_request *request = begin(worker);
	struct buf frame = BUF_INIT;

	change->low = lowest_id(worker);
	msg_member_change_frame(&frame, request->id, change);
	return begun(request, &frame);
}

struct sim_request *
worker_place_change(struct sim_worker *worker, struct msg_place_change *change)
{
	struct sim_request *request = begin(worker);
	struct buf frame = BUF_INIT;

	change->low = lowest_id(worker);
	msg_place_change_frame(&frame, request->id, change);
	return begun(request, &frame);
}

struct sim_request *
worker_auth_change(struct sim_worker *worker, struct msg_auth_change *change)
{
	struct sim_request *request = begin(worker);
	struct buf frame = BUF_INIT;

	change->low = lowest_id(worker);
	msg_auth_change_frame(&frame, request->id, change);
	return begun(request, &frame);
}

struct sim_request *
worker_config_change(struct sim_worker *worker, struct slice items)
{
	struct sim_request *request = begin(worker);
	struct buf frame = BUF_INIT;

	msg_config_change_frame(&frame, request->id, &(struct msg_config_change){
	    .low = lowest_id(worker), .items = items });
	return begun(request, &frame);
}

bool
worker_cancel(struct sim_worker *worker, uint64_t id)
{
	struct sim_request *request;

	TAILQ_FOREACH(request, &worker->requests, link) {
		if (request->id == id) {
			request_free(request);
			return true;
		}
	}
	return false;
}

/* ---- life --------------------------------------------------------------------------------- */

static void
attach(struct world *world, struct sim_event *event)
{
	struct sim_worker *worker = event->object;
	struct sim_request *request;

	if (worker->machine->life != event->life)
		return;
	worker->attached = true;
	TAILQ_FOREACH(request, &worker->requests, link) {
		struct blob *frame = blob_new(blob_slice(request->frame));

		/* What came of an answer is void. */
		world_cancel(world, &request->ask);
		buf_clear(&request->pieces);
		frame_set_flags(frame->data, FRAME_AGAIN);
		worker_send(worker, frame);
	}
	for (size_t i = 0; i < worker->watch_count; i++)
		watcher_attach(worker->watches[i]);
}

void
worker_attach(struct sim_worker *worker)
{
	struct world *world = worker->machine->world;
	struct sim_event *event;
	uint64_t at_ms = MAX_OF(worker->out_at_ms, world->now_ms);

	/* What the dead raftd wrote is read before the new one is talked to. */
	event = world_after(world, at_ms - world->now_ms + 1 + world_below(world, 5), attach);
	event->machine = worker->machine;
	event->object = worker;
	event->life = worker->machine->life;
}

void
worker_detach(struct sim_worker *worker)
{
	worker->attached = false;
	worker->queued_bytes = 0;
}

static void
tell_gone(struct world *world, struct sim_event *event)
{
	struct machine *machine = event->machine;

	(void)world;
	if (machine->life != event->life)
		return;
	node_session_gone(machine->node, event->number);
	machine_wake(machine);
}

void
worker_die(struct sim_worker *worker)
{
	struct world *world = worker->machine->world;

	world_tell(world, worker->machine, "worker %zu dies", worker->number);
	if (worker->attached) {
		struct sim_event *event;

		worker->in_at_ms = MAX_OF(worker->in_at_ms, world->now_ms);
		event = world_after(world, worker->in_at_ms - world->now_ms, tell_gone);
		event->machine = worker->machine;
		event->life = worker->machine->life;
		event->number = worker->session;
	}
	while (!TAILQ_EMPTY(&worker->requests))
		finish(TAILQ_FIRST(&worker->requests), NULL);
	worker->session = rand_next(&world->rand) | 1;
	worker->next_id = 1;
	worker->queued_bytes = 0;
	for (size_t i = 0; i < worker->client_count; i++)
		client_reset(worker->clients[i]);
	for (size_t i = 0; i < worker->watch_count; i++)
		watcher_reset(worker->watches[i]);
}
