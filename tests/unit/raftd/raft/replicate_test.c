/*
 * replicate_test.c - a leader and its followers against the paper.
 */
#include "tests/unit/raftd/raft/fixture.h"

#include <stdio.h>

static void
acknowledge(struct core *core, peer_id from, raft_index match)
{
	core_step(core, .type = RAFT_APPEND_REPLY, .from = from,
	    .term = raft_current_term(core->raft), .log.index = match);
}

static void
answer_heartbeat(struct core *core, peer_id from)
{
	core_step(core, .type = RAFT_HEARTBEAT_REPLY, .from = from,
	    .term = raft_current_term(core->raft));
}

/* Paper 8: "Raft handles this by having each leader commit a blank no-op entry
 * into the log at the start of its term" (pitfall idle-new-leader). */
TEST(new_leader_appends_a_noop)
{
	struct core *core = core_new(.voters = 3, .log_terms = { 1, 1 });
	const struct raft_entry *last;

	core_elect(core, false);
	assert_int_equal(core->log_count, 3);
	last = &core->log[2];
	assert_int_equal(last->type, RAFT_ENTRY_NOOP);
	assert_int_equal(last->term, 2);
	assert_null(last->payload);
	acknowledge(core, 2, 3);
	assert_int_equal(core->applied.index, 3);
	core_free(&core);
}

/* Paper 5.2: "Leaders send periodic heartbeats to all followers". */
TEST(heartbeats_go_out_at_their_interval)
{
	struct core *core = core_new(.voters = 2, .learners = 1);

	core_elect(core, true);
	for (size_t i = 1; i <= 5; i++) {
		assert_true(raft_deadline(core->raft) <= core->now + HEARTBEAT);
		core_wait(core, HEARTBEAT);
		assert_int_equal(core_count(core, RAFT_HEARTBEAT, 2), i);
		assert_int_equal(core_count(core, RAFT_HEARTBEAT, 3), i);
	}
	core_free(&core);
}

/* What a heartbeat says is committed the receiver surely has. */
TEST(heartbeat_commit_is_bounded_by_the_match)
{
	struct core *core = core_new(.voters = 3, .log_terms = { 1, 1 });

	core_elect(core, false);
	acknowledge(core, 2, 3);
	core_wait(core, HEARTBEAT);
	assert_int_equal(core_sent(core, RAFT_HEARTBEAT, 2)->commit, 3);
	assert_int_equal(core_sent(core, RAFT_HEARTBEAT, 3)->commit, 0);
	core_free(&core);
}

/* Figure 2, leaders: "If there exists an N such that N > commitIndex, a
 * majority of matchIndex[i] >= N, and log[N].term == currentTerm: set
 * commitIndex = N". */
TEST(commit_follows_the_majority)
{
	struct core *core = core_new(.voters = 5);

	core_elect(core, true);
	core_propose(core, "a");
	core_propose(core, "b");
	acknowledge(core, 2, 3);
	assert_int_equal(raft_commit(core->raft), 1);
	acknowledge(core, 3, 2);
	assert_int_equal(raft_commit(core->raft), 2);
	acknowledge(core, 4, 3);
	assert_int_equal(raft_commit(core->raft), 3);
	assert_int_equal(core->applied.index, 3);
	core_free(&core);
}

/* Learners and strangers count for nothing. */
TEST(learners_do_not_commit)
{
	struct core *core = core_new(.voters = 3, .learners = 2);

	core_elect(core, true);
	core_propose(core, "a");
	acknowledge(core, 4, 2);
	acknowledge(core, 5, 2);
	acknowledge(core, 99, 2);
	assert_int_equal(raft_commit(core->raft), 1);
	acknowledge(core, 3, 2);
	assert_int_equal(raft_commit(core->raft), 2);
	core_free(&core);
}

/* Thesis 10.2.1: the leader "can even commit an entry before it has been
 * written to its own disk, if a majority of followers have written it"; but
 * it counts itself only when it has (pitfall ack-not-durable). */
