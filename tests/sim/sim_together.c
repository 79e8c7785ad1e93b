/*
 * sim_together.c - see sim_together.h. Its chances are of a stream of its own, so that the
 * other seeds are what they were.
 */
#include "tests/sim/sim_together.h"

#include "common/xmem.h"
#include "tests/sim/sim_net.h"

#include <stdlib.h>

#define STREAM UINT64_C(0x746f676574686572)
/* One seed of so many, in per mille. */
#define SEEDS 250
#define LATE 300		/* machines that come late, in per mille */
#define LATE_MS_MAX 4000
#define ASK_MS_MAX 300

static void
read_list(struct world *world)
{
	struct config config;
	struct buf list = BUF_INIT;
	char *problem;

	config_init(&config);
	for (size_t i = 0; i < world->machine_count; i++)
		buf_printf(&list, "%s%s=%s", i == 0 ? "" : ",", world->machines[i]->name,
		    world->machines[i]->peer_url);
	buf_append_byte(&list, '\0');
	MUST(config_set(&config, OPTION_initial_cluster, (const char *)list.data, &problem) ==
	    ERR_NONE);
	problem = initial_cluster_read(&config, &world->initial);
	ASSERT(problem == NULL);
	if (world_removes_silent(world))
		cluster_config_set(&world->initial.options,
		    &config_rows[CONFIG_ROW_remove_delay_ms], REMOVE_DELAY_MS_MIN);
	config_free(&config);
	buf_free(&list);
}

void
together_begin(struct world *world)
{
	struct rand rand;

	rand_seed(&rand, world->seed ^ STREAM);
	if (!rand_chance(&rand, SEEDS))
		return;
	read_list(world);
	for (size_t i = 0; i < world->machine_count; i++)
		world->machines[i]->begins_at_ms = rand_below(&rand, rand_chance(&rand, LATE) ?
		    LATE_MS_MAX : ASK_MS_MAX);
}

void
together_end(struct world *world)
{
	initial_cluster_free(&world->initial);
}

const struct initial_cluster *
together_list(struct machine *machine)
{
	const struct initial_cluster *initial = &machine->world->initial;
	const struct initial_member *self = initial_cluster_named(initial, machine->name);

	if (self == NULL || machine->old_count > 0)
		return NULL;
	if (machine->disk->identity.cluster_id == 0)
		machine->disk->identity.node_id = self->id;
	return initial;
}

bool
together_waits(const struct machine *machine)
{
	struct msg_status status;

	if (machine->world->initial.count == 0 || machine->old_count > 0 || machine->node == NULL)
		return false;
	node_status(machine->node, &status);
	return status.cluster_id == 0;
}

void
together_step(struct machine *machine)
{
	struct world *world = machine->world;
	size_t agree = 1;

	if (world->now_ms < machine->begins_at_ms)
		return;
	for (size_t i = 0; i < world->machine_count; i++) {
		const struct machine *other = world->machines[i];

		agree += other != machine && other->node != NULL &&
		    !sim_net_is_cut(world, machine->number, other->number) &&
		    !sim_net_is_cut(world, other->number, machine->number) ? 1 : 0;
	}
	if (agree < initial_cluster_quorum(&world->initial))
		return;
	node_create_cluster(machine->node);
	machine_wake(machine);
}

bool
together_has(const struct world *world, raft_index index)
{
	return index <= world->initial.count;
}
