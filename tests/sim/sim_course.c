/*
 * sim_course.c - see sim_course.h.
 */
#include "tests/sim/sim_course.h"

#include "tests/sim/sim_machine.h"
#include "tests/sim/sim_worker.h"

/* The next time: the event has the course, its pace and the state of its random numbers. */
static void
act(struct world *world, struct sim_event *event)
{
	const struct sim_course *course = event->object;
	uint64_t pace_ms = event->flags;
	struct rand rand = { event->number };
	struct machine *machine = world->machines[rand_below(&rand, world->machine_count)];
	struct sim_event *next;

	if (world->healed || world->now_ms >= world->profile.fault_ms)
		return;
	if (machine_serves(machine) && machine->workers[0]->attached)
		course->act(machine, &rand);
	next = world_after(world, 1 + rand_below(&rand, 2 * pace_ms), act);
	next->object = (void *)(uintptr_t)course;
	next->flags = pace_ms;
	next->number = rand_next(&rand);
}

void
course_start(struct world *world, const struct sim_course *course, uint64_t pace_ms)
{
	struct sim_event *first;

	if (pace_ms == 0)
		return;
	first = world_after(world, 1, act);
	first->object = (void *)(uintptr_t)course;
	first->flags = pace_ms;
	first->number = world->seed ^ course->stream;
}
