/*
 * session.h - a lease that is kept alive, and one's place in a queue of keys that have it: what
 * lock and elect of etcdctl are made of.
 *
 * Each who waits has the key NAME/LEASE; who made his first is before the others. It is what
 * clients of Go's package concurrency do, so all of them wait for one another.
 *
 *	queued ---> holding	no key of an older create revision is there	[session_wait]
 *	any ------> lost	the lease could not be renewed, or has ended	[session_keep]
 */
#ifndef MOOTHALL_CTL_V3_SESSION_H
#define MOOTHALL_CTL_V3_SESSION_H

#include "ctl/v3/call.h"

struct ctl3_session {
	struct ctl3 *v3;
	uint64_t lease;
	uint64_t ttl_ms;
	uint64_t renew_at_ms;	/* monotonic */
	uint64_t dead_at_ms;	/* then it has ended, as far as we know */
	char *prefix, *key;	/* "NAME/", "NAME/LEASE"; owned */
	int64_t revision;	/* create revision of key */
	int64_t answered;	/* revision of the answer that made it */
};

/* A lease of so many seconds. CTL3_DONE, or it was said why not. */
int ctl3_session_open(struct ctl3_session *session, struct ctl3 *v3, uint64_t ttl_s) MUST_CHECK;
/* The lease is revoked, and the key goes with it. */
void ctl3_session_close(struct ctl3_session *session);
/* Renew it if it is time. False: it is lost. */
bool ctl3_session_keep(struct ctl3_session *session);
/* Until then nothing has to be renewed; 0: now. */
uint64_t ctl3_session_free_ms(const struct ctl3_session *session);

/* Make the key, with that value. */
int ctl3_session_enter(struct ctl3_session *session, const char *name, const char *value)
    MUST_CHECK;
/* Wait until it is the first. An interrupt: CTL3_INTERRUPTED and nothing is said. */
int ctl3_session_wait(struct ctl3_session *session) MUST_CHECK;
/* Print the key as get does. */
int ctl3_session_show(struct ctl3_session *session) MUST_CHECK;

/* The oldest key of that prefix, as an answer of range. */
bool ctl3_session_first(struct ctl3 *v3, const char *prefix, struct ctl3_answer *answer);

#endif
