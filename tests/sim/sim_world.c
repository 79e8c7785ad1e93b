/*
 * sim_world.c - virtual time, events, chance, and the course of a run.
 */
#include "tests/sim/sim_world.h"

#include "common/crc32c.h"
#include "common/ipc/wire.h"
#include "common/xmem.h"
#include "tests/sim/sim_check.h"
#include "tests/sim/sim_fault.h"
#include "tests/sim/sim_limits.h"
#include "tests/sim/sim_machine.h"
#include "tests/sim/sim_model.h"
#include "tests/sim/sim_moves.h"
#include "tests/sim/sim_net.h"
#include "tests/sim/sim_operator.h"
#include "tests/sim/sim_together.h"
#include "tests/sim/sim_senseless.h"
#include "tests/sim/sim_users.h"
#include "tests/sim/sim_v3.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

/* After all faults are healed: how long until writes work, and all agree. A chunk
 * of a snapshot that was lost before may be waited for for 10 s. */
#define PROBE_LIMIT_MS 25000
#define AGREE_LIMIT_MS 15000
#define WATCH_LIMIT_MS 20000
#define STEP_MS 100

static bool
event_before(const struct heap_link *a, const struct heap_link *b)
{
	const struct sim_event *left = CONTAINER_OF(a, const struct sim_event, link);
	const struct sim_event *right = CONTAINER_OF(b, const struct sim_event, link);

	if (left->at_ms != right->at_ms)
		return left->at_ms < right->at_ms;
	return left->order < right->order;
}

struct sim_event *
world_after(struct world *world, uint64_t delay_ms,
    void (*run)(struct world *, struct sim_event *))
{
	struct sim_event *event;

	event = world->spare_count > 0 ? world->spare[--world->spare_count]
				       : xmalloc(sizeof(*event));
	*event = (struct sim_event){
		.at_ms = world->now_ms + delay_ms,
		.order = ++world->order,
		.run = run,
	};
	heap_insert(&world->events, &event->link);
	return event;
}

static void
event_free(struct world *world, struct sim_event *event)
{
	blob_unref(&event->bytes);
	world->spare = xgrow(world->spare, &world->spare_capacity, world->spare_count + 1,
	    sizeof(struct sim_event *));
	world->spare[world->spare_count++] = event;
}

void
world_cancel(struct world *world, struct sim_event **event)
{
	if (*event == NULL)
		return;
	heap_remove(&world->events, &(*event)->link);
	event_free(world, *event);
	*event = NULL;
}

uint64_t
world_below(struct world *world, uint64_t bound)
{
	return rand_below(&world->rand, bound);
}

uint64_t
world_between(struct world *world, uint64_t low, uint64_t high)
{
	return high <= low ? low : low + rand_below(&world->rand, high - low + 1);
}

bool
world_removes_silent(const struct world *world)
{
	return world->seed % 4 == 1;
}

bool
world_chance(struct world *world, unsigned per_mille)
{
	return per_mille > 0 && rand_chance(&world->rand, per_mille);
}

uint64_t
world_gap(struct world *world, uint64_t mean_ms)
{
	/* Two draws: neither regular nor often at the same time as another kind. */
	return 1 + world_below(world, mean_ms) + world_below(world, mean_ms);
}

void
world_mix(struct world *world, struct slice bytes)
{
	world->trace_hash = crc32c(world->trace_hash, bytes);
}

void
world_tell(const struct world *world, const struct machine *machine, const char *format, ...)
{
	va_list arguments;

	if (world->trace == NULL)
		return;
	fprintf(world->trace, "%8" PRIu64 " %-3s ", world->now_ms,
	    machine == NULL ? "" : machine->name);
	va_start(arguments, format);
	vfprintf(world->trace, format, arguments);
	va_end(arguments);
	fputc('\n', world->trace);
}

void
sim_fail(const struct world *world, const struct machine *machine, const char *format, ...)
{
	va_list arguments;

	printf("seed %" PRIu64 " FAILED at %" PRIu64 " ms%s%s: ", world->seed, world->now_ms,
	    machine == NULL ? "" : " on ", machine == NULL ? "" : machine->name);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	fflush(NULL);
	exit(EXIT_TROUBLE);
}

struct world *
world_new(const struct world_options *options)
{
	struct world *world = xzalloc(sizeof(*world));

	world->seed = options->seed;
	world->trace = options->trace;
	rand_seed(&world->rand, options->seed);
	heap_init(&world->events, event_before);
	fault_profile(world, options->machines, options->fault_ms);
	world->net = sim_net_new();
	world->check = check_new();
	world->model = model_new(world);
	world->v3 = v3_new();
	world->operator = operator_new(world);
	world->machine_count = world->profile.machines;
	for (size_t i = 0; i < world->machine_count; i++)
		world->machines[i] = machine_new(world, i);
	return world;
}

void
world_free(struct world **world_pointer)
{
	struct world *world = *world_pointer;
	struct heap_link *link;

	for (size_t i = 0; i < world->machine_count; i++)
		machine_free(&world->machines[i]);
	while ((link = heap_first(&world->events)) != NULL) {
		heap_remove(&world->events, link);
		event_free(world, CONTAINER_OF(link, struct sim_event, link));
	}
	heap_free(&world->events);
	for (size_t i = 0; i < world->spare_count; i++)
		free(world->spare[i]);
	free(world->spare);
	senseless_end(world);
	operator_free(&world->operator);
	together_end(world);
	model_free(&world->model);
	v3_free(&world->v3);
	check_free(&world->check);
	sim_net_free(&world->net);
	free(world);
	*world_pointer = NULL;
}

