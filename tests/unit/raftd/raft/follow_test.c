/*
 * follow_test.c - a follower and its log against figure 2 of the paper.
 */
#include "tests/unit/raftd/raft/fixture.h"

#include <string.h>

static void
assert_terms(const struct core *core, const raft_term *terms, size_t count)
{
	assert_int_equal(raft_last(core->raft).index, count);
	assert_int_equal(core->log_count, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(raft_term_at(core->raft, i + 1), terms[i]);
		assert_int_equal(core->log[i].term, terms[i]);
	}
}

#define ASSERT_TERMS(core, ...) \
	assert_terms((core), (const raft_term[]){ __VA_ARGS__ }, \
	    sizeof((const raft_term[]){ __VA_ARGS__ }) / sizeof(raft_term))

/* Figure 2, AppendEntries 2: "Reply false if log doesn't contain an entry at
 * prevLogIndex whose term matches prevLogTerm." */
TEST(append_is_refused_without_its_predecessor)
{
	struct {
		struct raft_position prev;
		bool refused;
	} cases[] = {
		{ { 0, 0 }, false }, { { 1, 1 }, false }, { { 2, 2 }, false },
		{ { 1, 2 }, true }, { { 2, 1 }, true }, { { 3, 3 }, true },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct core *core = core_new(.voters = 3, .log_terms = { 1, 2 });

		core_step(core, .type = RAFT_APPEND, .from = 2, .term = 3, .log = cases[i].prev);
		assert_int_equal(core_sent(core, RAFT_APPEND_REPLY, 2)->reject, cases[i].refused);
		assert_int_equal(core_sent(core, RAFT_APPEND_REPLY, 2)->log.index,
		    cases[i].prev.index);
		core_free(&core);
	}
}

/* Figure 2, AppendEntries 3 and 4: "If an existing entry conflicts with a new
 * one (same index but different terms), delete the existing entry and all that
 * follow it. Append any new entries not already in the log." */
TEST(conflicting_suffix_is_replaced)
{
	struct core *core;

	core = core_new(.voters = 3, .log_terms = { 1, 2, 3 });
	core_step(core, .type = RAFT_APPEND, .from = 2, .term = 4, .log = { 2, 2 }, ENTRIES(3, 4));
	ASSERT_TERMS(core, 1, 2, 4);
	core_free(&core);

	core = core_new(.voters = 3, .log_terms = { 1, 2, 3 });
	core_step(core, .type = RAFT_APPEND, .from = 2, .term = 4, .log = { 1, 1 },
	    ENTRIES(2, 3, 4));
	ASSERT_TERMS(core, 1, 3, 4);
	core_free(&core);

	/* A shorter new suffix leaves nothing behind it (pitfall split-truncation). */
	core = core_new(.voters = 3, .log_terms = { 1, 2, 2, 2, 2 });
	core_step(core, .type = RAFT_APPEND, .from = 2, .term = 4, .log = { 1, 1 }, ENTRIES(2, 4));
	ASSERT_TERMS(core, 1, 4);
	core_free(&core);
}

/* Pitfall truncating-append: "a late append cuts off entries that were already
 * acknowledged";
 * the paper: "if an existing entry conflicts", only then. */
TEST(late_append_truncates_nothing)
{
	struct core *core = core_new(.voters = 3, .log_terms = { 1, 2, 3, 3 });

	core_step(core, .type = RAFT_APPEND, .from = 2, .term = 3, .log = { 0, 0 },
	    ENTRIES(1, 1, 2));
	ASSERT_TERMS(core, 1, 2, 3, 3);
	assert_int_equal(core_sent(core, RAFT_APPEND_REPLY, 2)->log.index, 2);
	core_step(core, .type = RAFT_APPEND, .from = 2, .term = 3, .log = { 1, 1 });
	ASSERT_TERMS(core, 1, 2, 3, 3);
	core_free(&core);
}

/* Figure 2, AppendEntries 5: "If leaderCommit > commitIndex, set commitIndex =
 * min(leaderCommit, index of last new entry)". */
