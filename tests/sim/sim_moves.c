/*
 * sim_moves.c - see sim_moves.h.
 *
 * Places for machines that never come are made as well; sim_operator.c removes them again.
 * What is moved: a place that is open, one that was taken or is gone, a member by the id that it
 * is shown with, or by its own though it has another; to a URL that nobody has, that the
 * thing has itself, or that a member has. What comes of it the model says (sim_members.c).
 */
#include "tests/sim/sim_moves.h"

#include "common/ipc/wire.h"
#include "tests/sim/sim_check.h"
#include "tests/sim/sim_course.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* One seed of so many, in per mille. */
#define SEEDS 250
#define STREAM UINT64_C(0x6d6f766573)
#define URL_BYTES 64

void
moves_profile(const struct world *world, struct sim_profile *profile)
{
	struct rand rand;

	rand_seed(&rand, world->seed ^ STREAM);
	if (rand_chance(&rand, SEEDS))
		profile->moves_ms = 200 + rand_below(&rand, 2000);
}

static void
moved(struct sim_request *request, const struct msg_outcome *outcome)
{
	check_member_change(request, outcome);
	if (outcome != NULL && outcome->error == ERR_NONE)
		request->worker->machine->world->moves++;
}

/* An id that means something, or 1, which nothing has. */
static uint64_t
choose_id(const struct world *world, struct rand *rand)
{
	const struct raft_conf *conf = model_conf(world->model);
	uint64_t node = conf->voter_count == 0 ? 1 :
	    conf->voters[rand_below(rand, conf->voter_count)];
	uint64_t place = model_any_place(world->model, rand_next(rand));

	if (place != 0 && rand_chance(rand, 500))
		return place;
	place = model_place_of(world->model, node);
	return rand_chance(rand, 30) ? 1 : place != 0 && rand_chance(rand, 800) ? place : node;
}

/* Does a machine join by it? If another had it then, that machine could not. */
static bool
is_a_machine_s(const struct world *world, const char *url)
{
	for (size_t i = 0; i < world->machine_count; i++)
		if (strcmp(world->machines[i]->peer_url, url) == 0)
			return true;
	return false;
}

/* One that is its own, or another's, or nobody's. */
static void
choose_url(const struct world *world, struct rand *rand, uint64_t id, char url[URL_BYTES])
{
	const char *there = model_url_of(world->model, id);

	if (rand_chance(rand, 300)) {
		there = model_url_of(world->model, choose_id(world, rand));
		if (there != NULL && is_a_machine_s(world, there))
			there = NULL;
	}
	if (there != NULL && rand_chance(rand, 400))
		snprintf(url, URL_BYTES, "%s", there);
	else
		snprintf(url, URL_BYTES, "http://10.0.1.%u:%u", (unsigned)rand_below(rand, 3),
		    (unsigned)(7000 + rand_below(rand, 100)));
}

static void
move(struct machine *machine, struct rand *rand)
{
	struct sim_worker *worker = machine->workers[machine->world->profile.workers];
	bool make = rand_chance(rand, 400);
	uint64_t id = make ? rand_next(rand) | 1 : choose_id(machine->world, rand);
	char url[URL_BYTES];
	struct msg_place_change change = { .op = make ? PLACE_MAKE : PLACE_MOVE, .id = id,
		.asker = SLICE_LITERAL("operator") };

	choose_url(machine->world, rand, id, url);
	change.peer_urls = slice_text(url);
	world_tell(machine->world, machine, "is asked to %s %016" PRIx64 " at %s",
	    make ? "make" : "move", id, url);
	worker_place_change(worker, &change)->done = moved;
}

void
moves_start(struct world *world)
{
	static const struct sim_course course = { STREAM, move };

	course_start(world, &course, world->profile.moves_ms);
}
