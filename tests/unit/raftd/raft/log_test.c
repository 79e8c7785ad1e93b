/*
 * log_test.c - the log in memory against a plain array.
 */
#include "raftd/raft/log.h"

#include "common/rand.h"
#include "tests/lib/test.h"

static void
push(struct raft_log *log, raft_term term, size_t payload_bytes)
{
	struct blob *payload = payload_bytes == 0 ? NULL : blob_alloc(payload_bytes);

	raft_log_push(log, &(struct raft_entry){ .term = term,
	    .index = raft_log_last(log).index + 1, .type = RAFT_ENTRY_COMMAND,
	    .time_ns = 100 * (raft_log_last(log).index + 1), .payload = payload });
	blob_unref(&payload);
}

TEST(empty_log_ends_at_its_base)
{
	struct raft_log log;

	raft_log_init(&log, (struct raft_position){ 7, 3 }, 5);
	assert_int_equal(raft_log_last(&log).index, 7);
	assert_int_equal(raft_log_last(&log).term, 3);
	assert_int_equal(raft_log_term(&log, 7), 3);
	assert_int_equal(raft_log_term(&log, 6), 0);
	assert_int_equal(raft_log_term(&log, 8), 0);
	assert_null(raft_log_entry(&log, 7));
	assert_int_equal(log.persisted, 7);
	raft_log_clear(&log);
}

TEST(bytes_are_those_of_what_is_held)
{
	struct raft_log log;

	raft_log_init(&log, (struct raft_position){ 0, 0 }, 0);
	push(&log, 1, 10);
	push(&log, 1, 0);
	push(&log, 1, 100);
	assert_int_equal(log.bytes, 110 + 3 * RAFT_ENTRY_BYTES);
	raft_log_forget(&log, 1);
	assert_int_equal(log.bytes, 100 + 2 * RAFT_ENTRY_BYTES);
	assert_int_equal(raft_log_time(&log, 1), 100);
	raft_log_truncate(&log, 3);
	assert_int_equal(log.bytes, RAFT_ENTRY_BYTES);
	raft_log_reset(&log, (struct raft_position){ 9, 4 });
	assert_int_equal(log.bytes, 0);
	raft_log_clear(&log);
}

/* Pitfalls log-disk-disagree and split-truncation: what is replaced is neither durable
 * nor left on disk. */
TEST(truncation_takes_back_what_was_handed_out)
{
	struct raft_log log;

	raft_log_init(&log, (struct raft_position){ 0, 0 }, 0);
	for (size_t i = 0; i < 8; i++)
		push(&log, 1, 0);
	log.submitted = 6;
	log.persisted = 5;
	raft_log_truncate(&log, 8);
	assert_int_equal(log.truncate_from, 0);
	assert_int_equal(log.submitted, 6);
	raft_log_truncate(&log, 6);
	assert_int_equal(log.truncate_from, 6);
	assert_int_equal(log.submitted, 5);
	raft_log_truncate(&log, 3);
	assert_int_equal(log.truncate_from, 3);
	assert_int_equal(log.submitted, 2);
	assert_int_equal(log.persisted, 2);
	push(&log, 2, 0);
	raft_log_truncate(&log, 9);
	assert_int_equal(raft_log_last(&log).index, 3);
	raft_log_clear(&log);
}

TEST(seek_finds_the_last_entry_of_a_term_or_below)
{
	const raft_term terms[] = { 2, 2, 4, 4, 4, 7, 7 };
	struct raft_log log;

	raft_log_init(&log, (struct raft_position){ 10, 2 }, 10);
	for (size_t i = 0; i < ARRAY_COUNT(terms); i++)
		push(&log, terms[i], 0);
	for (raft_index index = 10; index < 20; index++) {
		for (raft_term term = 0; term < 9; term++) {
			raft_index expected = 10;

			for (raft_index at = 11; at <= MIN_OF(index, (raft_index)17); at++)
				if (terms[at - 11] <= term)
					expected = at;
			assert_int_equal(raft_log_seek(&log, index, term), expected);
		}
	}
	assert_int_equal(raft_log_seek(&log, 4, 1), 4);
	raft_log_clear(&log);
}

/* Pushes, truncations and forgetting in any order leave what a plain array would. */
TEST(any_order_of_changes_keeps_the_entries)
{
	struct raft_log log;
	struct rand rand;
	raft_term terms[4096] = { 0 };
	raft_index base = 0, last = 0;

	rand_seed(&rand, 2);
	raft_log_init(&log, (struct raft_position){ 0, 0 }, 0);
	for (size_t step = 0; step < 20000; step++) {
		switch (rand_below(&rand, 6)) {
		case 0:
			base += rand_below(&rand, last - base + 1);
			raft_log_forget(&log, base);
			break;
		case 1:
			if (last == base)
				break;
			last -= rand_below(&rand, MIN_OF(last - base, (raft_index)3)) + 1;
			raft_log_truncate(&log, last + 1);
			break;
		default:
			if (last + 1 == ARRAY_COUNT(terms))
				break;
			terms[last + 1] = terms[last] + rand_below(&rand, 2);
			push(&log, terms[++last], (size_t)rand_below(&rand, 5));
			break;
		}
		assert_int_equal(log.base.index, base);
		assert_int_equal(raft_log_last(&log).index, last);
		for (raft_index index = base + 1; index <= last; index += 1 + (last - base) / 8)
			assert_int_equal(raft_log_entry(&log, index)->term, terms[index]);
		assert_int_equal(raft_log_term(&log, base), terms[base]);
	}
	raft_log_clear(&log);
}
