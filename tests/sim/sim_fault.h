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
/* Delicate moments of a machine: it may crash now or soon. */
enum fault_moment { MOMENT_VOTED, MOMENT_LEADS, MOMENT_SYNCED, MOMENT_COMMITTED };
void fault_moment(struct machine *machine, enum fault_moment moment);
/* True: the sync failed, and the node ended. */
bool fault_sync_fails(struct machine *machine);
/* Everything works again from now on. */
void fault_heal(struct world *world);

#endif