TEST(leader_counts_itself_by_its_disk)
{
	struct core *core = core_new(.voters = 3, .slow_disk = true);

	core_elect(core, true);
	core_propose(core, "a");
	acknowledge(core, 2, 2);
	assert_int_equal(raft_commit(core->raft), 1);
	core_sync(core);
	assert_int_equal(raft_commit(core->raft), 2);
	core_propose(core, "b");
	acknowledge(core, 2, 3);
	acknowledge(core, 3, 3);
	assert_int_equal(raft_commit(core->raft), 3);
	assert_int_equal(raft_match(core->raft, 1), 2);
	core_free(&core);

	core = core_new(.voters = 1, .slow_disk = true);
	while (core_sync(core))
		continue;
	assert_int_equal(core->applied.index, 1);
	core_propose(core, "a");
	assert_int_equal(raft_commit(core->raft), 1);
	core_sync(core);
	assert_int_equal(core->applied.index, 2);
	core_free(&core);
}

/* Paper 5.4.2, figure 8: "Raft never commits log entries from previous terms by
 * counting replicas. Only log entries from the leader's current term are
 * committed by counting replicas; once an entry from the current term has been
 * committed in this way, then all prior entries are committed indirectly". */
TEST(figure_8_old_entries_are_not_committed_by_counting)
{
	struct core *core = core_new(.voters = 5, .log_terms = { 1, 2 });

	core_elect(core, false);
	assert_int_equal(raft_current_term(core->raft), 3);
	acknowledge(core, 2, 2);
	acknowledge(core, 3, 2);
	acknowledge(core, 4, 2);
	acknowledge(core, 5, 2);
	assert_int_equal(raft_commit(core->raft), 0);
	acknowledge(core, 2, 3);
	acknowledge(core, 3, 3);
	assert_int_equal(raft_commit(core->raft), 3);
	core_free(&core);
}

/* Figure 8 as a schedule: S1's entry of term 2 reaches S3, and is replaced by
 * S5's of term 3. Nothing that was applied anywhere differs. */
TEST(figure_8_schedule_is_safe)
{
	struct net *net = net_new(5, 0);

	net_make_leader(net, 1);
	net_wait(net, 2 * HEARTBEAT);
	/* (a) S1 replicates an entry to S2 only. */
	for (peer_id id = 3; id <= 5; id++)
		net->cut[1][id] = true;
	core_propose(net->cores[1], "two");
	net_settle(net);
	/* (b) S5 leads with the votes of S3 and S4, and its entry stays with it. */
	net_isolate(net, 1);
	net_isolate(net, 2);
	net_campaign(net, 5);
	assert_int_equal(raft_role(net->cores[5]->raft), RAFT_LEADER);
	net_isolate(net, 5);
	core_propose(net->cores[5], "three");
	net_settle(net);
	/* (c) S1 leads again with S2, S3 and S4 and brings its old entry to S3,
	 * before an entry of its new term reached a majority. */
	net_heal(net);
	net_isolate(net, 5);
	net_campaign(net, 1);
	net_campaign(net, 1);
	/* (d, e) Everybody is back: whoever leads, all agree. */
	net_campaign(net, 5);
	net_heal(net);
	net_campaign(net, 5);
	net_wait(net, 10 * ELECTION);
	net_elect(net);
	net_wait(net, 2 * HEARTBEAT);
	for (peer_id id = 2; id <= 5; id++) {
		assert_int_equal(net->cores[id]->done_count, net->cores[1]->done_count);
		for (size_t i = 0; i < net->cores[id]->done_count; i++) {
			assert_int_equal(net->cores[id]->done[i].term, net->cores[1]->done[i].term);
			assert_true(slice_equal(blob_slice(net->cores[id]->done[i].payload),
			    blob_slice(net->cores[1]->done[i].payload)));
		}
	}
	net_free(&net);
}

/* Paper 5.3: "the leader must find the latest log entry where the two logs
 * agree, delete any entries in the follower's log after that point, and send
 * the follower all of the leader's entries after that point". Figure 7. */