static void
run_until(struct world *world, uint64_t end_ms)
{
	struct heap_link *link;

	while ((link = heap_first(&world->events)) != NULL) {
		struct sim_event *event = CONTAINER_OF(link, struct sim_event, link);
		uint64_t mixed[4];

		if (event->at_ms > end_ms)
			break;
		ASSERT(event->at_ms >= world->now_ms);
		world->now_ms = event->at_ms;
		if (event->machine != NULL && event->machine->paused_until > world->now_ms) {
			/* Events held back come out in the order they went in. */
			event->at_ms = event->machine->paused_until;
			event->order = ++world->order;
			heap_update(&world->events, &event->link);
			continue;
		}
		heap_remove(&world->events, link);
		mixed[0] = event->at_ms;
		mixed[1] = world->rand.state;
		mixed[2] = event->number;
		mixed[3] = event->machine == NULL ? 0 : event->machine->number + 1;
		world_mix(world, slice_of(mixed, sizeof(mixed)));
		event->run(world, event);
		event_free(world, event);
	}
	world->now_ms = end_ms;
}

/* ---- the end: everything healed ---------------------------------------------- */

static void
probed(struct sim_request *request, const struct msg_outcome *outcome)
{
	bool *done = request->owner;

	*done = outcome != NULL && outcome->error == ERR_NONE;
}

/* A write must succeed through every machine. */
static void
probe_all(struct world *world)
{
	uint64_t limit_ms = world->now_ms + PROBE_LIMIT_MS;

	for (size_t i = 0; i < world->machine_count; i++) {
		struct machine *machine = world->machines[i];
		bool done = false;

		while (!done) {
			struct sim_request *request;
			uint64_t wait_ms = world->now_ms + world->profile.request_timeout_ms, id;

			if (world->now_ms >= limit_ms)
				sim_fail(world, machine, "no write succeeds for %d ms after all "
				    "faults ended", PROBE_LIMIT_MS);
			if (!machine_serves(machine)) {
				run_until(world, world->now_ms + STEP_MS);
				continue;
			}
			request = load_probe(machine->workers[1], probed);
			request->owner = &done;
			id = request->id;
			while (!done && world->now_ms < wait_ms + 2 * STEP_MS)
				run_until(world, world->now_ms + STEP_MS);
			if (!done && worker_cancel(machine->workers[1], id))
				world_tell(world, machine, "probe given up");
		}
	}
}

static bool
all_settled(const struct world *world)
{
	if (!operator_settled(world))
		return false;
	for (size_t i = 0; i < world->machine_count; i++) {
		const struct machine *machine = world->machines[i];

		if (machine->retired)
			continue;
		if (!machine_serves(machine) ||
		    raft_applied(node_raft(machine->node)) != check_committed(world) ||
		    raft_last(node_raft(machine->node)).index != check_committed(world))
			return false;
	}
	return true;
}

static void
settle(struct world *world, const char *what)
{
	uint64_t limit_ms = world->now_ms + AGREE_LIMIT_MS;

	while (!all_settled(world)) {
		if (world->now_ms >= limit_ms)
			sim_fail(world, NULL, "%s: members do not come to the same applied index "
			    "within %d ms without faults", what, AGREE_LIMIT_MS);
		run_until(world, world->now_ms + STEP_MS);
	}
}

/* Watches get what they were promised; a long poll takes one event at a time. */
static void
watches_complete(struct world *world, struct machine *machine)
{
	uint64_t limit_ms = world->now_ms + WATCH_LIMIT_MS;

	for (size_t w = 1; w < machine->worker_count; w++)
		for (size_t i = 0; i < machine->workers[w]->watch_count; i++)
			while (!watcher_is_complete(machine->workers[w]->watches[i],
			    model_index(world->model))) {
				if (world->now_ms >= limit_ms)
					sim_fail(world, machine, "a watch does not get all events "
					    "within %d ms without faults", WATCH_LIMIT_MS);
				run_until(world, world->now_ms + STEP_MS);
			}
}

void
world_run(struct world *world)
{
	struct slice late;

	operator_begin(world);
	fault_start(world);
	limits_start(world);
	moves_start(world);
	users_start(world);
	v3_start(world);
	senseless_start(world);
	run_until(world, world->profile.fault_ms);
	world_tell(world, NULL, "---- all faults end");
	fault_heal(world);
	probe_all(world);
	/* Once clients are silent, only expiry and catching up are left. */
	world->healed = true;
	run_until(world, world->now_ms + 2 * world->profile.request_timeout_ms);
	settle(world, "healed");
	probe_all(world);
	settle(world, "last write");
	check_agreement(world);
	for (size_t i = 0; i < world->machine_count; i++)
		watches_complete(world, world->machines[i]);
	late = model_overdue(world->model, model_time_ns(world->model) - 3 * NS_PER_SECOND);
	if (late.size > 0)
		sim_fail(world, NULL, "%.*s should have expired seconds ago", SLICE_ARGS(late));
}
