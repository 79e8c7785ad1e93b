/*
 * raft.c - the core's surface: birth, input, questions.
 *
 * Every input goes through here, checked, to the file that knows what to do;
 * output is collected by ready.c. Terms are compared in one place, raft_step.
 */
#include "raftd/raft/raft.h"

#include <stdlib.h>

#include "common/xmem.h"
#include "raftd/raft/raft_priv.h"

/* A learner that lacks nothing older than this may vote. */
#define CAUGHT_UP_NS UINT64_C(1000000000)

struct raft *
raft_new(const struct raft_config *config, const struct raft_restored *restored)
{
	struct raft *raft = xzalloc(sizeof(*raft));

	ASSERT(config->id != 0);
	ASSERT(config->heartbeat_ticks > 0);
	ASSERT(config->election_ticks > config->heartbeat_ticks);
	ASSERT(restored->applied.index >= restored->compacted.index);
	raft->config = *config;
	rand_seed(&raft->rand, config->seed);
	raft->role = RAFT_FOLLOWER;
	raft->hard_state = restored->hard_state;
	raft->durable = restored->hard_state;
	raft->output.hard_state_given = restored->hard_state;
	raft_log_init(&raft->log, restored->applied, restored->compacted.index);
	raft->applied = restored->applied.index;
	raft->commit = MAX_OF(restored->commit, restored->applied.index);
	conf_copy(&raft->conf_applied, &restored->conf);
	raft->conf = raft->conf_applied;
	raft->dead_deadline = RAFT_NEVER;
	raft->transfer_deadline = RAFT_NEVER;
	raft->reads.round = rand_next(&raft->rand) >> 2;
	return raft;
}

void
raft_restore_entry(struct raft *raft, const struct raft_entry *entry)
{
	struct raft_log *log = &raft->log;

	ASSERT(!raft->started);
	ASSERT(entry->index > log->compacted);
	if (entry->index != raft_log_last(log).index + 1) {
		/* The first one, of those already applied. Its predecessor's
		 * term is not known, so the log in memory begins behind it. */
		ASSERT(log->count == 0);
		ASSERT(entry->index <= raft->applied);
		log->base = (struct raft_position){ entry->index, entry->term };
		log->base_time_ns = entry->time_ns;
		return;
	}
	raft_log_push(log, entry);
	if (entry->index > raft->applied) {
		log->submitted = entry->index;
		log->persisted = entry->index;
		conf_entry_appended(raft, entry);
	}
	while (log->bytes > raft->config.memory_bytes_max && log->base.index < raft->applied)
		raft_log_forget(log, log->base.index + 1);
}

void
raft_free(struct raft **raft)
{
	if (*raft == NULL)
		return;
	for (size_t i = 0; i < (*raft)->peer_count; i++)
		progress_free(&(*raft)->peers[i]);
	free((*raft)->peers);
	reads_free(&(*raft)->reads);
	raft_output_free(&(*raft)->output);
	raft_log_clear(&(*raft)->log);
	free(*raft);
	*raft = NULL;
}

void
raft_bootstrap(struct raft *raft, struct blob *payload, uint64_t wall_ns)
{
	ASSERT(raft_log_last(&raft->log).index == 0);
	ASSERT(raft->hard_state.term == 0);
	/* A candidate that has all votes but for its own, which is on its way to
	 * the disk together with the entry. */
	raft->hard_state = (struct raft_hard_state){ 1, raft->config.id };
	raft->role = RAFT_CANDIDATE;
	raft->wall_ns = wall_ns;
	/* It may have been idle for long: the disk gets the time of an election. */
	raft->election_deadline = raft->now + raft->config.election_ticks;
	replicate_append(raft, (struct raft_entry){ .type = RAFT_ENTRY_CONF,
	    .conf_op = RAFT_CONF_ADD_VOTER, .conf_peer = raft->config.id,
	    .payload = payload });
	raft_invariants(raft);
}

