/*
 * waiter.h - keys of locks and elections: one that waits until it is the first below a name.
 *
 * A key is NAME/LEASE, the lease in hexadecimal, and goes with it. The first is the one that was
 * made first. As client libraries do it, so that they and servers keep each other out.
 */
#ifndef MOOTHALL_HTTPD_CLIENT_V3_WAITER_H
#define MOOTHALL_HTTPD_CLIENT_V3_WAITER_H

#include "httpd/client/v3/call.h"

struct waiters;

/* Those of one worker. */
struct waiters *waiters_new(struct worker *worker);
/* After the server and the backend. Accepts NULL in *waiters. */
void waiters_free(struct waiters **waiters);
/* How many calls wait; and all, with keys of calls that are over, which are being deleted. */
size_t waiters_waiting(const struct waiters *waiters);
size_t waiters_count(const struct waiters *waiters);

/* A key that is the first. Borrowed. */
struct waiter_first {
	struct v3_response_header header;
	struct slice name, key;
	int64_t created;		/* its create_revision */
	int64_t lease;
};

/* Borrowed as long as waiter_begin runs. */
struct waiter_wish {
	struct slice name;
	int64_t lease;			/* 0: one of V3_WAITER_TTL_S is granted */
	struct slice value;
	bool proclaims;			/* a key that is there gets that value */
	/* Answers the call. */
	void (*first)(struct v3_call *call, const struct waiter_first *first);
	/* What a call ends with whose key went while it waited. */
	struct v3_status lost;
};

/*
 * Have the key made, and wait until it is the first: for ever, if the call may. Takes the call's
 * callbacks. If the call ends in another way, the key is deleted, unless it was there before.
 */
void waiter_begin(struct v3_call *call, const struct waiter_wish *wish);

#endif
