/*
 * follow.c - what a follower does with its leader's messages.
 *
 * Called by raft.c after election.c has accepted the sender as leader of this
 * term. Whatever a message says, nothing committed is truncated: entries at
 * or below the commit index are skipped, never compared away.
 * Source: Raft paper 5.3, figure 2 (AppendEntries); pitfalls ack-not-durable,
 * stale-messages, truncating-append and slow-backing-off.
 */
#include "raftd/raft/raft_priv.h"

static bool
entry_is_sane(const struct raft_entry *entry)
{
	switch (entry->type) {
	case RAFT_ENTRY_NOOP:
	case RAFT_ENTRY_COMMAND:
		return entry->conf_op == RAFT_CONF_NONE;
	case RAFT_ENTRY_CONF:
		return entry->conf_op > RAFT_CONF_NONE &&
		    entry->conf_op <= RAFT_CONF_ADD_VOTER && entry->conf_peer != 0;
	}
	return false;
}

/* Stamps are not looked at: a leader behind a snapshot relies on its conductor
 * for the last one, and to refuse its entries would stop the cluster. */
bool
follow_append_is_sane(const struct raft_message *message)
{
	struct raft_position prev = message->log;

	if (prev.term > message->term || (prev.index == 0) != (prev.term == 0))
		return false;
	if (message->entry_count > RAFT_NUMBER_MAX - prev.index ||
	    (message->entry_count > 0 && (message->flags & RAFT_APPEND_TELLS) != 0))
		return false;
	for (size_t i = 0; i < message->entry_count; i++) {
		const struct raft_entry *entry = &message->entries[i];

		if (entry->index != prev.index + 1 || entry->term < prev.term ||
		    entry->term > message->term || entry->term == 0 ||
		    !entry_is_sane(entry))
			return false;
		prev = (struct raft_position){ entry->index, entry->term };
	}
	return true;
}

void
follow_accept(struct raft *raft, peer_id leader, raft_index match)
{
	struct raft_message *reply = raft_output_message(raft, RAFT_APPEND_REPLY, leader);

	reply->log.index = match;
	/* It may leave only when what it acknowledges is on disk (pitfall
	 * ack-not-durable). */
	reply->after_persist = true;
}

/* Refuse, and say where the logs may agree at the latest: nothing of a later
 * term than the leader's entry at that place can be there. */
static void
follow_refuse(struct raft *raft, peer_id leader, struct raft_position prev)
{
	struct raft_message *reply = raft_output_message(raft, RAFT_APPEND_REPLY, leader);
	raft_index index = raft_log_seek(&raft->log, prev.index - 1, prev.term);

	index = MAX_OF(index, raft->commit);
	reply->reject = true;
	reply->log.index = prev.index;
	reply->hint = (struct raft_position){ index, raft_log_term(&raft->log, index) };
}

void
follow_refuse_stale(struct raft *raft, const struct raft_message *message)
{
	struct raft_message *reply = raft_output_message(raft, RAFT_APPEND_REPLY, message->from);

	reply->reject = true;
	reply->log.index = message->log.index;
	reply->hint = raft_log_last(&raft->log);
}

/* Add what we do not have; truncate only at an entry that differs. */
static void
follow_take(struct raft *raft, const struct raft_entry *entries, size_t count)
{
	struct raft_log *log = &raft->log;
	size_t known = 0;

	while (known < count && raft_log_term(log, entries[known].index) == entries[known].term)
		known++;
	if (known == count)
		return;
	if (entries[known].index <= raft_log_last(log).index) {
		ASSERT(entries[known].index > raft->commit);
		raft_log_truncate(log, entries[known].index);
		if (raft->conf_index >= entries[known].index)
			conf_rebuild(raft);
	}
	for (size_t i = known; i < count; i++) {
		raft_log_push(log, &entries[i]);
		conf_entry_appended(raft, &entries[i]);
	}
}

void
follow_append(struct raft *raft, const struct raft_message *message)
{
	const struct raft_entry *entries = message->entries;
	struct raft_position prev = message->log;
	size_t count = message->entry_count;
	bool answered = (message->flags & RAFT_APPEND_TELLS) == 0;
	raft_index last;

	election_met(raft, message->commit);
	/* Up to the commit index any leader's log is ours: begin there. */
	if (prev.index < raft->commit) {
		size_t skip = (size_t)MIN_OF(raft->commit - prev.index, (uint64_t)count);

		if (skip > 0) {
			prev = (struct raft_position){ entries[skip - 1].index,
				entries[skip - 1].term };
			entries += skip;
			count -= skip;
		}
		if (prev.index < raft->commit) {
			if (answered)
				follow_accept(raft, message->from, raft->commit);
			return;
		}
	}
	if (prev.index > raft_log_last(&raft->log).index ||
	    raft_log_term(&raft->log, prev.index) != prev.term) {
		if (prev.index > raft->commit)
			follow_refuse(raft, message->from, prev);
		return;
	}
	follow_take(raft, entries, count);
	/* Not beyond this message: what follows in our log may be another's. */
	last = prev.index + count;
	raft->commit = MAX_OF(raft->commit, MIN_OF(message->commit, last));
	if (answered)
		follow_accept(raft, message->from, last);
}

void
follow_heartbeat(struct raft *raft, const struct raft_message *message)
{
	struct raft_message *reply;
	raft_index last = raft_log_last(&raft->log).index;

	/* The leader says no more than it knows that we have. Of this term nothing is
	 * taken back, so if our log is shorter, the disk has lost it
	 * (pitfall torn-tail). */
	if (message->commit > last)
		raft->lost = message->commit;
	raft->commit = MAX_OF(raft->commit, MIN_OF(message->commit, last));
	reply = raft_output_message(raft, RAFT_HEARTBEAT_REPLY, message->from);
	reply->context = message->context;
	reply->flags = raft->unfit ? RAFT_REPLY_UNFIT : 0;
}
