/*
 * gate.h - who a request is of, and what he may do, when users count.
 *
 * Owns this worker's copy of users and roles, given by raftd; what was shown to be right
 * lately (remembered.h); and the requests whose password is being checked. Every request of
 * the client port that has a route passes it before its handler:
 *
 *	came --> handled	users do not count, or its path is open to all
 *	came --> waiting	raftd has newer users and roles, on their way [parked]
 *	waiting --> refused	they did not come in -request-timeout	[give_up_parked]
 *	came --> checked	its password is not remembered	[attempts.h, passwords.h]
 *	waiting, checked --> came	again
 *	came --> handled	as a user, as a guest, or as nobody: request->user, denied
 *
 * A path that no row of its table knows is root's alone. Handlers ask what they need to know
 * when they answer, since it may have changed: raftd gives a change before whatever follows
 * from it, so an answer that raftd was asked for is held against rights that are no older
 * than it. What is answered without raftd is held against the revision in the page that raftd
 * shares. Writes are checked by raftd as well, where they are applied.
 *
 * Users that do not count cost one comparison for a request.
 */
#ifndef MOOTHALL_HTTPD_CLIENT_GATE_H
#define MOOTHALL_HTTPD_CLIENT_GATE_H

#include "common/auth/auth.h"
#include "common/ipc/message.h"
#include "httpd/http/request.h"

struct gate;

struct gate *gate_new(struct worker *worker);
/* Its threads: see passwords_start. */
void gate_start(struct gate *gate);
/* No request is there any more. Accepts NULL in *gate. */
void gate_free(struct gate **gate);

/* Have it handled, now or later, or answer it. */
void gate_pass(struct request *request, void (*handle)(struct request *request));

/* raftd gives all users and roles. ERR_MALFORMED: these are none. */
enum err gate_take(struct gate *gate, const struct msg_auth *auth) MUST_CHECK;
/* raftd is gone, and with it what was on its way: what waits goes on with what is there. */
void gate_go_on(struct gate *gate);
/* Is that all that raftd has given to any worker? */
bool gate_is_current(const struct worker *worker);

/* ---- for handlers ------------------------------------------------------------------- */

const struct auth *gate_auth(const struct worker *worker);
/* Do users count? */
bool gate_is_closed(const struct worker *worker);
/* Are there users, of any set, and none of them counts? Then nobody is known as root, and what
 * has the hashes of passwords in it is for nobody here. */
bool gate_hides_hashes(const struct worker *worker);
/* True if users do not count, or he has the role root. */
bool gate_is_root(const struct request *request);
enum auth_read gate_may_read(const struct request *request, struct slice key);
bool gate_shows(const struct request *request, struct slice key, bool is_directory);
bool gate_may_write(const struct request *request, struct slice key, enum auth_reach reach);
/* Answer that he may not: as the keys API says it; as everything else does. */
void gate_refuse_key(struct request *request);
void gate_refuse(struct request *request);
/* Answer {"message":...}, as 2.x does beside the keys API. */
void gate_send_message(struct request *request, unsigned status, struct slice message);

/*
 * Make a hash of a password that is to be kept: done is called, or the request is gone, or it
 * is answered since there are too many. hash NULL: it cannot be made.
 */
void gate_hash(struct request *request, struct slice password,
    void (*done)(void *argument, const char *hash), void *argument);

/*
 * The same for a call of the v3 API, which knows when it is gone: that it does not wait any more
 * (gate_forget, before its end). A password of nobody is checked against an empty hash. NULL: too
 * many wait. done is called from the loop.
 */
struct waiter;
struct waiter *gate_check_for_call(struct request *request, struct slice name,
    struct slice password, struct slice hash, void (*done)(void *argument, bool right),
    void *argument);
struct waiter *gate_hash_for_call(struct request *request, struct slice password,
    void (*done)(void *argument, const char *hash), void *argument);
void gate_forget(struct waiter *waiter);

#endif
