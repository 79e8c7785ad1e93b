/*
 * json_walk.h - reading JSON from outside: one callback for each value.
 *
 * Pure. yajl cuts the text to tokens; here are the rules it does not have:
 * depth limit, no key twice in an object, strings must be well-formed UTF-8,
 * numbers stay text. The caller bounds the text's size.
 */
#ifndef MOOTHALL_HTTPD_JSON_WALK_H
#define MOOTHALL_HTTPD_JSON_WALK_H

#include "common/err.h"
#include "common/limits.h"
#include "common/slice.h"

enum json_kind {
	JSON_NULL,
	JSON_BOOL,		/* text: true or false */
	JSON_NUMBER,		/* text as it came */
	JSON_STRING,		/* text without quotes and escapes */
	JSON_OBJECT,		/* begins; its members follow */
	JSON_OBJECT_END,
	JSON_ARRAY,
	JSON_ARRAY_END,
};

struct json_walker {
	/* place says where: "" is the whole text, "a.b" member b of member a, "c[]"
	 * any item of c. A key of other bytes than [A-Za-z0-9_] is "?" there. text is
	 * borrowed. False: what is there is wrong, stop. */
	bool (*value)(void *argument, const char *place, enum json_kind kind, struct slice text);
	void *argument;
};

/* A value as a string of C in array, of size bytes. False: it is no string that fits. */
bool json_walk_text(enum json_kind kind, struct slice text, char *array, size_t size) MUST_CHECK;
/* ERR_NONE, or ERR_MALFORMED with *problem: a phrase for people, static. */
enum err json_walk(struct slice text, struct json_walker walker, const char **problem) MUST_CHECK;

#endif