TEST(figure_7_logs_become_the_leaders)
{
	const raft_term leader_terms[] = { 1, 1, 1, 4, 4, 5, 5, 6, 6, 6 };
	const struct core_options followers[] = {
		{ .log_terms = { 1, 1, 1, 4, 4, 5, 5, 6, 6 } },
		{ .log_terms = { 1, 1, 1, 4 } },
		{ .log_terms = { 1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6 } },
		{ .log_terms = { 1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7 } },
		{ .log_terms = { 1, 1, 1, 4, 4, 4, 4 } },
		{ .log_terms = { 1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3 } },
	};

	for (size_t i = 0; i < ARRAY_COUNT(followers); i++) {
		struct net *net = net_new(3, 0);
		struct core_options options = { .id = 1, .voters = 3, .term = 7 };

		for (size_t n = 0; n < ARRAY_COUNT(leader_terms); n++)
			options.log_terms[n] = leader_terms[n];
		core_free(&net->cores[1]);
		net->cores[1] = core_new_with(options);
		core_free(&net->cores[2]);
		options = followers[i];
		options.id = 2;
		options.voters = 3;
		net->cores[2] = core_new_with(options);
		/* The third votes for the first and has nothing. */
		for (size_t n = 0; n < 60 && net_leader(net) != net->cores[1]; n++) {
			net->cut[2][1] = true;
			net->cut[2][3] = true;
			net_wait(net, ELECTION / 4);
		}
		net_heal(net);
		net_wait(net, 5 * HEARTBEAT);
		assert_ptr_equal(net_elect(net), net->cores[1]);
		net_wait(net, 5 * HEARTBEAT);
		for (peer_id id = 2; id <= 3; id++) {
			assert_int_equal(raft_last(net->cores[id]->raft).index,
			    raft_last(net->cores[1]->raft).index);
			for (raft_index index = 1; index <= raft_last(net->cores[1]->raft).index;
			    index++)
				assert_int_equal(raft_term_at(net->cores[id]->raft, index),
				    raft_term_at(net->cores[1]->raft, index));
		}
		net_free(&net);
	}
}

/* Paper 5.3, the optimization: "one AppendEntries RPC will be required for each
 * term with conflicting entries, rather than one RPC per entry" (pitfall
 * slow-backing-off). */
TEST(backing_off_takes_one_append_a_term)
{
	struct core *core = core_new(.voters = 3,
	    .log_terms = { 1, 1, 1, 1, 1, 6, 6, 6, 6, 6 });

	core_elect(core, false);
	core_forget(core);
	/* It has ten entries of terms 2, 3 and 4 behind five of term 1. */
	core_step(core, .type = RAFT_APPEND_REPLY, .from = 2, .term = 7, .reject = true,
	    .log.index = 10, .hint = { 10, 4 });
	assert_int_equal(core_count(core, RAFT_APPEND, 2), 1);
	assert_int_equal(core_sent(core, RAFT_APPEND, 2)->log.index, 5);
	assert_int_equal(core_sent(core, RAFT_APPEND, 2)->entry_count, 6);
	acknowledge(core, 2, 11);
	assert_int_equal(raft_match(core->raft, 2), 11);
	core_free(&core);
}

/* Pitfall stale-messages: "a reject for an index at or below matchIndex is ignored". */
TEST(stale_refusals_are_ignored)
{
	struct core *core = core_new(.voters = 3, .log_terms = { 1, 1, 1 });

	core_elect(core, true);
	for (raft_index index = 0; index <= 4; index++)
		core_step(core, .type = RAFT_APPEND_REPLY, .from = 2, .term = 2, .reject = true,
		    .log.index = index, .hint = { 0, 0 });
	core_step(core, .type = RAFT_APPEND_REPLY, .from = 2, .term = 2, .reject = true,
	    .log.index = 99, .hint = { 0, 0 });
	assert_int_equal(core_count(core, RAFT_APPEND, 2), 0);
	assert_int_equal(raft_match(core->raft, 2), 4);
	acknowledge(core, 2, 1);
	assert_int_equal(raft_match(core->raft, 2), 4);
	/* Nor can a peer have what we do not. */
	acknowledge(core, 2, 99);
	assert_int_equal(raft_match(core->raft, 2), 4);
	core_free(&core);
}

/* Thesis 10.2.1: pipelining, within a window (pitfall unbounded-appends). */
TEST(appends_run_ahead_within_the_window)
{
	struct core *core = core_new(.voters = 3, .inflight_messages_max = 3);

	core_elect(core, true);
	for (size_t i = 0; i < 10; i++)
		core_propose(core, "a");
	assert_int_equal(core_count(core, RAFT_APPEND, 2), 3);
	assert_int_equal(core_sent(core, RAFT_APPEND, 2)->log.index, 3);
	core_forget(core);
	acknowledge(core, 2, 3);
	/* The room of two is filled: all that waited goes as one. */
	assert_int_equal(core_count(core, RAFT_APPEND, 2), 1);
	assert_int_equal(core_sent(core, RAFT_APPEND, 2)->log.index, 4);
	assert_int_equal(core_sent(core, RAFT_APPEND, 2)->entry_count, 7);
	core_free(&core);
}

