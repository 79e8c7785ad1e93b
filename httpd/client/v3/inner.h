/*
 * inner.h - requests of the KV service, as raftd is asked them: those that clients send, and those
 * that methods of other services are made of.
 *
 * Who asks may be asked_new's (asked.h), whose method is the request's own, inner_begin here, or
 * something that outlives its call (waiter.h).
 */
#ifndef MOOTHALL_HTTPD_CLIENT_V3_INNER_H
#define MOOTHALL_HTTPD_CLIENT_V3_INNER_H

#include "httpd/backend.h"
#include "httpd/client/v3/call.h"
#include "httpd/v3/ask.h"
#include "httpd/v3/show.h"

/*
 * Make the lists of a message of that method of the service.
 *
 *	ask	zeroed before; freed by the caller in any case
 *
 * V3_OK, or why it is refused.
 */
struct v3_status inner_lists(enum v3_method_tag method, const void *message,
    struct v3_ask *ask) MUST_CHECK;
/* Ask raftd; call->done is set. */
void inner_send(struct backend *backend, struct backend_call *call, const struct v3_ask *ask);

/* What raftd answered to an inner request. */
struct inner_answer {
	struct v3_status status;	/* V3_OK, and the rest; or why there is none */
	bool passes;			/* what went wrong passes by itself */
	uint64_t raft_term;
	struct v3_response_header header; /* a revision alone */
	union v3_shown shown;		/* borrows from the outcome and the arena */
};
/* answer: filled here; shown points into it. */
void inner_take(enum v3_method_tag method, const struct msg_outcome *outcome, struct arena *arena,
    struct inner_answer *answer);

/* What is done when a key was created by that revision (0: when there is none), and else; NULL:
 * nothing. */
struct inner_choice {
	struct slice key;
	int64_t created;
	const struct v3_request_op *then, *otherwise;
};
/* As inner_lists and inner_send. */
struct v3_status inner_choose(struct backend *backend, struct backend_call *call,
    const struct inner_choice *choice) MUST_CHECK;
/* The first of what a choice showed; NULL: nothing. */
const struct v3_response_op *inner_first(const struct v3_txn_response *txn);
/* The one KeyValue of a range. False: there is none. */
bool inner_key_value(const struct v3_range_response *range, struct v3_key_value *key_value);

/* The range of all keys below name/, in the arena. */
struct slice inner_below(struct arena *arena, struct slice name, struct slice *end);
/* To ask for the one of them that was made first. */
struct v3_range_request inner_first_below(struct arena *arena, struct slice name);

/* A call that one inner request is all of: its answer, V3_OK, goes to answered, which ends the
 * call. */
typedef void inner_answered(struct v3_call *call, struct inner_answer *answer);
void inner_begin(struct v3_call *call, enum v3_method_tag method, const void *message,
    inner_answered *answered);
/* The same of a choice. */
void inner_begin_choice(struct v3_call *call, const struct inner_choice *choice,
    inner_answered *answered);
/* The header of an answer to the call. */
struct v3_response_header inner_header(const struct v3_call *call,
    const struct inner_answer *answer);

#endif
