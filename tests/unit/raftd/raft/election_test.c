/*
 * election_test.c - roles, votes and time-outs against the paper and thesis.
 */
#include "tests/unit/raftd/raft/fixture.h"

/* ---- Paper 5.1: terms ------------------------------------------------------- */

static void
check_newer_term(enum raft_role role)
{
	struct core *core = core_new(.voters = 3);

	if (role == RAFT_LEADER)
		core_elect(core, true);
	else if (role == RAFT_PRE_CANDIDATE)
		core_wait(core, 2 * ELECTION);
	assert_int_equal(raft_role(core->raft), role);
	core_step(core, .type = RAFT_HEARTBEAT, .from = 2, .term = 7);
	assert_int_equal(raft_role(core->raft), RAFT_FOLLOWER);
	assert_int_equal(raft_current_term(core->raft), 7);
	assert_int_equal(raft_leader(core->raft), 2);
	core_free(&core);
}

/* Paper 5.1: "if one server's current term is smaller than the other's, then
 * it updates its current term to the larger value. If a candidate or leader
 * discovers that its term is out of date, it immediately reverts to follower
 * state." */
TEST(newer_term_of_a_leader_makes_a_follower)
{
	check_newer_term(RAFT_FOLLOWER);
	check_newer_term(RAFT_PRE_CANDIDATE);
	check_newer_term(RAFT_LEADER);
}

/* Paper 5.1: "If a server receives a request with a stale term number, it
 * rejects the request." */
TEST(stale_term_is_rejected_with_the_current_one)
{
	struct core *core = core_new(.voters = 3, .log_terms = { 3 });

	core_step(core, .type = RAFT_APPEND, .from = 2, .term = 2);
	assert_int_equal(core_sent(core, RAFT_APPEND_REPLY, 2)->term, 3);
	assert_true(core_sent(core, RAFT_APPEND_REPLY, 2)->reject);
	core_step(core, .type = RAFT_VOTE, .from = 3, .term = 2, .log = { 9, 2 });
	assert_int_equal(core_sent(core, RAFT_VOTE_REPLY, 3)->term, 3);
	assert_true(core_sent(core, RAFT_VOTE_REPLY, 3)->reject);
	assert_int_equal(raft_leader(core->raft), 0);
	core_free(&core);
}

/* ---- Paper 5.2: elections ---------------------------------------------------- */

/* Paper 5.2: "When servers start up, they begin as followers." */
TEST(starts_as_a_silent_follower)
{
	struct core *core = core_new(.voters = 3, .log_terms = { 1, 2 });

	assert_int_equal(raft_role(core->raft), RAFT_FOLLOWER);
	assert_int_equal(raft_current_term(core->raft), 2);
	assert_int_equal(core->sent_count, 0);
	core_free(&core);
}

/* Paper 5.2: "To begin an election, a follower increments its current term and
 * transitions to candidate state. It then votes for itself and issues
 * RequestVote RPCs in parallel to each of the other servers"; thesis 9.6 puts
 * the pre-vote before it. */
TEST(election_is_a_prevote_and_then_a_vote)
{
	struct core *core = core_new(.voters = 3, .log_terms = { 1, 1 });

	core_wait(core, 2 * ELECTION);
	assert_int_equal(raft_role(core->raft), RAFT_PRE_CANDIDATE);
	assert_int_equal(raft_current_term(core->raft), 1);
	assert_int_equal(core_sent(core, RAFT_VOTE, 2)->term, 2);
	assert_true(core_sent(core, RAFT_VOTE, 2)->pre);
	assert_int_equal(core_sent(core, RAFT_VOTE, 3)->log.index, 2);
	core_step(core, .type = RAFT_VOTE_REPLY, .from = 3, .term = 2, .pre = true);
	assert_int_equal(raft_role(core->raft), RAFT_CANDIDATE);
	assert_int_equal(raft_current_term(core->raft), 2);
	assert_int_equal(core->disk.hard_state.term, 2);
	assert_int_equal(core->disk.hard_state.vote, 1);
	assert_false(core_sent(core, RAFT_VOTE, 2)->pre);
	core_step(core, .type = RAFT_VOTE_REPLY, .from = 3, .term = 2);
	assert_int_equal(raft_role(core->raft), RAFT_LEADER);
	core_free(&core);
}

/* Paper 5.2: "A candidate wins an election if it receives votes from a
 * majority of the servers in the full cluster for the same term." */
