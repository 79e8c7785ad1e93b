/*
 * ready.c - the turn's output, and what came of it.
 *
 *	raft_ready	collects: hard state and new entries for the disk,
 *			messages, entries to apply, reads
 *	raft_advance	it was taken: applied moves, memory is given back
 *	raft_persisted	the disk has it: acknowledged and counted only now
 *
 * What a turn gave to the disk is queued here until it is reported back, so
 * that a completion is never taken for a later one (pitfalls vote-not-durable and
 * log-disk-disagree).
 * Source: Raft paper, figure 2 ("respond to RPCs" after "updated on stable
 * storage"); thesis 10.2.1 (writing to the leader's disk in parallel).
 */
#include "raftd/raft/ready.h"

#include <stdlib.h>
#include <string.h>

#include "common/limits.h"
#include "common/xmem.h"
#include "raftd/raft/raft_priv.h"

void
raft_output_free(struct raft_output *output)
{
	free(output->messages);
	free(output->fetches);
	free(output->snapshots);
	free(output->writes);
	*output = (struct raft_output){ 0 };
}

struct raft_message *
raft_output_message(struct raft *raft, enum raft_message_type type, peer_id to)
{
	struct raft_output *output = &raft->output;
	struct raft_message *message;

	output->messages = xgrow(output->messages, &output->message_capacity,
	    output->message_count + 1, sizeof(*output->messages));
	message = &output->messages[output->message_count++];
	*message = (struct raft_message){ .type = type, .from = raft->config.id, .to = to,
		.term = raft->hard_state.term };
	return message;
}

uint64_t
raft_output_fetch(struct raft *raft, raft_index from)
{
	struct raft_output *output = &raft->output;

	output->fetches = xgrow(output->fetches, &output->fetch_capacity,
	    output->fetch_count + 1, sizeof(*output->fetches));
	output->fetches[output->fetch_count++] = (struct raft_fetch){ .id = ++raft->fetch_last,
		.from = from, .bytes_max = raft->config.append_bytes_max };
	return raft->fetch_last;
}

void
raft_output_snapshot(struct raft *raft, peer_id peer)
{
	struct raft_output *output = &raft->output;

	output->snapshots = xgrow(output->snapshots, &output->snapshot_capacity,
	    output->snapshot_count + 1, sizeof(*output->snapshots));
	output->snapshots[output->snapshot_count++] = peer;
}

/* ---- for the disk --------------------------------------------------------- */

static bool
hard_state_equal(struct raft_hard_state a, struct raft_hard_state b)
{
	return a.term == b.term && a.vote == b.vote;
}

static void
writes_push(struct raft_output *output, struct write write)
{
	if (output->write_head > 0 && output->write_head >= output->write_count) {
		memmove(output->writes, output->writes + output->write_head,
		    output->write_count * sizeof(*output->writes));
		output->write_head = 0;
	}
	output->writes = xgrow(output->writes, &output->write_capacity,
	    output->write_head + output->write_count + 1, sizeof(*output->writes));
	output->writes[output->write_head + output->write_count++] = write;
}

static void
ready_writes(struct raft *raft, struct raft_ready *ready)
{
	struct raft_output *output = &raft->output;
	struct raft_log *log = &raft->log;
	struct raft_position last = raft_log_last(log);

	ready->hard_state = raft->hard_state;
	ready->hard_state_changed =
	    !hard_state_equal(raft->hard_state, output->hard_state_given);
	ready->truncate_from = log->truncate_from;
	ready->entry_count = (size_t)(last.index - log->submitted);
	if (ready->entry_count > 0)
		ready->entries = raft_log_entry(log, log->submitted + 1);
	else
		last = (struct raft_position){ 0, 0 };
	if (ready->hard_state_changed || ready->entry_count > 0 || ready->truncate_from != 0)
		writes_push(output, (struct write){ raft->hard_state, last });
	output->hard_state_given = raft->hard_state;
	log->submitted += ready->entry_count;
	log->truncate_from = 0;
}

