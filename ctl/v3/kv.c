/*
 * kv.c - put, get, del and compaction.
 */
#include "ctl/v3/call.h"
#include "ctl/v3/op.h"
#include "ctl/v3/show.h"

#include <stdlib.h>

int
ctl3_put(struct ctl3 *v3)
{
	struct ctl3_request request = { .path = "/v3/kv/put" };
	struct ctl3_answer answer = { 0 };
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);
	int code = ctl3_op_put(v3->arguments, &json);

	request.body = buf_slice(&body);
	if (code == CTL3_DONE)
		code = ctl3_call(v3, &request, &answer);
	if (code == CTL3_DONE)
		code = ctl3_show_put(v3, answer.root);
	ctl3_answer_free(&answer);
	buf_free(&body);
	return code;
}

int
ctl3_get(struct ctl3 *v3)
{
	bool value_only = ctl_arguments_flag(v3->arguments, OPT_V3_PRINT_VALUE_ONLY);
	struct ctl3_request request = { .path = "/v3/kv/range", .repeatable = true };
	struct ctl3_answer answer = { 0 };
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);
	int code = ctl3_op_get(v3->arguments, &json);

	request.body = buf_slice(&body);
	if (code == CTL3_DONE && value_only && v3->format != CTL3_SIMPLE)
		code = output_error(CTL3_BAD_ARGS,
		    "print-value-only is only for `--write-out=simple`");
	if (code == CTL3_DONE)
		code = ctl3_call(v3, &request, &answer);
	if (code == CTL3_DONE)
		code = ctl3_show_range(v3, answer.root, value_only);
	ctl3_answer_free(&answer);
	buf_free(&body);
	return code;
}

int
ctl3_del(struct ctl3 *v3)
{
	struct ctl3_request request = { .path = "/v3/kv/deleterange" };
	struct ctl3_answer answer = { 0 };
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);
	int code = ctl3_op_del(v3->arguments, &json);

	request.body = buf_slice(&body);
	if (code == CTL3_DONE)
		code = ctl3_call(v3, &request, &answer);
	if (code == CTL3_DONE)
		code = ctl3_show_delete(v3, answer.root);
	ctl3_answer_free(&answer);
	buf_free(&body);
	return code;
}

int
ctl3_compaction(struct ctl3 *v3)
{
	struct ctl3_request request = { .path = "/v3/kv/compaction" };
	struct ctl3_answer answer = { 0 };
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);
	char *problem = NULL;
	int64_t revision;
	int code;

	if (!ctl3_read_i64(v3->arguments->words[0], &revision, &problem)) {
		code = output_error(CTL3_ERROR, "%s", problem);
		free(problem);
		return code;
	}
	json_put_open(&json, NULL, '{');
	ctl3_put_int(&json, "revision", revision);
	if (ctl_arguments_flag(v3->arguments, OPT_V3_PHYSICAL)) {
		json_put_bool(&json, "physical", true);
		request.patient = true;
	}
	json_put_close(&json, '}');
	request.body = buf_slice(&body);
	code = ctl3_call(v3, &request, &answer);
	/* In each form: 3.4 knows no other. */
	if (code == CTL3_DONE)
		output_print(&v3->out, "compacted revision %s\n", v3->arguments->words[0]);
	ctl3_answer_free(&answer);
	buf_free(&body);
	return code;
}
