/*
 * sim_senseless.h - client workers that were taken over, one on each machine, beside those that
 * were not.
 *
 * In some seeds only, and with random numbers of its own: other seeds are what they were. What
 * their frames are says tests/lib/senseless.h. No promise is made to them, and none to others
 * is broken: all checks go on.
 */
#ifndef MOOTHALL_TESTS_SIM_SENSELESS_H
#define MOOTHALL_TESTS_SIM_SENSELESS_H

#include "tests/sim/sim_worker.h"

/* Whether this seed has them: says so in the profile. */
void senseless_profile(const struct world *world, struct sim_profile *profile);
/* Begin, if it has. */
void senseless_start(struct world *world);
void senseless_end(struct world *world);
/* raftd said something to one of them. */
void senseless_heard(struct sim_worker *worker, const struct frame *frame);

#endif
