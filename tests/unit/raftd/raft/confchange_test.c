/*
 * confchange_test.c - changing the members against thesis 4.1-4.2 and its
 * correction.
 */
#include "tests/unit/raftd/raft/fixture.h"

/* ---- the pure part ----------------------------------------------------------- */

TEST(members_stay_sorted_and_disjoint)
{
	struct raft_conf conf = { 0 };
	struct rand rand;

	rand_seed(&rand, 4);
	for (size_t step = 0; step < 5000; step++) {
		enum raft_conf_op op = (enum raft_conf_op)rand_below(&rand, 5);
		peer_id peer = rand_below(&rand, 80);
		size_t before = conf.voter_count;

		conf_change(&conf, op, peer);
		assert_true(conf.voter_count <= VOTERS_MAX);
		assert_true(conf.voter_count + conf.learner_count <= MEMBERS_MAX);
		assert_true(before == 0 || conf.voter_count > 0);
		for (size_t i = 1; i < conf.voter_count; i++)
			assert_true(conf.voters[i - 1] < conf.voters[i]);
		for (size_t i = 1; i < conf.learner_count; i++)
			assert_true(conf.learners[i - 1] < conf.learners[i]);
		for (size_t i = 0; i < conf.learner_count; i++)
			assert_false(conf_has_voter(&conf, conf.learners[i]));
		assert_false(conf_has_member(&conf, 0));
	}
}

TEST(senseless_changes_change_nothing)
{
	struct raft_conf conf = { .voter_count = 1, .voters = { 5 }, .learner_count = 1,
		.learners = { 7 } };

	assert_false(conf_allows(&conf, RAFT_CONF_NONE, 8));
	assert_false(conf_allows(&conf, RAFT_CONF_ADD_LEARNER, 5));
	assert_false(conf_allows(&conf, RAFT_CONF_ADD_LEARNER, 7));
	assert_false(conf_allows(&conf, RAFT_CONF_ADD_LEARNER, 0));
	assert_false(conf_allows(&conf, RAFT_CONF_PROMOTE, 5));
	assert_false(conf_allows(&conf, RAFT_CONF_PROMOTE, 8));
	assert_false(conf_allows(&conf, RAFT_CONF_REMOVE, 5));
	assert_false(conf_allows(&conf, RAFT_CONF_REMOVE, 8));
	assert_false(conf_allows(&conf, RAFT_CONF_ADD_VOTER, 7));
	assert_true(conf_allows(&conf, RAFT_CONF_ADD_LEARNER, 8));
	assert_true(conf_allows(&conf, RAFT_CONF_PROMOTE, 7));
	assert_true(conf_allows(&conf, RAFT_CONF_REMOVE, 7));
}

TEST(copy_mends_what_is_not_in_order)
{
	struct raft_conf bad = { .voter_count = 4, .voters = { 3, 1, 3, 0 },
		.learner_count = 2, .learners = { 1, 2 } };
	struct raft_conf conf;

	conf_copy(&conf, &bad);
	assert_int_equal(conf.voter_count, 2);
	assert_int_equal(conf.voters[0], 1);
	assert_int_equal(conf.voters[1], 3);
	assert_int_equal(conf.learner_count, 1);
	assert_int_equal(conf.learners[0], 2);
}

/* ---- in the core ---------------------------------------------------------------- */

/* Thesis 4.1: "The new configuration takes effect on each server as soon as it
 * is added to that server's log". */
TEST(change_counts_as_soon_as_it_is_appended)
{
	struct core *core = core_new(.voters = 2, .learners = 1);

	core_elect(core, true);
	core_step(core, .type = RAFT_APPEND_REPLY, .from = 3, .term = 1, .log.index = 1);
	assert_int_equal(core_propose_conf(core, RAFT_CONF_PROMOTE, 3), ERR_NONE);
	assert_true(conf_has_voter(raft_conf(core->raft), 3));
	assert_false(raft_is_learner(core->raft, 3));
	/* Two of three now. */
	core_step(core, .type = RAFT_APPEND_REPLY, .from = 3, .term = 1, .log.index = 2);
	assert_int_equal(raft_commit(core->raft), 2);
	core_free(&core);
}

