/*
 * v3_users.h - users of the v3 API in a worker, and the tokens that they show.
 *
 * Owns this worker's copy of both, given by raftd. Beside the users of /v2 (gate.h), and they
 * know nothing of each other: a request may show itself to be of one of these, of one of those,
 * or of both.
 *
 *	/v2 users   v3 users	/v3 and gRPC		all else that is root's of /v2
 *	no	    no		open			open
 *	yes	    no		root's of /v2		root's of /v2
 *	no	    yes		by v3 rights		root's of v3
 *	yes	    yes		by v3 rights		who is root of both
 *
 * A token of an entry that this node may not have applied yet is asked for before it is taken
 * for wrong: raftd answers when it has applied all that was acknowledged then.
 */
#ifndef MOOTHALL_HTTPD_CLIENT_V3_USERS_H
#define MOOTHALL_HTTPD_CLIENT_V3_USERS_H

#include "common/ipc/message.h"
#include "common/v3_auth/v3_auth.h"
#include "httpd/http/request.h"

struct v3_users;

struct v3_users *v3_users_new(struct worker *worker);
/* Accepts NULL in *users. */
void v3_users_free(struct v3_users **users);

/* raftd gives all users and roles; tokens. ERR_MALFORMED: these are none. */
enum err v3_users_take(struct v3_users *users, const struct msg_v3_auth *message) MUST_CHECK;
enum err v3_users_take_tokens(struct v3_users *users, const struct msg_v3_tokens *message)
    MUST_CHECK;

/* Is that all that raftd has given to any worker? */
bool v3_users_are_current(const struct worker *worker);
/* Do they count? */
bool v3_users_count(const struct worker *worker);
const struct v3_auth *v3_users_auth(const struct worker *worker);

/* Who a request says that it is of. */
struct v3_who {
	bool bad_token;
	bool unknown;			/* his certificate has a name that no user has */
	uint64_t credential;		/* else: of the user; 0: of nobody */
};
/* What raftd is told of who asks, and what he could be when it was. */
#define V3_WHO(worker, whose) \
	.credential = (whose), .auth_revision = v3_auth_revision(v3_users_auth(worker))
/* grpc: by metadata, or a certificate; else by headers of the gateway. Renews a token. */
struct v3_who v3_users_who(struct request *request, bool grpc);
/* May it have what is not of the v3 API, and concerns its keys, too? */
bool v3_users_let_in(struct request *request);
/* Do they count, or may they as soon as a token that it shows is known? */
bool v3_users_may_be_shown(const struct request *request);
/* Does it show a token that may become known? Then raftd is asked, and go_on called with handle
 * when it has answered. */
bool v3_users_ask(struct request *request, void (*handle)(struct request *request),
    void (*go_on)(struct request *request, void (*handle)(struct request *request)));

/* A new token: its letters, zero-terminated, and their digest. */
void v3_users_make_token(char letters[V3_TOKEN_LETTERS + 1],
    uint8_t digest[V3_TOKEN_DIGEST_BYTES]);

#endif