static bool
position_equal(struct raft_position a, struct raft_position b)
{
	return a.index == b.index && a.term == b.term;
}

void
raft_persisted(struct raft *raft, struct raft_position position)
{
	struct raft_output *output = &raft->output;
	size_t done = 0;

	ASSERT(!output->taken);
	while (done < output->write_count &&
	    !position_equal(output->writes[output->write_head + done].last, position))
		done++;
	/* Not one of ours: the log was reset by a snapshot meanwhile. */
	if (done == output->write_count)
		return;
	for (size_t i = 0; i <= done; i++) {
		const struct write *write = &output->writes[output->write_head + i];

		raft->durable = write->hard_state;
		/* An entry that was replaced meanwhile does not count. */
		if (write->last.index > raft->log.persisted &&
		    raft_log_term(&raft->log, write->last.index) == write->last.term)
			raft->log.persisted = write->last.index;
	}
	output->write_head += done + 1;
	output->write_count -= done + 1;
	if (output->write_count == 0)
		output->write_head = 0;
	if (raft->role == RAFT_LEADER)
		replicate_commit(raft);
	else
		election_persisted(raft);
	raft_invariants(raft);
}

/* ---- the turn ------------------------------------------------------------- */

static void
ready_committed(struct raft *raft, struct raft_ready *ready)
{
	size_t bytes = 0;

	if (raft->commit > raft->applied)
		ready->committed = raft_log_entry(&raft->log, raft->applied + 1);
	while (raft->applied + ready->committed_count < raft->commit &&
	    ready->committed_count < COMMITTED_ENTRIES_MAX && bytes < COMMITTED_BYTES_MAX)
		bytes += raft_entry_bytes(&ready->committed[ready->committed_count++]);
	raft->output.committed_to = raft->applied + ready->committed_count;
	ready->more = raft->output.committed_to < raft->commit;
}

void
raft_ready(struct raft *raft, struct raft_ready *ready)
{
	struct raft_output *output = &raft->output;

	ASSERT(raft->started);
	ASSERT(!output->taken);
	*ready = (struct raft_ready){ 0 };
	reads_begin(raft);
	replicate_output(raft);
	ready_writes(raft, ready);
	ready_committed(raft, ready);
	ready->message_count = output->message_count;
	ready->messages = output->messages;
	ready->read_count = raft->reads.ready_count;
	ready->reads = raft->reads.ready;
	ready->dropped_count = raft->reads.dropped_count;
	ready->reads_dropped = raft->reads.dropped;
	ready->fetch_count = output->fetch_count;
	ready->fetches = output->fetches;
	ready->snapshot_count = output->snapshot_count;
	ready->snapshots = output->snapshots;
	output->commit = raft->commit;
	/* Stepping down shows in the next turn. */
	ready->more = ready->more || raft->leaving;
	output->taken = true;
	raft_invariants(raft);
}

void
raft_took(struct raft *raft, size_t count)
{
	struct raft_output *output = &raft->output;

	ASSERT(output->taken);
	ASSERT(raft->applied + count <= output->committed_to);
	output->committed_to = raft->applied + count;
}

/* Applied entries stay in memory for slow peers, within a bound; what is not
 * on our disk yet could not be fetched from there. */
static void
ready_forget(struct raft *raft)
{
	struct raft_log *log = &raft->log;
	raft_index limit = MIN_OF(raft->applied, log->persisted);

	while (log->bytes > raft->config.memory_bytes_max && log->base.index < limit)
		raft_log_forget(log, log->base.index + 1);
}

void
raft_advance(struct raft *raft)
{
	struct raft_output *output = &raft->output;

	ASSERT(output->taken);
	output->taken = false;
	output->message_count = 0;
	output->fetch_count = 0;
	output->snapshot_count = 0;
	raft->reads.ready_count = 0;
	raft->reads.dropped_count = 0;
	while (raft->applied < output->committed_to)
		conf_entry_applied(raft, raft_log_entry(&raft->log, ++raft->applied));
	replicate_advance(raft);
	ready_forget(raft);
	raft_invariants(raft);
}
