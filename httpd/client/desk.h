/*
 * desk.h - what this worker asks the supervisor for its clients (supervisor/desk.h).
 *
 * Owns the calls that wait: DESK_CALLS_MAX at most. A call is over when its answer is there, when
 * none came in time, or when who asked is gone.
 *
 *	asked --> answered	the answer came			[desk_viewed, desk_told]
 *	asked --> given up	it did not come in time		[due]
 *	asked --> gone		nobody waits for it		[desk_cancel]
 */
#ifndef MOOTHALL_HTTPD_CLIENT_DESK_H
#define MOOTHALL_HTTPD_CLIENT_DESK_H

#include "common/ipc/message.h"

#include <sys/queue.h>

struct desk;
struct worker;

/* In the request's arena. One of the two is set. */
struct desk_call {
	TAILQ_ENTRY(desk_call) link;
	uint64_t id;
	uint64_t until_ms;		/* monotonic */
	/* Once, from the loop; NULL: there was no answer in time. Borrowed. */
	void (*viewed)(struct desk_call *call, const struct msg_view *view);
	void (*told)(struct desk_call *call, const struct msg_told *told);
};

struct desk *desk_new(struct worker *worker);
/* No call is there any more. Accepts NULL in *desk. */
void desk_free(struct desk **desk);
/* False: too many calls wait, or the supervisor answers none; nothing happened. */
bool desk_ask(struct desk *desk, struct desk_call *call, const struct msg_ask *ask) MUST_CHECK;
void desk_cancel(struct desk *desk, struct desk_call *call);

/* So many times, in all, the disk kept the cluster waiting: was that more than before within the
 * last minute in which somebody asked? */
bool desk_sees_stalls(struct desk *desk, uint64_t stalls);

/* What came; a call that is over is passed by. */
void desk_viewed(struct desk *desk, uint64_t id, const struct msg_view *view);
void desk_told(struct desk *desk, uint64_t id, const struct msg_told *told);

#endif
