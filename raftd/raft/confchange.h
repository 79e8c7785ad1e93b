/*
 * confchange.h - who is in the cluster, and one change of it at a time.
 *
 * The functions here are pure: a change that makes no sense changes nothing,
 * on every node alike, so an entry can never divide them.
 * Source: thesis 4.1-4.2 with the correction of 2015; pitfalls two-changes and
 * early-change.
 */
#ifndef MOOTHALL_RAFTD_RAFT_CONFCHANGE_H
#define MOOTHALL_RAFTD_RAFT_CONFCHANGE_H

#include "raftd/raft/types.h"

bool conf_has_voter(const struct raft_conf *conf, peer_id peer);
bool conf_has_learner(const struct raft_conf *conf, peer_id peer);
bool conf_has_member(const struct raft_conf *conf, peer_id peer);

/* True if the change makes sense: see raft_propose_conf for ERR_INVALID. */
bool conf_allows(const struct raft_conf *conf, enum raft_conf_op op, peer_id peer);
/* Make the change if it makes sense. */
void conf_change(struct raft_conf *conf, enum raft_conf_op op, peer_id peer);
/* A copy of conf that is sorted, disjoint and within the limits whatever conf is. */
void conf_copy(struct raft_conf *result, const struct raft_conf *conf);

#endif