void
raft_begin_together(struct raft *raft, const struct raft_entry *entries, size_t count)
{
	ASSERT(raft_log_last(&raft->log).index == 0);
	ASSERT(raft->hard_state.term == 0);
	ASSERT(raft->role == RAFT_FOLLOWER);
	raft->hard_state = (struct raft_hard_state){ 1, 0 };
	for (size_t i = 0; i < count; i++) {
		struct raft_entry entry = entries[i];

		entry.index = i + 1;
		entry.term = 1;
		raft_log_push(&raft->log, &entry);
		conf_entry_appended(raft, &entry);
	}
	raft->commit = count;
	/* It may have been idle for long. */
	raft->election_deadline = raft->now + raft->config.election_ticks +
	    rand_below(&raft->rand, raft->config.election_ticks);
	raft_invariants(raft);
}

/* ---- time ----------------------------------------------------------------- */

static void
raft_begin(struct raft *raft, raft_tick now)
{
	struct raft_position last = raft_log_last(&raft->log);

	ASSERT(last.index >= raft->applied);
	raft->started = true;
	raft->commit = MIN_OF(raft->commit, last.index);
	/* An entry shows that its term began, whatever else was lost. */
	if (last.term > raft->hard_state.term)
		raft->hard_state = (struct raft_hard_state){ last.term, 0 };
	raft->now = now;
	raft->leader_heard_at = now;
	raft->election_deadline = now + raft->config.election_ticks +
	    rand_below(&raft->rand, raft->config.election_ticks);
}

void
raft_time(struct raft *raft, raft_tick now, uint64_t wall_ns)
{
	raft_tick stood_still = 0;

	ASSERT(!raft->output.taken);
	if (!raft->started)
		raft_begin(raft, now);
	ASSERT(now >= raft->now);
	if (now - raft->now > raft->config.heartbeat_ticks)
		stood_still = now - raft->now - raft->config.heartbeat_ticks;
	raft->now = now;
	raft->wall_ns = wall_ns;
	replicate_time(raft, stood_still);
	transfer_time(raft);
	election_time(raft);
	reads_time(raft);
	raft_invariants(raft);
}

raft_tick
raft_deadline(const struct raft *raft)
{
	raft_tick deadline = RAFT_NEVER;

	if (!raft->started)
		return 0;
	deadline = MIN_OF(deadline, replicate_deadline(raft));
	deadline = MIN_OF(deadline, election_deadline(raft));
	deadline = MIN_OF(deadline, reads_deadline(raft));
	return MIN_OF(deadline, raft->transfer_deadline);
}

/* ---- messages ------------------------------------------------------------- */

static bool
message_is_sane(const struct raft *raft, const struct raft_message *message)
{
	if (message->from == 0 || message->from == raft->config.id)
		return false;
	if (message->to != 0 && message->to != raft->config.id)
		return false;
	if (message->term == 0 || message->term > RAFT_NUMBER_MAX)
		return false;
	if (message->log.index > RAFT_NUMBER_MAX || message->log.term > RAFT_NUMBER_MAX)
		return false;
	return message->type == RAFT_APPEND ? follow_append_is_sane(message) :
	    message->entry_count == 0;
}

/* Bring the terms together. False: the message is of no use. */
static bool
raft_compare_terms(struct raft *raft, const struct raft_message *message)
{
	bool of_leader = message->type == RAFT_APPEND || message->type == RAFT_HEARTBEAT;

	if (message->term == raft->hard_state.term)
		return true;
	if (message->term < raft->hard_state.term) {
		/* Else it would lead on without us: it has no other way to learn
		 * our term, since our pre-votes are refused by its followers. */
		if (of_leader)
			follow_refuse_stale(raft, message);
		return false;
	}
	if (of_leader) {
		role_follow(raft, message->term, message->from);
		return true;
	}
	/* A removed node must not depose anybody (pitfall removed-votes). */
	if (!conf_has_member(&raft->conf, message->from))
		return false;
	role_follow(raft, message->term, 0);
	return true;
}

