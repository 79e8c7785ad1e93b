/*
 * user_change.h - what the methods of the Auth service have in common that ask raftd for a change.
 *
 * Source: docs/api.md, "v3".
 */
#ifndef MOOTHALL_HTTPD_CLIENT_V3_USER_CHANGE_H
#define MOOTHALL_HTTPD_CLIENT_V3_USER_CHANGE_H

#include "httpd/client/v3/asked.h"

/* Ask for it; change is borrowed. show: of the outcome; NULL: the answer is a header alone. */
void user_change_ask(struct v3_call *call, const struct msg_v3_auth_change *change,
    void (*show)(struct v3_asked *asked, const struct msg_outcome *outcome));
/* What raftd says of a change: false, and the call is over, if it was refused; else *header. */
bool user_change_read(const struct v3_asked *asked, const struct msg_outcome *outcome,
    struct v3_response_header *header);

/*
 * A password that is to be worked on (gate.h); in the call's arena, and the call's state. Too
 * many wait: the call ends with that, a while later, so that it is not asked again at once.
 */
struct user_password {
	struct v3_call *of;
	struct waiter *waiter;		/* NULL: it waits no more */
	struct loop_timer *rest;	/* NULL: it does not rest */
	void (*checked)(struct user_password *password, bool right);
	void (*hashed)(struct user_password *password, const char *hash); /* never of NULL */
	struct slice name;
	uint64_t credential;		/* of who is to have shown it */
};
struct user_password *user_password_new(struct v3_call *call, struct slice name);
/* Can it be one? False: the call is over. */
bool user_password_is_good(struct v3_call *call, struct slice password);
void user_password_check(struct user_password *password, struct slice text, struct slice hash);
void user_password_hash(struct user_password *password, struct slice text);

#endif
