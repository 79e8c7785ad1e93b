/*
 * call.h - one request to the gateway and its answer, with the user's token.
 */
#ifndef MOOTHALL_CTL_V3_CALL_H
#define MOOTHALL_CTL_V3_CALL_H

#include "common/json_put.h"
#include "ctl/json_read.h"
#include "ctl/v3/v3.h"

struct ctl3_request {
	const char *path;	/* "/v3/kv/range" */
	struct slice body;	/* JSON; empty: {} */
	const char *only;	/* a URL: ask this one; NULL: the endpoints */
	bool repeatable;	/* asking twice does no harm */
	bool patient;		/* no limit of time */
};

struct ctl3_answer {
	struct client_answer http;
	struct json_doc doc;
	const struct json *root;	/* the message; of a stream its first. Borrowed from doc */
	char *problem;		/* NULL: it is a message; else what the server or we say */
	unsigned code;		/* of gRPC, with a problem that the server tells; else 0 */
	int exit;		/* enum ctl3_exit; with a problem */
};

/* Accepts a zeroed answer, or one from before. True: it is a message. */
bool ctl3_ask(struct ctl3 *v3, const struct ctl3_request *request, struct ctl3_answer *answer);
/* As ctl3_ask, and what is no message was said ("Error: ..."). CTL3_DONE, or the exit code. */
int ctl3_call(struct ctl3 *v3, const struct ctl3_request *request, struct ctl3_answer *answer);
void ctl3_answer_free(struct ctl3_answer *answer);

/* What is asked of a lease: a member that is 0 or false is left out. */
struct ctl3_of_lease {
	const char *path;	/* "/v3/lease/grant" */
	uint64_t id, ttl_s;
	bool keys;
};

/* As ctl3_ask; each of these may be asked twice. */
bool ctl3_ask_of_lease(struct ctl3 *v3, const struct ctl3_of_lease *what,
    struct ctl3_answer *answer);

/* The client of the endpoints; CTL3_DONE, or it was said why there is none. */
int ctl3_connect(struct ctl3 *v3) MUST_CHECK;
/* Ask for a token, if there is a user and none yet. False: answer has the problem. */
bool ctl3_log_in(struct ctl3 *v3, const char *only, struct ctl3_answer *answer);
/* Did the server say that the token is not good any more? Then it is forgotten, and true. */
bool ctl3_token_was_refused(struct ctl3 *v3, struct slice said);

/* What a server said, of an error's JSON: {"error":TEXT,"code":N}, {"message":TEXT}, or that
 * of a stream, {"error":{"message":TEXT}}. Empty: it says nothing. */
struct slice ctl3_said(const struct json *root, unsigned *code);

/* Parts of requests. */
void ctl3_put_bytes(struct json_put *json, const char *name, struct slice bytes);
void ctl3_put_int(struct json_put *json, const char *name, int64_t number);
/* The end of the range of all keys that begin so: "\0" if there is none. */
void ctl3_prefix_end(struct slice prefix, struct buf *end);

#endif
