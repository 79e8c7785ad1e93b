/*
 * quorum.c - majorities, as plain arithmetic.
 *
 * Called by election.c, replicate.c and read.c.
 */
#include "raftd/raft/quorum.h"

size_t
quorum_size(size_t voters)
{
	return voters / 2 + 1;
}

uint64_t
quorum_value(uint64_t *values, size_t voters)
{
	if (voters == 0)
		return 0;
	/* Insertion sort, largest first: there are never more than a few. */
	for (size_t i = 1; i < voters; i++) {
		uint64_t value = values[i];
		size_t place = i;

		for (; place > 0 && values[place - 1] < value; place--)
			values[place] = values[place - 1];
		values[place] = value;
	}
	return values[quorum_size(voters) - 1];
}

enum quorum_result
quorum_election(size_t voters, size_t granted, size_t rejected)
{
	if (voters == 0)
		return QUORUM_LOST;
	if (granted >= quorum_size(voters))
		return QUORUM_WON;
	if (voters - MIN_OF(rejected, voters) < quorum_size(voters))
		return QUORUM_LOST;
	return QUORUM_OPEN;
}
