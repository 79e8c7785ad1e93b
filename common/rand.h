/*
 * rand.h - seeded random numbers for what must repeat: election timeouts, the
 * simulator, tests. Never for secrets or identities: those use rand_entropy.
 */
#ifndef MOOTHALL_COMMON_RAND_H
#define MOOTHALL_COMMON_RAND_H

#include "common/base.h"

struct rand {
	uint64_t state;
};

void rand_seed(struct rand *rand, uint64_t seed);
uint64_t rand_next(struct rand *rand);
/* Uniform in [0, bound); bound > 0. */
uint64_t rand_below(struct rand *rand, uint64_t bound);
/* True with that chance in a thousand. */
bool rand_chance(struct rand *rand, unsigned per_mille);

/* 64 bits from the kernel, never 0. Ends the process if there are none. */
uint64_t rand_entropy(void);

#endif
