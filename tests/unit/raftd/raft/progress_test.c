/*
 * progress_test.c - one peer's window and states.
 */
#include "raftd/raft/progress.h"

#include "tests/lib/test.h"

TEST(window_is_bounded_in_messages)
{
	struct progress *progress = progress_new(2, 1, 3);

	progress_replicate(progress);
	for (raft_index last = 1; last <= 3; last++) {
		assert_true(progress_has_room(progress, 1000));
		progress_sent(progress, (struct raft_position){ last * 2, 1 }, 10);
	}
	assert_false(progress_has_room(progress, 1000));
	assert_int_equal(progress->next, 7);
	assert_true(progress_matched(progress, 3));
	assert_int_equal(progress->window_count, 2);
	assert_int_equal(progress->window_bytes, 20);
	assert_true(progress_has_room(progress, 1000));
	progress_sent(progress, (struct raft_position){ 8, 1 }, 10);
	assert_true(progress_matched(progress, 8));
	assert_int_equal(progress->window_count, 0);
	assert_int_equal(progress->window_bytes, 0);
	progress_free(&progress);
}

/* One append passes any bound, or a large entry would never go. */
TEST(window_is_bounded_in_bytes_but_for_one)
{
	struct progress *progress = progress_new(2, 1, 8);

	progress_replicate(progress);
	assert_true(progress_has_room(progress, 100));
	progress_sent(progress, (struct raft_position){ 1, 1 }, 5000);
	assert_false(progress_has_room(progress, 100));
	progress_matched(progress, 1);
	assert_true(progress_has_room(progress, 100));
	progress_free(&progress);
}

/* Pitfall stale-messages: "an append answer may only raise matchIndex". */
TEST(match_only_rises)
{
	struct progress *progress = progress_new(2, 5, 8);

	assert_true(progress_matched(progress, 9));
	assert_int_equal(progress->next, 10);
	assert_false(progress_matched(progress, 4));
	assert_false(progress_matched(progress, 9));
	assert_int_equal(progress->match, 9);
	progress_free(&progress);
}

TEST(probing_forgets_what_was_under_way)
{
	struct progress *progress = progress_new(2, 1, 8);

	progress_matched(progress, 2);
	progress_replicate(progress);
	progress_sent(progress, (struct raft_position){ 6, 1 }, 10);
	progress->commit_told = 2;
	progress_probe(progress, 3);
	assert_int_equal(progress->window_count, 0);
	assert_int_equal(progress->next, 3);
	assert_int_equal(progress->commit_told, 0);
	progress_free(&progress);
}

TEST(fetched_entries_hold_their_payloads)
{
	struct progress *progress = progress_new(2, 1, 8);
	struct blob *payload = blob_new(SLICE_LITERAL("x"));
	struct raft_entry entry = { .term = 1, .index = 1, .payload = payload };

	progress_keep_fetched(progress, (struct raft_position){ 0, 0 }, &entry, 1);
	assert_int_equal(payload->references, 2);
	progress_drop_fetched(progress);
	assert_int_equal(payload->references, 1);
	progress_keep_fetched(progress, (struct raft_position){ 0, 0 }, &entry, 1);
	progress_free(&progress);
	assert_int_equal(payload->references, 1);
	blob_unref(&payload);
}
