/*
 * sim_check_priv.h - what the checks remember, for sim_check.c and sim_history.c.
 */
#ifndef MOOTHALL_TESTS_SIM_CHECK_PRIV_H
#define MOOTHALL_TESTS_SIM_CHECK_PRIV_H

#include "common/key_limits.h"
#include "tests/sim/sim_check.h"
#include "tests/sim/sim_v3.h"

struct committed {
	struct raft_entry entry;	/* payload is ours */
	raft_term commit_term;		/* of who committed it first */
	uint64_t store_index;		/* of the model after it */
	struct model_window window;	/* the same */
	struct key_limits limits;
	struct model_rights rights;
	struct v3_figures v3;
	bool hash_known;
	uint32_t hash;
	size_t hashed_by;
};

struct print {
	raft_term term;
	uint32_t print;
};

/* All the entries that were ever written at one index. */
struct slot {
	struct print *prints;
	size_t count, capacity;
};

/* A change that was refused: it must not have happened. */
struct refusal {
	uint64_t session, sequence;
	enum err error;
};

struct sim_check {
	size_t count, capacity;
	struct committed *committed;	/* committed[i] has index i + 1 */
	size_t slot_count, slot_capacity;
	struct slot *slots;
	size_t leader_count, leader_capacity;
	peer_id *leaders;		/* by term */
	uint64_t seen;			/* the largest store index anybody was shown */
	size_t refusal_count, refusal_capacity;
	struct refusal *refusals;
};

void check_refusals(const struct world *world);

#endif
