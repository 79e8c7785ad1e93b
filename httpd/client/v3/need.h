/*
 * need.h - what of the v3 API is whose, while its users count.
 *
 * Called by call.c. What keys a call touches its method asks itself.
 */
#ifndef MOOTHALL_HTTPD_CLIENT_V3_NEED_H
#define MOOTHALL_HTTPD_CLIENT_V3_NEED_H

#include "httpd/v3/method.h"

enum v3_need {
	V3_NEED_NOTHING,		/* it is everybody's, or the method asks */
	V3_NEED_USER,			/* any user's */
	V3_NEED_ROOT,			/* those with the role root */
	V3_NEED_BOTH,			/* the same; while users of /v2 count, their root's, too */
};

enum v3_need need_of(const struct v3_method *method);

#endif
