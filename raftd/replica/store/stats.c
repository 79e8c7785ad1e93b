/*
 * stats.c - this machine's counters of store operations.
 */
#include "raftd/replica/store/stats.h"

static void
count(struct stats *stats, enum store_stat of_success, bool success)
{
	/* wire.h has each Fail right behind its Success. */
	stats->numbers[success ? of_success : of_success + 1]++;
}

void
stats_get(struct stats *stats, bool success)
{
	count(stats, STAT_GETS_SUCCESS, success);
}

void
stats_write(struct stats *stats, enum write_op op, bool success)
{
	switch (op) {
	case WRITE_SET:
		count(stats, STAT_SETS_SUCCESS, success);
		break;
	case WRITE_CREATE:
	case WRITE_CREATE_IN_ORDER:
	case WRITE_LOCK_ACQUIRE:
		count(stats, STAT_CREATE_SUCCESS, success);
		break;
	case WRITE_UPDATE:
	case WRITE_LOCK_RENEW:
		count(stats, STAT_UPDATE_SUCCESS, success);
		break;
	case WRITE_COMPARE_AND_SWAP:
		count(stats, STAT_COMPARE_AND_SWAP_SUCCESS, success);
		break;
	case WRITE_DELETE:
	case WRITE_LOCK_RELEASE:
		count(stats, STAT_DELETE_SUCCESS, success);
		break;
	case WRITE_COMPARE_AND_DELETE:
		count(stats, STAT_COMPARE_AND_DELETE_SUCCESS, success);
		break;
	}
}

void
stats_expire(struct stats *stats)
{
	stats->numbers[STAT_EXPIRE_COUNT]++;
}
