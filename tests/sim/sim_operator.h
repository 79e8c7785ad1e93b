/*
 * sim_operator.h - who forms the cluster and changes its members, one change
 * at a time, and never beyond what the remaining members can carry.
 */
#ifndef MOOTHALL_TESTS_SIM_OPERATOR_H
#define MOOTHALL_TESTS_SIM_OPERATOR_H

#include "tests/sim/sim_machine.h"

struct sim_operator *operator_new(struct world *world);
void operator_free(struct sim_operator **operator);

/* Start the first machine as a new cluster; the others join. */
void operator_begin(struct world *world);
/* Some change of members, if one is possible now. */
void operator_change(struct world *world);
/* raftd asked to end: removed from the cluster, or worse. */
void operator_ended(struct machine *machine);
/* Every machine is a member and no change is under way. */
bool operator_settled(const struct world *world);

#endif
