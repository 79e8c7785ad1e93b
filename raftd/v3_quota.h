/*
 * v3_quota.h - the alarm of the quota for the v3 keys.
 *
 * Called by the conductor alone, in its turns (node_priv.h).
 */
#ifndef MOOTHALL_RAFTD_V3_QUOTA_H
#define MOOTHALL_RAFTD_V3_QUOTA_H

#include "common/base.h"

struct node;

/* The leader proposes that the alarm is raised, or taken back. */
void node_v3_quota_turn(struct node *node);
/* When that is tried again, monotonic; UINT64_MAX: there is nothing to do. */
uint64_t node_v3_quota_deadline(const struct node *node);

#endif
