/*
 * sim_v3.h - the v3 keys: clients who write, compact and take leases, and leaders who renew
 * those; and what the log makes of it by the model of the unit tests.
 *
 * In some seeds only, and with random numbers of its own: other seeds are what they were.
 */
#ifndef MOOTHALL_TESTS_SIM_V3_H
#define MOOTHALL_TESTS_SIM_V3_H

#include "raftd/command.h"
#include "raftd/node_io.h"
#include "raftd/raft/types.h"
#include "tests/sim/sim_world.h"

/* Of all that they ask. */
#define V3_SESSION UINT64_C(0x763376337633)

struct sim_v3;

/* What is compared at each applied index. */
struct v3_figures {
	uint64_t revision;
	int64_t compacted;
	size_t leases;
};

/* Whether this seed has them: says so in the profile. */
void v3_profile(const struct world *world, struct sim_profile *profile);
struct sim_v3 *v3_new(void);
void v3_free(struct sim_v3 **v3);
/* Begin, if it has. */
void v3_start(struct world *world);
/* A question of that session was answered there. */
void v3_answered(struct machine *machine, uint64_t request_id,
    const struct node_outcome *outcome);
/* A committed command; false: it is none of the v3 keys, or malformed. */
bool v3_apply(struct world *world, const struct raft_entry *entry,
    const struct command_head *head, struct reader *body);
struct v3_figures v3_figures_of_log(const struct world *world);
/* The machine has applied that much of the log. */
void v3_check_figures(struct machine *machine, const struct v3_figures *figures);
/* The machine has applied all that the model has: every key and its history are the same. */
void v3_check_keys(struct machine *machine);

#endif
