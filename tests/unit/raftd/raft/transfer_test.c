/*
 * transfer_test.c - handing leadership over against thesis 3.10.
 */
#include "tests/unit/raftd/raft/fixture.h"

/* Thesis 3.10: "1. The prior leader stops accepting new client requests. 2. The
 * prior leader fully updates the target server's log to match its own [...].
 * 3. The prior leader sends a TimeoutNow request to the target server." */
TEST(successor_is_told_when_it_has_everything)
{
	struct core *core = core_new(.voters = 3);
	struct raft_position position;

	core_elect(core, true);
	core_propose(core, "a");
	assert_int_equal(raft_transfer(core->raft, 3), ERR_NONE);
	assert_int_equal(raft_propose(core->raft, NULL, &position), ERR_AGAIN);
	assert_int_equal(raft_propose_conf(core->raft, RAFT_CONF_REMOVE, 2, NULL, &position),
	    ERR_AGAIN);
	assert_false(raft_can_change_conf(core->raft));
	core_turn(core);
	assert_null(core_sent(core, RAFT_TIMEOUT_NOW, 0));
	core_step(core, .type = RAFT_APPEND_REPLY, .from = 2, .term = 1, .log.index = 2);
	assert_null(core_sent(core, RAFT_TIMEOUT_NOW, 0));
	core_step(core, .type = RAFT_APPEND_REPLY, .from = 3, .term = 1, .log.index = 2);
	assert_int_equal(core_count(core, RAFT_TIMEOUT_NOW, 3), 1);
	core_turn(core);
	assert_int_equal(core_count(core, RAFT_TIMEOUT_NOW, 0), 1);
	/* It may be lost. */
	core_wait(core, HEARTBEAT);
	assert_int_equal(core_count(core, RAFT_TIMEOUT_NOW, 3), 2);
	core_free(&core);
}

/* Thesis 3.10: "If leadership transfer does not complete after about an election
 * timeout, the prior leader aborts the transfer and resumes accepting client
 * requests." */
TEST(transfer_is_given_up_after_an_election_timeout)
{
	struct core *core = core_new(.voters = 3);

	core_elect(core, true);
	assert_int_equal(raft_transfer(core->raft, 3), ERR_NONE);
	for (size_t i = 0; i < 10; i++) {
		core_step(core, .type = RAFT_HEARTBEAT_REPLY, .from = 2, .term = 1);
		core_wait(core, ELECTION / 10);
	}
	assert_int_equal(raft_role(core->raft), RAFT_LEADER);
	core_propose(core, "a");
	core_free(&core);
}

TEST(transfer_passes_over_who_says_that_it_is_unfit)
{
	struct core *core = core_new(.voters = 3);

	core_elect(core, true);
	core_step(core, .type = RAFT_APPEND_REPLY, .from = 2, .term = 1, .log.index = 1);
	core_step(core, .type = RAFT_HEARTBEAT_REPLY, .from = 2, .term = 1,
	    .flags = RAFT_REPLY_UNFIT);
	core_step(core, .type = RAFT_HEARTBEAT_REPLY, .from = 3, .term = 1);
	assert_true(raft_has_successor(core->raft));
	core_step(core, .type = RAFT_HEARTBEAT_REPLY, .from = 3, .term = 1,
	    .flags = RAFT_REPLY_UNFIT);
	assert_false(raft_has_successor(core->raft));
	assert_int_equal(raft_transfer(core->raft, 0), ERR_INVALID);
	core_step(core, .type = RAFT_HEARTBEAT_REPLY, .from = 3, .term = 1);
	assert_int_equal(raft_transfer(core->raft, 0), ERR_NONE);
	core_step(core, .type = RAFT_APPEND_REPLY, .from = 3, .term = 1, .log.index = 1);
	assert_int_equal(core_count(core, RAFT_TIMEOUT_NOW, 3), 1);
	core_free(&core);
}

