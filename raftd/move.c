/*
 * move.c - leadership that the operator wants elsewhere.
 *
 *	asked --> under way	the core hands it over		[node_move_leader]
 *	asked --> answered	it cannot, or there is nothing to hand over
 *	under way --> answered	another one leads, or two election time-outs
 *				are over			[move_turn]
 */
#include "raftd/node_priv.h"

void
node_move_leader(struct node *node, struct slice to)
{
	const struct member *member = members_named(&node->replica->members, to);
	enum err err = ERR_INVALID;

	if (to.size == 0 || member != NULL)
		err = raft_transfer(node->raft, member == NULL ? 0 : member->id);
	if (err != ERR_NONE) {
		node->io.moved(node->io.argument, err == ERR_NOT_LEADER);
		return;
	}
	node->move.under_way = true;
	node->move.deadline_ms = node->now.monotonic_ms + 2 * node->config.election_ms;
}

bool
move_is_under_way(const struct node *node)
{
	return node->move.under_way;
}

void
move_turn(struct node *node)
{
	bool moved = raft_role(node->raft) != RAFT_LEADER && node_has_leader(node);

	if (!node->move.under_way ||
	    (!moved && node->now.monotonic_ms < node->move.deadline_ms))
		return;
	node->move.under_way = false;
	node->io.moved(node->io.argument, moved);
}

uint64_t
move_deadline(const struct node *node)
{
	return node->move.under_way ? node->move.deadline_ms : UINT64_MAX;
}