TEST(election_follows_the_majority)
{
	struct {
		size_t voters, granted, rejected;
		enum raft_role role;
	} cases[] = {
		{ 3, 1, 0, RAFT_LEADER }, { 3, 0, 2, RAFT_FOLLOWER },
		{ 3, 0, 1, RAFT_CANDIDATE }, { 5, 1, 0, RAFT_CANDIDATE },
		{ 5, 2, 0, RAFT_LEADER }, { 5, 1, 3, RAFT_FOLLOWER },
		{ 5, 2, 2, RAFT_LEADER }, { 4, 1, 0, RAFT_CANDIDATE },
		{ 4, 1, 2, RAFT_FOLLOWER }, { 4, 2, 0, RAFT_LEADER },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct core *core = core_new(.voters = cases[i].voters);

		core_wait(core, 2 * ELECTION);
		for (peer_id id = 2; id <= cases[i].voters; id++)
			core_step(core, .type = RAFT_VOTE_REPLY, .from = id, .term = 1,
			    .pre = true);
		assert_int_equal(raft_role(core->raft), RAFT_CANDIDATE);
		for (size_t n = 0; n < cases[i].granted + cases[i].rejected; n++)
			core_step(core, .type = RAFT_VOTE_REPLY, .from = 2 + n, .term = 1,
			    .reject = n >= cases[i].granted);
		assert_int_equal(raft_role(core->raft), cases[i].role);
		core_free(&core);
	}
}

/* One server has one vote, however often its answer arrives; learners and
 * strangers have none. */
TEST(doubled_and_foreign_votes_do_not_count)
{
	struct core *core = core_new(.voters = 5, .learners = 1);

	core_wait(core, 2 * ELECTION);
	for (size_t i = 0; i < 4; i++) {
		core_step(core, .type = RAFT_VOTE_REPLY, .from = 2, .term = 1, .pre = true);
		core_step(core, .type = RAFT_VOTE_REPLY, .from = 6, .term = 1, .pre = true);
		core_step(core, .type = RAFT_VOTE_REPLY, .from = 77, .term = 1, .pre = true);
	}
	assert_int_equal(raft_role(core->raft), RAFT_PRE_CANDIDATE);
	core_free(&core);
}

/* Paper 5.2: "Each server will vote for at most one candidate in a given term,
 * on a first-come-first-served basis." */
TEST(one_vote_a_term)
{
	struct core *core = core_new(.voters = 3);

	core_step(core, .type = RAFT_VOTE, .from = 2, .term = 1);
	assert_false(core_sent(core, RAFT_VOTE_REPLY, 2)->reject);
	core_step(core, .type = RAFT_VOTE, .from = 3, .term = 1);
	assert_true(core_sent(core, RAFT_VOTE_REPLY, 3)->reject);
	core_step(core, .type = RAFT_VOTE, .from = 2, .term = 1);
	assert_false(core_sent(core, RAFT_VOTE_REPLY, 2)->reject);
	assert_int_equal(core->disk.hard_state.vote, 2);
	core_free(&core);
}

/* The same, over a crash: figure 2, "Persistent state on all servers: votedFor". */
TEST(vote_survives_a_crash)
{
	struct core *core = core_new(.voters = 3);

	core_step(core, .type = RAFT_VOTE, .from = 2, .term = 1);
	core_crash(core);
	core_start(core);
	core_step(core, .type = RAFT_VOTE, .from = 3, .term = 1);
	assert_true(core_sent(core, RAFT_VOTE_REPLY, 3)->reject);
	core_free(&core);
}

/* Figure 2, "Updated on stable storage before responding to RPCs" (pitfall
 * vote-not-durable). */
TEST(granted_vote_waits_for_the_disk)
{
	struct core *core = core_new(.voters = 3, .slow_disk = true);

	core_step(core, .type = RAFT_VOTE, .from = 2, .term = 1);
	assert_null(core_sent(core, RAFT_VOTE_REPLY, 2));
	core_sync(core);
	assert_int_equal(core->disk.hard_state.vote, 2);
	assert_false(core_sent(core, RAFT_VOTE_REPLY, 2)->reject);
	core_free(&core);
}

/* The same for the vote for oneself: neither is it asked for nor does it count
 * before it is on disk. */
