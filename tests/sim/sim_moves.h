/*
 * sim_moves.h - operators who give places and members other peer URLs.
 *
 * In some seeds only, and with random numbers of its own: other seeds are what they were.
 */
#ifndef MOOTHALL_TESTS_SIM_MOVES_H
#define MOOTHALL_TESTS_SIM_MOVES_H

#include "tests/sim/sim_world.h"

/* Whether this seed has them: says so in the profile. */
void moves_profile(const struct world *world, struct sim_profile *profile);
/* Begin, if it has. */
void moves_start(struct world *world);

#endif
