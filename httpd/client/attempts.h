/*
 * attempts.h - passwords that wait to be checked, by the address that they come from.
 *
 * So many are checked at a time in all, and one of an address, so however many it sends, the
 * others wait for one of it at most, and what waits can still be given up. From the
 * AUTH_WRONG_MAX-th wrong one in a minute on each next one of it waits, longer and longer.
 * Bounded in all and for an address. Knows no password: what waits is embedded in what asked.
 *
 *	asked --> waiting --> running --> over	[attempts_next, attempts_over]
 *	waiting, running --> gone			[attempts_cancel]
 */
#ifndef MOOTHALL_HTTPD_CLIENT_ATTEMPTS_H
#define MOOTHALL_HTTPD_CLIENT_ATTEMPTS_H

#include "common/slice.h"

#include <sys/queue.h>

#define AUTH_WRONG_MAX 10		/* a minute, of one address, without a delay */
#define AUTH_WRONG_MS 60000
#define AUTH_DELAY_MS 250		/* of the first that is delayed; doubles */
#define AUTH_DELAY_MS_MAX 16000

struct attempts;
struct attempt_address;

struct password_attempt {
	TAILQ_ENTRY(password_attempt) link;
	struct attempt_address *address;	/* NULL: it neither waits nor runs */
	bool running;
};

enum attempt_answer {
	ATTEMPT_WAITS,
	ATTEMPT_ADDRESS_FULL,		/* too many of that address wait */
	ATTEMPT_FULL,			/* too many wait */
};

/* at_once: how many may run, of all addresses together; >= 1. */
struct attempts *attempts_new(size_t at_once);
/* Nothing waits or runs any more. */
void attempts_free(struct attempts **attempts);
/* from: "HOST:PORT" of a client. */
enum attempt_answer attempts_add(struct attempts *attempts, struct password_attempt *attempt,
    const char *from, uint64_t now_ms) MUST_CHECK;
/* The next that may run now, and runs; NULL: none may. *again_ms: when to ask again, if
 * nothing else happens; UINT64_MAX: not at all. */
struct password_attempt *attempts_next(struct attempts *attempts, uint64_t now_ms,
    uint64_t *again_ms);
/* One that ran: it was right, or wrong. */
void attempts_over(struct attempts *attempts, struct password_attempt *attempt, bool wrong,
    uint64_t now_ms);
/* Fine for one that neither waits nor runs. */
void attempts_cancel(struct attempts *attempts, struct password_attempt *attempt);
size_t attempts_count(const struct attempts *attempts);

#endif
