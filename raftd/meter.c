/*
 * meter.c - what raftd counts for operators (see meter.h).
 */
#include "raftd/meter.h"

#include "common/condition.h"
#include "common/metric.h"

/* Which row shows which of the store's counters, in wire.h's order. */
static const enum metric_id store_rows[] = {
	[STAT_GETS_SUCCESS] = METRIC_store_gets,
	[STAT_GETS_FAIL] = METRIC_store_gets_failed,
	[STAT_SETS_SUCCESS] = METRIC_store_sets,
	[STAT_SETS_FAIL] = METRIC_store_sets_failed,
	[STAT_DELETE_SUCCESS] = METRIC_store_deletes,
	[STAT_DELETE_FAIL] = METRIC_store_deletes_failed,
	[STAT_UPDATE_SUCCESS] = METRIC_store_updates,
	[STAT_UPDATE_FAIL] = METRIC_store_updates_failed,
	[STAT_CREATE_SUCCESS] = METRIC_store_creates,
	[STAT_CREATE_FAIL] = METRIC_store_creates_failed,
	[STAT_COMPARE_AND_SWAP_SUCCESS] = METRIC_store_swaps,
	[STAT_COMPARE_AND_SWAP_FAIL] = METRIC_store_swaps_failed,
	[STAT_COMPARE_AND_DELETE_SUCCESS] = METRIC_store_compared_deletes,
	[STAT_COMPARE_AND_DELETE_FAIL] = METRIC_store_compared_deletes_failed,
	[STAT_EXPIRE_COUNT] = METRIC_store_expires,
};
_Static_assert(ARRAY_COUNT(store_rows) == (size_t)STAT_WATCHERS,
    "every counter has a row; the watchers are no counter");

void
meter_status(struct meter *meter, const struct msg_status *status)
{
	metric_set(METRIC_has_leader, status->leader_id != 0);
	metric_set(METRIC_is_leader, status->role == NODE_ROLE_LEADER);
	metric_set(METRIC_is_learner, status->role == NODE_ROLE_LEARNER);
	if (status->leader_id == 0 || status->leader_id == meter->leader)
		return;
	meter->leader = status->leader_id;
	metric_add(METRIC_leader_changes, 1);
}

void
meter_watching(const struct msg_watching *answer)
{
	/* The only error of a registration that is not about its index. */
	if (answer->error == ERR_RAFT_INTERNAL)
		metric_add(METRIC_rejected_watches, 1);
}

void
meter_space(const struct wal_space *space)
{
	metric_set(METRIC_disk_free, space->free_bytes);
}

void
meter_turn(struct meter *meter, const struct node *node)
{
	struct node_counts *last = &meter->counted;
	struct node_counts counts;

	node_count(node, &counts);
	metric_set(METRIC_term, counts.term);
	metric_raise(METRIC_proposals_committed, counts.commit);
	metric_raise(METRIC_proposals_applied, counts.applied);
	metric_set(METRIC_proposals_pending, counts.proposals);
	metric_set(METRIC_reads_pending, counts.reads_pending);
	metric_set(METRIC_reads_under_way, counts.reads_under_way);
	metric_add(METRIC_proposals_failed, counts.proposals_failed - last->proposals_failed);
	metric_add(METRIC_disk_stalls, counts.disk_stalls - last->disk_stalls);
	metric_add(METRIC_retry_deduplicated, counts.deduplicated - last->deduplicated);
	metric_set(METRIC_log_entries, counts.log_entries);
	metric_add(METRIC_log_trims, counts.log_trims - last->log_trims);
	metric_add(METRIC_snapshots_sent, counts.snapshots_sent - last->snapshots_sent);
	metric_add(METRIC_snapshots_received, counts.snapshots_received - last->snapshots_received);
	metric_set(METRIC_places_open, counts.places_open);
	metric_set(METRIC_places_taken, counts.places_taken);
	metric_set(METRIC_store_keys, counts.keys);
	metric_set(METRIC_store_index, counts.store_index);
	metric_set(METRIC_store_watchers, counts.store[STAT_WATCHERS]);
	metric_set(METRIC_v3_revision, counts.v3_revision);
	metric_set(METRIC_v3_compacted, counts.v3_compacted);
	metric_set(METRIC_v3_keys, counts.v3_keys);
	metric_set(METRIC_v3_changes, counts.v3_changes);
	metric_set(METRIC_v3_bytes, counts.v3_bytes);
	metric_set(METRIC_v3_size, counts.v3_size);
	metric_set(METRIC_v3_alarms, counts.v3_alarms);
	metric_set(METRIC_v3_watchers, counts.v3_watchers);
	metric_set(METRIC_leases, counts.leases);
	metric_add(METRIC_lease_renewals, counts.lease_renewals - last->lease_renewals);
	for (size_t i = 0; i < ARRAY_COUNT(store_rows); i++)
		metric_add(store_rows[i], counts.store[i] - last->store[i]);
	*last = counts;
}

void
meter_took(void *unused UNUSED, enum node_span span, uint64_t ns)
{
	metric_observe(span == NODE_SPAN_PROPOSAL ? METRIC_proposal_time : METRIC_read_index_time,
	    ns);
}

void
meter_applying(struct meter *meter, bool begins)
{
	uint64_t now_ns = clock_monotonic_ns();

	if (begins)
		meter->applying_ns = now_ns;
	else
		metric_observe(METRIC_apply_time, now_ns - meter->applying_ns);
}

void
meter_condition(void *unused UNUSED, struct buf *out)
{
	struct condition condition;

	condition_take(&condition);
	condition_put(out, &condition);
}

void
meter_flushed(size_t queued)
{
	metric_set(METRIC_ipc_queue_bytes, queued);
}
