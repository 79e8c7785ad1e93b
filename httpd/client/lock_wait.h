/*
 * lock_wait.h - requests that wait for a lock.
 */
#ifndef MOOTHALL_HTTPD_CLIENT_LOCK_WAIT_H
#define MOOTHALL_HTTPD_CLIENT_LOCK_WAIT_H

#include "common/ipc/message.h"
#include "httpd/http/request.h"

struct locks;

/* Those of one worker. */
struct locks *locks_new(struct worker *worker);
/* After the server and the backend. Accepts NULL in *locks. */
void locks_free(struct locks **locks);
/* How many requests wait. */
size_t locks_waiting(const struct locks *locks);

struct lock_wish {
	struct slice key;		/* the lock's directory */
	struct slice value;		/* LOCK_VALUE_BYTES_MAX at most */
	uint64_t ttl_s;			/* 1 to LOCK_SECONDS_MAX */
	bool for_ever;			/* else it waits for */
	uint64_t timeout_s;		/* 0: not at all; LOCK_SECONDS_MAX at most */
};

/*
 * Have an entry made, and answer when it holds the lock: with its index, as text. In vain: 500,
 * as text; an error of the API that clients know, as such. Whoever asks has been found to have
 * the right.
 */
void lock_wait_begin(struct request *request, const struct lock_wish *wish);
/* Go on with one that waited in another worker, as packed there. */
void lock_wait_go_on(struct request *request, const struct msg_handed *handed);

#endif
