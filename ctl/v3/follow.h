/*
 * follow.h - a watch that goes on at another endpoint where a break has ended it, without a
 * gap.
 */
#ifndef MOOTHALL_CTL_V3_FOLLOW_H
#define MOOTHALL_CTL_V3_FOLLOW_H

#include "ctl/v3/stream.h"

struct ctl3_follow {
	struct ctl3 *v3;
	struct buf key, range_end;	/* owned */
	bool prev_kv;
	int64_t next;			/* first revision wanted; 0: from now on */
	/* Of ctl3_follow_next: */
	struct ctl3_stream *stream;	/* NULL: none */
	size_t endpoint, failed;	/* whom to ask; how many in a row could not be asked */
	bool began;			/* somebody has answered; may be set before */
	bool renewed;			/* the token was asked for again, and nothing came since */
	uint64_t retry_at_ms;		/* after a break of all */
	char *problem;			/* with CTL3_REFUSED or CTL3_ENDED; owned */
};

/*
 * Wait for the next answer of the watch that has events or ends it ("canceled"), at most so
 * long. CTL3_ENDED comes only if no endpoint could be asked from the beginning.
 */
enum ctl3_news ctl3_follow_next(struct ctl3_follow *follow, uint64_t limit_ms,
    const struct json **message);
void ctl3_follow_free(struct ctl3_follow *follow);

#endif
