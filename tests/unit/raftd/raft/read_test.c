/*
 * read_test.c - linearizable reads against thesis 6.4.
 */
#include "tests/unit/raftd/raft/fixture.h"

static void
ask(struct core *core, uint64_t id)
{
	raft_read(core->raft, id);
	core_turn(core);
}

static void
answer(struct core *core, peer_id from, uint64_t context)
{
	core_step(core, .type = RAFT_HEARTBEAT_REPLY, .from = from,
	    .term = raft_current_term(core->raft), .context = context);
}

/* Thesis 6.4, step 3: "The leader needs to make sure it has not been superseded
 * by a newer leader [...]. It issues a new round of heartbeats and waits for
 * their acknowledgments from a majority of the cluster." */
TEST(read_waits_for_a_round_begun_after_it)
{
	struct core *core = core_new(.voters = 3);
	uint64_t before, context;

	core_elect(core, true);
	core_wait(core, HEARTBEAT);
	before = core_sent(core, RAFT_HEARTBEAT, 2)->context;
	ask(core, 77);
	context = core_sent(core, RAFT_HEARTBEAT, 2)->context;
	assert_true(context > before);
	answer(core, 2, before);
	answer(core, 3, before);
	assert_int_equal(core->read_count, 0);
	answer(core, 2, context);
	assert_int_equal(core->read_count, 1);
	assert_int_equal(core->reads[0].id, 77);
	assert_int_equal(core->reads[0].index, 1);
	answer(core, 3, context);
	assert_int_equal(core->read_count, 1);
	core_free(&core);
}

/* Thesis 6.4: "it amortizes the cost" of a round over all reads that wait. */
TEST(reads_of_a_turn_share_a_round)
{
	struct core *core = core_new(.voters = 3);
	uint64_t first, second;

	core_elect(core, true);
	for (uint64_t id = 1; id <= 5; id++)
		raft_read(core->raft, id);
	core_turn(core);
	assert_int_equal(core_count(core, RAFT_HEARTBEAT, 0), 2);
	first = core_sent(core, RAFT_HEARTBEAT, 2)->context;
	ask(core, 6);
	second = core_sent(core, RAFT_HEARTBEAT, 2)->context;
	assert_true(second > first);
	answer(core, 2, first);
	assert_int_equal(core->read_count, 5);
	answer(core, 2, second);
	assert_int_equal(core->read_count, 6);
	core_free(&core);
}

/* A later round confirms the earlier ones too: lost answers cost nothing. */
TEST(later_round_confirms_earlier_reads)
{
	struct core *core = core_new(.voters = 5);

	core_elect(core, true);
	ask(core, 1);
	ask(core, 2);
	core_wait(core, HEARTBEAT);
	answer(core, 2, core_sent(core, RAFT_HEARTBEAT, 2)->context);
	assert_int_equal(core->read_count, 0);
	answer(core, 3, core_sent(core, RAFT_HEARTBEAT, 2)->context);
	assert_int_equal(core->read_count, 2);
	core_free(&core);
}

/* Thesis 6.4, step 1: "If the leader has not yet marked an entry from its
 * current term committed, it waits until it has done so." */
TEST(read_waits_for_the_first_commit_of_the_term)
{
	struct core *core = core_new(.voters = 3, .log_terms = { 1, 1 });

	core_elect(core, false);
	ask(core, 1);
	assert_null(core_sent(core, RAFT_HEARTBEAT, 2));
	core_step(core, .type = RAFT_APPEND_REPLY, .from = 2, .term = 2, .log.index = 3);
	answer(core, 2, core_sent(core, RAFT_HEARTBEAT, 2)->context);
	assert_int_equal(core->reads[0].index, 3);
	core_free(&core);
}

/* Learners do not confirm, nor answers to rounds that never were. */
TEST(only_voters_confirm)
{
	struct core *core = core_new(.voters = 3, .learners = 2);
	uint64_t context;

	core_elect(core, true);
	ask(core, 1);
	context = core_sent(core, RAFT_HEARTBEAT, 2)->context;
	answer(core, 4, context);
	answer(core, 5, context);
	answer(core, 2, context + 1);
	answer(core, 3, UINT64_MAX);
	assert_int_equal(core->read_count, 0);
	core_free(&core);
}

TEST(only_voter_reads_at_once)
{
	struct core *core = core_new(.voters = 1);

	ask(core, 9);
	assert_int_equal(core->read_count, 1);
	assert_int_equal(core->reads[0].index, 1);
	core_free(&core);
}

/* Pitfall deposed-read: a deposed leader answers nothing. */
TEST(reads_are_dropped_when_leadership_is_lost)
{
	struct core *core = core_new(.voters = 3);

	core_elect(core, true);
	ask(core, 1);
	raft_read(core->raft, 2);
	core_step(core, .type = RAFT_APPEND, .from = 3, .term = 9, ENTRIES(1, 1));
	assert_int_equal(core->read_count, 0);
	assert_int_equal(core->dropped_count, 2);
	assert_int_equal(core->dropped[0], 1);
	assert_int_equal(core->dropped[1], 2);
	core_free(&core);
}

