/*
 * status.c - leader, term, indexes and members: pushed to every worker and to
 * the supervisor before the turn's outcomes. Reads what the other parts own, and
 * keeps nothing but what it told last.
 *
 * Pushed when something that is decided by it changed (phase, role, leader,
 * term, members); when only indexes moved, at most once a second, and never by
 * a timer of its own.
 */
#include "raftd/node_priv.h"

#include "raftd/replica/mvcc/mvcc.h"

#define STATUS_PAUSE_MS 1000

/* NODE_ROLE_* of a role of the core, as long as nobody asks whether it may vote. */
static int
shown_role(enum raft_role role)
{
	switch (role) {
	case RAFT_LEADER:
		return NODE_ROLE_LEADER;
	case RAFT_CANDIDATE:
	case RAFT_PRE_CANDIDATE:
		return NODE_ROLE_CANDIDATE;
	case RAFT_FOLLOWER:
		break;
	}
	return NODE_ROLE_FOLLOWER;
}

static int
node_role_of(const struct node *node)
{
	int role = shown_role(raft_role(node->raft));

	return role == NODE_ROLE_FOLLOWER && raft_is_learner(node->raft, node->id) ?
	    NODE_ROLE_LEARNER : role;
}

static enum node_phase
phase_of(const struct node *node)
{
	if (node_was_removed(node))
		return PHASE_REMOVED;
	if (members_find(&node->replica->members, node->id) != NULL)
		return PHASE_MEMBER;
	return node->standby ? PHASE_STANDBY : PHASE_JOINING;
}

void
node_status(struct node *node, struct msg_status *status)
{
	const struct members *members = &node->replica->members;
	const char *refusal = node_refusal(node);

	if (members->count == 0)
		members = &node->joined_with;
	buf_clear(&node->member_bytes);
	members_encode(members, &node->member_bytes);
	buf_clear(&node->place_bytes);
	places_encode(&members->places, &node->place_bytes);
	buf_clear(&node->config_bytes);
	cluster_config_put(&node->replica->config, &node->config_bytes);
	*status = (struct msg_status){
		.phase = (uint8_t)(node->started ? phase_of(node) : PHASE_RECOVERING),
		.node_id = node->id,
		.cluster_id = node->cluster_id,
		.role = (uint8_t)node_role_of(node),
		.term = raft_current_term(node->raft),
		.commit = raft_commit(node->raft),
		.applied = node->applied.index,
		.store_index = store_index(node->replica->store),
		.leader_id = raft_leader(node->raft),
		.leader_since_ns = node->leader == 0 ? 0 : node->leader_since_ns,
		.started_ns = node->started_ns,
		.members = buf_slice(&node->member_bytes),
		.config = buf_slice(&node->config_bytes),
		.standby_url = node->standby ? slice_text(node->standby_url) : SLICE_EMPTY,
		.rejoin = node->standby && node->config.rejoin != NULL ?
		    slice_text(node->config.rejoin) : SLICE_EMPTY,
		.rejoin_wait_ms = node->config.rejoin_wait_ms,
		.refuses = refusal == NULL ? SLICE_EMPTY : slice_text(refusal),
		.places = buf_slice(&node->place_bytes),
	};
}

void
node_count(const struct node *node, struct node_counts *counts)
{
	const struct places *places = &node->replica->members.places;
	const struct mvcc *mvcc = node->replica->mvcc;
	size_t open = places_open_count(places);

	*counts = (struct node_counts){
		.term = raft_current_term(node->raft),
		.commit = raft_commit(node->raft),
		.applied = node->applied.index,
		.proposals = node->proposals.by_id.count,
		.proposals_failed = node->proposals.failed,
		.reads_pending = node->queries.plain_count,
		.reads_under_way = node->views.count,
		.log_entries = raft_last(node->raft).index - node->compaction.compacted,
		.log_trims = node->compaction.trims,
		.snapshots_sent = node->compaction.sent,
		.snapshots_received = node->compaction.received,
		.disk_stalls = node->disk.stalls,
		.deduplicated = node->deduplicated,
		.places_open = open,
		.v3_revision = mvcc_revision(mvcc),
		.v3_compacted = (uint64_t)MAX_OF(mvcc_compacted(mvcc), INT64_C(0)),
		.v3_keys = mvcc_key_count(mvcc),
		.v3_changes = mvcc_change_count(mvcc),
		.v3_bytes = mvcc_memory(mvcc),
		.v3_size = mvcc_size(mvcc),
		.v3_alarms = node->replica->v3_alarms.count,
		.v3_watchers = mvcc_watch_count(mvcc),
		.leases = mvcc_lease_count(mvcc),
		.lease_renewals = node->lease_asks.renewed,
		.places_taken = places->count - open,
		.keys = store_key_count(node->replica->store),
		.store_index = store_index(node->replica->store),
	};
	store_stats(node->replica->store, counts->store);
}

size_t
node_memory(const struct node *node)
{
	return store_memory(node->replica->store) + mvcc_memory(node->replica->mvcc) +
	    node->proposals.bytes + raft_log_bytes(node->raft) +
	    node->effects.size + node->tails.bytes + node->turn_bytes;
}

static const char *
name_of(const struct node *node, peer_id id)
{
	const struct member *member = members_find(&node->replica->members, id);

	return member == NULL ? "" : member->name;
}

/* Sentences that scripts of the 0.4 days wait for. */
static void
note_changes(struct node *node)
{
	enum raft_role role = raft_role(node->raft);
	peer_id leader = raft_leader(node->raft);

	if (shown_role(role) != shown_role(node->role))
		node_note(node, DIAG_INFO, "%s: state changed from '%s' to '%s'. term=%" PRIu64,
		    node->name, wire_role_name(shown_role(node->role)),
		    wire_role_name(shown_role(role)), raft_current_term(node->raft));
	if (leader != node->leader && leader != 0)
		node_note(node, DIAG_INFO, "%s: leader changed from '%s' to '%s'. term=%" PRIu64,
		    node->name, name_of(node, node->leader), name_of(node, leader),
		    raft_current_term(node->raft));
}

static void
push(struct node *node)
{
	struct msg_status status;

	node->status_due = false;
	node->status_sent_ms = node->now.monotonic_ms;
	node->status_index = node->applied.index;
	node_status(node, &status);
	node->io.status(node->io.argument, &status);
}

/* A node that lost sight of its leader for a moment has the same one as before: of a term there
 * is one. */
static void
note_leader(struct node *node, peer_id leader, raft_term term)
{
	if (leader == 0 || (leader == node->last_leader && term == node->last_leader_term))
		return;
	node->leader_since_ns = node->now.wall_ns;
	node->last_leader = leader;
	node->last_leader_term = term;
}

void
status_turn(struct node *node)
{
	enum raft_role role = raft_role(node->raft);
	peer_id leader = raft_leader(node->raft);
	raft_term term = raft_current_term(node->raft);
	bool paused = node->now.monotonic_ms < node->status_sent_ms + STATUS_PAUSE_MS;

	if (leader != node->leader || role != node->role || term != node->term) {
		note_changes(node);
		note_leader(node, leader, term);
		node->leader = leader;
		node->role = role;
		node->term = term;
		node->status_due = true;
	}
	if (!paused && node->status_index != node->applied.index)
		node->status_due = true;
	if (node->status_due)
		push(node);
}

uint64_t
status_deadline(const struct node *node)
{
	if (node->status_index == node->applied.index)
		return UINT64_MAX;
	return MAX_OF(node->status_sent_ms + STATUS_PAUSE_MS, node->now.monotonic_ms + 1);
}
