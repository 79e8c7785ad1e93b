/*
 * waiter.h - keys of locks and elections: one that waits until it is the first below a name.
 *
 * A key is NAME/LEASE, the lease in hexadecimal, and goes with it. The first is the one that was
 * made first. As client libraries do it, so that they and servers keep each other out.
 */
#ifndef MOOTHALL_HTTPD_CLIENT_V3_WAITER_H
#define MOOTHALL_HTTPD_CLIENT_V3_WAITER_H

#include "httpd/client/v3/call.h"

struct v3_waiters;

/* Those of one worker. */
struct v3_waiters *v3_waiters_new(struct worker *worker);
/* After the server and the backend. Accepts NULL in *waiters. */
void v3_waiters_free(struct v3_waiters **waiters);
/* How many calls wait; and all, with keys of calls that are over, which are being deleted. */
size_t v3_waiters_waiting(const struct v3_waiters *waiters);
size_t v3_waiters_count(const struct v3_waiters *waiters);

/* A key that is the first. Borrowed. */
struct v3_first {
	struct v3_response_header header;
	struct slice name, key;
	int64_t created;		/* its create_revision */
	int64_t lease;
};

/* Borrowed as long as v3_wait runs. */
struct v3_wish {
	struct slice name;
	int64_t lease;			/* 0: one of V3_WAITER_TTL_S is granted */
	struct slice value;
	bool proclaims;			/* a key that is there gets that value */
	/* Answers the call. */
	void (*first)(struct v3_call *call, const struct v3_first *first);
	/* What a call ends with whose key went while it waited. */
	struct v3_status lost;
};

/*
 * Have the key made, and wait until it is the first: for ever, if the call may. Takes the call's
 * callbacks. If the call ends in another way, the key is deleted, unless it was there before.
 */
void v3_wait(struct v3_call *call, const struct v3_wish *wish);

#endif
