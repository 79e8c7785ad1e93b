/* Tests of common/rand.c. */
#include "tests/lib/test.h"

#include "common/rand.h"

/* The first numbers of splitmix64 from seed 1234567, as its authors publish them. */
TEST(a_seed_always_gives_the_same_numbers)
{
	struct rand rand;

	rand_seed(&rand, 1234567);
	assert_true(rand_next(&rand) == UINT64_C(6457827717110365317));
	assert_true(rand_next(&rand) == UINT64_C(3203168211198807973));
	assert_true(rand_next(&rand) == UINT64_C(9817491932198370423));
}

TEST(numbers_below_a_bound_reach_all_of_it_and_no_more)
{
	struct rand rand;
	unsigned seen[7] = { 0 };

	rand_seed(&rand, 3);
	for (unsigned i = 0; i < 7000; i++) {
		uint64_t number = rand_below(&rand, 7);

		assert_true(number < 7);
		seen[number]++;
	}
	for (unsigned i = 0; i < 7; i++)
		assert_in_range(seen[i], 800, 1200);
	assert_int_equal(rand_below(&rand, 1), 0);
}

TEST(a_chance_of_none_and_of_all_are_certain)
{
	struct rand rand;

	rand_seed(&rand, 4);
	for (unsigned i = 0; i < 1000; i++) {
		assert_false(rand_chance(&rand, 0));
		assert_true(rand_chance(&rand, 1000));
	}
}

TEST(entropy_is_never_zero_and_differs)
{
	uint64_t first = rand_entropy();

	assert_true(first != 0);
	assert_true(first != rand_entropy());
}