TEST(appends_and_window_are_bounded_in_bytes)
{
	struct core *core = core_new(.voters = 3, .append_bytes_max = 1000,
	    .inflight_bytes_max = 3000, .inflight_messages_max = 64);
	char text[401] = "";
	struct raft_position position;

	(void)snprintf(text, sizeof(text), "%400s", "x");
	core_elect(core, true);
	for (size_t i = 0; i < 20; i++) {
		struct blob *payload = blob_new(slice_text(text));

		assert_int_equal(raft_propose(core->raft, payload, &position), ERR_NONE);
		blob_unref(&payload);
	}
	core_turn(core);
	/* Two of 464 bytes fit one append; the fourth append passes the window. */
	assert_int_equal(core_count(core, RAFT_APPEND, 2), 4);
	assert_int_equal(core_sent(core, RAFT_APPEND, 2)->entry_count, 2);
	core_free(&core);
}

/* The proposals of a turn are one append to each peer. */
TEST(proposals_of_a_turn_share_an_append)
{
	struct core *core = core_new(.voters = 3);
	struct raft_position position;

	core_elect(core, true);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(raft_propose(core->raft, NULL, &position), ERR_NONE);
	assert_int_equal(position.index, 6);
	assert_int_equal(position.term, 1);
	core_turn(core);
	assert_int_equal(core_count(core, RAFT_APPEND, 2), 1);
	assert_int_equal(core_sent(core, RAFT_APPEND, 2)->entry_count, 5);
	/* In parallel with its own disk. */
	assert_false(core_sent(core, RAFT_APPEND, 2)->after_persist);
	core_free(&core);
}

/* Followers apply without waiting for the next heartbeat. */
TEST(commit_is_told_at_once)
{
	struct core *core = core_new(.voters = 3);

	core_elect(core, true);
	core_propose(core, "a");
	core_forget(core);
	acknowledge(core, 2, 2);
	assert_int_equal(core_count(core, RAFT_APPEND, 2), 1);
	assert_int_equal(core_sent(core, RAFT_APPEND, 2)->commit, 2);
	assert_int_equal(core_sent(core, RAFT_APPEND, 3)->commit, 2);
	assert_int_equal(core_sent(core, RAFT_APPEND, 3)->entry_count, 0);
	/* Nobody has to answer that. */
	assert_int_equal(core_sent(core, RAFT_APPEND, 3)->flags, RAFT_APPEND_TELLS);
	core_forget(core);
	acknowledge(core, 3, 2);
	assert_int_equal(core->sent_count, 0);
	core_free(&core);
}

/* Lost appends are found by an empty one when heartbeats are answered and
 * appends are not. */
TEST(lost_appends_are_sent_again)
{
	struct core *core = core_new(.voters = 3);

	core_elect(core, true);
	core_propose(core, "a");
	core_propose(core, "b");
	core_forget(core);
	answer_heartbeat(core, 2);
	assert_int_equal(core->sent_count, 0);
	answer_heartbeat(core, 2);
	assert_int_equal(core_sent(core, RAFT_APPEND, 2)->log.index, 3);
	assert_int_equal(core_sent(core, RAFT_APPEND, 2)->entry_count, 0);
	assert_int_equal(core_sent(core, RAFT_APPEND, 2)->flags, 0);
	core_forget(core);
	core_step(core, .type = RAFT_APPEND_REPLY, .from = 2, .term = 1, .reject = true,
	    .log.index = 3, .hint = { 1, 1 });
	assert_int_equal(core_sent(core, RAFT_APPEND, 2)->log.index, 1);
	assert_int_equal(core_sent(core, RAFT_APPEND, 2)->entry_count, 2);
	core_free(&core);
}

