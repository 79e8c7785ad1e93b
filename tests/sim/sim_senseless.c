/*
 * sim_senseless.c - see sim_senseless.h.
 */
#include "tests/sim/sim_senseless.h"

#include "common/xmem.h"
#include "tests/lib/senseless.h"
#include "tests/sim/sim_machine.h"

#include <stdlib.h>

/* One seed of so many, in per mille. */
#define SEEDS 250
#define STREAM UINT64_C(0x73656e73656c6575)
#define FRAMES_MAX 6		/* at once */

struct sim_senseless {
	struct rand rand;
	struct senseless source;	/* of all of them: they know each other's ids */
};

void
senseless_profile(const struct world *world, struct sim_profile *profile)
{
	struct rand rand;

	rand_seed(&rand, world->seed ^ STREAM);
	if (!rand_chance(&rand, SEEDS))
		return;
	profile->senseless_ms = 20 + rand_below(&rand, 200);
}

void
senseless_heard(struct sim_worker *worker, const struct frame *frame)
{
	senseless_hear(&worker->machine->world->senseless->source, frame);
}

static void
speak(struct sim_worker *worker, struct sim_senseless *senseless)
{
	for (uint64_t left = 1 + rand_below(&senseless->rand, FRAMES_MAX); left > 0; left--) {
		struct buf frame = BUF_INIT;

		senseless_tame(&senseless->source, &frame);
		worker_send(worker, blob_new(buf_slice(&frame)));
		worker->machine->world->senseless_frames++;
		buf_free(&frame);
	}
}

static void
act(struct world *world, struct sim_event *event UNUSED)
{
	struct sim_senseless *senseless = world->senseless;
	struct machine *machine =
	    world->machines[rand_below(&senseless->rand, world->machine_count)];
	struct sim_worker *worker = machine->workers[machine->worker_count - 1];

	if (world->healed || world->now_ms >= world->profile.fault_ms)
		return;
	if (machine->node != NULL && worker->attached) {
		if (rand_chance(&senseless->rand, 20))
			worker_die(worker);
		else
			speak(worker, senseless);
	}
	world_after(world, 1 + rand_below(&senseless->rand, 2 * world->profile.senseless_ms), act);
}

void
senseless_start(struct world *world)
{
	if (world->profile.senseless_ms == 0)
		return;
	world->senseless = xzalloc(sizeof(*world->senseless));
	rand_seed(&world->senseless->rand, world->seed ^ STREAM);
	senseless_init(&world->senseless->source, world->seed, FROM_CLIENT_WORKER, "/evil");
	/* The members are the operator's to change. */
	world->senseless->source.harmless = true;
	world->senseless->source.big_per_mille = 0;
	world_after(world, 1, act);
}

void
senseless_end(struct world *world)
{
	if (world->senseless == NULL)
		return;
	senseless_free(&world->senseless->source);
	free(world->senseless);
	world->senseless = NULL;
}