TEST(read_without_a_leader_is_dropped)
{
	struct core *core = core_new(.voters = 3);

	ask(core, 5);
	assert_int_equal(core->dropped_count, 1);
	assert_int_equal(core->dropped[0], 5);
	core_free(&core);
}

/* Thesis 6.4: "a follower can ask the leader for the current read index". */
TEST(follower_asks_its_leader)
{
	struct core *core = core_new(.voters = 3);
	uint64_t context;

	core_step(core, .type = RAFT_HEARTBEAT, .from = 2, .term = 1);
	raft_read(core->raft, 1);
	raft_read(core->raft, 2);
	core_turn(core);
	assert_int_equal(core_count(core, RAFT_READ_INDEX, 0), 1);
	context = core_sent(core, RAFT_READ_INDEX, 2)->context;
	/* Not from another, not of a question never asked. */
	core_step(core, .type = RAFT_READ_INDEX_REPLY, .from = 3, .term = 1, .context = context);
	core_step(core, .type = RAFT_READ_INDEX_REPLY, .from = 2, .term = 1,
	    .context = context + 1);
	assert_int_equal(core->read_count, 0);
	core_step(core, .type = RAFT_READ_INDEX_REPLY, .from = 2, .term = 1, .context = context,
	    .log.index = 40);
	assert_int_equal(core->read_count, 2);
	assert_int_equal(core->reads[1].index, 40);
	core_free(&core);
}

/* A question or its answer may be lost; the newest one covers all. */
TEST(follower_asks_again_until_it_is_answered)
{
	struct core *core = core_new(.voters = 3);
	uint64_t context;

	core_step(core, .type = RAFT_HEARTBEAT, .from = 2, .term = 1);
	ask(core, 1);
	ask(core, 2);
	context = core_sent(core, RAFT_READ_INDEX, 2)->context;
	core_forget(core);
	core_wait(core, 3 * HEARTBEAT);
	assert_int_equal(core_count(core, RAFT_READ_INDEX, 2), 3);
	assert_int_equal(core_sent(core, RAFT_READ_INDEX, 2)->context, context);
	core_step(core, .type = RAFT_READ_INDEX_REPLY, .from = 2, .term = 1, .context = context,
	    .log.index = 4);
	assert_int_equal(core->read_count, 2);
	core_forget(core);
	core_wait(core, 3 * HEARTBEAT);
	assert_int_equal(core_count(core, RAFT_READ_INDEX, 2), 0);
	core_free(&core);
}

TEST(follower_drops_reads_when_its_leader_changes_or_refuses)
{
	struct core *core = core_new(.voters = 3);

	core_step(core, .type = RAFT_HEARTBEAT, .from = 2, .term = 1);
	ask(core, 1);
	core_step(core, .type = RAFT_READ_INDEX_REPLY, .from = 2, .term = 1, .reject = true,
	    .context = core_sent(core, RAFT_READ_INDEX, 2)->context);
	assert_int_equal(core->dropped_count, 1);
	ask(core, 2);
	core_step(core, .type = RAFT_HEARTBEAT, .from = 3, .term = 2);
	assert_int_equal(core->dropped_count, 2);
	ask(core, 3);
	core_wait(core, 2 * ELECTION);
	assert_int_equal(core->dropped_count, 3);
	core_free(&core);
}

TEST(only_a_leader_answers_read_questions)
{
	struct core *core = core_new(.voters = 3);

	core_step(core, .type = RAFT_READ_INDEX, .from = 2, .term = 1, .context = 4);
	assert_true(core_sent(core, RAFT_READ_INDEX_REPLY, 2)->reject);
	assert_int_equal(core_sent(core, RAFT_READ_INDEX_REPLY, 2)->context, 4);
	core_free(&core);
}

/* From end to end, through a learner and a follower: the index is that of the
 * write that was acknowledged before. */
TEST(reads_anywhere_see_the_last_write)
{
	struct net *net = net_new(3, 1);
	struct core *leader = net_elect(net);
	struct raft_position position;

	net_wait(net, HEARTBEAT);
	position = core_propose(leader, "a");
	net_settle(net);
	for (peer_id id = 1; id <= 4; id++) {
		raft_read(net->cores[id]->raft, id);
		core_turn(net->cores[id]);
	}
	net_settle(net);
	for (peer_id id = 1; id <= 4; id++) {
		assert_int_equal(net->cores[id]->read_count, 1);
		assert_int_equal(net->cores[id]->reads[0].id, id);
		assert_int_equal(net->cores[id]->reads[0].index, position.index);
	}
	net_free(&net);
}
