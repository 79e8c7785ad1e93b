/*
 * ready_test.c - the turn's output: birth, restart, disk order, snapshots.
 */
#include "tests/unit/raftd/raft/fixture.h"

/* No leader has to say so: every log of that cluster begins with them. */
TEST(what_a_cluster_begins_with_together_is_committed_on_each_member)
{
	static const struct raft_restored nothing = { .applied = { 0, 0 } };
	struct raft_config config = { .id = 2, .heartbeat_ticks = 10, .election_ticks = 100,
		.seed = 1, .append_bytes_max = 1000, .inflight_messages_max = 3,
		.inflight_bytes_max = 1000, .memory_bytes_max = 1000 };
	struct raft *raft = raft_new(&config, &nothing);
	struct raft_entry entries[3] = { 0 };
	struct raft_ready ready;

	for (size_t i = 0; i < ARRAY_COUNT(entries); i++)
		entries[i] = (struct raft_entry){ .type = RAFT_ENTRY_CONF,
			.conf_op = RAFT_CONF_ADD_VOTER, .conf_peer = i + 1 };
	raft_time(raft, 1000, 5);
	raft_begin_together(raft, entries, ARRAY_COUNT(entries));
	assert_int_equal(raft_role(raft), RAFT_FOLLOWER);
	assert_int_equal(raft_conf(raft)->voter_count, 3);
	raft_ready(raft, &ready);
	assert_true(ready.hard_state_changed);
	assert_int_equal(ready.hard_state.term, 1);
	assert_int_equal(ready.hard_state.vote, 0);
	assert_int_equal(ready.entry_count, 3);
	assert_int_equal(ready.committed_count, 3);
	assert_int_equal(ready.message_count, 0);
	for (size_t i = 0; i < ready.entry_count; i++) {
		assert_int_equal(ready.entries[i].index, i + 1);
		assert_int_equal(ready.entries[i].term, 1);
		/* Not this node's time: the bytes are those of all the others. */
		assert_int_equal(ready.entries[i].time_ns, 0);
	}
	raft_advance(raft);
	raft_persisted(raft, (struct raft_position){ 3, 1 });
	assert_int_equal(raft_applied(raft), 3);
	/* From then on it is a start like any other, not before an election timeout is over. */
	raft_time(raft, 1099, 6);
	raft_ready(raft, &ready);
	assert_int_equal(ready.message_count, 0);
	raft_advance(raft);
	raft_time(raft, 1200, 7);
	raft_ready(raft, &ready);
	assert_int_equal(ready.message_count, 2);
	assert_int_equal(ready.messages[0].type, RAFT_VOTE);
	assert_int_equal(ready.messages[0].log.index, 3);
	raft_advance(raft);
	raft_free(&raft);
}

/* A new cluster of one: its first entry is committed as soon as it is on disk,
 * and the no-op of its term follows. */
TEST(bootstrap_makes_a_cluster_of_one)
{
	struct core *core = core_new(.bootstrap = true, .slow_disk = true);

	assert_int_equal(core->batch_count, 1);
	assert_int_equal(core->batches[0].hard_state.term, 1);
	assert_int_equal(core->batches[0].hard_state.vote, 1);
	assert_int_equal(core->batches[0].entry_count, 1);
	assert_int_equal(raft_commit(core->raft), 0);
	assert_true(conf_has_voter(raft_conf(core->raft), 1));
	core_sync(core);
	assert_int_equal(raft_role(core->raft), RAFT_LEADER);
	assert_int_equal(core->applied.index, 1);
	assert_int_equal(core->done[0].type, RAFT_ENTRY_CONF);
	assert_int_equal(core->done[0].conf_op, RAFT_CONF_ADD_VOTER);
	assert_true(slice_equal(blob_slice(core->done[0].payload), SLICE_LITERAL("first")));
	core_sync(core);
	assert_int_equal(core->applied.index, 2);
	assert_int_equal(core->done[1].type, RAFT_ENTRY_NOOP);
	assert_true(raft_can_change_conf(core->raft));
	assert_int_equal(raft_current_term(core->raft), 1);
	core_free(&core);
}

/* Killed at any step of it, the cluster is there after the restart. */
TEST(bootstrap_survives_a_crash_at_each_step)
{
	for (size_t syncs = 1; syncs < 4; syncs++) {
		struct core *core = core_new(.bootstrap = true, .slow_disk = true);

		for (size_t i = 0; i < syncs; i++)
			core_sync(core);
		core_crash(core);
		core_start(core);
		while (core_sync(core))
			continue;
		assert_int_equal(raft_role(core->raft), RAFT_LEADER);
		assert_true(conf_has_voter(raft_conf(core->raft), 1));
		assert_int_equal(core->applied.index, raft_last(core->raft).index);
		core_free(&core);
	}
}

