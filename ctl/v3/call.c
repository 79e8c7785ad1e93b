/*
 * call.c - requests to the gateway (see call.h).
 *
 * A token is asked for before the first request of a user. One that the server does not know
 * any more, as after its restart, is asked for again once.
 */
#include "ctl/v3/call.h"

#include "common/base64.h"
#include "common/xmem.h"

#include <inttypes.h>
#include <stdlib.h>

#define INVALID_TOKEN "etcdserver: invalid auth token"
#define AUTH_IS_OFF "etcdserver: authentication is not enabled"
#define OLD_REVISION "etcdserver: revision of auth store is old"

int
ctl3_connect(struct ctl3 *v3)
{
	struct ctl ctl = { .arguments = v3->arguments, .out = v3->out };

	if (v3->client != NULL)
		return CTL3_DONE;
	return client_open(&ctl, NULL, &v3->client) == CTL_DONE ? CTL3_DONE : CTL3_BAD_ARGS;
}

void
ctl3_answer_free(struct ctl3_answer *answer)
{
	client_answer_free(&answer->http);
	json_doc_free(&answer->doc);
	free(answer->problem);
	*answer = (struct ctl3_answer){ 0 };
}

/* ---- what a server says -------------------------------------------------------- */

struct slice
ctl3_said(const struct json *root, unsigned *code)
{
	const struct json *error = json_member(root, "error");
	struct slice said = json_string(root, "message");

	*code = (unsigned)json_u64(root, "code");
	if (said.size == 0)
		said = json_string(root, "error");
	if (said.size == 0 && error != NULL && error->type == JSON_OBJECT) {
		said = json_string(error, "message");
		*code = (unsigned)json_u64(error, "grpc_code");
		if (*code == 0)
			*code = (unsigned)json_u64(error, "code");
	}
	return said;
}

static bool
refuse(struct ctl3_answer *answer, int exit_code, char *problem)
{
	free(answer->problem);
	answer->problem = problem;
	answer->exit = exit_code;
	return false;
}

/* No answer of a gateway: a proxy, another server. */
static bool
refuse_other(const struct ctl3_request *request, struct ctl3_answer *answer)
{
	if (answer->http.status == 404)
		return refuse(answer, CTL3_ERROR, xasprintf("%s has no %s (it answers 404)",
		    answer->http.from, request->path));
	return refuse(answer, CTL3_ERROR, xasprintf("%s answers %u, which is no answer of v3",
	    answer->http.from, answer->http.status));
}

static bool
take_answer(const struct ctl3_request *request, struct ctl3_answer *answer)
{
	const struct json *root;
	struct slice said;

	if (json_doc_read(buf_slice(&answer->http.body), &answer->doc) != ERR_NONE)
		return refuse_other(request, answer);
	root = answer->doc.root;
	said = ctl3_said(root, &answer->code);
	if (answer->http.status == 200 && json_member(root, "error") == NULL) {
		answer->root = json_member(root, "result");
		if (answer->root == NULL)
			answer->root = root;
		return true;
	}
	if (said.size == 0)
		return refuse_other(request, answer);
	return refuse(answer, CTL3_ERROR, xasprintf("%.*s", SLICE_ARGS(said)));
}

static bool
take_result(const struct ctl3_request *request, enum client_result result,
    struct ctl3_answer *answer)
{
	const char *why = answer->http.problem == NULL ? "" : answer->http.problem;

	switch (result) {
	case CLIENT_ANSWERED:
		return take_answer(request, answer);
	case CLIENT_NO_HOST:
		return refuse(answer, CTL3_ERROR, xasprintf("%s%s", request->only != NULL ? "" :
		    "no endpoint can be reached (--endpoints): ", why));
	case CLIENT_UNKNOWN:
		return refuse(answer, CTL3_ERROR, xasprintf("no answer; it may or may not have "
		    "been carried out: %s", why));
	case CLIENT_TIMED_OUT:
		return refuse(answer, CTL3_ERROR, xasprintf("no answer (--command-timeout): %s",
		    why));
	case CLIENT_INTERRUPTED:
		return refuse(answer, CTL3_INTERRUPTED, xstrdup("interrupted"));
	}
	return false;
}

/* ---- requests ------------------------------------------------------------------ */

static bool
ask_once(struct ctl3 *v3, const struct ctl3_request *request, const char *token,
    struct ctl3_answer *answer)
{
	struct client_request sent = { .method = "POST", .path = request->path,
		.body = request->body.size == 0 ? SLICE_LITERAL("{}") : request->body,
		.body_type = "application/json", .only = request->only,
		.authorization = token, .repeatable = request->repeatable,
		.limit_ms = request->patient ? CLIENT_NO_LIMIT : 0 };

