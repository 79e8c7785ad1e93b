/*
 * sim_course.h - something that is done now and then at machines that serve, beside all else.
 *
 * With random numbers of its own, so that a world without it is what it was before there was
 * such a thing.
 */
#ifndef MOOTHALL_TESTS_SIM_SIM_COURSE_H
#define MOOTHALL_TESTS_SIM_SIM_COURSE_H

#include "tests/sim/sim_world.h"

struct sim_course {
	uint64_t stream;		/* tells its random numbers from others of the seed */
	void (*act)(struct machine *machine, struct rand *rand);
};

/* Until faults are over, about every pace_ms; 0: never. The course is kept as a pointer. */
void course_start(struct world *world, const struct sim_course *course, uint64_t pace_ms);

#endif