TEST(unfit_follower_says_so)
{
	struct core *core = core_new(.voters = 3);

	raft_set_unfit(core->raft, true);
	core_step(core, .type = RAFT_HEARTBEAT, .from = 2, .term = 1);
	assert_int_equal(core_sent(core, RAFT_HEARTBEAT_REPLY, 2)->flags, RAFT_REPLY_UNFIT);
	core_free(&core);
}

/* Pitfall torn-tail: a leader never says more than what was acknowledged. */
TEST(lost_entries_are_noticed_by_the_leader_s_heartbeat)
{
	struct core *core = core_new(.voters = 3, .log_terms = { 1, 1 });

	core_step(core, .type = RAFT_HEARTBEAT, .from = 2, .term = 1, .commit = 2);
	assert_int_equal(raft_lost(core->raft), 0);
	core_step(core, .type = RAFT_HEARTBEAT, .from = 2, .term = 1, .commit = 3);
	assert_int_equal(raft_lost(core->raft), 3);
	core_free(&core);
}

TEST(transfer_needs_a_voter_to_go_to)
{
	struct core *core = core_new(.voters = 3, .learners = 1);

	assert_int_equal(raft_transfer(core->raft, 2), ERR_NOT_LEADER);
	core_elect(core, true);
	assert_int_equal(raft_transfer(core->raft, 1), ERR_INVALID);
	assert_int_equal(raft_transfer(core->raft, 4), ERR_INVALID);
	assert_int_equal(raft_transfer(core->raft, 9), ERR_INVALID);
	core_free(&core);
	core = core_new(.voters = 1);
	assert_int_equal(raft_transfer(core->raft, 0), ERR_INVALID);
	core_free(&core);
}

/* Without a name it is the voter with the longest log that is there. */
TEST(best_successor_has_the_longest_log)
{
	struct core *core = core_new(.voters = 3, .learners = 1);

	core_elect(core, true);
	core_propose(core, "a");
	core_step(core, .type = RAFT_APPEND_REPLY, .from = 4, .term = 1, .log.index = 2);
	core_step(core, .type = RAFT_APPEND_REPLY, .from = 3, .term = 1, .log.index = 2);
	assert_int_equal(raft_transfer(core->raft, 0), ERR_NONE);
	core_turn(core);
	assert_non_null(core_sent(core, RAFT_TIMEOUT_NOW, 3));
	core_free(&core);
}

/* Thesis 3.10: the target "starts a new election (incrementing its term and
 * becoming a candidate)": without asking first, and with the flag that
 * overcomes the others' loyalty. */
TEST(successor_campaigns_at_once)
{
	struct core *core = core_new(.voters = 3);

	core_step(core, .type = RAFT_HEARTBEAT, .from = 2, .term = 1);
	core_step(core, .type = RAFT_TIMEOUT_NOW, .from = 3, .term = 1);
	assert_int_equal(raft_role(core->raft), RAFT_FOLLOWER);
	core_step(core, .type = RAFT_TIMEOUT_NOW, .from = 2, .term = 1);
	assert_int_equal(raft_role(core->raft), RAFT_CANDIDATE);
	assert_int_equal(core_sent(core, RAFT_VOTE, 3)->flags, RAFT_VOTE_TRANSFER);
	assert_false(core_sent(core, RAFT_VOTE, 3)->pre);
	assert_int_equal(core_sent(core, RAFT_VOTE, 3)->term, 2);
	core_free(&core);
}

TEST(transfer_goes_through_without_a_timeout)
{
	struct net *net = net_new(3, 0);
	struct core *leader = net_elect(net);
	peer_id to = leader->config.id % 3 + 1;

	net_wait(net, 2 * HEARTBEAT);
	core_propose(leader, "a");
	assert_int_equal(raft_transfer(leader->raft, to), ERR_NONE);
	core_turn(leader);
	net_settle(net);
	assert_int_equal(raft_role(leader->raft), RAFT_FOLLOWER);
	assert_int_equal(raft_leader(leader->raft), to);
	assert_ptr_equal(net_leader(net), net->cores[to]);
	core_propose(net->cores[to], "b");
	net_free(&net);
}
