/*
 * transfer.c - handing leadership over.
 *
 *	asked --> waiting	the successor's log is behind ours  [raft_transfer]
 *	waiting --> told	it has all: TIMEOUT_NOW  [transfer_output]
 *	told --> gone		its votes depose us	 [election_vote]
 *	any --> given up	an election timeout passed  [transfer_time]
 *
 * Meanwhile nothing is proposed, so the successor can catch up.
 * Source: thesis 3.10.
 */
#include "raftd/raft/raft_priv.h"

peer_id
transfer_best(const struct raft *raft)
{
	const struct progress *best = NULL;

	for (size_t i = 0; i < raft->peer_count; i++) {
		const struct progress *progress = raft->peers[i];

		if (!conf_has_voter(&raft->conf, progress->id) || progress->unfit ||
		    progress->unreachable ||
		    !progress->heard ||
		    raft->now >= progress->heard_at + raft->config.election_ticks)
			continue;
		if (best == NULL || progress->match > best->match)
			best = progress;
	}
	return best == NULL ? 0 : best->id;
}

void
transfer_cancel(struct raft *raft)
{
	raft->transfer_to = 0;
	raft->transfer_sent = false;
	raft->transfer_deadline = RAFT_NEVER;
}

enum err
raft_transfer(struct raft *raft, peer_id to)
{
	ASSERT(!raft->output.taken);
	if (raft->role != RAFT_LEADER)
		return ERR_NOT_LEADER;
	if (to == 0)
		to = transfer_best(raft);
	if (to == 0 || to == raft->config.id || !conf_has_voter(&raft->conf, to))
		return ERR_INVALID;
	if (raft->transfer_to == to)
		return ERR_NONE;
	raft->transfer_to = to;
	raft->transfer_sent = false;
	raft->transfer_deadline = raft->now + raft->config.election_ticks;
	raft_invariants(raft);
	return ERR_NONE;
}

void
transfer_time(struct raft *raft)
{
	if (raft->transfer_to != 0 && raft->now >= raft->transfer_deadline)
		transfer_cancel(raft);
}

void
transfer_output(struct raft *raft)
{
	const struct progress *progress;

	if (raft->transfer_to == 0 || raft->transfer_sent)
		return;
	progress = replicate_peer(raft, raft->transfer_to);
	ASSERT(progress != NULL);
	if (progress->match != raft_log_last(&raft->log).index)
		return;
	raft_output_message(raft, RAFT_TIMEOUT_NOW, raft->transfer_to);
	raft->transfer_sent = true;
}

void
transfer_timeout_now(struct raft *raft, const struct raft_message *message)
{
	if (!election_heard(raft, message->from) || !election_can_stand(raft))
		return;
	/* No pre-vote: the leader itself wants to go. */
	election_campaign(raft, false, RAFT_VOTE_TRANSFER);
}
