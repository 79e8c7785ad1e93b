/*
 * known.c - the leader of upgraded nodes makes them take the same removals for known.
 *
 * What was removed from a directory before the upgrade its data does not say, so each node
 * begins at the store index that it had when it first read it, and these differ. By one entry
 * they become the same (store_agree). In a cluster that began with this format there is
 * nothing to agree on.
 */
#include "raftd/node_priv.h"

void
known_turn(struct node *node)
{
	bool under_way = node->known.term == raft_current_term(node->raft) &&
	    node->known.index > node->applied.index;
	struct blob *payload;

	if (store_is_agreed(node->replica->store) || under_way ||
	    raft_role(node->raft) != RAFT_LEADER)
		return;
	payload = command_new_known();
	if (raft_propose(node->raft, payload, &node->known) != ERR_NONE)
		node->known = (struct raft_position){ 0 };
	blob_unref(&payload);
}
