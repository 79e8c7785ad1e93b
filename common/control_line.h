/*
 * control_line.h - reading the lines of the control socket: one flat JSON
 * object each way.
 *
 * Request: {"command": "restart", "argument": "client 1"}.
 * Answer: {"ok": true, ...} or {"ok": false, "error": "..."}.
 */
#ifndef MOOTHALL_COMMON_CONTROL_LINE_H
#define MOOTHALL_COMMON_CONTROL_LINE_H

#include "common/err.h"
#include "common/limits.h"
#include "common/slice.h"

#define CONTROL_SOCKET_NAME "control.sock"

struct control_field {
	const char *name;
	char *value;		/* out: text, or "true", "false"; NULL if there is none */
};

/*
 * Fill in the values of the fields named. Other members, and what is inside of
 * them, are skipped. ERR_MALFORMED: no JSON object; no value is set then.
 */
enum err control_line_read(struct slice line, struct control_field *fields, size_t count)
    MUST_CHECK;
void control_line_free(struct control_field *fields, size_t count);

#endif
