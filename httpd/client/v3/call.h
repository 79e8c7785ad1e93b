/*
 * call.h - a call of the v3 API, whatever carries it: JSON of the gateway, or gRPC.
 *
 * A carrier reads a request's messages and writes the answers; a method, one row of
 * served_table.h, does what is asked. Neither knows which the other is.
 *
 *	begun -------> answered	a unary: the one answer, or a refusal	[call_answer, _end]
 *	begun -------> streaming	a stream: its first answer	[call_message]
 *	streaming ---> streaming	more of them, and of requests	[call_message, _next]
 *	any ---------> over	[call_end]; its time is up; the client left; its rights went
 *
 * A call lives in the arena of its request, and is gone with it: whoever has ended one, or has
 * answered a unary, does not touch it again. A method that waits for something sets gone, and
 * cancels there.
 *
 * While users of the v3 API count, need.h says what is whose; while only those of /v2 do, all is
 * for their role root. Either is asked again for each answer.
 */
#ifndef MOOTHALL_HTTPD_CLIENT_V3_CALL_H
#define MOOTHALL_HTTPD_CLIENT_V3_CALL_H

#include "common/clock.h"
#include "common/ipc/message.h"
#include "httpd/http/request.h"
#include "httpd/v3/method.h"
#include "httpd/client/v3_users.h"
#include "httpd/v3/status.h"

struct v3_call;

/* How messages get to a client. Functions may free the request, and the call with it, but for
 * message, which never does. */
struct v3_carrier {
	/* The whole answer to a unary. */
	void (*answer)(struct v3_call *call, const void *response);
	/* One answer of a stream. */
	void (*message)(struct v3_call *call, const void *response);
	/* The same of one that ends with parts that were made before: tail is what render made of
	 * them, and none of them is in response. NULL: this one has no such form. */
	void (*message_with)(struct v3_call *call, const void *response, struct blob *tail);
	/* The members of a message alone, as they stand in it. NULL: it is malformed. */
	struct blob *(*render)(const struct v3_type *type, const void *message);
	/* Which of the forms of backend.h these are. */
	unsigned form;
	/* The answer to a unary that is too long to be held: response, without what follows it,
	 * so many bytes, as protobuf has them; then these; then end. NULL: this one has no such
	 * form. */
	void (*begin_long)(struct v3_call *call, const void *response, uint64_t bytes);
	void (*more)(struct v3_call *call, struct slice bytes);
	/* Bytes of a stream that the client has not taken yet. */
	size_t (*backlog)(const struct v3_call *call);
	/* No more follows; V3_OK for a stream that ended well, else a refusal. */
	void (*end)(struct v3_call *call, struct v3_status status);
	/* He may not, or not any more. */
	void (*deny)(struct v3_call *call);
};

struct v3_call {
	struct request *request;	/* its worker, its arena, who it is of */
	const struct v3_method *method;
	const struct v3_carrier *carrier;
	void *carried;			/* the carrier's */
	bool half_closed;		/* no more requests come */
	/* The method's, set when it begins; NULL: nothing is to be done. */
	void *state;
	/* A further request of a stream; message is borrowed. It may end the call. */
	void (*next)(struct v3_call *call, const void *message);
	/* No more of them come. It may end the call. */
	void (*closed)(struct v3_call *call);
	/* The call is over without an end by the method: cancel what it waits for. */
	void (*gone)(struct v3_call *call);
	/* Of a stream: some of what was sent, or all, was taken by the client. */
	void (*drained)(struct v3_call *call);
	/* The worker stops. It ends the call, now or soon; NULL: that is soon over by itself. */
	void (*stop)(struct v3_call *call);
	/* Of a stream: as request->pack. */
	bool (*pack)(const struct v3_call *call, struct msg_handed *handed);
	/* raftd has asked for his rights where it was done. */
	bool decided;
	struct v3_who who;		/* of v3 users; set when it begins */
	/* The rest is call.c's. */
	struct loop_timer *timer;
	struct loop_timer *look;	/* NULL: it wants no leader */
	bool *over;			/* where call_next waits to hear of it */
	bool reads;			/* these (call_reads): */
	struct slice compares, ops;
};