/* A node that has nothing and is nobody's member is silent. */
TEST(blank_node_waits_to_be_found)
{
	struct core *core = core_new(.id = 7);

	assert_int_equal(raft_deadline(core->raft), RAFT_TICK_MAX);
	core_wait(core, 10 * ELECTION);
	assert_int_equal(core->sent_count, 0);
	core_step(core, .type = RAFT_APPEND, .from = 2, .term = 3, .log = { 9, 3 });
	assert_true(core_sent(core, RAFT_APPEND_REPLY, 2)->reject);
	assert_int_equal(core_sent(core, RAFT_APPEND_REPLY, 2)->hint.index, 0);
	core_free(&core);
}

/* What was applied is not applied again; what was known committed is, at once. */
TEST(restart_goes_on_where_it_was)
{
	struct core *core = core_new(.voters = 3, .log_terms = { 1, 1, 1, 1 }, .applied = 2);

	core->disk.commit = 3;
	core_crash(core);
	core_start(core);
	assert_int_equal(core->done_count, 1);
	assert_int_equal(core->done[0].index, 3);
	assert_int_equal(raft_commit(core->raft), 3);
	assert_int_equal(raft_last(core->raft).index, 4);
	core_free(&core);
}

/* Entries below applied may be given from any on; bounded in memory. */
TEST(restored_entries_may_begin_anywhere)
{
	for (raft_index first = 3; first <= 7; first++) {
		struct raft_config config = { .id = 1, .heartbeat_ticks = HEARTBEAT,
			.election_ticks = ELECTION, .append_bytes_max = 1000,
			.inflight_messages_max = 4, .inflight_bytes_max = 4000,
			.memory_bytes_max = 1000 };
		struct raft_restored restored = { .hard_state = { 2, 0 },
			.compacted = { 2, 1 }, .applied = { 6, 2 }, .commit = 20,
			.conf = { .voter_count = 2, .voters = { 1, 2 } } };
		struct raft *raft = raft_new(&config, &restored);

		for (raft_index index = first; index <= 8; index++)
			raft_restore_entry(raft, &(struct raft_entry){ .index = index, .term = 2,
			    .type = RAFT_ENTRY_COMMAND });
		raft_time(raft, 1, 1);
		raft_invariants(raft);
		assert_int_equal(raft_last(raft).index, 8);
		assert_int_equal(raft_commit(raft), 8);
		assert_int_equal(raft_applied(raft), 6);
		assert_int_equal(raft_first(raft), 3);
		assert_int_equal(raft_term_at(raft, 6), 2);
		raft_free(&raft);
	}
}

/* A turn applies so much and not more; the rest comes at once after it. */
TEST(committed_entries_come_in_portions)
{
	struct core *core = core_new(.voters = 2);
	struct raft_position position;
	struct raft_ready ready;
	size_t turns = 0, count = 0;

	core_elect(core, true);
	for (size_t i = 0; i < 2000; i++)
		assert_int_equal(raft_propose(core->raft, NULL, &position), ERR_NONE);
	core_turn(core);
	raft_step(core->raft, &(struct raft_message){ .type = RAFT_APPEND_REPLY, .from = 2,
	    .to = 1, .term = 1, .log.index = 2001 });
	do {
		raft_ready(core->raft, &ready);
		turns++;
		count += ready.committed_count;
		assert_true(ready.committed_count <= 512);
		raft_advance(core->raft);
	} while (ready.more);
	assert_int_equal(count, 2000);
	assert_int_equal(turns, 4);
	core_free(&core);
}

/* Without news a turn brings nothing. */
TEST(quiet_turn_is_empty)
{
	struct core *core = core_new(.voters = 3);
	struct raft_ready ready;

	core_elect(core, true);
	raft_ready(core->raft, &ready);
	assert_int_equal(ready.message_count, 0);
	assert_int_equal(ready.entry_count, 0);
	assert_int_equal(ready.committed_count, 0);
	assert_false(ready.hard_state_changed);
	assert_false(ready.more);
	raft_advance(core->raft);
	core_free(&core);
}

/* Hard states and entries of consecutive turns may be reported together. */
TEST(syncs_of_several_turns_may_be_reported_as_one)
{
	struct core *core = core_new(.voters = 1, .slow_disk = true);

	while (core_sync(core))
		continue;
	core_propose(core, "a");
	core_propose(core, "b");
	raft_persisted(core->raft, (struct raft_position){ 3, 1 });
	assert_int_equal(raft_commit(core->raft), 3);
	/* What is not ours means nothing. */
	raft_persisted(core->raft, (struct raft_position){ 9, 9 });
	raft_persisted(core->raft, (struct raft_position){ 0, 0 });
	assert_int_equal(raft_commit(core->raft), 3);
	core_free(&core);
}

