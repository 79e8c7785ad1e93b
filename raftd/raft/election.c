/*
 * election.c - roles, votes and time-outs.
 *
 *	follower -------> pre-candidate	 time-out, or the leader's node is gone  [election_time]
 *	pre-candidate --> candidate	 a quorum would vote	[votes_count]
 *	candidate ------> leader	 a quorum voted, our own vote is on disk  [votes_count]
 *	any ------------> follower	 a newer term, or its leader  [role_follow]
 *	follower -------> candidate	 the leader asks it to  [transfer_timeout_now]
 *
 * A node that is the only voter does not wait for a time-out.
 *
 * Who may vote: the members of a node are those of its own log, and another
 * node with a longer log may know better. So a voter answers candidates that
 * are voters, as far as it knows; and any node, voter or not, answers a
 * candidate whose log is longer than its own: it may hold the very entry
 * that made the one a candidate or the other a voter. Without this exception
 * a cluster could wait forever for the vote of a promoted learner that has
 * not heard of its promotion. Granting is always safe: the candidate counts.
 *
 * Sources: Raft paper 5.2, 5.4.1; thesis 4.2.3, 6.4.1 (check-quorum), 9.6
 * (pre-vote); pitfalls vote-not-durable, election-restriction, no-quorum-check,
 * no-pre-vote, equal-timeouts and removed-votes.
 */
#include "raftd/raft/raft_priv.h"

bool
election_can_stand(const struct raft *raft)
{
	/* Thesis 4.2.2: one that its own log takes out goes on until it has
	 * applied that. Its log may be the one without which nobody can win. */
	return conf_has_voter(&raft->conf, raft->config.id) ||
	    conf_has_voter(&raft->conf_applied, raft->config.id);
}

/* True if this node is the only voter. */
static bool
is_alone(const struct raft *raft)
{
	return raft->conf.voter_count == 1 && conf_has_voter(&raft->conf, raft->config.id);
}

/* Drawn anew at each start, so that two nodes rarely time out together. */
static void
election_restart_timer(struct raft *raft)
{
	raft->election_deadline = raft->now + raft->config.election_ticks +
	    rand_below(&raft->rand, raft->config.election_ticks);
}

static void
election_forget_dead(struct raft *raft)
{
	raft->dead_peer = 0;
	raft->dead_deadline = RAFT_NEVER;
}

static void
role_set_leader(struct raft *raft, peer_id leader)
{
	if (raft->leader == leader)
		return;
	raft->leader = leader;
	/* A read is confirmed by one leader; the next knows nothing of it. */
	reads_drop(raft);
}

void
role_follow(struct raft *raft, raft_term term, peer_id leader)
{
	bool was_follower = raft->role == RAFT_FOLLOWER;

	ASSERT(term >= raft->hard_state.term);
	ASSERT(leader != raft->config.id);
	if (term > raft->hard_state.term) {
		raft->hard_state = (struct raft_hard_state){ term, 0 };
		raft->term_leader = 0;
	}
	if (raft->role == RAFT_LEADER)
		replicate_stop(raft);
	raft->role = RAFT_FOLLOWER;
	role_set_leader(raft, leader);
	if (leader != 0)
		raft->term_leader = leader;
	if (raft->dead_peer != leader)
		election_forget_dead(raft);
	/* A follower's timer runs on: a mere newer term must not hold it up. */
	if (!was_follower)
		election_restart_timer(raft);
}

void
election_met(struct raft *raft, raft_index commit)
{
	if (raft->met_leader)
		return;
	raft->met_leader = true;
	raft->met_commit = commit;
}

static void
role_lead(struct raft *raft)
{
	ASSERT(raft->term_leader == 0);
	raft->role = RAFT_LEADER;
	role_set_leader(raft, raft->config.id);
	raft->term_leader = raft->config.id;
	election_forget_dead(raft);
	election_met(raft, raft->commit);
	replicate_start(raft);
}

static void
votes_record(struct raft *raft, peer_id from, bool granted)
{
	struct votes *votes = &raft->votes;

	if (!conf_has_voter(&raft->conf, from))
		return;
	for (size_t i = 0; i < votes->count; i++) {
		if (votes->from[i] == from)
			return;
	}
	ASSERT(votes->count < ARRAY_COUNT(votes->from));
	votes->from[votes->count++] = from;
	if (granted)
		votes->granted++;
}

