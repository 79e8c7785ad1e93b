/*
 * json_put.h - writes JSON into a buffer: commas, quotes and names in their places.
 *
 * The one writer of all programs. Not a library's generator, because that one stops
 * at 128 levels of nesting while keys may be as deep as a request head allows, and
 * none escapes as the original API does (json_text.h).
 *
 * Each function takes a name first: that of the member if an object is open, or NULL
 * for an element of an array, for what stands alone, and behind json_put_name. Names
 * are words of ours and need no escape.
 */
#ifndef MOOTHALL_COMMON_JSON_PUT_H
#define MOOTHALL_COMMON_JSON_PUT_H

#include "common/buf.h"

struct json_put {
	struct buf *out;	/* without limit */
	bool comma;		/* the next member or element needs one before it */
};

static inline struct json_put
json_put_into(struct buf *out)
{
	return (struct json_put){ out, false };
}

/* bracket: '{' or '['; and the closing one. */
void json_put_open(struct json_put *json, const char *name, char bracket);
void json_put_close(struct json_put *json, char bracket);
/* The name of a member whose value is written by somebody else, or was chosen by somebody
 * else; one value must follow. */
void json_put_name(struct json_put *json, const char *name);
void json_put_name_slice(struct json_put *json, struct slice name);
void json_put_text(struct json_put *json, const char *name, struct slice text);
void json_put_number(struct json_put *json, const char *name, uint64_t number);
void json_put_bool(struct json_put *json, const char *name, bool value);
/* As a string of sixteen digits: an id has 64 bits, more than a reader of JSON numbers
 * may keep. */
void json_put_id(struct json_put *json, const char *name, uint64_t id);
/* A number with at most digits of fraction, without trailing zeros. */
void json_put_decimal(struct json_put *json, const char *name, double number, unsigned digits);
/* Nanoseconds as milliseconds, with three digits behind the point. */
void json_put_ms(struct json_put *json, const char *name, uint64_t ns);
/* Text that is JSON already. */
void json_put_raw(struct json_put *json, const char *name, const char *text);

#endif
