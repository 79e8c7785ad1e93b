/*
 * ending.c - how a node ends by itself: it was removed, or it is older than it said.
 *
 *	runs --> retired	removed: another member from now on, after a while or at once
 *	runs --> over		removed for good, or older than what it acknowledged
 *
 * Called by node.c at the end of a turn; the world is told once.
 */
#include "raftd/node_priv.h"

/* Whom to ask when this node comes back as another one. */
static void
list_peers(const struct node *node, struct buf *list)
{
	const struct members *members = &node->replica->members;

	if (members->count == 0)
		members = &node->joined_with;
	for (size_t i = 0; i < members->count; i++) {
		if (members->list[i].id == node->id ||
		    strcmp(members->list[i].peer_url, node->config.peer_url) == 0)
			continue;
		if (list->size > 0)
			buf_append_byte(list, ',');
		buf_append_text(list, members->list[i].peer_url);
	}
}

/* A node that was away when it was removed asks at once. One that was sent away does not: it
 * would be back before anybody saw that it was gone. */
static void
retire(struct node *node)
{
	uint64_t wait_ms = node->belonged ? node->replica->config.sync_interval_ms : 0;
	struct buf peers = BUF_INIT;

	node_note(node, DIAG_INFO,
	    "%s was removed from the cluster; it gives up its id and asks to "
	    "join again as another member in_ms=%" PRIu64, node->name, wait_ms);
	list_peers(node, &peers);
	node->io.retire(node->io.argument, buf_slice(&peers), wait_ms);
	buf_free(&peers);
}

/* Once it is on disk: started again, the node must know it. If others had to
 * tell it, they will again. */
static void
end_if_removed(struct node *node)
{
	bool on_disk = !node->applied_dirty && node->synced_ticket >= node->last_ticket;
	bool known = node_was_removed(node) && on_disk;

	if (node->over || (!node->told_removed && !node->told_forgotten && !known))
		return;
	node->over = true;
	if (node->told_forgotten || members_was_forgotten(&node->replica->members, node->id))
		node->io.end(node->io.argument, EXIT_REMOVED,
		    "this machine was removed from the cluster; start it with an empty "
		    "-data-dir to join again");
	else
		retire(node);
}

static void
end_if_older(struct node *node)
{
	raft_index lost = raft_lost(node->raft);
	char text[1024];

	if (lost == 0 || node->over)
		return;
	node->over = true;
	snprintf(text, sizeof(text), "%s is older than what %s acknowledged: its log ends with "
	    "entry %" PRIu64 ", entry %" PRIu64 " had been on disk; start %s with an empty "
	    "-data-dir to join again", node->config.data_dir, node->name,
	    raft_last(node->raft).index, lost, node->name);
	node->io.end(node->io.argument, EXIT_DATA, text);
}

void
ending_turn(struct node *node)
{
	end_if_removed(node);
	end_if_older(node);
}
