/*
 * cause_table.h - why a request came to no end, as the cause of error 300 says it: tag, what
 * became of the request (FATE_*), text.
 *
 * A worker knows the fate by the text, so there is one place for each. No guard: included more
 * than once, undefines its macro at the end.
 */
#define NOT_DONE ", the write was not applied"
#define MAYBE_DONE ", the write may or may not have been applied"

CAUSE(BUSY, BUSY, "too much is being written at once" NOT_DONE)
CAUSE(BUSY_AGAIN, UNKNOWN, "too much is being written at once" MAYBE_DONE)
CAUSE(READS_BUSY, BUSY, "too much waits to be read before this answer")
CAUSE(ENTRY_TOO_LARGE, TOO_LARGE, "too large for one entry of the log" NOT_DONE)
CAUSE(DISK_FULL, DISK_FULL, "disk full" NOT_DONE)
CAUSE(LEADER_DISK_FULL, UNKNOWN, "disk full at the leader" MAYBE_DONE)
CAUSE(LEADERLESS, NOT_DONE, "no leader" NOT_DONE)
CAUSE(LEADERLESS_READ, UNKNOWN, "no leader")
CAUSE(LATE, UNKNOWN, "timed out" MAYBE_DONE)
CAUSE(LATE_READ, UNKNOWN, "timed out waiting for a quorum")
CAUSE(ANSWER_FORGOTTEN, UNKNOWN, "the write was applied, its answer is not kept any more")
CAUSE(ANSWER_ABANDONED, UNKNOWN, "the answer was not read on in time")
/* Of a worker without an answer from raftd. */
CAUSE(SILENT, UNKNOWN, "no answer from raftd in time" MAYBE_DONE)
CAUSE(SILENT_READ, UNKNOWN, "no answer from raftd in time")
CAUSE(UNSENT, NOT_DONE, "no connection to raftd" NOT_DONE)
CAUSE(REMOVED, NOT_DONE, "this machine was removed from the cluster" NOT_DONE)
CAUSE(REMOVED_AGAIN, UNKNOWN, "this machine was removed from the cluster" MAYBE_DONE)
CAUSE(REMOVED_READ, NOT_DONE, "this machine was removed from the cluster")
#undef NOT_DONE
#undef MAYBE_DONE
#undef CAUSE