TEST(lost_probe_is_sent_again_without_entries)
{
	struct core *core = core_new(.voters = 3, .log_terms = { 1 });

	core_elect(core, false);
	answer_heartbeat(core, 2);
	answer_heartbeat(core, 2);
	assert_int_equal(core_count(core, RAFT_APPEND, 2), 1);
	assert_int_equal(core_sent(core, RAFT_APPEND, 2)->log.index, 1);
	assert_int_equal(core_sent(core, RAFT_APPEND, 2)->entry_count, 0);
	acknowledge(core, 2, 1);
	assert_int_equal(core_sent(core, RAFT_APPEND, 2)->entry_count, 1);
	core_free(&core);
}

/* A peer whose node is gone gets heartbeats only; a new stream is probed. */
TEST(unreachable_peer_is_not_filled)
{
	struct core *core = core_new(.voters = 3);

	core_elect(core, true);
	core_propose(core, "a");
	core_forget(core);
	raft_peer_unreachable(core->raft, 2);
	core_propose(core, "b");
	assert_null(core_sent(core, RAFT_APPEND, 2));
	assert_non_null(core_sent(core, RAFT_APPEND, 3));
	raft_peer_connected(core->raft, 2);
	core_turn(core);
	assert_int_equal(core_sent(core, RAFT_APPEND, 2)->log.index, 1);
	assert_int_equal(core_sent(core, RAFT_APPEND, 2)->entry_count, 2);
	core_forget(core);
	core_propose(core, "c");
	assert_null(core_sent(core, RAFT_APPEND, 2));
	core_free(&core);
}

/* Stamps never fall along the log, whatever the leader's clock does. */
TEST(stamps_never_fall)
{
	struct core *core = core_new(.voters = 1);

	core->wall_ns = 5000;
	core_wait(core, 1);
	core_propose(core, "a");
	core->wall_ns = 10;
	core_wait(core, 1);
	core_propose(core, "b");
	assert_true(core->done[1].time_ns > 5000);
	assert_int_equal(core->done[2].time_ns, core->done[1].time_ns);
	core_free(&core);
}

TEST(only_a_leader_takes_proposals)
{
	struct core *core = core_new(.voters = 3);
	struct raft_position position = { 7, 7 };

	assert_int_equal(raft_propose(core->raft, NULL, &position), ERR_NOT_LEADER);
	assert_int_equal(raft_propose_conf(core->raft, RAFT_CONF_ADD_LEARNER, 9, NULL, &position),
	    ERR_NOT_LEADER);
	assert_int_equal(position.index, 7);
	core_free(&core);
}

/* What leaves memory comes from the disk, one question a peer at a time, and
 * a new learner gets the whole log that way. */
TEST(entries_out_of_memory_come_from_the_disk)
{
	struct core *core = core_new(.voters = 1, .memory_bytes_max = 256);
	const struct raft_message *append;

	for (size_t i = 0; i < 20; i++)
		core_propose(core, "a");
	assert_int_equal(raft_term_at(core->raft, 2), 0);
	assert_int_equal(core_propose_conf(core, RAFT_CONF_ADD_LEARNER, 2), ERR_NONE);
	core->slow_reader = true;
	core_step(core, .type = RAFT_APPEND_REPLY, .from = 2, .term = 1, .reject = true,
	    .log.index = 22, .hint = { 0, 0 });
	assert_int_equal(core->fetch_count, 1);
	assert_int_equal(core->fetches[0].from, 1);
	core_turn(core);
	assert_int_equal(core->fetch_count, 1);
	core_fetch(core);
	core_turn(core);
	append = core_sent(core, RAFT_APPEND, 2);
	assert_int_equal(append->log.index, 0);
	assert_int_equal(append->entry_count, 3);
	core->slow_reader = false;
	for (raft_index match = 3; match < 22; match = append->log.index + append->entry_count) {
		acknowledge(core, 2, match);
		append = core_sent(core, RAFT_APPEND, 2);
	}
	acknowledge(core, 2, 22);
	assert_true(raft_caught_up(core->raft, 2));
	assert_int_equal(raft_match(core->raft, 2), 22);
	core_free(&core);
}