/* Thesis 4.1: "a server must not append a new configuration entry until the
 * previous one is committed" (pitfall two-changes). */
TEST(one_change_at_a_time)
{
	struct core *core = core_new(.voters = 3);

	core_elect(core, true);
	assert_true(raft_can_change_conf(core->raft));
	assert_int_equal(core_propose_conf(core, RAFT_CONF_ADD_LEARNER, 8), ERR_NONE);
	assert_false(raft_can_change_conf(core->raft));
	assert_int_equal(core_propose_conf(core, RAFT_CONF_ADD_LEARNER, 9), ERR_BUSY);
	core_step(core, .type = RAFT_APPEND_REPLY, .from = 2, .term = 1, .log.index = 2);
	assert_int_equal(core_propose_conf(core, RAFT_CONF_ADD_LEARNER, 8), ERR_INVALID);
	assert_int_equal(core_propose_conf(core, RAFT_CONF_ADD_VOTER, 9), ERR_INVALID);
	assert_int_equal(core_propose_conf(core, RAFT_CONF_ADD_LEARNER, 9), ERR_NONE);
	core_free(&core);
}

/* The correction of 2015: "a leader may not append a new configuration entry
 * until it has committed an entry from its current term" (pitfall early-change). */
TEST(no_change_before_an_entry_of_the_term_is_committed)
{
	struct core *core = core_new(.voters = 3, .log_terms = { 1, 1 });

	core_elect(core, false);
	assert_false(raft_can_change_conf(core->raft));
	assert_int_equal(core_propose_conf(core, RAFT_CONF_ADD_LEARNER, 9), ERR_BUSY);
	core_step(core, .type = RAFT_APPEND_REPLY, .from = 2, .term = 2, .log.index = 3);
	assert_int_equal(core_propose_conf(core, RAFT_CONF_ADD_LEARNER, 9), ERR_NONE);
	core_free(&core);
}

/* The published counterexample (Ongaro, raft-dev, July 2015), with removals: S1
 * appends "without S2" and is lost; S2 leads without that entry and would
 * append "without S1"; then {S1, S3, S4} and {S2, S3, S4} could both reach
 * two of three without each other. The no-op stands between them. */
TEST(single_server_change_counterexample_is_refused)
{
	struct net *net = net_new(4, 0);

	net_make_leader(net, 1);
	net_wait(net, 2 * HEARTBEAT);
	net_isolate(net, 1);
	assert_int_equal(core_propose_conf(net->cores[1], RAFT_CONF_REMOVE, 2), ERR_NONE);
	net_settle(net);
	assert_false(conf_has_voter(raft_conf(net->cores[1]->raft), 2));
	/* S2 wins by S3 and S4; nobody has its no-op. */
	net_campaign(net, 2);
	assert_int_equal(raft_role(net->cores[2]->raft), RAFT_LEADER);
	net_isolate(net, 2);
	net_heal(net);
	core_crash(net->cores[2]);
	core_start(net->cores[2]);
	net_isolate(net, 1);
	net_campaign(net, 2);
	net_isolate(net, 2);
	if (!raft_can_change_conf(net->cores[2]->raft))
		assert_int_equal(core_propose_conf(net->cores[2], RAFT_CONF_REMOVE, 1), ERR_BUSY);
	net_heal(net);
	net_wait(net, 10 * ELECTION);
	net_elect(net);
	net_wait(net, 2 * HEARTBEAT);
	/* The lost change is gone from S1 too. */
	for (peer_id id = 1; id <= 4; id++)
		assert_int_equal(raft_conf(net->cores[id]->raft)->voter_count, 4);
	net_free(&net);
}

/* Thesis 4.1: "a configuration entry can be removed from the log; in this case,
 * a server must be prepared to fall back to the previous configuration". */