TEST(own_vote_waits_for_the_disk)
{
	struct core *core = core_new(.voters = 3, .slow_disk = true);

	core_wait(core, 2 * ELECTION);
	core_forget(core);
	core_step(core, .type = RAFT_VOTE_REPLY, .from = 2, .term = 1, .pre = true);
	assert_int_equal(raft_role(core->raft), RAFT_CANDIDATE);
	assert_null(core_sent(core, RAFT_VOTE, 0));
	/* Not possible on a real network, but the count must stand by itself. */
	core_step(core, .type = RAFT_VOTE_REPLY, .from = 2, .term = 1);
	assert_int_equal(raft_role(core->raft), RAFT_CANDIDATE);
	core_sync(core);
	assert_int_equal(core_count(core, RAFT_VOTE, 0), 2);
	assert_int_equal(raft_role(core->raft), RAFT_LEADER);
	core_free(&core);
}

/* A completion of an earlier hard state must not count for a later vote. */
TEST(own_vote_is_not_counted_by_an_earlier_sync)
{
	struct core *core = core_new(.voters = 3, .slow_disk = true);

	core_step(core, .type = RAFT_VOTE, .from = 3, .term = 4);
	core_wait(core, 2 * ELECTION);
	core_step(core, .type = RAFT_VOTE_REPLY, .from = 2, .term = 5, .pre = true);
	core_step(core, .type = RAFT_VOTE_REPLY, .from = 2, .term = 5);
	core_sync(core);
	assert_int_equal(core->disk.hard_state.term, 4);
	assert_int_equal(raft_role(core->raft), RAFT_CANDIDATE);
	core_sync(core);
	assert_int_equal(core->disk.hard_state.term, 5);
	assert_int_equal(raft_role(core->raft), RAFT_LEADER);
	core_free(&core);
}

/* Paper 5.2: "While waiting for votes, a candidate may receive an AppendEntries
 * RPC from another server claiming to be leader. If the leader's term is at
 * least as large as the candidate's current term, then the candidate
 * recognizes the leader as legitimate and returns to follower state." */
TEST(candidate_yields_to_the_leader_of_its_term)
{
	struct core *core = core_new(.voters = 3);

	core_wait(core, 2 * ELECTION);
	core_step(core, .type = RAFT_VOTE_REPLY, .from = 2, .term = 1, .pre = true);
	assert_int_equal(raft_role(core->raft), RAFT_CANDIDATE);
	core_step(core, .type = RAFT_APPEND, .from = 3, .term = 1, ENTRIES(1, 1));
	assert_int_equal(raft_role(core->raft), RAFT_FOLLOWER);
	assert_int_equal(raft_leader(core->raft), 3);
	core_free(&core);
}

/* Election Safety, figure 3: "at most one leader can be elected in a given
 * term": a message of a second one is not believed. */
TEST(second_leader_of_a_term_is_ignored)
{
	struct core *core = core_new(.voters = 3);

	core_step(core, .type = RAFT_APPEND, .from = 2, .term = 3, ENTRIES(1, 3));
	core_forget(core);
	core_step(core, .type = RAFT_APPEND, .from = 3, .term = 3, ENTRIES(1, 2, 3));
	assert_int_equal(raft_leader(core->raft), 2);
	assert_int_equal(raft_last(core->raft).index, 1);
	assert_int_equal(core->sent_count, 0);
	core_free(&core);

	core = core_new(.voters = 3);
	core_elect(core, true);
	core_step(core, .type = RAFT_HEARTBEAT, .from = 3, .term = 1);
	assert_int_equal(raft_role(core->raft), RAFT_LEADER);
	core_free(&core);
}

/* Paper 5.2: "election timeouts are chosen randomly from a fixed interval";
 * pitfall equal-timeouts: anew at each start of the timer. */
TEST(election_timeouts_are_random_within_bounds)
{
	raft_tick least = RAFT_TICK_MAX, most = 0;
	size_t different = 0;
	raft_tick before = 0;
	struct core *core = core_new(.voters = 3);

	for (size_t i = 0; i < 200; i++) {
		raft_tick waited;

		core_step(core, .type = RAFT_HEARTBEAT, .from = 2, .term = 1);
		waited = raft_deadline(core->raft) - core->now;
		least = MIN_OF(least, waited);
		most = MAX_OF(most, waited);
		different += waited != before;
		before = waited;
	}
	assert_in_range(least, ELECTION, ELECTION + ELECTION / 5);
	assert_in_range(most, 2 * ELECTION - ELECTION / 5, 2 * ELECTION - 1);
	assert_true(different > 150);
	core_free(&core);
}

