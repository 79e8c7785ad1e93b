/*
 * quorum_test.c - majorities against counting by hand.
 */
#include "raftd/raft/quorum.h"

#include "common/rand.h"
#include "tests/lib/test.h"

TEST(majority_is_more_than_half)
{
	const size_t expected[] = { 1, 1, 2, 2, 3, 3, 4 };

	for (size_t voters = 0; voters < ARRAY_COUNT(expected); voters++)
		assert_int_equal(quorum_size(voters), expected[voters]);
}

/* The definition: at least a majority is at or above, and not at one more. */
TEST(quorum_value_is_what_a_majority_reached)
{
	struct rand rand;

	rand_seed(&rand, 1);
	for (size_t round = 0; round < 2000; round++) {
		uint64_t values[9], copy[9];
		size_t voters = 1 + (size_t)rand_below(&rand, 9);
		size_t reached = 0, beyond = 0;
		uint64_t value;

		for (size_t i = 0; i < voters; i++)
			copy[i] = values[i] = rand_below(&rand, 6);
		value = quorum_value(values, voters);
		for (size_t i = 0; i < voters; i++) {
			reached += copy[i] >= value;
			beyond += copy[i] > value;
		}
		assert_true(reached > voters / 2);
		assert_true(beyond <= voters / 2);
	}
	assert_int_equal(quorum_value(NULL, 0), 0);
}

TEST(election_is_decided_as_soon_as_it_can_be)
{
	assert_int_equal(quorum_election(0, 0, 0), QUORUM_LOST);
	assert_int_equal(quorum_election(1, 1, 0), QUORUM_WON);
	assert_int_equal(quorum_election(3, 1, 1), QUORUM_OPEN);
	assert_int_equal(quorum_election(3, 2, 0), QUORUM_WON);
	assert_int_equal(quorum_election(3, 1, 2), QUORUM_LOST);
	assert_int_equal(quorum_election(4, 2, 1), QUORUM_OPEN);
	assert_int_equal(quorum_election(4, 2, 2), QUORUM_LOST);
}
