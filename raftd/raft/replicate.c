/*
 * replicate.c - a leader and its followers: appends, heartbeats, commit.
 *
 * Nothing is sent while messages are read: what is due is noted with each
 * peer, and replicate_output makes the turn's messages once at its end, so
 * the proposals of a turn are one append and point into the log itself.
 *
 * A leader counts itself only by what its own disk has (pitfall ack-not-durable), and
 * commits by counting only entries of its own term (Raft paper 5.4.2).
 *
 * Entries that left memory are asked from the disk, one request a peer; those
 * that left the disk too need a snapshot. States of a peer: progress.h. The
 * disk may answer when this node was deposed and leads again, with a log that
 * was overwritten meanwhile: so requests have numbers, and an answer counts
 * only for the one that is waited for.
 * Sources: Raft paper 5.3, figure 2 (leaders); thesis 4.2.2 (a leader that
 * removes itself), 6.4.1, 10.2.1; pitfalls old-term-commit, idle-new-leader,
 * no-quorum-check, stale-messages, slow-backing-off, unbounded-appends and
 * late-heartbeats.
 */
#include "raftd/raft/raft_priv.h"

#include <string.h>

#include "common/xmem.h"

struct progress *
replicate_peer(const struct raft *raft, peer_id peer)
{
	for (size_t i = 0; i < raft->peer_count; i++) {
		if (raft->peers[i]->id == peer)
			return raft->peers[i];
	}
	return NULL;
}

bool
replicate_is_settled(const struct raft *raft)
{
	return raft->role == RAFT_LEADER && raft->commit >= raft->term_start;
}

/* ---- members -------------------------------------------------------------- */

static void
replicate_add_peer(struct raft *raft, peer_id peer)
{
	struct progress *progress = replicate_peer(raft, peer);
	size_t place = 0;

	if (peer == raft->config.id)
		return;
	if (progress != NULL) {
		progress->leaving = false;
		return;
	}
	raft->peers = xgrow(raft->peers, &raft->peer_capacity, raft->peer_count + 1,
	    sizeof(struct progress *));
	while (place < raft->peer_count && raft->peers[place]->id < peer)
		place++;
	memmove(raft->peers + place + 1, raft->peers + place,
	    (raft->peer_count - place) * sizeof(struct progress *));
	progress = progress_new(peer, raft_log_last(&raft->log).index + 1,
	    raft->config.inflight_messages_max);
	progress->active_at = raft->now;
	raft->peers[place] = progress;
	raft->peer_count++;
}

void
replicate_members(struct raft *raft)
{
	for (size_t i = 0; i < raft->conf.voter_count; i++)
		replicate_add_peer(raft, raft->conf.voters[i]);
	for (size_t i = 0; i < raft->conf.learner_count; i++)
		replicate_add_peer(raft, raft->conf.learners[i]);
	/* One that is removed no longer counts, but shall learn why. */
	for (size_t i = 0; i < raft->peer_count; i++) {
		struct progress *progress = raft->peers[i];

		if (conf_has_member(&raft->conf, progress->id) || progress->leaving)
			continue;
		progress->leaving = true;
		progress->leave_index = raft->conf_index;
		progress->leave_deadline = 0;
	}
	if (raft->transfer_to != 0 && !conf_has_voter(&raft->conf, raft->transfer_to))
		transfer_cancel(raft);
}

/* Forget removed peers that were told, or had an election timeout to hear. */
static void
replicate_prune(struct raft *raft)
{
	size_t kept = 0;

	for (size_t i = 0; i < raft->peer_count; i++) {
		struct progress *progress = raft->peers[i];

		if (progress->leaving && raft->commit >= progress->leave_index &&
		    progress->leave_deadline == 0)
			progress->leave_deadline = raft->now + raft->config.election_ticks;
		if (progress->leaving && progress->leave_deadline != 0 &&
		    (progress->match >= progress->leave_index ||
		    raft->now >= progress->leave_deadline) &&
		    (progress->commit_told >= progress->leave_index ||
		    raft->now >= progress->leave_deadline))
			progress_free(&progress);
		else
			raft->peers[kept++] = progress;
	}
	raft->peer_count = kept;
}

