/*
 * status.c - how a v3 call ends (see status.h).
 */
#include "httpd/v3/status.h"

#include "common/json_put.h"

struct code_row {
	unsigned http;
	const char *reason;
	const char *name;
};

static const struct code_row codes[] = {
#define CODE(tag, number, http, reason, name) [number] = { http, reason, name },
#include "httpd/v3/code_table.h"
};

static const struct v3_status refusals[] = {
#define REFUSAL(tag, code, text) [V3_REFUSE_##tag] = { V3_##code, text },
#include "httpd/v3/refusal_table.h"
};

struct v3_status
v3_status_of(enum v3_refusal refusal)
{
	return refusals[refusal];
}

static const struct code_row *
row_of(enum v3_code code)
{
	return &codes[(size_t)code < ARRAY_COUNT(codes) ? code : V3_UNKNOWN];
}

unsigned
v3_http_status(enum v3_code code)
{
	return row_of(code)->http;
}

const char *
v3_http_reason(enum v3_code code)
{
	return row_of(code)->reason;
}

const char *
v3_code_name(enum v3_code code)
{
	return row_of(code)->name;
}

void
v3_status_put(struct buf *out, struct v3_status status)
{
	struct json_put json = json_put_into(out);

	json_put_open(&json, NULL, '{');
	json_put_text(&json, "error", slice_text(status.text));
	json_put_text(&json, "message", slice_text(status.text));
	json_put_number(&json, "code", status.code);
	json_put_close(&json, '}');
}

void
v3_status_put_line(struct buf *out, struct v3_status status)
{
	struct json_put json = json_put_into(out);

	json_put_open(&json, NULL, '{');
	json_put_open(&json, "error", '{');
	json_put_number(&json, "grpc_code", status.code);
	json_put_number(&json, "http_code", v3_http_status(status.code));
	json_put_text(&json, "message", slice_text(status.text));
	json_put_text(&json, "http_status", slice_text(v3_http_reason(status.code)));
	json_put_close(&json, '}');
	json_put_close(&json, '}');
	buf_append_byte(out, '\n');
}
