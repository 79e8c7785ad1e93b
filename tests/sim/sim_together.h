/*
 * sim_together.h - clusters that begin at all their machines at once, from a list.
 *
 * In one seed of four: every machine has the same -initial-cluster and begins by itself, as
 * soon as enough of the others can be asked (httpd/peer/gather.c does that in earnest); some
 * are late, some crash before what they began with is on their disk. In the other seeds the
 * first machine begins, and the others join it.
 */
#ifndef MOOTHALL_TESTS_SIM_TOGETHER_H
#define MOOTHALL_TESTS_SIM_TOGETHER_H

#include "tests/sim/sim_machine.h"

/* Whether this seed is one of them, and its list; once there are machines. */
void together_begin(struct world *world);
void together_end(struct world *world);
/* What the machine is started with: NULL if it begins alone or joins. The id that follows
 * from the list is its own until it has lost its data. */
const struct initial_cluster *together_list(struct machine *machine);
/* Has it not begun, so that no other node can reach its raftd? */
bool together_waits(const struct machine *machine);
/* Let a machine that waits begin, if it may by now. */
void together_step(struct machine *machine);
/* Every log of this world begins with that entry, before anybody has written it. */
bool together_has(const struct world *world, raft_index index);

#endif
