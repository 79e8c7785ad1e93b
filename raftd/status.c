/*
 * status.c - leader, term, indexes and members: pushed to every worker and to
 * the supervisor before the turn's outcomes; and the counters of /v2/stats.
 *
 * Pushed when something that is decided by it changed (phase, role, leader,
 * term, members); when only indexes moved, at most once a second, and never by
 * a timer of its own.
 */
#include "raftd/node_priv.h"

#define STATUS_PAUSE_MS 1000
/* Rates are counted over this long and forgotten after as long without any. */
#define RATE_MS 1000

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
		.leader_since_ns = node->leader_since_ns,
		.started_ns = node->started_ns,
		.members = buf_slice(&node->member_bytes),
		.config = buf_slice(&node->config_bytes),
		.standby_url = node->standby ? slice_text(node->standby_url) : SLICE_EMPTY,
		.rejoin = node->standby && node->config.rejoin != NULL ?
		    slice_text(node->config.rejoin) : SLICE_EMPTY,
		.rejoin_wait_ms = node->config.rejoin_wait_ms,
		.refuses = refusal == NULL ? SLICE_EMPTY : slice_text(refusal),
	};
}

void
node_count(const struct node *node, struct node_counts *counts)
{
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
		.keys = store_key_count(node->replica->store),
		.store_index = store_index(node->replica->store),
	};
	store_stats(node->replica->store, counts->store);
}

size_t
node_memory(const struct node *node)
{
	return store_memory(node->replica->store) + node->proposals.bytes +
	    raft_log_bytes(node->raft) + node->effects.size + node->tails.bytes + node->turn_bytes;
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
		    node->name, node_role_name(shown_role(node->role)),
		    node_role_name(shown_role(role)), raft_current_term(node->raft));
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

void
status_turn(struct node *node)
{
	enum raft_role role = raft_role(node->raft);
	peer_id leader = raft_leader(node->raft);
	raft_term term = raft_current_term(node->raft);
	bool paused = node->now.monotonic_ms < node->status_sent_ms + STATUS_PAUSE_MS;

	if (leader != node->leader || role != node->role || term != node->term) {
		note_changes(node);
		if (leader != node->leader)
			node->leader_since_ns = leader == 0 ? 0 : node->now.wall_ns;
		node->leader = leader;
		node->role = role;
		node->term = term;
		node->status_due = true;
		/* What was in the log of another term may never be applied. */
		node->expiring = false;
	}
	if (!paused && node->status_index != node->applied.index)
		node->status_due = true;
	if (node->status_due)
		push(node);
}

/* ---- counters -------------------------------------------------------------- */

static struct follower *
follower_of(struct node *node, peer_id id)
{
	struct follower *unused = NULL;

	for (size_t i = 0; i < ARRAY_COUNT(node->followers); i++) {
		if (node->followers[i].id == id)
			return &node->followers[i];
		if (unused == NULL && (node->followers[i].id == 0 ||
		    members_find(&node->replica->members, node->followers[i].id) == NULL))
			unused = &node->followers[i];
	}
	if (unused != NULL)
		*unused = (struct follower){ .id = id };
	return unused;
}

static size_t
entry_bytes(const struct raft_message *message)
{
	size_t bytes = 0;

	for (size_t i = 0; i < message->entry_count; i++)
		bytes += blob_slice(message->entries[i].payload).size;
	return bytes;
}

static void
count_rates(struct node *node)
{
	uint64_t elapsed = node->now.monotonic_ms - node->rate_since_ms;

	if (elapsed < RATE_MS)
		return;
	if (elapsed >= 2 * RATE_MS) {
		memset(node->last_received, 0, sizeof(node->last_received));
		memset(node->last_sent, 0, sizeof(node->last_sent));
	} else {
		node->last_received[0] = node->rate_received * 1000000 / elapsed;
		node->last_received[1] = node->rate_bytes_received * 1000000 / elapsed;
		node->last_sent[0] = node->rate_sent * 1000000 / elapsed;
		node->last_sent[1] = node->rate_bytes_sent * 1000000 / elapsed;
	}
	node->rate_since_ms = node->now.monotonic_ms;
	node->rate_received = node->rate_sent = 0;
	node->rate_bytes_received = node->rate_bytes_sent = 0;
}