/* Entries that were compacted need a snapshot; it is asked for once. */
TEST(compacted_entries_need_a_snapshot)
{
	struct core *core = core_new(.voters = 3, .log_terms = { 1, 1, 1, 1 }, .applied = 4,
	    .compacted = 4);

	core_elect(core, false);
	acknowledge(core, 2, 5);
	core_step(core, .type = RAFT_APPEND_REPLY, .from = 3, .term = 2, .reject = true,
	    .log.index = 4, .hint = { 0, 0 });
	assert_int_equal(core->snapshot_count, 1);
	assert_int_equal(core->snapshots[0], 3);
	core_turn(core);
	core_wait(core, HEARTBEAT);
	answer_heartbeat(core, 3);
	core_propose(core, "a");
	assert_int_equal(core->snapshot_count, 1);
	assert_int_equal(core_count(core, RAFT_APPEND, 3), 0);
	/* Failed: once the peer shows that it lives, it is asked again where the
	 * logs agree, for it may have caught up otherwise. */
	raft_snapshot_sent(core->raft, 3, 0);
	core_turn(core);
	assert_int_equal(core->snapshot_count, 1);
	answer_heartbeat(core, 3);
	assert_int_equal(core->snapshot_count, 1);
	assert_int_equal(core_sent(core, RAFT_APPEND, 3)->log.index, 6);
	core_step(core, .type = RAFT_APPEND_REPLY, .from = 3, .term = 2, .reject = true,
	    .log.index = 6, .hint = { 0, 0 });
	assert_int_equal(core->snapshot_count, 2);
	raft_snapshot_sent(core->raft, 3, 5);
	core_turn(core);
	assert_int_equal(core_sent(core, RAFT_APPEND, 3)->log.index, 5);
	acknowledge(core, 3, 6);
	assert_int_equal(raft_match(core->raft, 3), 6);
	core_free(&core);
}

TEST(entries_compacted_while_they_were_fetched_need_a_snapshot)
{
	struct core *core = core_new(.voters = 3, .log_terms = { 1, 1, 1, 1 }, .applied = 4,
	    .memory_bytes_max = 1);

	core->slow_reader = true;
	core_elect(core, false);
	acknowledge(core, 2, 5);
	core_step(core, .type = RAFT_APPEND_REPLY, .from = 3, .term = 2, .reject = true,
	    .log.index = 4, .hint = { 1, 1 });
	assert_int_equal(core->fetches[0].from, 2);
	core_compact(core, 3);
	core_fetch(core);
	core_turn(core);
	assert_int_equal(core->snapshot_count, 1);
	assert_int_equal(raft_first(core->raft), 4);
	core_free(&core);
}

TEST(answers_of_the_disk_that_come_late_are_harmless)
{
	struct core *core = core_new(.voters = 3, .log_terms = { 1, 1, 1, 1 }, .applied = 4,
	    .memory_bytes_max = 1);

	core->slow_reader = true;
	core_elect(core, false);
	acknowledge(core, 2, 5);
	core_step(core, .type = RAFT_APPEND_REPLY, .from = 3, .term = 2, .reject = true,
	    .log.index = 4, .hint = { 1, 1 });
	acknowledge(core, 3, 4);
	assert_int_equal(raft_match(core->raft, 3), 4);
	core_fetch(core);
	core_turn(core);
	acknowledge(core, 3, 5);
	assert_int_equal(raft_match(core->raft, 3), 5);
	core_step(core, .type = RAFT_HEARTBEAT, .from = 2, .term = 9);
	raft_fetched(core->raft, 1, (struct raft_position){ 1, 1 }, NULL, 0);
	raft_fetched(core->raft, 1000, (struct raft_position){ 1, 1 }, NULL, 0);
	core_free(&core);
}

/* Node 3 has entry 1 only and says so: what follows has to come from the disk. */
static struct raft_fetch
lag(struct core *core)
{
	struct raft_position last = raft_last(core->raft);
	size_t before = core->fetch_count;

	core_step(core, .type = RAFT_APPEND_REPLY, .from = 3, .term = raft_current_term(core->raft),
	    .reject = true, .log.index = last.index - 1, .hint = { 1, 1 });
	assert_int_equal(core->fetch_count, before + 1);
	assert_int_equal(core->fetches[before].from, 2);
	return core->fetches[before];
}

/* A leader of five entries, four of them committed and not in memory any more. */
static struct core *
leader_of_old_entries(void)
{
	struct core *core = core_new(.voters = 3, .log_terms = { 1, 1, 1, 1 }, .applied = 4,
	    .memory_bytes_max = 1);

	core->slow_reader = true;
	core_elect(core, false);
	return core;
}

