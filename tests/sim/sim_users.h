/*
 * sim_users.h - operators who change users, roles and whether they count, and users who write.
 *
 * In some seeds only, and with random numbers of its own: other seeds are what they were.
 */
#ifndef MOOTHALL_TESTS_SIM_USERS_H
#define MOOTHALL_TESTS_SIM_USERS_H

#include "tests/sim/sim_world.h"

/* Whether this seed has them: says so in the profile. */
void users_profile(const struct world *world, struct sim_profile *profile);
/* Begin, if it has. */
void users_start(struct world *world);

#endif