void
status_append_sent(struct node *node, const struct raft_message *message)
{
	struct follower *follower;
	size_t bytes;

	if (message->type != RAFT_APPEND || message->entry_count == 0)
		return;
	count_rates(node);
	bytes = entry_bytes(message);
	node->appends_sent++;
	node->rate_sent++;
	node->rate_bytes_sent += bytes;
	follower = follower_of(node, message->to);
	if (follower != NULL && follower->sent_ns == 0) {
		follower->sent_ns = node->now.wall_ns;
		follower->sent_index = message->log.index + message->entry_count;
	}
}

static void
time_reply(struct node *node, const struct raft_message *message)
{
	struct follower *follower = follower_of(node, message->from);
	uint64_t took, took_us;

	if (follower == NULL)
		return;
	if (message->reject) {
		follower->failures++;
		return;
	}
	if (follower->sent_ns == 0 || message->log.index < follower->sent_index)
		return;
	took = node->now.wall_ns > follower->sent_ns ? node->now.wall_ns - follower->sent_ns : 0;
	took_us = took / 1000;
	follower->sent_ns = 0;
	follower->current = took;
	follower->sum += took;
	follower->square_sum_us += took_us * took_us;
	if (follower->successes == 0 || took < follower->minimum)
		follower->minimum = took;
	follower->maximum = MAX_OF(follower->maximum, took);
	follower->successes++;
}

void
status_append_received(struct node *node, const struct raft_message *message)
{
	size_t bytes;

	if (message->type == RAFT_APPEND_REPLY) {
		time_reply(node, message);
		return;
	}
	if (message->type != RAFT_APPEND || message->entry_count == 0)
		return;
	count_rates(node);
	bytes = entry_bytes(message);
	node->appends_received++;
	node->rate_received++;
	node->rate_bytes_received += bytes;
}

static void
self_stats(struct node *node, struct buf *numbers)
{
	uint64_t values[SELF_STAT_COUNT];

	count_rates(node);
	values[SELF_RECV_APPEND_COUNT] = node->appends_received;
	values[SELF_RECV_PKG_RATE] = node->last_received[0];
	values[SELF_RECV_BANDWIDTH_RATE] = node->last_received[1];
	values[SELF_SEND_APPEND_COUNT] = node->appends_sent;
	values[SELF_SEND_PKG_RATE] = node->last_sent[0];
	values[SELF_SEND_BANDWIDTH_RATE] = node->last_sent[1];
	for (size_t i = 0; i < SELF_STAT_COUNT; i++)
		codec_put_u64(numbers, values[i]);
}

static void
leader_stats(struct node *node, struct buf *followers)
{
	for (size_t i = 0; i < node->replica->members.count; i++) {
		const struct member *member = &node->replica->members.list[i];
		const struct follower *follower;
		struct follower_record record = { .name = slice_text(member->name) };

		if (member->id == node->id)
			continue;
		follower = follower_of(node, member->id);
		if (follower != NULL) {
			record.latency_current = follower->current;
			record.latency_sum = follower->sum;
			record.latency_square_sum_us = follower->square_sum_us;
			record.latency_minimum = follower->minimum;
			record.latency_maximum = follower->maximum;
			record.successes = follower->successes;
			record.failures = follower->failures;
		}
		follower_record_put(followers, &record);
	}
}

void
status_stats(struct node *node, uint64_t session, uint64_t request_id, uint8_t kind)
{
	struct msg_stats stats = { .kind = kind };
	struct buf numbers = BUF_INIT, followers = BUF_INIT;
	uint64_t values[STORE_STAT_COUNT];

	switch (kind) {
	case STATS_SELF:
		self_stats(node, &numbers);
		break;
	case STATS_STORE:
		store_stats(node->replica->store, values);
		for (size_t i = 0; i < STORE_STAT_COUNT; i++)
			codec_put_u64(&numbers, values[i]);
		break;
	case STATS_LEADER:
		if (raft_role(node->raft) == RAFT_LEADER)
			leader_stats(node, &followers);
		else
			stats.error = ERR_NOT_LEADER;
		break;
	default:
		stats.error = ERR_INVALID;
	}
	stats.numbers = buf_slice(&numbers);
	stats.followers = buf_slice(&followers);
	node->io.stats(node->io.argument, session, request_id, &stats);
	buf_free(&numbers);
	buf_free(&followers);
}