static void
votes_count(struct raft *raft)
{
	switch (quorum_election(raft->conf.voter_count, raft->votes.granted,
	    raft->votes.count - raft->votes.granted)) {
	case QUORUM_OPEN:
		break;
	case QUORUM_WON:
		if (raft->role == RAFT_PRE_CANDIDATE)
			election_campaign(raft, false, raft->campaign_flags);
		else
			role_lead(raft);
		break;
	case QUORUM_LOST:
		role_follow(raft, raft->hard_state.term, 0);
		break;
	}
}

void
election_campaign(struct raft *raft, bool pre, uint8_t flags)
{
	ASSERT(election_can_stand(raft));
	ASSERT(raft->role != RAFT_LEADER);
	if (raft->hard_state.term >= RAFT_NUMBER_MAX)
		return;
	raft->role = pre ? RAFT_PRE_CANDIDATE : RAFT_CANDIDATE;
	raft->votes = (struct votes){ 0 };
	raft->campaign_flags = flags;
	role_set_leader(raft, 0);
	election_forget_dead(raft);
	election_restart_timer(raft);
	if (!pre) {
		raft->hard_state.term++;
		raft->hard_state.vote = raft->config.id;
		raft->term_leader = 0;
	}
	for (size_t i = 0; i < raft->conf.voter_count; i++) {
		struct raft_message *request;

		if (raft->conf.voters[i] == raft->config.id)
			continue;
		request = raft_output_message(raft, RAFT_VOTE, raft->conf.voters[i]);
		request->term = raft->hard_state.term + (pre ? 1 : 0);
		request->log = raft_log_last(&raft->log);
		request->pre = pre;
		request->flags = flags;
		request->after_persist = !pre;
	}
	/* A pre-vote promises nothing; a vote counts when it is on disk. */
	if (pre) {
		votes_record(raft, raft->config.id, true);
		votes_count(raft);
	}
}

void
election_persisted(struct raft *raft)
{
	if (raft->role != RAFT_CANDIDATE ||
	    raft->durable.term != raft->hard_state.term ||
	    raft->durable.vote != raft->config.id)
		return;
	votes_record(raft, raft->config.id, true);
	votes_count(raft);
}

void
election_time(struct raft *raft)
{
	if (raft->role == RAFT_LEADER)
		return;
	if (!election_can_stand(raft)) {
		if (raft->role != RAFT_FOLLOWER)
			role_follow(raft, raft->hard_state.term, 0);
		if (raft->leader != 0 && raft->now >= raft->election_deadline)
			role_set_leader(raft, 0);
		return;
	}
	if (is_alone(raft)) {
		/* As a candidate it waits for its disk only. */
		if (raft->role != RAFT_CANDIDATE)
			election_campaign(raft, true, 0);
		return;
	}
	if (raft->now >= raft->dead_deadline)
		election_campaign(raft, true, RAFT_VOTE_DEAD_LEADER);
	else if (raft->now >= raft->election_deadline)
		election_campaign(raft, true, 0);
}

raft_tick
election_deadline(const struct raft *raft)
{
	if (raft->role == RAFT_LEADER)
		return RAFT_NEVER;
	if (!election_can_stand(raft)) {
		if (raft->role != RAFT_FOLLOWER)
			return raft->now;
		return raft->leader != 0 ? raft->election_deadline : RAFT_NEVER;
	}
	if (is_alone(raft))
		return raft->role == RAFT_CANDIDATE ? RAFT_NEVER : raft->now;
	return MIN_OF(raft->election_deadline, raft->dead_deadline);
}

/* Is a further along than b? Paper 5.4.1: later term first, then length. */
static bool
position_is_ahead(struct raft_position a, struct raft_position b)
{
	return a.term > b.term || (a.term == b.term && a.index > b.index);
}

/* Thesis 4.2.3: a server that hears a leader does not help to replace it. */
static bool
election_is_sticky(const struct raft *raft, const struct raft_message *request)
{
	if ((request->flags & RAFT_VOTE_TRANSFER) != 0)
		return false;
	/* A leader that lost its quorum steps down by check-quorum. */
	if (raft->role == RAFT_LEADER)
		return true;
	if (raft->leader == 0 ||
	    raft->now >= raft->leader_heard_at + raft->config.election_ticks)
		return false;
	return (request->flags & RAFT_VOTE_DEAD_LEADER) == 0 || raft->dead_peer != raft->leader;
}

