/*
 * json_read.h - JSON from a server as a small tree in one arena.
 *
 * yajl's callbacks build it; nothing recurses, neither reading nor walking, so a
 * deep text costs memory and no stack. Numbers stay text. A text that is no JSON,
 * is deeper than CTL_JSON_DEPTH_MAX, or has a name twice in one object is refused.
 */
#ifndef MOOTHALL_CTL_JSON_READ_H
#define MOOTHALL_CTL_JSON_READ_H

#include "common/arena.h"
#include "common/err.h"
#include "common/limits.h"

enum json_type {
	JSON_NULL, JSON_TRUE, JSON_FALSE, JSON_NUMBER, JSON_STRING, JSON_OBJECT, JSON_ARRAY
};

struct json {
	enum json_type type;
	struct slice name;	/* in an object; else empty */
	struct slice text;	/* of a number or a string */
	struct json *parent, *next, *first, *last;
};

struct json_doc {
	struct arena arena;
	struct json *root;
};

/* ERR_NONE, ERR_MALFORMED or ERR_TOO_BIG. On failure there is nothing to free. */
enum err json_doc_read(struct slice text, struct json_doc *doc) MUST_CHECK;
/* Accepts a zeroed one. */
void json_doc_free(struct json_doc *doc);

/* The member of that name; NULL if there is none, or object is NULL or no object. */
const struct json *json_member(const struct json *object, const char *name);
/* The text of a string member; empty if there is none. */
struct slice json_string(const struct json *object, const char *name);
/* A number member; 0 if there is none or it does not fit. */
uint64_t json_u64(const struct json *object, const char *name);
bool json_true(const struct json *object, const char *name);

#endif