/* Paper 5.2: "If a follower receives no communication over a period of time
 * called the election timeout": heartbeats keep it. */
TEST(heartbeats_keep_a_follower)
{
	struct core *core = core_new(.voters = 3);

	for (size_t i = 0; i < 100; i++) {
		core_step(core, .type = RAFT_HEARTBEAT, .from = 2, .term = 1, .context = i);
		assert_int_equal(core_sent(core, RAFT_HEARTBEAT_REPLY, 2)->context, i);
		core_wait(core, ELECTION / 2);
	}
	assert_int_equal(raft_leader(core->raft), 2);
	assert_int_equal(core_count(core, RAFT_VOTE, 0), 0);
	core_free(&core);
}

/* ---- Paper 5.4.1: the election restriction ----------------------------------- */

/* Paper 5.4.1: "the voter denies its vote if its own log is more up-to-date
 * than that of the candidate." "If the logs have last entries with different
 * terms, then the log with the later term is more up-to-date. If the logs end
 * with the same term, then whichever log is longer is more up-to-date." */
TEST(vote_is_denied_to_a_log_that_is_behind)
{
	struct {
		struct raft_position candidate;
		bool granted;
	} cases[] = {
		{ { 0, 0 }, false }, { { 2, 2 }, false }, { { 3, 1 }, false },
		{ { 9, 1 }, false }, { { 3, 2 }, true }, { { 4, 2 }, true },
		{ { 1, 3 }, true },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		for (int pre = 0; pre < 2; pre++) {
			struct core *core = core_new(.voters = 3, .log_terms = { 1, 1, 2 });

			core_step(core, .type = RAFT_VOTE, .from = 2, .term = 5,
			    .log = cases[i].candidate, .pre = pre == 1);
			assert_int_equal(core_sent(core, RAFT_VOTE_REPLY, 2)->reject,
			    !cases[i].granted);
			core_free(&core);
		}
	}
}

/* The same where the log is empty behind a snapshot. */
TEST(vote_is_denied_to_a_log_behind_the_snapshot)
{
	struct core *core = core_new(.voters = 3, .log_terms = { 1, 2, 2 }, .applied = 3,
	    .compacted = 3);

	core_step(core, .type = RAFT_VOTE, .from = 2, .term = 5, .log = { 2, 2 });
	assert_true(core_sent(core, RAFT_VOTE_REPLY, 2)->reject);
	core_step(core, .type = RAFT_VOTE, .from = 2, .term = 6, .log = { 3, 2 });
	assert_false(core_sent(core, RAFT_VOTE_REPLY, 2)->reject);
	core_free(&core);
}

/* ---- thesis 9.6: pre-vote ----------------------------------------------------- */

/* Thesis 9.6: "a candidate only increments its term if it first learns from a
 * majority of the cluster that they would be willing to grant the candidate
 * their votes"; answering that changes nothing here. */
TEST(granted_prevote_changes_nothing)
{
	struct core *core = core_new(.voters = 3, .slow_disk = true);
	raft_tick deadline = raft_deadline(core->raft);

	core_wait(core, ELECTION / 2);
	core_step(core, .type = RAFT_VOTE, .from = 2, .term = 9, .pre = true);
	assert_false(core_sent(core, RAFT_VOTE_REPLY, 2)->reject);
	assert_int_equal(core_sent(core, RAFT_VOTE_REPLY, 2)->term, 9);
	assert_int_equal(raft_current_term(core->raft), 0);
	assert_int_equal(raft_deadline(core->raft), deadline);
	assert_int_equal(core->batch_count, 0);
	core_step(core, .type = RAFT_VOTE, .from = 3, .term = 9, .pre = true);
	assert_false(core_sent(core, RAFT_VOTE_REPLY, 3)->reject);
	core_free(&core);
}

/* A node that was cut off comes back: its term has not risen and the leader
 * stays (pitfall no-pre-vote). */
TEST(returning_node_does_not_depose_the_leader)
{
	struct net *net = net_new(3, 0);
	struct core *leader = net_elect(net);
	raft_term term = raft_current_term(leader->raft);
	peer_id away = leader->config.id % 3 + 1;

	net_isolate(net, away);
	net_wait(net, 20 * ELECTION);
	assert_int_equal(raft_current_term(net->cores[away]->raft), term);
	net_heal(net);
	net_wait(net, 5 * ELECTION);
	assert_ptr_equal(net_leader(net), leader);
	assert_int_equal(raft_current_term(leader->raft), term);
	net_free(&net);
}

