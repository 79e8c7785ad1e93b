/*
 * v3_quota.c - the leader raises the alarm NOSPACE while the v3 keys take more than
 * -quota-backend-bytes, and takes it back when they do not.
 *
 * How many bytes they take differs a little from node to node, as each frees what was compacted
 * at its own pace, and so may the option. So nobody refuses a write by its own count: the leader
 * says in an entry that the quota is reached, and from there on every node refuses the same
 * writes where they are applied, also those that come again. What is under way when the quota
 * is passed is still done.
 *
 *	within --more than the quota--> raised	an entry: NOSPACE of this member
 *	raised --no more than it------> within	an entry: whatever the quota raised is taken back
 *
 * One such entry is under way at a time. Source: docs/operations.md, "The quota of the v3 keys".
 */
#include "raftd/v3_quota.h"

#include "raftd/node_priv.h"
#include "raftd/replica/mvcc/mvcc.h"

#define QUOTA_RETRY_MS 10

static bool
is_over(const struct node *node)
{
	return node->config.v3_quota_bytes != 0 &&
	    mvcc_size(node->replica->mvcc) > node->config.v3_quota_bytes;
}

static bool
is_to_change(const struct node *node)
{
	return is_over(node) !=
	    v3_alarms_stand_by(&node->replica->v3_alarms, ALARM_BY_QUOTA);
}

/* As clients know this member. */
static uint64_t
shown_id(const struct node *node)
{
	const struct place *place = places_of_node(&node->replica->members.places, node->id);

	return place == NULL ? node->id : place->id;
}

void
node_v3_quota_turn(struct node *node)
{
	if (!node_leases_lead(node) || node_own_is_under_way(node, &node->quota) ||
	    !is_to_change(node))
		return;
	node_own_propose(node, command_new_v3_quota(is_over(node) ? ALARM_RAISE : ALARM_TAKE,
	    shown_id(node)), &node->quota);
}

uint64_t
node_v3_quota_deadline(const struct node *node)
{
	if (!node_leases_are_led(node) || node_own_is_under_way(node, &node->quota) ||
	    !is_to_change(node))
		return UINT64_MAX;
	/* Not at once: the core may refuse, while leadership is handed over. */
	return node->now.monotonic_ms + QUOTA_RETRY_MS;
}
