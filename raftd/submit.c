/*
 * submit.c - one batch for the disk: what the core wants there, and what was applied.
 *
 * Effects are handed over after EFFECTS_WAIT_MS, or when they are many; until then they are
 * in the log, and would be applied again. Never those of half an entry: they are no state
 * that the disk may have.
 */
#include "raftd/node_priv.h"

#include "common/xmem.h"
#include "raftd/squeeze.h"

#define EFFECTS_WAIT_MS 1000

static size_t
effects_bytes(const struct node *node)
{
	return node->effects.size + node->tails.bytes;
}

void
submit_begin_effects(struct node *node)
{
	if (effects_bytes(node) == 0 && !node->applied_dirty)
		node->effects_since_ms = node->now.monotonic_ms;
	node->applied_dirty = true;
}

bool
submit_is_due_at_once(const struct node *node)
{
	return (effects_bytes(node) >= node->config.effects_bytes_max ||
	    node->applied.index - node->stored >= node->config.effects_entries_max) &&
	    !replica_is_within_entry(node->replica);
}

/* Some of what may be kept; so that it costs little for each record, twice what was left. */
static size_t
squeeze_bytes_min(const struct node *node)
{
	return node->config.effects_bytes_max / 8;
}

/* Of one entry that changes very much nothing comes twice, and looking for it takes long. */
static void
squeeze(struct node *node)
{
	if (node->effects.size > SQUEEZE_BYTES_MAX)
		return;
	squeeze_effects(&node->effects, &node->tails, node->config.seed, replica_writes_once);
	node->squeeze_bytes = MAX_OF(2 * node->effects.size, squeeze_bytes_min(node));
}

void
submit_turn(struct node *node)
{
	if (node->effects.size >= node->squeeze_bytes)
		squeeze(node);
}

bool
submit_is_due(const struct node *node)
{
	if (!node->applied_dirty || replica_is_within_entry(node->replica))
		return false;
	if (node->swept || node_was_removed(node) || backups_want_disk(node))
		return true;
	return submit_is_due_at_once(node) ||
	    node->now.monotonic_ms >= node->effects_since_ms + EFFECTS_WAIT_MS;
}

void
submit_replaced(struct node *node, raft_index index)
{
	node->stored = index;
	buf_clear(&node->effects);
	tails_clear(&node->tails);
	node->applied_dirty = false;
	node->swept = false;
}

/* Hand over what was applied so far, as one state. */
static void
add_effects(struct node *node, struct wal_turn *turn)
{
	replica_flush(node->replica, &node->effects);
	squeeze(node);
	node->squeeze_bytes = squeeze_bytes_min(node);
	turn->effects = buf_slice(&node->effects);
	turn->effects_owner = &node->effects;
	turn->tails = &node->tails;
	turn->applied_set = true;
	turn->applied = node->applied;
	node->turn_bytes += effects_bytes(node);
	node->stored = node->applied.index;
	node->applied_dirty = false;
	node->swept = false;
}

uint64_t
submit_batch(struct node *node, const struct raft_ready *ready)
{
	struct wal_turn turn = {
		.hard_state_set = ready != NULL && ready->hard_state_changed,
		.cluster_id = node->written_cluster_id,
		.node_id = node->id,
		.founded = node->founded,
		.commit = raft_commit(node->raft),
	};
	bool with_effects = submit_is_due(node), swept = node->swept;
	struct disk_batch *batch;

	if (with_effects)
		add_effects(node, &turn);
	turn.compact_to = compact_target(node);
	if (ready != NULL) {
		turn.hard_state = ready->hard_state;
		turn.truncate_from = ready->truncate_from;
		turn.entries = ready->entries;
		turn.entry_count = ready->entry_count;
	}
	batch = xzalloc(sizeof(*batch));
	batch->bytes = with_effects ? effects_bytes(node) : 0;
	batch->ticket = node->io.submit(node->io.argument, &turn);
	batch->submitted_ms = node->now.monotonic_ms;
	batch->raft = ready != NULL;
	node->wrote |= turn.entry_count > 0;
	if (turn.entry_count > 0)
		batch->position = (struct raft_position){
			turn.entries[turn.entry_count - 1].index,
			turn.entries[turn.entry_count - 1].term,
		};
	batch->compacted = turn.compact_to;
	for (size_t i = 0; i < turn.entry_count; i++)
		batch->bytes += turn.entries[i].payload == NULL ? 0 : turn.entries[i].payload->size;
	node->unsynced_bytes += batch->bytes;
	STAILQ_INSERT_TAIL(&node->batches, batch, link);
	node->last_ticket = batch->ticket;
	if (swept && with_effects)
		node->swept_ticket = batch->ticket;
	if (turn.compact_to != 0) {
		node->compaction.compacted = turn.compact_to;
		node->compaction.trims++;
	}
	node->written_cluster_id = 0;
	if (with_effects) {
		buf_recycle(&node->effects, 256 * KIB);
		tails_clear(&node->tails);
	}
	return batch->ticket;
}

uint64_t
submit_deadline(const struct node *node)
{
	return node->applied_dirty && !replica_is_within_entry(node->replica) ?
	    node->effects_since_ms + EFFECTS_WAIT_MS : UINT64_MAX;
}