void
replicate_start(struct raft *raft)
{
	ASSERT(raft->peer_count == 0);
	/* Peers begin at the end of the log as it is before the no-op. */
	replicate_members(raft);
	raft->leaving = false;
	raft->heartbeat_due = false;
	raft->heartbeat_at = raft->now + raft->config.heartbeat_ticks;
	raft->term_start = raft_log_last(&raft->log).index + 1;
	replicate_append(raft, (struct raft_entry){ .type = RAFT_ENTRY_NOOP });
	replicate_commit(raft);
}

void
replicate_stop(struct raft *raft)
{
	for (size_t i = 0; i < raft->peer_count; i++)
		progress_free(&raft->peers[i]);
	raft->peer_count = 0;
	raft->term_start = 0;
	raft->leaving = false;
	raft->heartbeat_due = false;
	transfer_cancel(raft);
}

/* ---- log and commit ------------------------------------------------------- */

struct raft_position
replicate_append(struct raft *raft, struct raft_entry entry)
{
	entry.term = raft->hard_state.term;
	entry.index = raft_log_last(&raft->log).index + 1;
	entry.time_ns = MAX_OF(raft->wall_ns, raft_log_last_time(&raft->log));
	raft_log_push(&raft->log, &entry);
	conf_entry_appended(raft, &entry);
	return (struct raft_position){ entry.index, entry.term };
}

void
replicate_commit(struct raft *raft)
{
	uint64_t matches[VOTERS_MAX + 1];
	raft_index quorum;

	ASSERT(raft->role == RAFT_LEADER);
	for (size_t i = 0; i < raft->conf.voter_count; i++) {
		peer_id voter = raft->conf.voters[i];

		if (voter == raft->config.id) {
			matches[i] = raft->log.persisted;
		} else {
			const struct progress *progress = replicate_peer(raft, voter);

			ASSERT(progress != NULL);
			matches[i] = progress->match;
		}
	}
	quorum = quorum_value(matches, raft->conf.voter_count);
	if (quorum > raft->commit &&
	    raft_log_term(&raft->log, quorum) == raft->hard_state.term)
		raft->commit = quorum;
}

/* ---- time ----------------------------------------------------------------- */

/* Thesis 6.4.1: a leader that a quorum does not answer is none. */
static bool
replicate_has_quorum(const struct raft *raft)
{
	size_t active = 0;

	for (size_t i = 0; i < raft->conf.voter_count; i++) {
		peer_id voter = raft->conf.voters[i];

		if (voter == raft->config.id || raft->now <
		    replicate_peer(raft, voter)->active_at + raft->config.election_ticks)
			active++;
	}
	return active >= quorum_size(raft->conf.voter_count);
}

void
replicate_time(struct raft *raft, raft_tick stood_still)
{
	if (raft->role != RAFT_LEADER)
		return;
	/* While this node itself did not run, nobody could be heard. */
	for (size_t i = 0; i < raft->peer_count; i++)
		raft->peers[i]->active_at += stood_still;
	if (!replicate_has_quorum(raft)) {
		role_follow(raft, raft->hard_state.term, 0);
		return;
	}
	if (raft->now < raft->heartbeat_at)
		return;
	raft->heartbeat_at = raft->now + raft->config.heartbeat_ticks;
	raft->heartbeat_due = true;
	raft->transfer_sent = false;
}

raft_tick
replicate_deadline(const struct raft *raft)
{
	if (raft->role != RAFT_LEADER || raft->peer_count == 0)
		return RAFT_NEVER;
	return raft->heartbeat_at;
}

/* ---- answers -------------------------------------------------------------- */

