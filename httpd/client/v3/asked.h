/*
 * asked.h - a v3 call that raftd answers once.
 *
 * The part that such methods have in common: the backend's call, its failures, its answer shown
 * as the method's response (show.h).
 */
#ifndef MOOTHALL_HTTPD_CLIENT_V3_ASKED_H
#define MOOTHALL_HTTPD_CLIENT_V3_ASKED_H

#include "httpd/backend.h"
#include "httpd/client/v3/call.h"

struct v3_asked {
	struct backend_call call;
	struct v3_call *of;
	uint64_t lease;			/* that is granted, or looked at; or 0 */
	uint64_t revision;		/* that is compacted up to */
	uint64_t member;		/* that is promoted */
	struct slice urls;		/* of one that is made */
	struct v3_alarm_member alarm;	/* that is raised or taken back; its type: is looked for */
	struct slice name;		/* of a user or role that is looked at */
	struct slice token;		/* letters of one that is made */
	/* What is made of an outcome without an error; it ends the call. */
	void (*show)(struct v3_asked *asked, const struct msg_outcome *outcome);
};

/* In the call's arena, to be given to the backend. It is shown as show.h has it, or by show. */
struct v3_asked *asked_new(struct v3_call *call);
struct v3_asked *asked_new_shown(struct v3_call *call,
    void (*show)(struct v3_asked *asked, const struct msg_outcome *outcome));
/* It is an error of raftd's, and the call is over: true. */
bool asked_is_refused(const struct v3_asked *asked, uint16_t error);
/* raftd sent what is no answer: the call is over. */
void asked_fail(const struct v3_asked *asked);

#endif
