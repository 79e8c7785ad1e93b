/*
 * read.c - linearizable reads by ReadIndex.
 *
 * Owns the queue of reads that wait for their read index, our own and, on a
 * leader, those that peers passed on. All reads of a turn share one round: on
 * a leader a number in its heartbeats that a quorum must answer, on a follower
 * the number of one question to the leader.
 *
 *	asked ------> begun	the turn ends; a leader has committed in its term  [reads_begin]
 *	begun ------> ready	a quorum answered this or a later round  [reads_acked]
 *	begun ------> ready	the leader answered, for all before too	 [reads_answered]
 *	any --------> dropped	there is another leader or none		 [reads_drop]
 *
 * Rounds start at a random number: an answer meant for us before a restart
 * must not look like one to a read that came after it.
 *
 * Invariant: the first `begun` reads have a round, which rises along the queue.
 * Source: thesis 6.4; pitfalls local-quorum-read and deposed-read.
 */
#include "raftd/raft/raft_priv.h"

#include <stdlib.h>
#include <string.h>

#include "common/xmem.h"

void
reads_free(struct reads *reads)
{
	free(reads->waits);
	free(reads->ready);
	free(reads->dropped);
	*reads = (struct reads){ 0 };
}

static void
reads_push(struct reads *reads, struct read_wait wait)
{
	if (reads->head > 0 && reads->head >= reads->count &&
	    reads->head + reads->count == reads->capacity) {
		memmove(reads->waits, reads->waits + reads->head,
		    reads->count * sizeof(*reads->waits));
		reads->head = 0;
	}
	reads->waits = xgrow(reads->waits, &reads->capacity, reads->head + reads->count + 1,
	    sizeof(*reads->waits));
	reads->waits[reads->head + reads->count++] = wait;
}

static void
reads_drop_one(struct reads *reads, uint64_t id)
{
	reads->dropped = xgrow(reads->dropped, &reads->dropped_capacity,
	    reads->dropped_count + 1, sizeof(*reads->dropped));
	reads->dropped[reads->dropped_count++] = id;
}

/* Take the first reads off the queue, those of rounds up to this one. */
static void
reads_pop(struct raft *raft, uint64_t round, bool confirmed, raft_index index)
{
	struct reads *reads = &raft->reads;

	while (reads->begun > 0 && reads->waits[reads->head].round <= round) {
		struct read_wait *wait = &reads->waits[reads->head];
		raft_index at = raft->role == RAFT_LEADER ? wait->index : index;

		if (wait->peer != 0) {
			struct raft_message *reply =
			    raft_output_message(raft, RAFT_READ_INDEX_REPLY, wait->peer);

			reply->context = wait->id;
			reply->log.index = at;
		} else if (confirmed) {
			reads->ready = xgrow(reads->ready, &reads->ready_capacity,
			    reads->ready_count + 1, sizeof(*reads->ready));
			reads->ready[reads->ready_count++] = (struct raft_read){ wait->id, at };
		} else {
			reads_drop_one(reads, wait->id);
		}
		reads->head++;
		reads->count--;
		reads->begun--;
	}
	if (reads->count == 0)
		reads->head = 0;
}

void
reads_ask(struct raft *raft, uint64_t id)
{
	if (raft->leader == 0)
		reads_drop_one(&raft->reads, id);
	else
		reads_push(&raft->reads, (struct read_wait){ .id = id });
}

void
reads_asked(struct raft *raft, const struct raft_message *message)
{
	struct progress *progress = NULL;

	if (raft->role == RAFT_LEADER)
		progress = replicate_peer(raft, message->from);
	if (progress == NULL) {
		struct raft_message *reply =
		    raft_output_message(raft, RAFT_READ_INDEX_REPLY, message->from);

		reply->context = message->context;
		reply->reject = true;
		return;
	}
	/* A later question covers the earlier ones of the same peer. */
	if (!progress->read_wanted || message->context > progress->read_context)
		progress->read_context = message->context;
	progress->read_wanted = true;
}

void
reads_answered(struct raft *raft, const struct raft_message *message)
{
	if (raft->role == RAFT_LEADER || message->from != raft->leader ||
	    message->context > raft->reads.round)
		return;
	reads_pop(raft, message->context, !message->reject, message->log.index);
}

/* Leader: the newest round that a quorum answered. */
static void
reads_confirm(struct raft *raft)
{
	uint64_t rounds[VOTERS_MAX + 1];

	for (size_t i = 0; i < raft->conf.voter_count; i++) {
		peer_id voter = raft->conf.voters[i];

		rounds[i] = voter == raft->config.id ? raft->reads.round :
		    replicate_peer(raft, voter)->context_acked;
	}
	reads_pop(raft, quorum_value(rounds, raft->conf.voter_count), true, 0);
}

void
reads_acked(struct raft *raft, struct progress *progress, uint64_t round)
{
	if (round <= progress->context_acked || round > raft->reads.round)
		return;
	progress->context_acked = round;
	if (raft->reads.begun > 0)
		reads_confirm(raft);
}

static void
reads_question(struct raft *raft)
{
	struct raft_message *question = raft_output_message(raft, RAFT_READ_INDEX, raft->leader);

	question->context = raft->reads.round;
	raft->reads.repeat_at = raft->now + raft->config.heartbeat_ticks;
}

static bool
reads_collect(struct raft *raft)
{
	for (size_t i = 0; i < raft->peer_count; i++) {
		struct progress *progress = raft->peers[i];

		if (!progress->read_wanted)
			continue;
		progress->read_wanted = false;
		reads_push(&raft->reads, (struct read_wait){
		    .peer = progress->id, .id = progress->read_context });
	}
	return raft->reads.begun < raft->reads.count;
}

void
reads_begin(struct raft *raft)
{
	struct reads *reads = &raft->reads;

	/* Thesis 6.4: until its first commit a leader may not know the latest one. */
	if (raft->role == RAFT_LEADER && !replicate_is_settled(raft))
		return;
	if (reads_collect(raft)) {
		ASSERT(raft->leader != 0);
		reads->round++;
		while (reads->begun < reads->count) {
			struct read_wait *wait = &reads->waits[reads->head + reads->begun++];

			wait->round = reads->round;
			wait->index = raft->commit;
		}
		if (raft->role == RAFT_LEADER)
			raft->heartbeat_due = true;
		else
			reads_question(raft);
	}
	/* An only voter is a quorum, also when it became the only one just now. */
	if (raft->role == RAFT_LEADER && reads->begun > 0)
		reads_confirm(raft);
}

void
reads_time(struct raft *raft)
{
	if (raft->now >= reads_deadline(raft))
		reads_question(raft);
}

raft_tick
reads_deadline(const struct raft *raft)
{
	if (raft->role != RAFT_FOLLOWER || raft->leader == 0 || raft->reads.begun == 0)
		return RAFT_NEVER;
	return raft->reads.repeat_at;
}

void
reads_drop(struct raft *raft)
{
	struct reads *reads = &raft->reads;

	for (size_t i = 0; i < reads->count; i++) {
		const struct read_wait *wait = &reads->waits[reads->head + i];

		/* A peer asks again, or drops its own. */
		if (wait->peer == 0)
			reads_drop_one(reads, wait->id);
	}
	reads->head = 0;
	reads->count = 0;
	reads->begun = 0;
}
