/*
 * auto_compact.h - the leader compacts the v3 keys by itself.
 *
 * Called by the conductor alone, in its turns (node_priv.h).
 */
#ifndef MOOTHALL_RAFTD_AUTO_COMPACT_H
#define MOOTHALL_RAFTD_AUTO_COMPACT_H

#include "raftd/raft/types.h"

struct node;

struct auto_compact {
	uint64_t next_ms;		/* monotonic: when it is looked at again; 0: never was */
	uint64_t due_ms;		/* periodic: nothing is compacted before */
	uint64_t *notes;		/* periodic: a ring of revisions, one for each look */
	size_t note_count, note_max, next_note;
	struct raft_position under_way;	/* of the command proposed last; zeros: none */
};

void node_auto_compact_turn(struct node *node);
/* When it is looked at again, monotonic; UINT64_MAX: never. */
uint64_t node_auto_compact_deadline(const struct node *node);
void node_auto_compact_free(struct node *node);

#endif
