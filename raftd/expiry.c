/*
 * expiry.c - the leader removes keys whose time is over.
 *
 * It proposes a cutoff in the cluster's time; what is due by then goes at every
 * node when the entry is applied. One such entry is under way at a time, until it is
 * applied; what is in the log of another term may never be. The entry's own stamp is
 * never before the cutoff.
 */
#include "raftd/node_priv.h"

#define EXPIRY_RETRY_MS 10
/* What the times of two leaders may be apart by: so much later a key goes. */
#define EXPIRY_MARGIN_NS (50 * NS_PER_MS)

/* What expired before that may go. */
static uint64_t
expiry_time_ns(const struct node *node)
{
	uint64_t time_ns = node_time_ns(node);

	return time_ns - MIN_OF(time_ns, EXPIRY_MARGIN_NS);
}

static bool
is_under_way(const struct node *node)
{
	return node->expiry.term == raft_current_term(node->raft) &&
	    node->expiry.index > node->applied.index;
}

void
expiry_turn(struct node *node)
{
	struct blob *payload;
	uint64_t time_ns = expiry_time_ns(node);

	if (is_under_way(node) || raft_role(node->raft) != RAFT_LEADER ||
	    store_next_expiry(node->replica->store) > time_ns)
		return;
	payload = command_new_expire(time_ns);
	if (raft_propose(node->raft, payload, &node->expiry) != ERR_NONE)
		node->expiry = (struct raft_position){ 0 };
	blob_unref(&payload);
}

uint64_t
expiry_deadline(const struct node *node)
{
	uint64_t expiry_ns = store_next_expiry(node->replica->store);
	uint64_t time_ns = expiry_time_ns(node);

	if (expiry_ns == UINT64_MAX || is_under_way(node) || raft_role(node->raft) != RAFT_LEADER)
		return UINT64_MAX;
	/* Not at once: the core may refuse, while leadership is handed over. */
	if (expiry_ns <= time_ns)
		return node->now.monotonic_ms + EXPIRY_RETRY_MS;
	return node->now.monotonic_ms + (expiry_ns - time_ns) / NS_PER_MS + 1;
}
