/*
 * auth.c - auth enable, disable, status; alarm list, disarm.
 */
#include "ctl/v3/message.h"
#include "ctl/v3/show.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- auth ---------------------------------------------------------------------- */

int
ctl3_auth_enable(struct ctl3 *v3)
{
	struct ctl3_request request = { .path = "/v3/auth/enable" };
	struct ctl3_answer answer = { 0 };
	int code = ctl3_connect(v3);

	/* A user root without its role is given it first, as 3.4 does. */
	if (code == CTL3_DONE && !ctl3_ask(v3, &request, &answer) &&
	    strcmp(answer.problem, "etcdserver: root user does not have root role") == 0) {
		struct ctl3_request grant = { .path = "/v3/auth/user/grant",
			.body = SLICE_LITERAL("{\"user\":\"root\",\"role\":\"root\"}") };
		struct ctl3_request role = { .path = "/v3/auth/role/add",
			.body = SLICE_LITERAL("{\"name\":\"root\"}") };

		(void)ctl3_ask(v3, &role, &answer);
		if (ctl3_ask(v3, &grant, &answer))
			(void)ctl3_ask(v3, &request, &answer);
	}
	if (code == CTL3_DONE && answer.problem != NULL)
		code = output_error(answer.exit, "%s", answer.problem);
	if (code == CTL3_DONE)
		output_print(&v3->out, "Authentication Enabled\n");
	ctl3_answer_free(&answer);
	return code;
}

int
ctl3_auth_disable(struct ctl3 *v3)
{
	struct ctl3_request request = { .path = "/v3/auth/disable" };
	struct ctl3_answer answer = { 0 };
	int code = ctl3_call(v3, &request, &answer);

	if (code == CTL3_DONE)
		output_print(&v3->out, "Authentication Disabled\n");
	ctl3_answer_free(&answer);
	return code;
}

/* Of 3.5: 3.4 has no such call. */
int
ctl3_auth_status(struct ctl3 *v3)
{
	struct ctl3_request request = { .path = "/v3/auth/status", .repeatable = true };
	struct ctl3_answer answer = { 0 };
	int code = ctl3_call(v3, &request, &answer);

	if (code == CTL3_DONE)
		code = ctl3_show_done(v3, answer.root, false,
		    "Authentication Status: %s\nAuthRevision: %" PRIu64,
		    json_true(answer.root, "enabled") ? "true" : "false",
		    ctl3_message_u64(answer.root, "authRevision"));
	ctl3_answer_free(&answer);
	return code;
}

/* ---- alarms -------------------------------------------------------------------- */

static int
show_alarms(const struct ctl3 *v3, const struct json *root)
{
	if (v3->format == CTL3_JSON) {
		ctl3_show_json(v3, root);
		return CTL3_DONE;
	}
	if (v3->format == CTL3_TABLE)
		return ctl3_unsupported(v3);
	if (v3->format == CTL3_FIELDS)
		ctl3_show_header(v3, root);
	for (const struct json *alarm = ctl3_message_first(root, "alarms"); alarm != NULL;
	     alarm = alarm->next) {
		uint64_t id = ctl3_message_u64(alarm, "memberID");
		struct slice type = json_string(alarm, "alarm");

		if (type.size == 0)
			type = SLICE_LITERAL("NONE");
		if (v3->format == CTL3_FIELDS)
			output_print(&v3->out, "\"MemberID\" : %" PRIu64 "\n"
			    "\"AlarmType\" : %.*s\n\n", id, SLICE_ARGS(type));
		else
			output_print(&v3->out, "memberID:%" PRIu64 " alarm:%.*s \n", id,
			    SLICE_ARGS(type));
	}
	return CTL3_DONE;
}

static int
ask_alarms(struct ctl3 *v3, struct slice body, struct ctl3_answer *answer)
{
	struct ctl3_request request = { .path = "/v3/maintenance/alarm", .body = body,
		.repeatable = true };

	return ctl3_call(v3, &request, answer);
}

int
ctl3_alarm_list(struct ctl3 *v3)
{
	struct ctl3_answer answer = { 0 };
	int code = ask_alarms(v3, SLICE_EMPTY, &answer);

	if (code == CTL3_DONE)
		code = show_alarms(v3, answer.root);
	ctl3_answer_free(&answer);
	return code;
}

/* One alarm; what its answer has is put behind those before. */
static int
disarm(struct ctl3 *v3, const struct json *alarm, struct json_put *ended)
{
	struct ctl3_answer answer = { 0 };
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);
	int code;

	json_put_open(&json, NULL, '{');
	json_put_text(&json, "action", SLICE_LITERAL("DEACTIVATE"));
	json_put_text(&json, "memberID", json_string(alarm, "memberID"));
	json_put_text(&json, "alarm", json_string(alarm, "alarm"));
	json_put_close(&json, '}');
	code = ask_alarms(v3, buf_slice(&body), &answer);
	for (const struct json *one = ctl3_message_first(answer.root, "alarms"); one != NULL;
	     one = one->next) {
		json_put_open(ended, NULL, '{');
		json_put_text(ended, "memberID", json_string(one, "memberID"));
		json_put_text(ended, "alarm", json_string(one, "alarm"));
		json_put_close(ended, '}');
	}
	ctl3_answer_free(&answer);
	buf_free(&body);
	return code;
}

/* One after the other, as 3.4 does: what is printed has no header. */
int
ctl3_alarm_disarm(struct ctl3 *v3)
{
	struct ctl3_answer answer = { 0 };
	struct buf text = BUF_INIT;
	struct json_put json = json_put_into(&text);
	struct json_doc doc;
	int code = ask_alarms(v3, SLICE_EMPTY, &answer);
	const struct json *first = ctl3_message_first(answer.root, "alarms");

	json_put_open(&json, NULL, '{');
	if (first != NULL)
		json_put_open(&json, "alarms", '[');
	for (const struct json *alarm = first; alarm != NULL && code == CTL3_DONE;
	     alarm = alarm->next)
		code = disarm(v3, alarm, &json);
	if (first != NULL)
		json_put_close(&json, ']');
	json_put_close(&json, '}');
	if (code == CTL3_DONE && json_doc_read(buf_slice(&text), &doc) == ERR_NONE) {
		code = show_alarms(v3, doc.root);
		json_doc_free(&doc);
	}
	ctl3_answer_free(&answer);
	buf_free(&text);
	return code;
}
