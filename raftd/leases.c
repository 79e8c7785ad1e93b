/*
 * leases.c - the leader ends leases of the v3 keys that nobody renews, and says of long ones
 * when they expire.
 *
 * What was promised to clients only the leader knows (raftd/replica/mvcc/lease.h). So who becomes
 * one begins with whole TTLs and a margin, and not before it has applied an entry of its own
 * term: until then it does not know of all leases that the one before it has renewed. One entry
 * of each kind is under way at a time, as for keys of /v2 (expiry.c).
 */
#include "raftd/node_priv.h"

#include "raftd/replica/mvcc/mvcc.h"

#define LEASE_RETRY_MS 10
/* What the times of two leaders may be apart by: so much later a lease ends. */
#define LEASE_MARGIN_NS (50 * NS_PER_MS)
/* Leases of a longer TTL that nobody has renewed for so long are settled; looked for so often. */
#define LONG_LEASE_S 60
#define SETTLE_INTERVAL_MS 5000

static uint64_t
lease_time_ns(const struct node *node)
{
	uint64_t time_ns = node_time_ns(node);

	return time_ns - MIN_OF(time_ns, LEASE_MARGIN_NS);
}

bool
node_leases_are_led(const struct node *node)
{
	return node->leases.led_term == raft_current_term(node->raft) &&
	    raft_role(node->raft) == RAFT_LEADER;
}

bool
node_leases_lead(struct node *node)
{
	raft_term term = raft_current_term(node->raft);

	if (raft_role(node->raft) != RAFT_LEADER || node->applied.term != term ||
	    replica_is_within_entry(node->replica))
		return false;
	if (node->leases.led_term != term) {
		node->leases.led_term = term;
		node->leases.settle_ms = node->now.monotonic_ms + SETTLE_INTERVAL_MS;
		/* So much later may the one before have promised a time (lease_ask.c). */
		mvcc_lead(node->replica->mvcc,
		    node_time_ns(node) + LEASE_CONFIRMED_MS * NS_PER_MS);
	}
	return true;
}

bool
node_own_is_under_way(const struct node *node, const struct raft_position *position)
{
	return position->term == raft_current_term(node->raft) &&
	    position->index > node->applied.index;
}

void
node_own_propose(struct node *node, struct blob *payload, struct raft_position *position)
{
	if (raft_propose(node->raft, payload, position) != ERR_NONE)
		*position = (struct raft_position){ 0 };
	blob_unref(&payload);
}

static void
settle(struct node *node)
{
	struct buf list = BUF_INIT;

	if (node->now.monotonic_ms < node->leases.settle_ms ||
	    node_own_is_under_way(node, &node->leases.settling))
		return;
	node->leases.settle_ms = node->now.monotonic_ms + SETTLE_INTERVAL_MS;
	if (mvcc_leases_to_settle(node->replica->mvcc, node_time_ns(node), LONG_LEASE_S,
	    V3_EXPIRE_LEASES_MAX, &list) > 0)
		node_own_propose(node, command_new_v3_checkpoint(raft_current_term(node->raft),
		    buf_slice(&list)), &node->leases.settling);
	buf_free(&list);
}

void
node_leases_withdraw(struct node *node, const uint64_t *ids, size_t count,
    struct raft_position *position)
{
	struct buf list = BUF_INIT;

	for (size_t i = 0; i < count; i++)
		command_v3_lease_put(&list, &(struct command_v3_lease){ .id = ids[i] });
	node_own_propose(node, command_new_v3_checkpoint(raft_current_term(node->raft),
	    buf_slice(&list)), position);
	buf_free(&list);
}

void
node_leases_turn(struct node *node)
{
	struct mvcc *mvcc = node->replica->mvcc;
	uint64_t ids[V3_EXPIRE_LEASES_MAX];
	size_t count;

	if (!node_leases_lead(node))
		return;
	settle(node);
	if (node_own_is_under_way(node, &node->leases.expiring) ||
	    mvcc_lease_next_deadline(mvcc) > lease_time_ns(node))
		return;
	count = mvcc_leases_due(mvcc, lease_time_ns(node), ids, ARRAY_COUNT(ids));
	node_own_propose(node, command_new_v3_expire(raft_current_term(node->raft), ids, count),
	    &node->leases.expiring);
}

uint64_t
node_leases_deadline(const struct node *node)
{
	uint64_t deadline_ns = mvcc_lease_next_deadline(node->replica->mvcc);
	uint64_t time_ns = lease_time_ns(node), due;

	if (deadline_ns == UINT64_MAX || !node_leases_are_led(node))
		return UINT64_MAX;
	if (node_own_is_under_way(node, &node->leases.expiring))
		return node->leases.settle_ms;
	/* Not at once: the core may refuse, while leadership is handed over. */
	due = node->now.monotonic_ms + (deadline_ns <= time_ns ? LEASE_RETRY_MS :
	    (deadline_ns - time_ns) / NS_PER_MS + 1);
	return MIN_OF(due, node->leases.settle_ms);
}