static struct progress *
replicate_heard(struct raft *raft, peer_id peer)
{
	struct progress *progress;

	if (raft->role != RAFT_LEADER)
		return NULL;
	progress = replicate_peer(raft, peer);
	if (progress == NULL)
		return NULL;
	progress->heard = true;
	progress->heard_at = raft->now;
	progress->active_at = raft->now;
	progress->unreachable = false;
	return progress;
}

/* Try again where the peer says that the logs may agree (pitfall slow-backing-off). */
static void
replicate_refused(struct raft *raft, struct progress *progress, raft_index refused,
    struct raft_position hint)
{
	raft_index agree;

	/* What is matched cannot be refused: an old answer (pitfall stale-messages). */
	if (refused <= progress->match || refused >= progress->next)
		return;
	if (progress->state == PROGRESS_SNAPSHOT)
		return;
	if (progress->state == PROGRESS_PROBE && refused != progress->next - 1)
		return;
	agree = raft_log_seek(&raft->log, MIN_OF(hint.index, refused - 1), hint.term);
	progress_probe(progress, MAX_OF(agree, progress->match) + 1);
}

void
replicate_append_reply(struct raft *raft, const struct raft_message *message)
{
	struct progress *progress = replicate_heard(raft, message->from);
	bool news;

	if (progress == NULL)
		return;
	progress->quiet = false;
	if (message->reject) {
		replicate_refused(raft, progress, message->log.index, message->hint);
		return;
	}
	if (message->log.index > raft_log_last(&raft->log).index)
		return;
	news = progress_matched(progress, message->log.index);
	switch (progress->state) {
	case PROGRESS_PROBE:
		if (news || message->log.index == progress->next - 1)
			progress_replicate(progress);
		break;
	case PROGRESS_REPLICATE:
		break;
	case PROGRESS_SNAPSHOT:
		/* It caught up by itself: by an older snapshot, or late answers. */
		if (progress->match >= raft->log.compacted)
			progress_replicate(progress);
		break;
	}
	if (news && !progress->leaving)
		replicate_commit(raft);
}

void
replicate_heartbeat_reply(struct raft *raft, const struct raft_message *message)
{
	struct progress *progress = replicate_heard(raft, message->from);

	if (progress == NULL)
		return;
	progress->unfit = (message->flags & RAFT_REPLY_UNFIT) != 0;
	/* No answer to an append since the last heartbeat: was it lost? */
	switch (progress->state) {
	case PROGRESS_PROBE:
		if (progress->probe_sent && progress->quiet) {
			progress->probe_sent = false;
			progress->probe_plain = true;
		}
		break;
	case PROGRESS_REPLICATE:
		progress->nudge = progress->quiet && progress->match + 1 < progress->next;
		break;
	case PROGRESS_SNAPSHOT:
		break;
	}
	progress->quiet = true;
	reads_acked(raft, progress, message->context);
}

/* ---- output --------------------------------------------------------------- */

/* What follows is not in memory. */
static void
replicate_want_old(struct raft *raft, struct progress *progress)
{
	if (progress->fetch != 0)
		return;
	if (progress->next > raft->log.compacted) {
		progress->fetch = raft_output_fetch(raft, progress->next);
		progress->fetch_from = progress->next;
	} else {
		progress_snapshot(progress);
		raft_output_snapshot(raft, progress->id);
	}
}

static size_t
replicate_cut(const struct raft *raft, const struct raft_entry *entries, size_t count,
    size_t *bytes)
{
	size_t taken = 0;

	*bytes = 0;
	while (taken < count) {
		size_t size = raft_entry_bytes(&entries[taken]);

		if (taken > 0 && *bytes + size > raft->config.append_bytes_max)
			break;
		*bytes += size;
		taken++;
	}
	return taken;
}