/* A node whose term is ahead can follow again: the leader of the older term is
 * told of the newer one. */
TEST(node_with_a_newer_term_is_not_stuck)
{
	struct net *net = net_new(3, 0);
	struct core *leader = net_elect(net);
	peer_id ahead = leader->config.id % 3 + 1;

	/* Its term rose and then the candidate was never heard of again. */
	core_wait(net->cores[ahead], ELECTION);
	core_step(net->cores[ahead], .type = RAFT_VOTE, .from = ahead % 3 + 1,
	    .term = 50, .log = { 99, 49 }, .flags = RAFT_VOTE_TRANSFER);
	core_forget(net->cores[ahead]);
	assert_int_equal(raft_current_term(net->cores[ahead]->raft), 50);
	net_wait(net, 10 * ELECTION);
	leader = net_elect(net);
	assert_true(raft_current_term(leader->raft) > 50);
	assert_int_equal(raft_leader(net->cores[ahead]->raft), leader->config.id);
	net_free(&net);
}

/* Thesis 4.2.3: "if a server receives a RequestVote request within the minimum
 * election timeout of hearing from a current leader, it does not update its
 * term or grant its vote." */
TEST(who_hears_a_leader_refuses_votes)
{
	struct core *core = core_new(.voters = 3);

	core_step(core, .type = RAFT_HEARTBEAT, .from = 2, .term = 1);
	core_forget(core);
	core_step(core, .type = RAFT_VOTE, .from = 3, .term = 5, .log = { 9, 4 });
	assert_int_equal(core->sent_count, 0);
	assert_int_equal(raft_current_term(core->raft), 1);
	core_step(core, .type = RAFT_VOTE, .from = 3, .term = 5, .log = { 9, 4 }, .pre = true);
	assert_true(core_sent(core, RAFT_VOTE_REPLY, 3)->reject);
	/* Thesis 4.2.3: the transfer extension "has a special flag". */
	core_step(core, .type = RAFT_VOTE, .from = 3, .term = 5, .log = { 9, 4 },
	    .flags = RAFT_VOTE_TRANSFER);
	assert_false(core_sent(core, RAFT_VOTE_REPLY, 3)->reject);
	assert_int_equal(raft_current_term(core->raft), 5);
	core_free(&core);

	core = core_new(.voters = 3);
	core_elect(core, true);
	core_step(core, .type = RAFT_VOTE, .from = 3, .term = 5, .log = { 9, 4 },
	    .flags = RAFT_VOTE_DEAD_LEADER);
	assert_int_equal(raft_role(core->raft), RAFT_LEADER);
	core_free(&core);
}

/* ---- thesis 6.4.1: check-quorum ---------------------------------------------- */

/* Thesis 6.2: "a leader steps down if an election timeout elapses without a
 * successful round of heartbeats to a majority of its cluster." */
TEST(leader_without_a_quorum_steps_down)
{
	struct core *core = core_new(.voters = 3);

	core_elect(core, true);
	core_wait(core, ELECTION / 2);
	assert_int_equal(raft_role(core->raft), RAFT_LEADER);
	core_step(core, .type = RAFT_HEARTBEAT_REPLY, .from = 3, .term = 1);
	core_wait(core, ELECTION - HEARTBEAT);
	assert_int_equal(raft_role(core->raft), RAFT_LEADER);
	core_wait(core, 2 * HEARTBEAT);
	assert_int_equal(raft_role(core->raft), RAFT_FOLLOWER);
	assert_int_equal(raft_leader(core->raft), 0);
	core_free(&core);
}

/* A node that was itself stopped could hear nobody: peers get a heartbeat to
 * answer before it gives up. */
TEST(leader_that_stood_still_asks_first)
{
	struct core *core = core_new(.voters = 3);

	core_elect(core, true);
	core->now += 10 * ELECTION;
	raft_time(core->raft, core->now, core->wall_ns);
	core_turn(core);
	assert_int_equal(raft_role(core->raft), RAFT_LEADER);
	assert_non_null(core_sent(core, RAFT_HEARTBEAT, 2));
	core_wait(core, ELECTION);
	assert_int_equal(raft_role(core->raft), RAFT_FOLLOWER);
	core_free(&core);
}