void
raft_step(struct raft *raft, const struct raft_message *message)
{
	ASSERT(!raft->output.taken);
	if (!raft->started || !message_is_sane(raft, message))
		return;
	/* Votes have rules of their own for terms: a pre-vote names a later one. */
	if (message->type != RAFT_VOTE && message->type != RAFT_VOTE_REPLY &&
	    !raft_compare_terms(raft, message))
		return;
	switch (message->type) {
	case RAFT_VOTE:
		election_vote(raft, message);
		break;
	case RAFT_VOTE_REPLY:
		election_vote_reply(raft, message);
		break;
	case RAFT_APPEND:
		if (election_heard(raft, message->from))
			follow_append(raft, message);
		break;
	case RAFT_APPEND_REPLY:
		replicate_append_reply(raft, message);
		break;
	case RAFT_HEARTBEAT:
		if (election_heard(raft, message->from))
			follow_heartbeat(raft, message);
		break;
	case RAFT_HEARTBEAT_REPLY:
		replicate_heartbeat_reply(raft, message);
		break;
	case RAFT_READ_INDEX:
		reads_asked(raft, message);
		break;
	case RAFT_READ_INDEX_REPLY:
		reads_answered(raft, message);
		break;
	case RAFT_TIMEOUT_NOW:
		transfer_timeout_now(raft, message);
		break;
	case RAFT_MESSAGE_TYPES:
		break;
	}
	raft_invariants(raft);
}

/* ---- proposals and reads -------------------------------------------------- */

enum err
raft_propose(struct raft *raft, struct blob *payload, struct raft_position *position)
{
	ASSERT(!raft->output.taken);
	if (raft->role != RAFT_LEADER)
		return ERR_NOT_LEADER;
	if (raft->transfer_to != 0)
		return ERR_AGAIN;
	*position = replicate_append(raft, (struct raft_entry){
	    .type = RAFT_ENTRY_COMMAND, .payload = payload });
	raft_invariants(raft);
	return ERR_NONE;
}

enum err
raft_propose_conf(struct raft *raft, enum raft_conf_op op, peer_id peer,
    struct blob *payload, struct raft_position *position)
{
	ASSERT(!raft->output.taken);
	if (raft->role != RAFT_LEADER)
		return ERR_NOT_LEADER;
	if (raft->transfer_to != 0)
		return ERR_AGAIN;
	if (raft->conf_index > raft->applied || !replicate_is_settled(raft))
		return ERR_BUSY;
	if (op == RAFT_CONF_ADD_VOTER || !conf_allows(&raft->conf, op, peer))
		return ERR_INVALID;
	if (op == RAFT_CONF_PROMOTE && !raft_caught_up(raft, peer))
		return ERR_AGAIN;
	*position = replicate_append(raft, (struct raft_entry){ .type = RAFT_ENTRY_CONF,
	    .conf_op = op, .conf_peer = peer, .payload = payload });
	/* With one voter less a smaller quorum may have been reached already. */
	replicate_commit(raft);
	raft_invariants(raft);
	return ERR_NONE;
}

void
raft_read(struct raft *raft, uint64_t id)
{
	ASSERT(!raft->output.taken);
	reads_ask(raft, id);
}

void
raft_set_unfit(struct raft *raft, bool unfit)
{
	raft->unfit = unfit;
}

/* ---- peers ---------------------------------------------------------------- */

void
raft_peer_unreachable(struct raft *raft, peer_id peer)
{
	struct progress *progress = replicate_peer(raft, peer);

	ASSERT(!raft->output.taken);
	if (progress != NULL) {
		progress->unreachable = true;
		if (progress->state == PROGRESS_REPLICATE)
			progress_probe(progress, progress->match + 1);
	}
	election_peer_gone(raft, peer);
	raft_invariants(raft);
}

void
raft_peer_connected(struct raft *raft, peer_id peer)
{
	struct progress *progress = replicate_peer(raft, peer);

	ASSERT(!raft->output.taken);
	if (progress != NULL) {
		progress->unreachable = false;
		/* While probing, match says nothing yet: behind it may be a long way. */
		if (progress->state == PROGRESS_PROBE)
			progress_probe(progress, progress->next);
		else if (progress->state == PROGRESS_REPLICATE)
			progress_probe(progress, progress->match + 1);
	}
	election_peer_back(raft, peer);
	raft_invariants(raft);
}

/* The peer that waits for that answer; NULL: none does any more. */
static struct progress *
raft_fetching(const struct raft *raft, uint64_t fetch)
{
	for (size_t i = 0; i < raft->peer_count; i++) {
		if (raft->peers[i]->fetch == fetch)
			return raft->peers[i];
	}
	return NULL;
}