TEST(truncated_change_is_taken_back)
{
	struct core *core = core_new(.voters = 3, .log_terms = { 1 });
	struct raft_entry entries[] = {
		{ .term = 2, .index = 2, .type = RAFT_ENTRY_CONF,
		  .conf_op = RAFT_CONF_ADD_LEARNER, .conf_peer = 9 },
		{ .term = 2, .index = 3, .type = RAFT_ENTRY_CONF,
		  .conf_op = RAFT_CONF_REMOVE, .conf_peer = 3 },
	};

	core_step(core, .type = RAFT_APPEND, .from = 2, .term = 2, .log = { 1, 1 },
	    .entries = entries, .entry_count = 2);
	assert_true(raft_is_learner(core->raft, 9));
	assert_false(conf_has_voter(raft_conf(core->raft), 3));
	core_step(core, .type = RAFT_APPEND, .from = 2, .term = 3, .log = { 2, 2 },
	    ENTRIES(3, 3));
	assert_true(raft_is_learner(core->raft, 9));
	assert_true(conf_has_voter(raft_conf(core->raft), 3));
	core_step(core, .type = RAFT_APPEND, .from = 2, .term = 4, .log = { 1, 1 },
	    ENTRIES(2, 4));
	assert_false(raft_is_learner(core->raft, 9));
	core_free(&core);
}

/* Both views after a restart: the log's entries count, also those not applied. */
TEST(changes_of_the_log_count_after_a_restart)
{
	struct core *core = core_new(.voters = 3, .log_terms = { 1 });
	struct raft_entry entry = { .term = 2, .index = 2, .type = RAFT_ENTRY_CONF,
		.conf_op = RAFT_CONF_REMOVE, .conf_peer = 1 };

	core_step(core, .type = RAFT_APPEND, .from = 2, .term = 2, .log = { 1, 1 },
	    .entries = &entry, .entry_count = 1);
	core_crash(core);
	core_start(core);
	assert_false(conf_has_voter(raft_conf(core->raft), 1));
	assert_int_equal(raft_conf(core->raft)->voter_count, 2);
	core_free(&core);
}

/* Thesis 4.2.1: "new servers join as non-voting members": a learner catches up
 * before it counts. */
TEST(learner_is_promoted_when_it_has_caught_up)
{
	struct net *net = net_bootstrap(3);
	struct core *leader = net->cores[1];

	for (size_t i = 0; i < 30; i++)
		core_propose(leader, "a");
	assert_int_equal(core_propose_conf(leader, RAFT_CONF_ADD_LEARNER, 2), ERR_NONE);
	net_wait(net, 4 * HEARTBEAT);
	assert_int_equal(core_propose_conf(leader, RAFT_CONF_PROMOTE, 2), ERR_NONE);
	net_wait(net, 4 * HEARTBEAT);
	assert_int_equal(raft_conf(net->cores[2]->raft)->voter_count, 2);
	net_isolate(net, 3);
	assert_int_equal(core_propose_conf(leader, RAFT_CONF_ADD_LEARNER, 3), ERR_NONE);
	net_settle(net);
	assert_false(raft_caught_up(leader->raft, 3));
	assert_int_equal(core_propose_conf(leader, RAFT_CONF_PROMOTE, 3), ERR_AGAIN);
	net_heal(net);
	net_wait(net, 4 * HEARTBEAT);
	assert_true(raft_caught_up(leader->raft, 3));
	assert_int_equal(raft_last(net->cores[3]->raft).index, raft_last(leader->raft).index);
	assert_int_equal(core_propose_conf(leader, RAFT_CONF_PROMOTE, 3), ERR_NONE);
	net_wait(net, HEARTBEAT);
	assert_int_equal(raft_conf(net->cores[3]->raft)->voter_count, 3);
	net_make_leader(net, 3);
	net_free(&net);
}

/* A voter that is behind by little, but by little that takes long, would hold up
 * every write. */
TEST(learner_that_lacks_old_entries_has_not_caught_up)
{
	struct core *core = core_new(.voters = 1, .learners = 1, .log_terms = { 1 });
	raft_index first = core_propose(core, "a").index;

	core_step(core, .type = RAFT_APPEND_REPLY, .from = 2, .term = 2, .log.index = first - 1);
	assert_true(raft_caught_up(core->raft, 2));
	core->wall_ns += UINT64_C(1100000000);
	core_wait(core, 1);
	assert_false(raft_caught_up(core->raft, 2));
	core_propose(core, "b");
	assert_false(raft_caught_up(core->raft, 2));
	core_step(core, .type = RAFT_APPEND_REPLY, .from = 2, .term = 2, .log.index = first);
	assert_true(raft_caught_up(core->raft, 2));
	core_free(&core);
}