/* A leader that can send but not receive loses its followers (pitfall no-quorum-check).
 * */
TEST(deaf_leader_is_replaced)
{
	struct net *net = net_new(3, 0);
	struct core *leader = net_elect(net);
	peer_id old = leader->config.id;

	for (peer_id id = 1; id <= 3; id++)
		net->cut[id][old] = true;
	net_wait(net, 5 * ELECTION);
	assert_int_not_equal(raft_role(leader->raft), RAFT_LEADER);
	assert_int_not_equal(net_elect(net)->config.id, old);
	net_free(&net);
}

/* ---- the dead leader hint ---------------------------------------------------- */

TEST(dead_leader_is_replaced_far_before_the_timeout)
{
	struct net *net = net_new(3, 0);
	struct core *leader = net_elect(net);
	peer_id dead = leader->config.id;

	net_wait(net, 2 * HEARTBEAT);
	net_isolate(net, dead);
	core_crash(leader);
	for (peer_id id = 1; id <= 3; id++)
		if (id != dead)
			raft_peer_unreachable(net->cores[id]->raft, dead);
	net_wait(net, 2 * HEARTBEAT + 1);
	assert_non_null(net_leader(net));
	net_free(&net);
}

/* One that alone finds the leader gone is not believed, and the leader stays. */
TEST(dead_leader_hint_of_one_node_causes_no_election)
{
	struct net *net = net_new(3, 0);
	struct core *leader = net_elect(net);
	peer_id other = leader->config.id % 3 + 1;

	net_wait(net, HEARTBEAT);
	net->cut[leader->config.id][other] = true;
	raft_peer_unreachable(net->cores[other]->raft, leader->config.id);
	net_wait(net, HEARTBEAT + 1);
	assert_ptr_equal(net_leader(net), leader);
	net_heal(net);
	net_wait(net, 5 * ELECTION);
	assert_ptr_equal(net_leader(net), leader);
	net_free(&net);
}

TEST(dead_leader_hint_ends_when_the_leader_is_heard)
{
	struct core *core = core_new(.voters = 3);

	core_step(core, .type = RAFT_HEARTBEAT, .from = 2, .term = 1);
	raft_peer_unreachable(core->raft, 2);
	assert_in_range(raft_deadline(core->raft), core->now + 1, core->now + HEARTBEAT);
	core_step(core, .type = RAFT_HEARTBEAT, .from = 2, .term = 1);
	core_wait(core, 2 * HEARTBEAT);
	assert_int_equal(raft_role(core->raft), RAFT_FOLLOWER);
	raft_peer_unreachable(core->raft, 2);
	raft_peer_connected(core->raft, 2);
	core_wait(core, 2 * HEARTBEAT);
	assert_int_equal(raft_role(core->raft), RAFT_FOLLOWER);
	/* Another node being gone means nothing. */
	raft_peer_unreachable(core->raft, 3);
	core_wait(core, 2 * HEARTBEAT);
	assert_int_equal(raft_role(core->raft), RAFT_FOLLOWER);
	core_free(&core);
}

TEST(dead_leader_vote_needs_the_voters_own_finding)
{
	struct core *core = core_new(.voters = 3);

	core_step(core, .type = RAFT_HEARTBEAT, .from = 2, .term = 1);
	core_step(core, .type = RAFT_VOTE, .from = 3, .term = 2, .pre = true,
	    .flags = RAFT_VOTE_DEAD_LEADER);
	assert_true(core_sent(core, RAFT_VOTE_REPLY, 3)->reject);
	raft_peer_unreachable(core->raft, 2);
	core_step(core, .type = RAFT_VOTE, .from = 3, .term = 2, .pre = true);
	assert_true(core_sent(core, RAFT_VOTE_REPLY, 3)->reject);
	core_step(core, .type = RAFT_VOTE, .from = 3, .term = 2, .pre = true,
	    .flags = RAFT_VOTE_DEAD_LEADER);
	assert_false(core_sent(core, RAFT_VOTE_REPLY, 3)->reject);
	core_free(&core);
}

/* ---- who takes part ------------------------------------------------------------ */