/* ---- snapshots ---------------------------------------------------------------- */

static struct core *
source_of_snapshot(void)
{
	struct core *source = core_new(.id = 2, .voters = 3, .log_terms = { 1, 1, 2, 2, 2 },
	    .applied = 5, .compacted = 5);

	return source;
}

/* Figure 13, 7: "Discard the entire log", unless 6: "If existing log entry has
 * same index and term as snapshot's last included entry, retain log entries
 * following it and reply". */
TEST(snapshot_replaces_a_log_that_differs)
{
	struct core *source = source_of_snapshot();
	struct core *core = core_new(.voters = 3, .log_terms = { 1, 1, 1, 1, 1, 1, 1 });

	assert_true(core_install(core, source));
	assert_int_equal(raft_last(core->raft).index, 5);
	assert_int_equal(raft_last(core->raft).term, 2);
	assert_int_equal(raft_applied(core->raft), 5);
	assert_int_equal(raft_first(core->raft), 6);
	assert_int_equal(core_sent(core, RAFT_APPEND_REPLY, 2)->log.index, 5);
	core_step(core, .type = RAFT_APPEND, .from = 2, .term = 2, .log = { 5, 2 },
	    ENTRIES(6, 2), .commit = 6);
	assert_int_equal(core->applied.index, 6);
	core_crash(core);
	core_start(core);
	assert_int_equal(raft_last(core->raft).index, 6);
	core_free(&core);
	core_free(&source);
}

TEST(snapshot_keeps_the_entries_behind_it)
{
	struct core *source = source_of_snapshot();
	struct core *core = core_new(.voters = 3, .log_terms = { 1, 1, 2, 2, 2, 2, 2 });

	assert_true(core_install(core, source));
	assert_int_equal(raft_last(core->raft).index, 7);
	assert_int_equal(raft_term_at(core->raft, 6), 2);
	assert_int_equal(raft_applied(core->raft), 5);
	assert_int_equal(core->log_count, 2);
	core_free(&core);
	core_free(&source);
}

/* Pitfall old-snapshot: "ignore if its index <= commit". */
TEST(old_snapshot_is_not_wanted)
{
	struct core *source = source_of_snapshot();
	struct core *core = core_new(.voters = 3, .log_terms = { 1, 1, 2, 2, 2, 2 },
	    .applied = 6);

	assert_false(core_install(core, source));
	assert_false(raft_snapshot_installed(core->raft, source->applied, &source->conf));
	assert_int_equal(raft_last(core->raft).index, 6);
	assert_false(raft_wants_snapshot(core->raft, (struct raft_position){ 9, 1 }, 1));
	assert_true(raft_wants_snapshot(core->raft, (struct raft_position){ 9, 2 }, 2));
	core_free(&core);
	core_free(&source);
}

/* Entries of the same turn that the snapshot covers are not written again. */
TEST(snapshot_overtakes_entries_of_the_turn)
{
	struct core *source = source_of_snapshot();
	struct core *core = core_new(.voters = 3, .log_terms = { 1, 1, 1, 1, 1, 1 },
	    .slow_disk = true);
	struct raft_message append = { .type = RAFT_APPEND, .from = 2, .to = 1, .term = 2,
		.log = { 2, 1 }, ENTRIES(3, 2, 2, 2, 2) };

	raft_step(core->raft, &append);
	assert_true(core_install(core, source));
	while (core_sync(core))
		continue;
	assert_int_equal(core->disk.compacted.index, 5);
	assert_int_equal(core->log_count, 1);
	assert_int_equal(core->log[0].term, 2);
	assert_int_equal(raft_match(core->raft, 1), 6);
	core_free(&core);
	core_free(&source);
}

/* The members are those of the snapshot. */
TEST(snapshot_brings_its_members)
{
	struct core *source = source_of_snapshot();
	struct core *core = core_new(.id = 3);

	assert_true(core_install(core, source));
	assert_int_equal(raft_conf(core->raft)->voter_count, 3);
	assert_true(conf_has_voter(raft_conf(core->raft), 3));
	assert_true(raft_deadline(core->raft) != RAFT_TICK_MAX);
	core_free(&core);
	core_free(&source);
}

/* Chunks that come are a sign of life of the leader. */
TEST(snapshot_chunks_keep_a_follower)
{
	struct core *core = core_new(.voters = 3);

	for (size_t i = 0; i < 20; i++) {
		raft_snapshot_progress(core->raft, 2, 3);
		core_turn(core);
		core_wait(core, ELECTION / 2);
	}
	assert_int_equal(raft_leader(core->raft), 2);
	assert_int_equal(core->disk.hard_state.term, 3);
	raft_snapshot_progress(core->raft, 3, 2);
	assert_int_equal(raft_leader(core->raft), 2);
	core_free(&core);
}
