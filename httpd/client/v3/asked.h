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
	uint64_t lease;			/* that is granted, or 0 */
};

/* In the call's arena, to be given to the backend. */
struct v3_asked *asked_new(struct v3_call *call);

#endif
