/*
 * api.c - the keys API as a client sees it (see api.h).
 */
#include "ctl/api.h"

#include "common/json_put.h"
#include "common/program.h"
#include "ctl/form.h"

#include <inttypes.h>
#include <stdlib.h>

#define STATUS_UNAUTHORISED 401
#define STATUS_FORBIDDEN 403
#define STATUS_NOT_FOUND 404
#define CODE_UNAUTHORISED 110
#define CODE_RAFT_INTERNAL 300

static const char form_type[] = "application/x-www-form-urlencoded";

void
api_answer_read(struct api_answer *answer)
{
	const struct json *code;

	if (json_doc_read(buf_slice(&answer->answer.body), &answer->doc) != ERR_NONE) {
		answer->error_code = CODE_RAFT_INTERNAL;
		return;
	}
	code = json_member(answer->doc.root, "errorCode");
	if (code != NULL)
		answer->error_code = (unsigned)json_u64(answer->doc.root, "errorCode");
	else if (answer->answer.status >= 300 || json_member(answer->doc.root, "node") == NULL)
		answer->error_code = CODE_RAFT_INTERNAL;
}

enum client_result
api_ask(struct client *client, struct api_request *request, struct api_answer *answer)
{
	struct client_request sent = { .method = request->method,
		.repeatable = request->repeatable, .limit_ms = request->limit_ms };
	struct buf path = BUF_INIT;
	enum client_result result;

	json_doc_free(&answer->doc);
	answer->error_code = 0;
	buf_append_text(&path, "/v2/keys");
	form_key(&path, request->key);
	if (request->query.size > 0) {
		buf_append_byte(&path, '?');
		buf_append_slice(&path, buf_slice(&request->query));
	}
	buf_append_byte(&path, '\0');
	sent.path = (const char *)path.data;
	if (strcmp(request->method, "PUT") == 0 || strcmp(request->method, "POST") == 0) {
		sent.body = buf_slice(&request->form);
		sent.body_type = form_type;
	}
	result = client_ask(client, &sent, &answer->answer);
	/* The beginning of a watch that timed out has headers and no body. */
	if (result == CLIENT_ANSWERED)
		api_answer_read(answer);
	buf_free(&path);
	buf_free(&request->query);
	buf_free(&request->form);
	return result;
}

void
api_answer_free(struct api_answer *answer)
{
	client_answer_free(&answer->answer);
	json_doc_free(&answer->doc);
	answer->error_code = 0;
}

/* No error of the API: a proxy, another server, a refusal with a sentence. */
static void
say_other(const struct api_answer *answer)
{
	struct slice said = json_string(answer->doc.root, "message");

	if (said.size == 0) {
		said = buf_slice(&answer->answer.body);
		said.size = MIN_OF(said.size, 120U);
		for (size_t i = 0; i < said.size; i++) {
			if (said.data[i] < 0x20)
				said.size = i;
		}
	}
	if (answer->answer.status == STATUS_NOT_FOUND) {
		output_say("%s: %s answers 404: it has no keys API; an etcd of the 3.x series "
		    "has it if it is started with --enable-v2\n", program_own(),
		    answer->answer.from);
		return;
	}
	output_say("%s: %s answers %u%s%.*s\n", program_own(), answer->answer.from,
	    answer->answer.status, said.size == 0 ? "" : ": ", SLICE_ARGS(said));
}

static void
say_error(const struct output *out, const struct api_answer *answer)
{
	const struct json *error = answer->doc.root;
	struct buf line = BUF_INIT;
	struct json_put json = json_put_into(&line);

	if (json_member(error, "errorCode") == NULL) {
		say_other(answer);
	} else if (out->format == FORMAT_JSON) {
		json_put_open(&json, NULL, '{');
		json_put_number(&json, "errorCode", answer->error_code);
		json_put_text(&json, "message", json_string(error, "message"));
		json_put_text(&json, "cause", json_string(error, "cause"));
		json_put_number(&json, "index", json_u64(error, "index"));
		json_put_close(&json, '}');
		buf_append_byte(&line, '\n');
		output_say_json(buf_slice(&line));
	} else {
		/* Two blanks: scripts look for it so. */
		output_say("Error:  %u: %.*s (%.*s) [%" PRIu64 "]\n", answer->error_code,
		    SLICE_ARGS(json_string(error, "message")),
		    SLICE_ARGS(json_string(error, "cause")), json_u64(error, "index"));
	}
	buf_free(&line);
}

static int
exit_code_of(const struct api_answer *answer)
{
	static const char unknown[] = "may or may not";
	struct slice cause = json_string(answer->doc.root, "cause");

	if (answer->answer.status == STATUS_UNAUTHORISED || answer->error_code == CODE_UNAUTHORISED)
		return CTL_NOT_AUTHORISED;
	if (answer->answer.status == STATUS_FORBIDDEN &&
	    json_member(answer->doc.root, "errorCode") == NULL)
		return CTL_NOT_AUTHORISED;
	if (cause.size > 0 && memmem(cause.data, cause.size, unknown, sizeof(unknown) - 1) != NULL)
		return CTL_UNKNOWN_OUTCOME;
	return CTL_SERVER_ERROR;
}

int
api_report(const struct output *out, enum client_result result, const struct api_answer *answer)
{
	if (result != CLIENT_ANSWERED)
		return client_fail(result, &answer->answer);
	if (answer->error_code == 0)
		return CTL_DONE;
	say_error(out, answer);
	return exit_code_of(answer);
}

int
api_do(struct client *client, const struct output *out, struct api_request *request,
    struct api_answer *answer)
{
	enum client_result result = api_ask(client, request, answer);

	return api_report(out, result, answer);
}
