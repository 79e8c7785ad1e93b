/*
 * sim_fault.h - what goes wrong: crashes, partitions, pauses, clocks, dying
 * workers; all drawn from the seed.
 */
#ifndef MOOTHALL_TESTS_SIM_FAULT_H
#define MOOTHALL_TESTS_SIM_FAULT_H

#include "tests/sim/sim_world.h"

void fault_profile(struct world *world, size_t machines, uint64_t fault_ms);
/* Schedule the first of each kind. */
void fault_start(struct world *world);
/* Something delicate happens on that machine: a good moment for a crash. */
void fault_moment(struct machine *machine);
/* Everything works again from now on. */
void fault_heal(struct world *world);

#endif