void
raft_fetched(struct raft *raft, uint64_t fetch, struct raft_position prev,
    const struct raft_entry *entries, size_t count)
{
	struct progress *progress = raft_fetching(raft, fetch);

	ASSERT(!raft->output.taken);
	ASSERT(fetch != 0);
	if (progress == NULL)
		return;
	progress->fetch = 0;
	if (count > 0) {
		ASSERT(prev.index + 1 == progress->fetch_from);
		progress_keep_fetched(progress, prev, entries, count);
	} else if (progress->state != PROGRESS_SNAPSHOT &&
	    progress->next == progress->fetch_from) {
		progress_snapshot(progress);
		raft_output_snapshot(raft, progress->id);
	}
	raft_invariants(raft);
}

/* ---- snapshots ------------------------------------------------------------ */

void
raft_snapshot_sent(struct raft *raft, peer_id peer, raft_index index)
{
	struct progress *progress = replicate_peer(raft, peer);
	raft_index last = raft_log_last(&raft->log).index, next = index + 1;

	if (progress == NULL || progress->state != PROGRESS_SNAPSHOT)
		return;
	/* If it was not taken it may not be needed: ask anew where the logs agree,
	 * after a sign of life. */
	if (index == 0 || index > last)
		next = last + 1;
	progress_probe(progress, MAX_OF(progress->match + 1, next));
	if (index == 0) {
		progress->probe_sent = true;
		progress->quiet = true;
	}
	raft_invariants(raft);
}

bool
raft_wants_snapshot(const struct raft *raft, struct raft_position position, raft_term term)
{
	/* As message_is_sane has it for messages. */
	if (term > RAFT_NUMBER_MAX || position.index > RAFT_NUMBER_MAX || position.term == 0 ||
	    position.term > term)
		return false;
	return term >= raft->hard_state.term && position.index > raft->commit &&
	    (raft->role != RAFT_LEADER || term > raft->hard_state.term);
}

void
raft_snapshot_progress(struct raft *raft, peer_id from, raft_term term)
{
	ASSERT(!raft->output.taken);
	if (from == 0 || from == raft->config.id || term < raft->hard_state.term ||
	    term > RAFT_NUMBER_MAX)
		return;
	if (term > raft->hard_state.term)
		role_follow(raft, term, from);
	(void)election_heard(raft, from);
	raft_invariants(raft);
}

bool
raft_snapshot_installed(struct raft *raft, struct raft_position position,
    const struct raft_conf *conf)
{
	ASSERT(!raft->output.taken);
	if (position.index <= raft->commit || raft->role == RAFT_LEADER)
		return false;
	if (position.term > raft->hard_state.term)
		role_follow(raft, position.term, 0);
	if (raft_log_term(&raft->log, position.index) == position.term) {
		raft_log_forget(&raft->log, position.index);
		raft->log.submitted = MAX_OF(raft->log.submitted, position.index);
		raft->log.persisted = MAX_OF(raft->log.persisted, position.index);
		if (raft->log.truncate_from != 0)
			raft->log.truncate_from =
			    MAX_OF(raft->log.truncate_from, position.index + 1);
	} else {
		raft_log_reset(&raft->log, position);
	}
	raft->log.compacted = position.index;
	raft->commit = position.index;
	raft->applied = position.index;
	conf_copy(&raft->conf_applied, conf);
	conf_rebuild(raft);
	if (raft->leader != 0)
		follow_accept(raft, raft->leader, position.index);
	raft_invariants(raft);
	return true;
}

void
raft_compacted(struct raft *raft, raft_index index)
{
	ASSERT(!raft->output.taken);
	ASSERT(index <= raft->applied);
	raft->log.compacted = MAX_OF(raft->log.compacted, index);
}

/* ---- questions ------------------------------------------------------------ */

enum raft_role
raft_role(const struct raft *raft)
{
	return raft->role;
}

peer_id
raft_leader(const struct raft *raft)
{
	return raft->leader;
}

raft_term
raft_current_term(const struct raft *raft)
{
	return raft->hard_state.term;
}

raft_index
raft_commit(const struct raft *raft)
{
	return raft->commit;
}

raft_index
raft_applied(const struct raft *raft)
{
	return raft->applied;
}

struct raft_position
raft_last(const struct raft *raft)
{
	return raft_log_last(&raft->log);
}

size_t
raft_log_bytes(const struct raft *raft)
{
	return raft->log.bytes;
}

