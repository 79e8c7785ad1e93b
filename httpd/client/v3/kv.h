/*
 * kv.h - requests of the KV service, as raftd is asked them: those that clients send, and those
 * that methods of other services are made of.
 *
 * Who asks may be asked_new's (asked.h), whose method is the request's own, kv_begin here, or
 * something that outlives its call (waiter.h).
 */
#ifndef MOOTHALL_HTTPD_CLIENT_V3_KV_H
#define MOOTHALL_HTTPD_CLIENT_V3_KV_H

#include "httpd/backend.h"
#include "httpd/client/v3/call.h"
#include "httpd/v3/ask.h"
#include "httpd/v3/show.h"

/*
 * Make the lists of what a client asks: a message of a method of the service.
 *
 *	ask	zeroed before; freed by the caller in any case
 *
 * V3_OK, or why it is refused: -max-txn-ops and -max-body-bytes bound it besides.
 */
struct v3_status kv_lists(const struct v3_call *call, const void *message,
    struct v3_ask *ask) MUST_CHECK;
/* The same of what other services make of theirs. */
struct v3_status kv_own_lists(enum v3_method_tag method, const void *message,
    struct v3_ask *ask) MUST_CHECK;
/* May the call have that, if users count? False: it is over. (call_reads, call_writes) */
bool kv_is_permitted(struct v3_call *call, const struct v3_ask *ask);
/* Ask raftd, for the v3 user with that credential; call->done is set. raftd looks at what he may
 * write, and not at what he may read. */
void kv_send(const struct worker *worker, uint64_t credential, struct backend_call *call,
    const struct v3_ask *ask);

/* What raftd answered to one of these. */
struct kv_answer {
	struct v3_status status;	/* V3_OK, and the rest; or why there is none */
	bool passes;			/* what went wrong passes by itself */
	uint64_t raft_term;
	struct v3_response_header header; /* a revision alone */
	union v3_shown shown;		/* borrows from the outcome and the arena */
};
/* answer: filled here; shown points into it. */
void kv_take(enum v3_method_tag method, const struct msg_outcome *outcome, struct arena *arena,
    struct kv_answer *answer);

/* What is done when a key was created by that revision (0: when there is none), and else; NULL:
 * nothing. */
struct kv_choice {
	struct slice key;
	int64_t created;
	const struct v3_request_op *then, *otherwise;
};
/* As kv_own_lists and kv_send. */
struct v3_status kv_choose(const struct worker *worker, uint64_t credential,
    struct backend_call *call, const struct kv_choice *choice) MUST_CHECK;
/* The first of what a choice showed; NULL: nothing. */
const struct v3_response_op *kv_first(const struct v3_txn_response *txn);
/* The one KeyValue of a range. False: there is none. */
bool kv_key_value(const struct v3_range_response *range, struct v3_key_value *key_value);

/* The range of all keys below name/, in the arena. */
struct slice kv_below(struct arena *arena, struct slice name, struct slice *end);
/* To ask for the one of them that was made first. */
struct v3_range_request kv_first_below(struct arena *arena, struct slice name);

/* A call that is one request and no more: its answer, V3_OK, goes to answered, which ends the
 * call. */
typedef void kv_answered(struct v3_call *call, struct kv_answer *answer);
void kv_begin(struct v3_call *call, enum v3_method_tag method, const void *message,
    kv_answered *answered);
/* The same of a choice. */
void kv_begin_choice(struct v3_call *call, const struct kv_choice *choice,
    kv_answered *answered);
/* The header of an answer to the call. */
struct v3_response_header kv_header(const struct v3_call *call,
    const struct kv_answer *answer);

#endif
