/*
 * retain.h - how much of the v3 keys is kept, as the options say it: text into numbers.
 *
 * Called by the supervisor, which tells what is wrong, and by raftd, which is given the same texts.
 *
 * Source: -quota-backend-bytes, -auto-compaction-mode and -auto-compaction-retention of etcd 3.
 */
#ifndef MOOTHALL_COMMON_RETAIN_H
#define MOOTHALL_COMMON_RETAIN_H

#include "common/base.h"

#define V3_QUOTA_DEFAULT_BYTES (UINT64_C(2) << 30)
/* Of an age of history that is kept. */
#define V3_RETENTION_MS_MIN UINT64_C(1000)
#define V3_RETENTION_MS_MAX (UINT64_C(8760) * 3600000)

#define V3_NOTICE_MS_MIN UINT64_C(100)
#define V3_NOTICE_MS_MAX (UINT64_C(24) * 3600000)

/* *ms: how often a quiet watch is told of progress. NULL, or as below. */
char *retain_notice_parse(const char *text, uint64_t *ms) MUST_CHECK;
/* *bytes: 0 is none. NULL; or what is wrong with the text, freed by the caller. */
char *retain_quota_parse(const char *text, uint64_t *bytes) MUST_CHECK;

struct retention {
	uint64_t ms, revisions;		/* one of them at most is not 0 */
};
/* *mode_is_wrong: it is the mode that is, else the retention. */
char *retain_history_parse(const char *mode, const char *text, struct retention *retention,
    bool *mode_is_wrong) MUST_CHECK;

#endif