/* In the arena of the request, which it takes the callbacks of. */
struct v3_call *call_new(struct request *request, const struct v3_method *method,
    const struct v3_carrier *carrier);
/* The same of one that began in another worker. */
struct v3_call *call_go_on(struct request *request, const struct v3_method *method,
    const struct v3_carrier *carrier);
/* Is that method served? */
bool call_serves(const struct v3_method *method);
/* It has so much time from now on, then it is V3_REFUSE_DEADLINE. Before it begins. */
void call_limit(struct v3_call *call, uint64_t ns);
/* It ends with V3_REFUSE_NO_LEADER when none has been known for V3_LEADERLESS_MS, or soon after.
 * Before it begins. */
void call_want_leader(struct v3_call *call);

/*
 * Begin: of a unary, and of a stream of answers alone, with its message; of a stream of both with
 * NULL, and its messages follow by call_next. Messages are borrowed until the function returns.
 * False: it is over already.
 */
bool call_begin(struct v3_call *call, const void *message);
/* A message of a stream. False: the call is over. */
bool call_next(struct v3_call *call, const void *message);
/* The client has sent all. */
void call_close(struct v3_call *call);
/* Some of its answers were taken by the client. False: the call is over. */
bool call_drained(struct v3_call *call);
/* The client sent what is no message. */
void call_fail(struct v3_call *call, struct v3_status status);

/* ---- for methods ------------------------------------------------------------------------ */

/* May raftd be asked now? False: it was refused, and the call is over. */
bool call_may_ask(struct v3_call *call);
void call_answer(struct v3_call *call, const void *response);
/* False: the call is over, since its client may not have this. */
bool call_message(struct v3_call *call, const void *response);
/* With a tail; only if the carrier has a form of its own. */
bool call_message_with(struct v3_call *call, const void *response, struct blob *tail);
/* An answer in pieces, see begin_long; call_end follows. False: the call is over: its client may
 * not have it, or it is longer than a message can be. */
bool call_answer_begin(struct v3_call *call, const void *response, uint64_t bytes);
bool call_answer_more(struct v3_call *call, struct slice bytes);
size_t call_backlog(const struct v3_call *call);
void call_end(struct v3_call *call, struct v3_status status);
/* What of the keys a call is about, as lists of common/ipc/v3_table.h: may he have it, if v3 users
 * count? False: he may not, and the call is over. What is read is asked for with each answer again,
 * what is written by raftd where it is applied (CALL_WHO). */
bool call_reads(struct v3_call *call, struct slice compares, struct slice ops);
bool call_writes(struct v3_call *call, struct slice compares, struct slice ops);
/* May he have an answer still, by what counts now? */
bool call_may_hear(const struct v3_call *call);
/* The same. False: he may not, and the call is over. */
bool call_is_kept(struct v3_call *call);
/* He who asks, as a v3 user; NULL: nobody. */
const struct v3_auth_entry *call_user(const struct v3_call *call);
/* What raftd is told of him, with what it is to do. */
#define CALL_WHO(call) V3_WHO((call)->request->worker, (call)->who.credential)
/* While v3 users count: may he do that with a range? */
bool call_may(const struct v3_call *call, enum v3_auth_type type, struct slice key,
    struct slice end);
/* While they count, why he is nobody who may have anything; V3_OK: he is somebody. */
struct v3_status call_nobody(const struct v3_call *call);
/* What every answer begins with: this cluster and member, a term; revision 0. */
struct v3_response_header call_header(const struct v3_call *call, uint64_t raft_term);
/* What raftd, or the backend, says of a request that did not come to an end. Clients repeat what
 * certainly was not done, and take all else for possible. */
struct v3_status call_failure(const struct msg_outcome *outcome);

#endif