	json_doc_free(&answer->doc);
	free(answer->problem);
	*answer = (struct ctl3_answer){ .http = answer->http };
	return take_result(request, client_ask(v3->client, &sent, &answer->http), answer);
}

bool
ctl3_log_in(struct ctl3 *v3, const char *only, struct ctl3_answer *answer)
{
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);
	struct ctl3_request request = { .path = "/v3/auth/authenticate", .only = only,
		.repeatable = true };
	struct slice token;
	bool good;

	if (v3->user == NULL || v3->token != NULL)
		return true;
	json_put_open(&json, NULL, '{');
	json_put_text(&json, "name", slice_text(v3->user));
	json_put_text(&json, "password", slice_text(v3->password));
	json_put_close(&json, '}');
	request.body = buf_slice(&body);
	good = ask_once(v3, &request, NULL, answer);
	explicit_bzero(body.data, body.size);
	buf_free(&body);
	/* Users do not count: no token is needed. */
	if (!good && strcmp(answer->problem, AUTH_IS_OFF) == 0)
		return true;
	if (!good) {
		answer->exit = answer->code == 0 ? answer->exit : CTL3_BAD_CONNECTION;
		return false;
	}
	token = json_string(answer->root, "token");
	if (token.size > 0 && memchr(token.data, '\n', token.size) == NULL)
		v3->token = xasprintf("%.*s", SLICE_ARGS(token));
	return true;
}

bool
ctl3_token_was_refused(struct ctl3 *v3, struct slice said)
{
	if (v3->token == NULL || (!slice_equal(said, SLICE_LITERAL(INVALID_TOKEN)) &&
	    !slice_equal(said, SLICE_LITERAL(OLD_REVISION))))
		return false;
	free(v3->token);
	v3->token = NULL;
	return true;
}

bool
ctl3_ask(struct ctl3 *v3, const struct ctl3_request *request, struct ctl3_answer *answer)
{
	client_restart_clock(v3->client);
	for (unsigned tries = 0;; tries++) {
		if (!ctl3_log_in(v3, request->only, answer))
			return false;
		if (ask_once(v3, request, v3->token, answer))
			return true;
		if (tries > 0 || !ctl3_token_was_refused(v3, slice_text(answer->problem)))
			return false;
	}
}

bool
ctl3_ask_of_lease(struct ctl3 *v3, const struct ctl3_of_lease *what, struct ctl3_answer *answer)
{
	struct ctl3_request request = { .path = what->path, .repeatable = true };
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);
	bool good;

	json_put_open(&json, NULL, '{');
	if (what->id != 0)
		ctl3_put_int(&json, "ID", (int64_t)what->id);
	if (what->ttl_s != 0)
		ctl3_put_int(&json, "TTL", (int64_t)what->ttl_s);
	if (what->keys)
		json_put_bool(&json, "keys", true);
	json_put_close(&json, '}');
	request.body = buf_slice(&body);
	good = ctl3_ask(v3, &request, answer);
	buf_free(&body);
	return good;
}

int
ctl3_call(struct ctl3 *v3, const struct ctl3_request *request, struct ctl3_answer *answer)
{
	int code = ctl3_connect(v3);

	if (code != CTL3_DONE || ctl3_ask(v3, request, answer))
		return code;
	return output_error(answer->exit, "%s", answer->problem);
}

/* ---- parts of requests --------------------------------------------------------- */

void
ctl3_put_bytes(struct json_put *json, const char *name, struct slice bytes)
{
	if (bytes.size == 0)
		return;
	json_put_name(json, name);
	buf_append_byte(json->out, '"');
	base64_put(json->out, bytes);
	buf_append_byte(json->out, '"');
	json->comma = true;
}

void
ctl3_put_int(struct json_put *json, const char *name, int64_t number)
{
	char text[32];

	snprintf(text, sizeof(text), "\"%" PRId64 "\"", number);
	json_put_raw(json, name, text);
}

void
ctl3_prefix_end(struct slice prefix, struct buf *end)
{
	buf_append_slice(end, prefix);
	while (end->size > 0 && end->data[end->size - 1] == 0xff)
		end->size--;
	if (end->size == 0)
		buf_append_byte(end, 0);
	else
		end->data[end->size - 1]++;
}