static void
election_answer(struct raft *raft, const struct raft_message *request, bool grant)
{
	struct raft_message *reply = raft_output_message(raft, RAFT_VOTE_REPLY, request->from);

	reply->pre = request->pre;
	reply->reject = !grant;
	reply->after_persist = grant && !request->pre;
	/* A granted pre-vote names the term it is for, which is not ours yet. */
	if (grant && request->pre)
		reply->term = request->term;
}

void
election_vote(struct raft *raft, const struct raft_message *request)
{
	struct raft_position last = raft_log_last(&raft->log);
	bool both_vote = conf_has_voter(&raft->conf, request->from) && election_can_stand(raft);
	bool open, grant;

	if (!both_vote && !position_is_ahead(request->log, last))
		return;
	if (request->term < raft->hard_state.term) {
		election_answer(raft, request, false);
		return;
	}
	if (request->term > raft->hard_state.term) {
		if (election_is_sticky(raft, request)) {
			if (request->pre)
				election_answer(raft, request, false);
			return;
		}
		if (!request->pre)
			role_follow(raft, request->term, 0);
	}
	/* A pre-vote for a later term is open: no vote of it was given. */
	open = request->term > raft->hard_state.term ||
	    raft->hard_state.vote == request->from ||
	    (raft->hard_state.vote == 0 && raft->term_leader == 0);
	grant = open && !position_is_ahead(last, request->log);
	if (grant && !request->pre) {
		if (raft->role == RAFT_PRE_CANDIDATE)
			role_follow(raft, raft->hard_state.term, 0);
		raft->hard_state.vote = request->from;
		election_restart_timer(raft);
	}
	election_answer(raft, request, grant);
}

void
election_vote_reply(struct raft *raft, const struct raft_message *reply)
{
	bool granted = !reply->reject;

	if (!conf_has_voter(&raft->conf, reply->from))
		return;
	if (reply->term > raft->hard_state.term && !(reply->pre && granted)) {
		role_follow(raft, reply->term, 0);
		return;
	}
	if (reply->pre) {
		if (raft->role != RAFT_PRE_CANDIDATE)
			return;
		if (granted && reply->term != raft->hard_state.term + 1)
			return;
	} else if (raft->role != RAFT_CANDIDATE || reply->term != raft->hard_state.term) {
		return;
	}
	votes_record(raft, reply->from, granted);
	votes_count(raft);
}

bool
election_heard(struct raft *raft, peer_id leader)
{
	if (raft->role == RAFT_LEADER)
		return false;
	if (raft->term_leader != 0 && raft->term_leader != leader)
		return false;
	if (raft->role != RAFT_FOLLOWER || raft->leader != leader)
		role_follow(raft, raft->hard_state.term, leader);
	raft->leader_heard_at = raft->now;
	election_forget_dead(raft);
	election_restart_timer(raft);
	return true;
}

/* All followers find the leader gone at the same moment, so chance alone would
 * often split their votes: they stand in the order of their ids, each far
 * enough behind the one before that it has won by then. */
static raft_tick
dead_leader_wait(struct raft *raft, peer_id dead)
{
	raft_tick apart = raft->config.heartbeat_ticks / 3 + 1, wait = 1;

	for (size_t i = 0; i < raft->conf.voter_count; i++) {
		peer_id voter = raft->conf.voters[i];

		if (voter != dead && voter < raft->config.id)
			wait += apart;
	}
	return wait + rand_below(&raft->rand, apart / 2 + 1);
}

void
election_peer_gone(struct raft *raft, peer_id peer)
{
	if (raft->role != RAFT_FOLLOWER || raft->leader != peer || raft->dead_peer == peer)
		return;
	raft->dead_peer = peer;
	if (election_can_stand(raft))
		raft->dead_deadline = raft->now + dead_leader_wait(raft, peer);
}

void
election_peer_back(struct raft *raft, peer_id peer)
{
	if (raft->dead_peer == peer)
		election_forget_dead(raft);
}
