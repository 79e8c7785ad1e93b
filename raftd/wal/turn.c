/*
 * turn.c - what one turn, or one piece of a received snapshot, puts into the
 * collecting batch; keeps the marks and the terms in step with it.
 *
 * Runs on the loop's thread. Everything of one call is in one batch, so it is
 * on disk together or not at all: the conflicting suffix goes with the entries
 * that replace it, effects with the applied position they belong to.
 * Source: pitfalls vote-not-durable, ack-not-durable, log-disk-disagree,
 * split-truncation, stepwise-snapshot, old-snapshot and compaction-overtakes of
 * docs/testing.md.
 */
#include "raftd/wal/keyspace.h"
#include "raftd/wal/wal_priv.h"

struct disk_identity
turn_identity(const struct wal *wal)
{
	return (struct disk_identity){
		.node_id = wal->identity.node_id,
		.cluster_id = wal->identity.cluster_id,
		.founded = wal->identity.founded,
		.name = slice_text(wal->identity.name),
	};
}

/* Drop the entries from index on. */
static void
truncate_log(struct wal *wal, struct wal_batch *batch, raft_index index)
{
	struct disk_marks *marks = &wal->marks;

	ASSERT(index > marks->applied_index);
	batch_delete_entries(batch, index, marks->last_index);
	if (index > marks->last_index)
		return;
	terms_truncate(&wal->terms, index);
	marks->last_index = index - 1;
	marks->last_term = terms_at(&wal->terms, index - 1);
}

static void
append_entries(struct wal *wal, struct wal_batch *batch, const struct raft_entry *entries,
    size_t count)
{
	struct disk_marks *marks = &wal->marks;

	for (size_t i = 0; i < count; i++) {
		const struct raft_entry *entry = &entries[i];

		ASSERT(entry->index == marks->last_index + 1);
		ASSERT(entry->term >= marks->last_term);
		batch_put_entry(batch, entry);
		terms_append(&wal->terms, (struct raft_position){ entry->index, entry->term });
		marks->last_index = entry->index;
		marks->last_term = entry->term;
	}
}

/* The log begins behind index; its entries are deleted bit by bit. */
static void
compact_log(struct wal *wal, raft_index index)
{
	struct disk_marks *marks = &wal->marks;

	ASSERT(index <= marks->applied_index);
	if (index <= marks->compacted_index)
		return;
	marks->compacted_index = index;
	marks->compacted_term = terms_at(&wal->terms, index);
	terms_drop_before(&wal->terms, index);
}

uint64_t
wal_submit(struct wal *wal, const struct wal_turn *turn)
{
	struct disk_marks *marks = &wal->marks;
	struct wal_batch *batch;

	ASSERT(wal->recovered);
	wal->ticket++;
	if (wal->poisoned)
		return wal->ticket;
	batch = writer_begin(wal->writer);
	if (turn->cluster_id != 0 && turn->cluster_id != wal->identity.cluster_id) {
		struct disk_identity identity;

		ASSERT(wal->identity.cluster_id == 0);
		wal->identity.cluster_id = turn->cluster_id;
		wal->identity.founded = turn->founded;
		/* Nothing that tells of the old one was written yet. */
		if (turn->node_id != 0)
			wal->identity.node_id = turn->node_id;
		identity = turn_identity(wal);
		batch_put_identity(batch, &identity);
	}
	if (turn->hard_state_set)
		batch_put_hard_state(batch, &turn->hard_state);
	if (turn->truncate_from != 0)
		truncate_log(wal, batch, turn->truncate_from);
	append_entries(wal, batch, turn->entries, turn->entry_count);
	batch_put_records(batch, marks->generation, turn->effects, turn->effects_owner,
	    turn->tails);
	if (turn->applied_set) {
		ASSERT(turn->applied.index >= marks->applied_index);
		ASSERT(turn->applied.index <= marks->last_index);
		marks->applied_index = turn->applied.index;
		marks->applied_term = turn->applied.term;
	}
	marks->commit = MAX_OF(marks->commit, turn->commit);
	if (turn->compact_to != 0)
		compact_log(wal, turn->compact_to);
	upkeep_trim(wal, batch);
	writer_end(wal->writer, wal->ticket, marks, wal->identity.node_id);
	return wal->ticket;
}

/* ---- a snapshot received --------------------------------------------------- */

uint64_t
wal_install_begin(struct wal *wal)
{
	bool unfinished = wal->install_generation != 0;

	ASSERT(wal->recovered);
	wal->ticket++;
	if (wal->poisoned)
		return wal->ticket;
	/* Always a number never used before: what is left of others is garbage
	 * for ever, and no sweep can mistake the new one for it. */
	ASSERT(wal->marks.generation_last < UINT32_MAX);
	wal->marks.generation_last++;
	wal->install_generation = wal->marks.generation_last;
	writer_begin(wal->writer);
	writer_end(wal->writer, wal->ticket, &wal->marks, wal->identity.node_id);
	if (unfinished)
		upkeep_sweep(wal);
	return wal->ticket;
}

uint64_t
wal_install_records(struct wal *wal, struct slice records)
{
	struct wal_batch *batch;

	ASSERT(wal->install_generation != 0);
	wal->ticket++;
	if (wal->poisoned)
		return wal->ticket;
	batch = writer_begin(wal->writer);
	batch_put_records(batch, wal->install_generation, records, NULL, NULL);
	writer_end(wal->writer, wal->ticket, &wal->marks, wal->identity.node_id);
	return wal->ticket;
}

/* The log is empty and begins behind position. Its old entries go in this very
 * batch: later ones with other indexes must not find them in their way. */
static void
replace_log(struct wal *wal, struct wal_batch *batch, struct raft_position position)
{
	struct disk_marks *marks = &wal->marks;

	batch_delete_entries(batch, marks->trimmed, marks->last_index);
	terms_reset(&wal->terms, position);
	marks->compacted_index = marks->last_index = position.index;
	marks->compacted_term = marks->last_term = position.term;
	marks->trimmed = position.index + 1;
}

uint64_t
wal_install_commit(struct wal *wal, struct raft_position position, bool keep_log_after)
{
	struct disk_marks *marks = &wal->marks;
	struct wal_batch *batch;

	ASSERT(wal->install_generation != 0);
	ASSERT(position.index >= marks->applied_index);
	wal->ticket++;
	if (wal->poisoned)
		return wal->ticket;
	batch = writer_begin(wal->writer);
	marks->generation = wal->install_generation;
	wal->install_generation = 0;
	marks->applied_index = position.index;
	marks->applied_term = position.term;
	marks->commit = MAX_OF(marks->commit, position.index);
	if (keep_log_after && position.index < marks->last_index) {
		compact_log(wal, position.index);
		upkeep_trim(wal, batch);
	} else {
		replace_log(wal, batch, position);
	}
	writer_end(wal->writer, wal->ticket, marks, wal->identity.node_id);
	upkeep_sweep(wal);
	return wal->ticket;
}
