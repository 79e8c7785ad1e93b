/*
 * sim_check.h - the promises, checked while the cluster runs.
 *
 *	election safety		one leader in a term; one vote of a node in a term
 *	durability		a vote, an acknowledged append, a commit: only what is synced
 *	log matching		one entry for an (index, term), with one predecessor
 *	leader completeness	a new leader has all that was committed before its term
 *	state machine safety	the same entry, effects and hash at an applied index
 *	linearizability		writes and quorum reads against the log's order
 *	at most once		a (session, sequence) takes effect once, and as answered
 *
 * A broken one is sim_fail: seed, time, reason.
 */
#ifndef MOOTHALL_TESTS_SIM_CHECK_H
#define MOOTHALL_TESTS_SIM_CHECK_H

#include "common/ipc/message.h"
#include "tests/sim/sim_machine.h"
#include "tests/sim/sim_model.h"

struct sim_check;

struct sim_check *check_new(void);
void check_free(struct sim_check **check);

/* ---- what raftd does ------------------------------------------------------------ */

void check_started(struct machine *machine);
void check_turn(struct machine *machine);
/* A turn begins: so many without time going on that come no further are a node that spins. */
void check_spins(struct machine *machine);
/* A frame is about to leave for another node. */
void check_frame(struct machine *machine, const struct frame *frame);
/* The disk was given a turn. */
void check_submit(struct machine *machine, const struct wal_turn *turn);
/* Its join is about to be answered. */
void check_joined(struct machine *machine);
/* It gives its id up, to ask again in retire_wait_ms: at once only if it was away. */
void check_retired(struct machine *machine);
/* Everything is healed and quiet: all members must be the same. */
void check_agreement(struct world *world);
raft_index check_committed(const struct world *world);

/* ---- what clients see ------------------------------------------------------------ */

/* The request begins now: remember what had been seen before. */
void check_request(struct sim_request *request);
/* A client of the worker is shown this store index. */
void check_seen(struct sim_worker *worker, uint64_t store_index);
/* outcome NULL: unknown. */
void check_write(struct sim_request *request, const struct msg_outcome *outcome);
void check_member_change(struct sim_request *request, const struct msg_outcome *outcome);
void check_look(struct sim_request *request, const struct msg_lock_look *look,
    const struct msg_outcome *outcome);
void check_read(struct sim_request *request, const struct msg_read *read,
    const struct msg_outcome *outcome);

#endif