/* Thesis 4.2.2: "a leader that is removed from the configuration steps down
 * once the Cnew entry is committed"; until then it "manages a cluster that
 * does not include itself" and does not count itself. */
TEST(leader_leads_until_its_removal_is_committed)
{
	struct core *core = core_new(.voters = 3);

	core_elect(core, true);
	assert_int_equal(core_propose_conf(core, RAFT_CONF_REMOVE, 1), ERR_NONE);
	core_step(core, .type = RAFT_APPEND_REPLY, .from = 2, .term = 1, .log.index = 2);
	assert_int_equal(raft_commit(core->raft), 1);
	assert_int_equal(raft_role(core->raft), RAFT_LEADER);
	core_forget(core);
	core_step(core, .type = RAFT_APPEND_REPLY, .from = 3, .term = 1, .log.index = 2);
	assert_int_equal(raft_commit(core->raft), 2);
	assert_int_equal(raft_role(core->raft), RAFT_FOLLOWER);
	/* The others were told, and one of them to go on. */
	assert_int_equal(core_sent(core, RAFT_APPEND, 2)->commit, 2);
	assert_int_equal(core_sent(core, RAFT_APPEND, 3)->commit, 2);
	assert_int_equal(core_count(core, RAFT_TIMEOUT_NOW, 0), 1);
	/* And it stays away. */
	core_forget(core);
	core_wait(core, 10 * ELECTION);
	assert_int_equal(core->sent_count, 0);
	core_free(&core);
}

/* Pitfall removed-votes: "the removed node learns it": it still gets the entry and its
 * commit, and then nothing. */
TEST(removed_peer_is_told)
{
	struct net *net = net_new(3, 0);
	struct core *leader = net_elect(net);
	peer_id gone = leader->config.id % 3 + 1;

	net_wait(net, 2 * HEARTBEAT);
	assert_int_equal(core_propose_conf(leader, RAFT_CONF_REMOVE, gone), ERR_NONE);
	net_settle(net);
	assert_false(conf_has_voter(raft_conf(net->cores[gone]->raft), gone));
	assert_int_equal(net->cores[gone]->applied.index, leader->applied.index);
	net_wait(net, 10 * ELECTION);
	assert_ptr_equal(net_leader(net), leader);
	assert_int_equal(raft_role(net->cores[gone]->raft), RAFT_FOLLOWER);
	assert_int_equal(raft_leader(net->cores[gone]->raft), 0);
	assert_int_equal(raft_match(leader->raft, gone), 0);
	net_free(&net);
}

/* One that was cut off when it was removed: its pre-votes disturb nobody. */
TEST(removed_peer_that_does_not_know_disturbs_nobody)
{
	struct net *net = net_new(3, 0);
	struct core *leader = net_elect(net);
	peer_id gone = leader->config.id % 3 + 1;
	raft_term term = raft_current_term(leader->raft);

	net_wait(net, 2 * HEARTBEAT);
	net_isolate(net, gone);
	assert_int_equal(core_propose_conf(leader, RAFT_CONF_REMOVE, gone), ERR_NONE);
	net_wait(net, 5 * ELECTION);
	net_heal(net);
	net_wait(net, 10 * ELECTION);
	assert_ptr_equal(net_leader(net), leader);
	assert_int_equal(raft_current_term(leader->raft), term);
	net_free(&net);
}

/* With fewer voters a smaller quorum may be there already. */
TEST(removal_can_commit_what_waits)
{
	struct core *core = core_new(.voters = 2);

	core_elect(core, true);
	core_propose(core, "a");
	raft_read(core->raft, 5);
	core_turn(core);
	assert_int_equal(raft_commit(core->raft), 1);
	assert_int_equal(core_propose_conf(core, RAFT_CONF_REMOVE, 2), ERR_NONE);
	assert_int_equal(raft_commit(core->raft), 3);
	assert_int_equal(core->read_count, 1);
	core_wait(core, 10 * ELECTION);
	assert_int_equal(raft_role(core->raft), RAFT_LEADER);
	assert_int_equal(raft_deadline(core->raft), RAFT_TICK_MAX);
	core_free(&core);
}
