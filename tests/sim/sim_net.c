/*
 * sim_net.c - links between machines; each direction has its own fate.
 */
#include "tests/sim/sim_net.h"

#include "common/ipc/message.h"
#include "common/xmem.h"
#include "tests/sim/sim_check.h"
#include "tests/sim/sim_machine.h"
#include "tests/sim/sim_together.h"

#include <inttypes.h>
#include <stdlib.h>

#define STREAMS 2	/* bulk frames have their own */

struct sim_net {
	bool cut[SIM_MACHINES_MAX][SIM_MACHINES_MAX];
	uint64_t last_ms[SIM_MACHINES_MAX][SIM_MACHINES_MAX][STREAMS];
	bool clean;
};

struct sim_net *
sim_net_new(void)
{
	return xzalloc(sizeof(struct sim_net));
}

void
sim_net_free(struct sim_net **net)
{
	free(*net);
	*net = NULL;
}

static void
deliver(struct world *world, struct sim_event *event)
{
	struct machine *to = event->machine;
	struct frame frame;
	size_t used;
	enum err err;

	const struct machine *from = event->object;

	(void)world;
	/* The data directory may be another one by now; what had not left the
	 * sender when it died may be lost. */
	if (to->node == NULL || machine_node_id(to) != event->life ||
	    event->flags <= from->muted_life || together_waits(to))
		return;
	err = frame_parse(blob_slice(event->bytes), &frame, &used);
	ASSERT(err == ERR_NONE);
	frame.request_id = event->number;
	if (node_peer_frame(to->node, &frame) != ERR_NONE)
		sim_fail(world, to, "a frame %s of another node is refused as malformed",
		    message_name(frame.type));
	machine_wake(to);
}

static void
schedule(struct machine *from, struct machine *to, struct blob *bytes, bool bulk)
{
	struct world *world = from->world;
	const struct sim_profile *profile = &world->profile;
	uint64_t delay_ms = world_between(world, profile->latency_min_ms, profile->latency_max_ms);
	uint64_t *last_ms = &world->net->last_ms[from->number][to->number][bulk];
	struct sim_event *event;

	if (world->net->clean || !world_chance(world, profile->reorder)) {
		uint64_t at_ms = MAX_OF(world->now_ms + delay_ms, *last_ms);

		delay_ms = at_ms - world->now_ms;
		*last_ms = at_ms;
	} else {
		delay_ms += world_below(world, 200);
	}
	event = world_after(world, delay_ms, deliver);
	event->machine = to;
	event->object = from;
	event->flags = from->life;
	event->number = machine_node_id(from);
	event->life = machine_node_id(to);
	event->bytes = blob_ref(bytes);
}

void
sim_net_send(struct machine *from, const struct frame *frame)
{
	struct world *world = from->world;
	struct machine *to = machine_of_id(world, frame->request_id);
	struct buf whole = BUF_INIT;
	struct blob *bytes;

	check_frame(from, frame);
	world_mix(world, frame->payload);
	if (world->trace != NULL) {
		fprintf(world->trace, "%8" PRIu64 " %-3s   -> %s: ", world->now_ms, from->name,
		    to == NULL ? "nobody" : to->name);
		message_print(world->trace, frame, 0);
		fputc('\n', world->trace);
	}
	if (to == NULL || to == from || world->net->cut[from->number][to->number])
		return;
	if (!world->net->clean && world_chance(world, world->profile.loss))
		return;
	frame_append(&whole, frame->type, frame->flags, frame->request_id, frame->payload);
	bytes = blob_new(buf_slice(&whole));
	buf_free(&whole);
	schedule(from, to, bytes, message_is_bulk(frame->type));
	if (!world->net->clean && world_chance(world, world->profile.twice))
		schedule(from, to, bytes, message_is_bulk(frame->type));
	blob_unref(&bytes);
}

/* ---- streams ------------------------------------------------------------------ */

static void
say_connected(struct world *world, struct sim_event *event)
{
	struct machine *at = event->machine;
	struct machine *other = event->object;

	if (at->node == NULL || other->node == NULL ||
	    world->net->cut[at->number][other->number] ||
	    world->net->cut[other->number][at->number])
		return;
	node_peer_connected(at->node, machine_node_id(other));
	machine_wake(at);
}

static void
come_up(struct machine *at, struct machine *other)
{
	struct sim_event *event = world_after(at->world, world_between(at->world, 1, 30),
	    say_connected);

	event->machine = at;
	event->object = other;
}

void
sim_net_cut(struct world *world, size_t from, size_t to, bool cut)
{
	if (from == to || world->net->cut[from][to] == cut)
		return;
	world->net->cut[from][to] = cut;
	if (!cut && !world->net->cut[to][from]) {
		come_up(world->machines[from], world->machines[to]);
		come_up(world->machines[to], world->machines[from]);
	}
}

bool
sim_net_is_cut(const struct world *world, size_t from, size_t to)
{
	return world->net->cut[from][to];
}

void
sim_net_heal(struct world *world)
{
	world->net->clean = true;
	for (size_t i = 0; i < world->machine_count; i++)
		for (size_t n = 0; n < world->machine_count; n++)
			sim_net_cut(world, i, n, false);
}

void
sim_net_up(struct machine *machine)
{
	struct world *world = machine->world;

	for (size_t i = 0; i < world->machine_count; i++) {
		struct machine *other = world->machines[i];

		if (other == machine || other->node == NULL)
			continue;
		come_up(machine, other);
		come_up(other, machine);
	}
}

static void
say_unreachable(struct world *world, struct sim_event *event)
{
	struct machine *at = event->machine;
	struct machine *about = event->object;

	(void)world;
	if (at->node == NULL || (about->node != NULL && event->flags == 0))
		return;
	node_peer_unreachable(at->node, event->life);
	machine_wake(at);
}

void
sim_net_refused(struct machine *machine)
{
	struct world *world = machine->world;

	for (size_t i = 0; i < world->machine_count; i++) {
		struct machine *other = world->machines[i];
		struct sim_event *event;

		if (other == machine || other->node == NULL ||
		    world->net->cut[i][machine->number] || world_chance(world, 200))
			continue;
		event = world_after(world, world_between(world, 1, 20), say_unreachable);
		event->machine = other;
		event->object = machine;
		event->life = machine_node_id(machine);
	}
}

void
sim_net_false_hint(struct machine *at, const struct machine *about)
{
	struct sim_event *event = world_after(at->world, 1, say_unreachable);

	event->machine = at;
	event->object = at->world->machines[about->number];
	event->life = machine_node_id(about);
	event->flags = 1;
}