raft_index
raft_first(const struct raft *raft)
{
	return raft->log.compacted + 1;
}

const struct raft_conf *
raft_conf(const struct raft *raft)
{
	return &raft->conf;
}

bool
raft_met_leader(const struct raft *raft, raft_index *commit)
{
	*commit = raft->met_commit;
	return raft->met_leader;
}

bool
raft_has_successor(const struct raft *raft)
{
	return raft->role == RAFT_LEADER && transfer_best(raft) != 0;
}

bool
raft_is_learner(const struct raft *raft, peer_id peer)
{
	return conf_has_learner(&raft->conf, peer);
}

bool
raft_can_change_conf(const struct raft *raft)
{
	return replicate_is_settled(raft) && raft->conf_index <= raft->applied &&
	    raft->transfer_to == 0;
}

bool
raft_caught_up(const struct raft *raft, peer_id peer)
{
	const struct progress *progress = replicate_peer(raft, peer);
	raft_index last = raft_log_last(&raft->log).index;
	size_t bytes = 0;

	if (progress == NULL || progress->state != PROGRESS_REPLICATE)
		return false;
	/* Over a slow link even an append is long: writes would wait for it. */
	if (progress->match < last) {
		const struct raft_entry *entry = raft_log_entry(&raft->log, progress->match + 1);

		if (entry == NULL || raft->wall_ns > entry->time_ns + CAUGHT_UP_NS)
			return false;
	}
	/* Ends at the first entry that does not fit, so it costs an append at most. */
	for (raft_index index = last; index > progress->match; index--) {
		const struct raft_entry *entry = raft_log_entry(&raft->log, index);

		if (entry == NULL)
			return false;
		bytes += raft_entry_bytes(entry);
		if (bytes > raft->config.append_bytes_max)
			return false;
	}
	return true;
}

raft_tick
raft_heard_ago(const struct raft *raft, peer_id peer)
{
	const struct progress *progress = replicate_peer(raft, peer);

	if (progress == NULL || !progress->heard)
		return RAFT_NEVER;
	return raft->now - progress->heard_at;
}

raft_index
raft_match(const struct raft *raft, peer_id peer)
{
	const struct progress *progress = replicate_peer(raft, peer);

	if (peer == raft->config.id)
		return raft->log.persisted;
	return progress == NULL ? 0 : progress->match;
}

raft_index
raft_lost(const struct raft *raft)
{
	return raft->lost;
}

raft_term
raft_term_at(const struct raft *raft, raft_index index)
{
	return raft_log_term(&raft->log, index);
}

/* ---- promises ------------------------------------------------------------- */

void
raft_invariants(const struct raft *raft)
{
	const struct raft_log *log = &raft->log;
	struct raft_position last = raft_log_last(log);

	if (!raft->started)
		return;
	ASSERT(raft->applied <= raft->commit);
	ASSERT(raft->commit <= last.index);
	ASSERT(raft->commit >= raft->output.commit);	/* as of the last turn */
	ASSERT(log->base.index <= raft->applied);
	ASSERT(log->compacted <= raft->applied);
	ASSERT(log->persisted <= log->submitted);
	ASSERT(log->submitted <= last.index);
	ASSERT(log->truncate_from == 0 || log->truncate_from > log->base.index);
	ASSERT(last.term <= raft->hard_state.term);
	ASSERT(raft->durable.term <= raft->hard_state.term);
	ASSERT(raft->conf_index <= last.index);
	ASSERT((raft->role == RAFT_LEADER) == (raft->leader == raft->config.id));
	ASSERT(raft->leader == 0 || raft->leader == raft->term_leader);
	ASSERT(raft->role == RAFT_LEADER || raft->peer_count == 0);
	ASSERT(raft->role != RAFT_LEADER || raft->hard_state.vote == raft->config.id);
	for (size_t i = 0; i < raft->peer_count; i++) {
		const struct progress *progress = raft->peers[i];

		ASSERT(progress->match < progress->next);
		ASSERT(progress->match <= last.index);
		ASSERT(progress->next <= last.index + 1);
		ASSERT(progress->window_count <= progress->window_max);
		ASSERT(progress->fetch <= raft->fetch_last);
		ASSERT(i == 0 || raft->peers[i - 1]->id < progress->id);
	}
}
