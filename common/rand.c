/*
 * rand.c - splitmix64 (Steele, Lea, Flood 2014): 64 bits of state, any seed is
 * a good one.
 */
#include "common/rand.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void
rand_seed(struct rand *rand, uint64_t seed)
{
	rand->state = seed;
}

uint64_t
rand_next(struct rand *rand)
{
	uint64_t word;

	rand->state += UINT64_C(0x9e3779b97f4a7c15);
	word = rand->state;
	word = (word ^ word >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	word = (word ^ word >> 27) * UINT64_C(0x94d049bb133111eb);
	return word ^ word >> 31;
}

uint64_t
rand_below(struct rand *rand, uint64_t bound)
{
	uint64_t uneven, word;

	ASSERT(bound > 0);
	/* The lowest 2^64 mod bound words would make small results likelier. */
	uneven = (0 - bound) % bound;
	do {
		word = rand_next(rand);
	} while (word < uneven);
	return word % bound;
}

bool
rand_chance(struct rand *rand, unsigned per_mille)
{
	return rand_below(rand, 1000) < per_mille;
}

uint64_t
rand_entropy(void)
{
	uint64_t word = 0;

	while (word == 0) {
		ssize_t got = getrandom(&word, sizeof(word), 0);

		if (got == -1 && errno == EINTR)
			continue;
		if (got != (ssize_t)sizeof(word)) {
			fprintf(stderr, "getrandom: %s\n", strerror(errno));
			exit(EXIT_INTERNAL);
		}
	}
	return word;
}
