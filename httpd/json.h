/*
 * json.h - writes JSON into a buffer: commas and quotes in their places.
 *
 * Names are literals of ours and need no escape; texts go through json_text.h.
 * Not a library's generator, because that one stops at 128 levels of nesting
 * while keys may be as deep as a request head allows.
 */
#ifndef MOOTHALL_HTTPD_JSON_H
#define MOOTHALL_HTTPD_JSON_H

#include "common/buf.h"

struct json {
	struct buf *out;	/* without limit */
	bool comma;		/* the next member or element needs one before it */
};

static inline struct json
json_into(struct buf *out)
{
	return (struct json){ out, false };
}

/* bracket: '{' or '['; and the closing one. */
void json_open(struct json *json, char bracket);
void json_close(struct json *json, char bracket);
/* A member's name; one value must follow. */
void json_name(struct json *json, const char *name);
void json_name_slice(struct json *json, struct slice name);
void json_text(struct json *json, struct slice text);
void json_number(struct json *json, uint64_t number);
void json_bool(struct json *json, bool value);
/* A number with at most digits of fraction, without trailing zeros. */
void json_decimal(struct json *json, double number, unsigned digits);
/* Text that is JSON already. */
void json_raw(struct json *json, const char *text);

#endif