/* It leads no more: node 2 does in the next term, with an entry of its own. */
static void
depose(struct core *core)
{
	raft_term term = raft_current_term(core->raft) + 1;

	core_step(core, .type = RAFT_APPEND, .from = 2, .term = term, .log = { 4, 1 },
	    ENTRIES(5, term));
	assert_int_equal(raft_role(core->raft), RAFT_FOLLOWER);
	assert_int_equal(raft_last(core->raft).term, term);
}

/* What the disk was asked in one leadership and answers in a later one is of a log
 * that may have been overwritten: here by entry 5 of term 3, and 6 of term 4. */
TEST(answer_of_the_disk_to_an_earlier_leadership_is_not_sent)
{
	static const raft_term old_terms[] = { 1, 1, 1, 2 }, terms[] = { 1, 1, 1, 3, 4 };
	struct core *core = leader_of_old_entries();
	struct raft_fetch early = lag(core), late;
	const struct raft_message *append;

	depose(core);
	core_elect(core, false);
	late = lag(core);
	assert_int_not_equal(late.id, early.id);
	core_forget(core);
	raft_fetched(core->raft, early.id, (struct raft_position){ 1, 1 },
	    entries_of(2, old_terms, ARRAY_COUNT(old_terms)), ARRAY_COUNT(old_terms));
	core_turn(core);
	assert_null(core_sent(core, RAFT_APPEND, 3));
	raft_fetched(core->raft, late.id, (struct raft_position){ 1, 1 },
	    entries_of(2, terms, ARRAY_COUNT(terms)), ARRAY_COUNT(terms));
	core_turn(core);
	append = core_sent(core, RAFT_APPEND, 3);
	assert_non_null(append);
	assert_int_equal(append->log.index, 1);
	assert_int_equal(append->entry_count, 5);
	assert_int_equal(append->entries[3].term, 3);
	core_free(&core);
}

/* That it was compacted is no news of the present question either. */
TEST(late_answer_of_the_disk_asks_for_no_snapshot)
{
	struct core *core = leader_of_old_entries();
	struct raft_fetch early = lag(core);

	depose(core);
	core_elect(core, false);
	lag(core);
	raft_fetched(core->raft, early.id, (struct raft_position){ 0, 0 }, NULL, 0);
	core_turn(core);
	assert_int_equal(core->snapshot_count, 0);
	core_free(&core);
}

/* Also when the later leadership has not asked yet, and asks afterwards. */
TEST(late_answer_of_the_disk_is_not_kept_for_a_later_question)
{
	static const raft_term old_terms[] = { 1, 1, 1, 2 };
	struct core *core = leader_of_old_entries();
	struct raft_fetch early = lag(core);

	depose(core);
	core_elect(core, false);
	raft_fetched(core->raft, early.id, (struct raft_position){ 1, 1 },
	    entries_of(2, old_terms, ARRAY_COUNT(old_terms)), ARRAY_COUNT(old_terms));
	core_forget(core);
	lag(core);
	assert_null(core_sent(core, RAFT_APPEND, 3));
	core_free(&core);
}

/* Two peers that want the same entries have a question each. */
TEST(questions_to_the_disk_have_numbers_of_their_own)
{
	struct core *core = core_new(.voters = 5, .log_terms = { 1, 1, 1, 1 }, .applied = 4,
	    .memory_bytes_max = 1);

	core->slow_reader = true;
	core_elect(core, false);
	lag(core);
	core_step(core, .type = RAFT_APPEND_REPLY, .from = 4, .term = 2, .reject = true,
	    .log.index = 4, .hint = { 1, 1 });
	assert_int_equal(core->fetch_count, 2);
	assert_int_not_equal(core->fetches[0].id, 0);
	assert_int_not_equal(core->fetches[0].id, core->fetches[1].id);
	core_forget(core);
	raft_fetched(core->raft, core->fetches[1].id, (struct raft_position){ 1, 1 },
	    entries_of(2, (const raft_term[]){ 1, 1, 1 }, 3), 3);
	core_turn(core);
	assert_null(core_sent(core, RAFT_APPEND, 3));
	assert_non_null(core_sent(core, RAFT_APPEND, 4));
	core_free(&core);
}