/* One append to the peer from next on. False: nothing was sent. */
static bool
replicate_send(struct raft *raft, struct progress *progress, bool plain, uint8_t flags)
{
	raft_index last = raft_log_last(&raft->log).index;
	struct raft_position prev = { progress->next - 1, progress->tail_term };
	const struct raft_entry *entries = NULL;
	struct raft_message *append;
	size_t count = 0, bytes = 0;

	if (prev.term == 0)
		prev.term = raft_log_term(&raft->log, prev.index);
	if (progress->fetched_count > 0 && progress->fetched_prev.index == prev.index) {
		prev = progress->fetched_prev;
		entries = progress->fetched;
		count = progress->fetched_count;
		progress->fetched_sent = true;
	} else if (prev.index < raft->log.base.index && (prev.term == 0 || !plain)) {
		replicate_want_old(raft, progress);
		return false;
	} else if (progress->next <= last && !plain) {
		entries = raft_log_entry(&raft->log, progress->next);
		count = (size_t)(last - prev.index);
	}
	count = replicate_cut(raft, entries, count, &bytes);
	append = raft_output_message(raft, RAFT_APPEND, progress->id);
	append->log = prev;
	append->commit = raft->commit;
	append->flags = flags;
	append->entry_count = count;
	append->entries = entries;
	if (progress->state == PROGRESS_REPLICATE) {
		if (count > 0)
			progress_sent(progress, (struct raft_position){
			    entries[count - 1].index, entries[count - 1].term }, bytes);
		progress->commit_told = MAX_OF(progress->commit_told,
		    MIN_OF(raft->commit, progress->next - 1));
	}
	return true;
}

/* The peer shall apply now, not at the next heartbeat. It answers the entries as they reach
 * its disk: of the commit nobody needs to hear again. */
static void
replicate_tell(struct raft *raft, struct progress *progress)
{
	if (progress->nudge)
		replicate_send(raft, progress, true, 0);
	else if (MIN_OF(raft->commit, progress->next - 1) > progress->commit_told)
		replicate_send(raft, progress, true, RAFT_APPEND_TELLS);
}

static void
replicate_feed(struct raft *raft, struct progress *progress)
{
	raft_index last = raft_log_last(&raft->log).index;
	bool sent = false;

	switch (progress->state) {
	case PROGRESS_PROBE:
		if (!progress->unreachable && !progress->probe_sent &&
		    replicate_send(raft, progress, progress->probe_plain, 0))
			progress->probe_sent = true;
		break;
	case PROGRESS_REPLICATE:
		while (progress->next <= last &&
		    progress_has_room(progress, raft->config.inflight_bytes_max) &&
		    replicate_send(raft, progress, false, 0))
			sent = true;
		if (!sent && progress->state == PROGRESS_REPLICATE)
			replicate_tell(raft, progress);
		progress->nudge = false;
		break;
	case PROGRESS_SNAPSHOT:
		break;
	}
}

void
replicate_output(struct raft *raft)
{
	if (raft->role != RAFT_LEADER)
		return;
	for (size_t i = 0; i < raft->peer_count; i++) {
		struct progress *progress = raft->peers[i];

		if (raft->heartbeat_due) {
			struct raft_message *heartbeat =
			    raft_output_message(raft, RAFT_HEARTBEAT, progress->id);

			heartbeat->commit = MIN_OF(raft->commit, progress->match);
			heartbeat->context = raft->reads.round;
			heartbeat->time_ns = raft->wall_ns;
		}
		replicate_feed(raft, progress);
	}
	raft->heartbeat_due = false;
	transfer_output(raft);
	/* Thesis 4.2.2: it leads until its own removal is committed. */
	if (!conf_has_voter(&raft->conf, raft->config.id) && raft->commit >= raft->conf_index) {
		peer_id successor = transfer_best(raft);

		if (successor != 0 && raft->transfer_to == 0)
			raft_output_message(raft, RAFT_TIMEOUT_NOW, successor);
		raft->leaving = true;
	}
}

void
replicate_advance(struct raft *raft)
{
	if (raft->role != RAFT_LEADER)
		return;
	for (size_t i = 0; i < raft->peer_count; i++) {
		if (raft->peers[i]->fetched_sent)
			progress_drop_fetched(raft->peers[i]);
	}
	replicate_prune(raft);
	if (raft->leaving)
		role_follow(raft, raft->hard_state.term, 0);
}
