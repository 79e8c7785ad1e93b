/*
 * follow.h - the changes of a key one after the other, over restarts of servers
 * and from endpoint to endpoint, without a gap.
 */
#ifndef MOOTHALL_CTL_FOLLOW_H
#define MOOTHALL_CTL_FOLLOW_H

#include "ctl/api.h"

struct follow {
	struct slice key;
	bool recursive;
	uint64_t next;		/* index of the first change wanted; 0: from now on */
	uint64_t limit_ms;	/* for one change; CLIENT_NO_LIMIT: for ever */
};

/*
 * Wait for the next change. CLIENT_ANSWERED: an event, and next is behind it; or an
 * error of the API. When no endpoint can be reached for the total time of a command:
 * CLIENT_NO_HOST.
 */
enum client_result client_follow(struct client *client, struct follow *follow,
    struct api_answer *answer);

#endif