/* Thesis 4.2.1: a learner "is not yet counted towards majorities". */
TEST(learner_neither_campaigns_nor_votes)
{
	struct core *core = core_new(.id = 3, .voters = 2, .learners = 1, .log_terms = { 1 });

	core_wait(core, 10 * ELECTION);
	assert_int_equal(core->sent_count, 0);
	assert_int_equal(raft_deadline(core->raft), RAFT_TICK_MAX);
	core_step(core, .type = RAFT_VOTE, .from = 1, .term = 5, .log = { 1, 1 });
	assert_int_equal(core->sent_count, 0);
	assert_int_equal(raft_current_term(core->raft), 1);
	core_step(core, .type = RAFT_TIMEOUT_NOW, .from = 1, .term = 5);
	assert_int_equal(core->sent_count, 0);
	core_free(&core);
}

/* Pitfall removed-votes: a removed node's votes are ignored; but a candidate with a
 * longer
 * log may be a member that we have not heard of. */
TEST(stranger_gets_a_vote_only_for_a_longer_log)
{
	struct core *core = core_new(.voters = 3, .log_terms = { 1, 1 });

	core_step(core, .type = RAFT_VOTE, .from = 9, .term = 8, .log = { 2, 1 });
	core_step(core, .type = RAFT_VOTE, .from = 9, .term = 8, .log = { 2, 1 }, .pre = true);
	core_step(core, .type = RAFT_APPEND_REPLY, .from = 9, .term = 8);
	assert_int_equal(core->sent_count, 0);
	assert_int_equal(raft_current_term(core->raft), 1);
	core_step(core, .type = RAFT_VOTE, .from = 9, .term = 8, .log = { 3, 1 });
	assert_false(core_sent(core, RAFT_VOTE_REPLY, 9)->reject);
	core_free(&core);
}

/* A promoted learner that has not heard of it must still vote, or a cluster of
 * which one of three is dead waits for it forever. */
TEST(promoted_learner_votes_before_it_knows)
{
	struct net *net = net_new(2, 1);
	struct core *leader;

	net_make_leader(net, 1);
	leader = net->cores[1];
	net_wait(net, 2 * HEARTBEAT);
	assert_true(raft_caught_up(leader->raft, 3));
	net->cut[1][3] = true;
	assert_int_equal(core_propose_conf(leader, RAFT_CONF_PROMOTE, 3), ERR_NONE);
	net_settle(net);
	assert_true(conf_has_voter(raft_conf(net->cores[2]->raft), 3));
	assert_true(raft_is_learner(net->cores[3]->raft, 3));
	net_isolate(net, 1);
	core_crash(leader);
	net_wait(net, 10 * ELECTION);
	assert_ptr_equal(net_elect(net), net->cores[2]);
	net_free(&net);
}

/* Thesis 4.2.2: "a server that is not part of its own latest configuration should
 * still start new elections". Here only its log has the entry that removes it, so
 * the other cannot win: without it nobody would lead again. */
TEST(leader_that_began_to_remove_itself_can_stand_until_it_is_done)
{
	struct net *net = net_new(2, 0);
	struct core *leader;

	net_make_leader(net, 1);
	leader = net->cores[1];
	net_wait(net, 2 * HEARTBEAT);
	net_isolate(net, 1);
	assert_int_equal(core_propose_conf(leader, RAFT_CONF_REMOVE, 1), ERR_NONE);
	net_settle(net);
	assert_false(conf_has_voter(raft_conf(leader->raft), 1));
	core_crash(leader);
	core_start(leader);
	net_heal(net);
	net_wait(net, 10 * ELECTION);
	assert_ptr_equal(net_elect(net), net->cores[2]);
	assert_int_equal(raft_conf(net->cores[2]->raft)->voter_count, 1);
	assert_int_equal(raft_conf(net->cores[2]->raft)->voters[0], 2);
	net_free(&net);
}

/* A cluster of one asks nobody and needs no timer. */
TEST(only_voter_leads_at_once)
{
	struct core *core = core_new(.voters = 1, .log_terms = { 1, 4 }, .slow_disk = true);

	assert_int_equal(raft_role(core->raft), RAFT_CANDIDATE);
	assert_int_equal(raft_deadline(core->raft), RAFT_TICK_MAX);
	core_sync(core);
	assert_int_equal(raft_role(core->raft), RAFT_LEADER);
	assert_int_equal(raft_current_term(core->raft), 5);
	assert_int_equal(raft_deadline(core->raft), RAFT_TICK_MAX);
	core_sync(core);
	assert_int_equal(core->applied.index, 3);
	core_free(&core);
}
