/*
 * status.h - how a v3 call ends: status codes, the texts of refusals, bodies of errors.
 *
 * Made from code_table.h and refusal_table.h. Pure; called by handlers and by what reads
 * requests.
 */
#ifndef MOOTHALL_HTTPD_V3_STATUS_H
#define MOOTHALL_HTTPD_V3_STATUS_H

#include "common/buf.h"

enum v3_code {
#define CODE(tag, number, http, reason, name) V3_##tag = number,
#include "httpd/v3/code_table.h"
};

struct v3_status {
	enum v3_code code;
	const char *text;	/* static, or of the arena of the request; UTF-8 */
};

enum v3_refusal {
#define REFUSAL(tag, code, text) V3_REFUSE_##tag,
#include "httpd/v3/refusal_table.h"
};

struct v3_status v3_status_of(enum v3_refusal refusal);
/* 500 and its reason for a code that no row has. */
unsigned v3_http_status(enum v3_code code);
const char *v3_http_reason(enum v3_code code);
const char *v3_code_name(enum v3_code code);

/* The body of a refused call: {"error":TEXT,"message":TEXT,"code":N}. */
void v3_status_put(struct buf *out, struct v3_status status);
/* The last line of a stream that has had an answer: {"error":{"grpc_code":N,...}} and a
 * newline. */
void v3_status_put_line(struct buf *out, struct v3_status status);

#endif
