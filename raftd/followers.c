/*
 * followers.c - what passes between this node and the others, counted for /v2/stats:
 * appends sent and received with their rates, and at the leader how long each follower
 * takes to answer one. Nothing depends on it.
 *
 * One append to each follower is timed at a time: from when it goes out until an
 * answer says that its last entry is there.
 */
#include "raftd/node_priv.h"

/* Rates are counted over this long and forgotten after as long without any. */
#define RATE_MS 1000

static struct follower *
follower_of(struct node *node, peer_id id)
{
	struct follower *unused = NULL;

	for (size_t i = 0; i < ARRAY_COUNT(node->followers.list); i++) {
		if (node->followers.list[i].id == id)
			return &node->followers.list[i];
		if (unused == NULL && (node->followers.list[i].id == 0 ||
		    members_find(&node->replica->members, node->followers.list[i].id) == NULL))
			unused = &node->followers.list[i];
	}
	if (unused != NULL)
		*unused = (struct follower){ .id = id };
	return unused;
}

/* Answers come between turns, when the time of the turn before is old. */
static uint64_t
wall_ns(const struct node *node)
{
	return node->io.wall_ns == NULL ? node->now.wall_ns : node->io.wall_ns(node->io.argument);
}

static size_t
entry_bytes(const struct raft_message *message)
{
	size_t bytes = 0;

	for (size_t i = 0; i < message->entry_count; i++)
		bytes += blob_slice(message->entries[i].payload).size;
	return bytes;
}

/* In thousandths of what comes in a second. */
static uint64_t
rate_of(uint64_t count, uint64_t elapsed_ms)
{
	return count * 1000000 / elapsed_ms;
}

static void
count_rates(struct node *node)
{
	struct followers *counted = &node->followers;
	uint64_t elapsed = node->now.monotonic_ms - counted->rate_since_ms;

	if (elapsed < RATE_MS)
		return;
	if (elapsed >= 2 * RATE_MS) {
		memset(counted->last_received, 0, sizeof(counted->last_received));
		memset(counted->last_sent, 0, sizeof(counted->last_sent));
	} else {
		counted->last_received[0] = rate_of(counted->rate_received, elapsed);
		counted->last_received[1] = rate_of(counted->rate_bytes_received, elapsed);
		counted->last_sent[0] = rate_of(counted->rate_sent, elapsed);
		counted->last_sent[1] = rate_of(counted->rate_bytes_sent, elapsed);
	}
	counted->rate_since_ms = node->now.monotonic_ms;
	counted->rate_received = counted->rate_sent = 0;
	counted->rate_bytes_received = counted->rate_bytes_sent = 0;
}

void
followers_connected(struct node *node, peer_id id)
{
	struct follower *follower = follower_of(node, id);

	if (follower != NULL)
		follower->sent_ns = 0;
}

void
followers_sent(struct node *node, const struct raft_message *message)
{
	struct follower *follower;
	size_t bytes;

	if (message->type != RAFT_APPEND || message->entry_count == 0)
		return;
	count_rates(node);
	bytes = entry_bytes(message);
	node->followers.appends_sent++;
	node->followers.rate_sent++;
	node->followers.rate_bytes_sent += bytes;
	follower = follower_of(node, message->to);
	if (follower != NULL && follower->sent_ns == 0) {
		follower->sent_ns = wall_ns(node);
		follower->sent_index = message->log.index + message->entry_count;
	}
}

static void
time_reply(struct node *node, const struct raft_message *message)
{
	struct follower *follower = follower_of(node, message->from);
	uint64_t now_ns = wall_ns(node), took, took_us;

	if (follower == NULL)
		return;
	if (message->reject) {
		follower->failures++;
		return;
	}
	if (follower->sent_ns == 0 || message->log.index < follower->sent_index)
		return;
	took = now_ns > follower->sent_ns ? now_ns - follower->sent_ns : 0;
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
followers_heard(struct node *node, const struct raft_message *message)
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
	node->followers.appends_received++;
	node->followers.rate_received++;
	node->followers.rate_bytes_received += bytes;
}

static void
self_stats(struct node *node, struct buf *numbers)
{
	uint64_t values[SELF_STAT_COUNT];

	count_rates(node);
	values[SELF_RECV_APPEND_COUNT] = node->followers.appends_received;
	values[SELF_RECV_PKG_RATE] = node->followers.last_received[0];
	values[SELF_RECV_BANDWIDTH_RATE] = node->followers.last_received[1];
	values[SELF_SEND_APPEND_COUNT] = node->followers.appends_sent;
	values[SELF_SEND_PKG_RATE] = node->followers.last_sent[0];
	values[SELF_SEND_BANDWIDTH_RATE] = node->followers.last_sent[1];
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

static void
progress_stats(struct node *node, struct buf *out)
{
	bool leads = raft_role(node->raft) == RAFT_LEADER;

	for (size_t i = 0; i < node->replica->members.count; i++) {
		peer_id id = node->replica->members.list[i].id;
		const struct follower *follower;
		struct progress_record record = { .id = id };

		if (id == node->id)
			continue;
		follower = leads ? follower_of(node, id) : NULL;
		if (leads)
			record.match = raft_match(node->raft, id);
		if (follower != NULL)
			record.answered_ns = follower->current;
		conditions_put(node, id, &record);
		progress_record_put(out, &record);
	}
	conditions_ask(node);
}

void
followers_stats(struct node *node, uint64_t session, uint64_t request_id, uint8_t kind)
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
	case STATS_PROGRESS:
		progress_stats(node, &followers);
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
