/*
 * inquiry.h - what this worker asks the supervisor for its clients (supervisor/desk.h).
 *
 * Owns the calls that wait: DESK_CALLS_MAX at most. A call is over when its answer is there, when
 * none came in time, or when who asked is gone.
 *
 *	asked --> answered	the answer came			[inquiry_viewed, inquiry_told]
 *	asked --> given up	it did not come in time		[due]
 *	asked --> gone		nobody waits for it		[inquiry_cancel]
 */
#ifndef MOOTHALL_HTTPD_CLIENT_INQUIRY_H
#define MOOTHALL_HTTPD_CLIENT_INQUIRY_H

#include "common/ipc/message.h"

#include <sys/queue.h>

struct inquiries;
struct worker;

/* In the request's arena. One of the two is set. */
struct inquiry_call {
	TAILQ_ENTRY(inquiry_call) link;
	uint64_t id;
	uint64_t until_ms;		/* monotonic */
	/* Once, from the loop; NULL: there was no answer in time. Borrowed. */
	void (*viewed)(struct inquiry_call *call, const struct msg_view *view);
	void (*told)(struct inquiry_call *call, const struct msg_told *told);
};

struct inquiries *inquiry_new(struct worker *worker);
/* No call is there any more. Accepts NULL in *inquiries. */
void inquiry_free(struct inquiries **inquiries);
/* False: too many calls wait; nothing happened. */
bool inquiry_ask(struct inquiries *inquiries, struct inquiry_call *call,
    const struct msg_ask *ask) MUST_CHECK;
void inquiry_cancel(struct inquiries *inquiries, struct inquiry_call *call);

/* So many times, in all, the disk kept the cluster waiting: was that more than before within the
 * last minute in which somebody asked? */
bool inquiry_sees_stalls(struct inquiries *inquiries, uint64_t stalls);

/* What came; a call that is over is passed by. */
void inquiry_viewed(struct inquiries *inquiries, uint64_t id, const struct msg_view *view);
void inquiry_told(struct inquiries *inquiries, uint64_t id, const struct msg_told *told);

#endif