TEST(commit_is_bounded_by_the_message)
{
	struct {
		raft_index prev;
		size_t count;
		raft_index commit, expected;
	} cases[] = {
		{ 1, 0, 3, 1 }, { 1, 1, 3, 2 }, { 2, 0, 1, 1 }, { 2, 1, 2, 2 }, { 2, 1, 9, 3 },
		{ 0, 0, 3, 0 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct core *core = core_new(.voters = 3, .log_terms = { 1, 1, 1 });
		raft_term term = 1;

		core_step(core, .type = RAFT_APPEND, .from = 2, .term = 1,
		    .log = { cases[i].prev, cases[i].prev == 0 ? 0 : 1 },
		    .entries = entries_of(cases[i].prev + 1, &term, cases[i].count),
		    .entry_count = cases[i].count, .commit = cases[i].commit);
		assert_int_equal(raft_commit(core->raft), cases[i].expected);
		assert_int_equal(core->applied.index, cases[i].expected);
		core_free(&core);
	}
}

/* What tells of the commit is held against the log as any append, and is not accepted: it
 * acknowledges nothing. */
TEST(news_of_the_commit_are_not_answered_unless_the_logs_differ)
{
	struct core *core = core_new(.voters = 3, .log_terms = { 1, 1, 1 });

	core_step(core, .type = RAFT_APPEND, .from = 2, .term = 1, .log = { 2, 1 }, .commit = 3,
	    .flags = RAFT_APPEND_TELLS);
	assert_int_equal(raft_commit(core->raft), 2);
	/* An older one. */
	core_step(core, .type = RAFT_APPEND, .from = 2, .term = 1, .log = { 1, 1 }, .commit = 1,
	    .flags = RAFT_APPEND_TELLS);
	assert_int_equal(raft_commit(core->raft), 2);
	assert_int_equal(core_count(core, RAFT_APPEND_REPLY, 2), 0);
	/* Something was lost on the way. */
	core_step(core, .type = RAFT_APPEND, .from = 2, .term = 1, .log = { 4, 1 }, .commit = 4,
	    .flags = RAFT_APPEND_TELLS);
	assert_int_equal(raft_commit(core->raft), 2);
	assert_true(core_sent(core, RAFT_APPEND_REPLY, 2)->reject);
	core_forget(core);
	/* With entries it is none. */
	core_step(core, .type = RAFT_APPEND, .from = 2, .term = 1, .log = { 3, 1 }, .commit = 3,
	    .flags = RAFT_APPEND_TELLS, ENTRIES(4, 1));
	ASSERT_TERMS(core, 1, 1, 1);
	assert_int_equal(core->sent_count, 0);
	core_free(&core);
}

TEST(heartbeat_commits_what_is_there)
{
	struct core *core = core_new(.voters = 3, .log_terms = { 1, 1 });

	core_step(core, .type = RAFT_HEARTBEAT, .from = 2, .term = 1, .commit = 1);
	assert_int_equal(core->applied.index, 1);
	core_step(core, .type = RAFT_HEARTBEAT, .from = 2, .term = 1, .commit = 99);
	assert_int_equal(core->applied.index, 2);
	core_step(core, .type = RAFT_HEARTBEAT, .from = 2, .term = 1, .commit = 1);
	assert_int_equal(raft_commit(core->raft), 2);
	core_free(&core);
}

/* Pitfall ack-not-durable: "a follower answers an append only up to the last synced
 * index";
 * pitfall late-heartbeats: heartbeats and refusals do not wait. */
TEST(acknowledgement_waits_for_the_disk)
{
	struct core *core = core_new(.voters = 3, .log_terms = { 1 }, .slow_disk = true);

	core_step(core, .type = RAFT_APPEND, .from = 2, .term = 1, .log = { 1, 1 }, ENTRIES(2, 1));
	core_step(core, .type = RAFT_APPEND, .from = 2, .term = 1, .log = { 2, 1 }, ENTRIES(3, 1));
	core_step(core, .type = RAFT_HEARTBEAT, .from = 2, .term = 1);
	core_step(core, .type = RAFT_APPEND, .from = 2, .term = 1, .log = { 9, 1 });
	assert_non_null(core_sent(core, RAFT_HEARTBEAT_REPLY, 2));
	assert_int_equal(core_count(core, RAFT_APPEND_REPLY, 2), 1);
	assert_true(core_sent(core, RAFT_APPEND_REPLY, 2)->reject);
	core_forget(core);
	core_sync(core);
	assert_int_equal(core_sent(core, RAFT_APPEND_REPLY, 2)->log.index, 2);
	core_sync(core);
	assert_int_equal(core_sent(core, RAFT_APPEND_REPLY, 2)->log.index, 3);
	core_free(&core);
}

/* Truncation and what replaces it are one batch (pitfall split-truncation), and a
 * completion
 * for a replaced entry does not count (pitfall log-disk-disagree). */
TEST(completion_of_a_replaced_entry_does_not_count)
{
	struct core *core = core_new(.voters = 3, .log_terms = { 1 }, .slow_disk = true);

	core_step(core, .type = RAFT_APPEND, .from = 2, .term = 2, .log = { 1, 1 },
	    ENTRIES(2, 2, 2));
	core_step(core, .type = RAFT_APPEND, .from = 3, .term = 3, .log = { 1, 1 },
	    ENTRIES(2, 3, 3));
	assert_int_equal(core->batch_count, 2);
	assert_int_equal(core->batches[1].truncate_from, 2);
	assert_int_equal(core->batches[1].entry_count, 2);
	core_sync(core);
	assert_int_equal(raft_match(core->raft, 1), 1);
	core_sync(core);
	assert_int_equal(raft_match(core->raft, 1), 3);
	ASSERT_TERMS(core, 1, 3, 3);
	core_free(&core);
}

/* Entries that are truncated in the turn they came in never reach the disk. */
TEST(entries_replaced_within_a_turn_are_not_written)
{
	struct core *core = core_new(.voters = 3, .log_terms = { 1 }, .slow_disk = true);
	struct raft_message first = { .type = RAFT_APPEND, .from = 2, .to = 1, .term = 2,
		.log = { 1, 1 }, ENTRIES(2, 2, 2) };

	raft_step(core->raft, &first);
	core_step(core, .type = RAFT_APPEND, .from = 3, .term = 3, .log = { 1, 1 }, ENTRIES(2, 3));
	assert_int_equal(core->batch_count, 1);
	assert_int_equal(core->batches[0].truncate_from, 0);
	assert_int_equal(core->batches[0].entry_count, 1);
	core_sync(core);
	ASSERT_TERMS(core, 1, 3);
	core_free(&core);
}

/* Paper 5.3: "When rejecting an AppendEntries request, the follower can include
 * the term of the conflicting entry and the first index it stores for that
 * term": here the last place that can still match. */
TEST(refusal_says_where_the_logs_may_agree)
{
	struct {
		struct raft_position prev, hint;
	} cases[] = {
		{ { 9, 5 }, { 7, 4 } },		/* our log is shorter */
		{ { 7, 5 }, { 6, 4 } },		/* our entries there are older */
		{ { 6, 3 }, { 4, 2 } },		/* all of term 4 cannot match */
		{ { 4, 1 }, { 1, 1 } },		/* nor all of term 2 */
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct core *core = core_new(.voters = 3, .log_terms = { 1, 2, 2, 2, 4, 4, 4 });
		const struct raft_message *reply;

		core_step(core, .type = RAFT_APPEND, .from = 2, .term = 6, .log = cases[i].prev);
		reply = core_sent(core, RAFT_APPEND_REPLY, 2);
		assert_true(reply->reject);
		assert_int_equal(reply->log.index, cases[i].prev.index);
		assert_int_equal(reply->hint.index, cases[i].hint.index);
		assert_int_equal(reply->hint.term, cases[i].hint.term);
		core_free(&core);
	}
}

/* State Machine Safety, figure 3: whatever a message says, what is committed
 * stays; what follows it is still taken. */
TEST(committed_entries_are_never_replaced)
{
	struct core *core = core_new(.voters = 3, .log_terms = { 1, 1, 1 }, .applied = 2);

	core_step(core, .type = RAFT_APPEND, .from = 2, .term = 5, .log = { 0, 0 },
	    ENTRIES(1, 4, 4, 4));
	ASSERT_TERMS(core, 1, 1, 1);
	core_step(core, .type = RAFT_APPEND, .from = 2, .term = 5, .log = { 1, 5 });
	ASSERT_TERMS(core, 1, 1, 1);
	assert_int_equal(core_sent(core, RAFT_APPEND_REPLY, 2)->log.index, 2);
	core_step(core, .type = RAFT_APPEND, .from = 2, .term = 5, .log = { 1, 1 },
	    ENTRIES(2, 1, 5, 5));
	ASSERT_TERMS(core, 1, 1, 5, 5);
	assert_int_equal(core_sent(core, RAFT_APPEND_REPLY, 2)->log.index, 4);
	core_free(&core);
}

/* What no correct leader sends is ignored as a whole. */
TEST(senseless_appends_are_ignored)
{
	struct raft_entry entries[2] = {
		{ .term = 1, .index = 1, .type = RAFT_ENTRY_COMMAND },
		{ .term = 1, .index = 2, .type = RAFT_ENTRY_COMMAND },
	};
	struct raft_message good = { .type = RAFT_APPEND, .from = 2, .to = 1, .term = 1,
		.entries = entries, .entry_count = 2 };
	struct raft_entry saved[2];

	memcpy(saved, entries, sizeof(saved));
	for (int fault = 0; fault < 12; fault++) {
		struct core *core = core_new(.voters = 3);
		struct raft_message message = good;

		memcpy(entries, saved, sizeof(saved));
		switch (fault) {
		case 0: entries[1].index = 3; break;
		case 1: entries[0].index = 0; break;
		case 2: entries[1].term = 2; break;
		case 3: entries[0].term = 0; break;
		case 4: entries[1].type = (enum raft_entry_type)9; break;
		case 5: entries[1].conf_op = RAFT_CONF_REMOVE; break;
		case 6: entries[1].type = RAFT_ENTRY_CONF; break;
		case 7: message.log = (struct raft_position){ 0, 1 }; break;
		case 8: message.log = (struct raft_position){ UINT64_MAX, 1 }; break;
		case 9: message.from = 1; break;
		case 10: message.term = UINT64_MAX; break;
		default: message.to = 3; break;
		}
		core_step_with(core, message);
		assert_int_equal(core->sent_count, 0);
		assert_int_equal(raft_last(core->raft).index, 0);
		memcpy(entries, saved, sizeof(saved));
		core_step_with(core, good);
		assert_int_equal(raft_last(core->raft).index, 2);
		core_free(&core);
	}
}

/* A leader behind a snapshot may not know the last stamp: its entries are taken
 * all the same, or the cluster would stand still with a leader it hears. */
TEST(entry_stamped_before_its_predecessor_is_taken)
{
	struct core *core = core_new(.voters = 3);
	struct raft_entry entry = { .term = 1, .index = 1, .type = RAFT_ENTRY_COMMAND,
		.time_ns = 50 };

	core_step(core, .type = RAFT_APPEND, .from = 2, .term = 1, .entries = &entry,
	    .entry_count = 1);
	entry.index = 2;
	entry.time_ns = 49;
	core_step(core, .type = RAFT_APPEND, .from = 2, .term = 1, .log = { 1, 1 },
	    .entries = &entry, .entry_count = 1);
	assert_int_equal(raft_last(core->raft).index, 2);
	core_free(&core);
}

/* Random bytes for every field: nothing is asserted, nothing committed is lost. */
TEST(any_message_is_survived)
{
	struct rand rand;

	rand_seed(&rand, 3);
	for (size_t round = 0; round < 60; round++) {
		struct core *core = core_new(.voters = 3, .learners = 1,
		    .log_terms = { 1, 1, 2, 3 }, .applied = 2, .compacted = round % 3);

		if (round % 4 == 0)
			core_elect(core, round % 8 == 0);
		for (size_t step = 0; step < 300; step++) {
			raft_term terms[4];
			struct raft_message message = {
				.type = (enum raft_message_type)rand_below(&rand, 11),
				.from = rand_below(&rand, 6), .to = 1,
				.term = rand_below(&rand, 6),
				.log = { rand_below(&rand, 9), rand_below(&rand, 6) },
				.hint = { rand_below(&rand, 9), rand_below(&rand, 6) },
				.commit = rand_below(&rand, 9),
				.context = rand_below(&rand, 9),
				.pre = rand_chance(&rand, 500),
				.reject = rand_chance(&rand, 500),
				.flags = (uint8_t)rand_below(&rand, 4),
			};

			if (message.type == RAFT_APPEND) {
				for (size_t i = 0; i < 4; i++)
					terms[i] = rand_below(&rand, 6);
				message.entry_count = (size_t)rand_below(&rand, 4);
				message.entries = entries_of(message.log.index + 1, terms,
				    message.entry_count);
			}
			if (rand_chance(&rand, 20))
				message.log.index = rand_next(&rand);
			if (rand_chance(&rand, 20))
				message.hint.index = rand_next(&rand);
			if (rand_chance(&rand, 20))
				message.commit = rand_next(&rand);
			core_step_with(core, message);
			if (rand_chance(&rand, 100))
				core_wait(core, rand_below(&rand, 2 * ELECTION));
			core_forget(core);
		}
		assert_true(raft_commit(core->raft) >= 2);
		core_free(&core);
	}
}
