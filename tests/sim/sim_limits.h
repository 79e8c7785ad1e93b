/*
 * sim_limits.h - a cluster whose limits are changed while it works, and clients at them.
 *
 * In some seeds only, and with random numbers of its own: other seeds are what they were.
 */
#ifndef MOOTHALL_TESTS_SIM_LIMITS_H
#define MOOTHALL_TESTS_SIM_LIMITS_H

#include "tests/sim/sim_world.h"

/* Whether this seed has them: says so in the profile. */
void limits_profile(const struct world *world, struct sim_profile *profile);
/* Begin, if it has. */
void limits_start(struct world *world);

#endif
