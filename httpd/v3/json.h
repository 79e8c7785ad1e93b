/*
 * json.h - messages of the v3 API as JSON: bodies of the gateway.
 *
 * Pure. Reading, by yajl, has these rules:
 *
 *	names		as in the protocol, or in lowerCamelCase; unknown ones are passed by
 *	null		as if the field were absent; no item of a list
 *	bytes		base64, standard alphabet, with padding
 *	64 bits, 32	an integer, or a string of one; the field's range
 *	enum		a name, or a number that need be none of the enum's
 *	boolean		true, false
 *	twice		a field, or two members of one oneof: refused
 *	nesting		V3_NESTED_MAX levels of messages, and as many of what is passed by
 *
 * The caller bounds the text. What is made of it takes at most V3_DECODED_BYTES_MAX for parts
 * and lists, and no more than the text for bytes and strings.
 *
 * Writing: no blanks, fields in the order of their numbers by their names in the protocol.
 * What is zero is left out, a part that is there is written even if it is empty. 64 bits are
 * strings, bytes base64, a byte of a string that is no UTF-8 U+FFFD.
 */
#ifndef MOOTHALL_HTTPD_V3_JSON_H
#define MOOTHALL_HTTPD_V3_JSON_H

#include "common/arena.h"
#include "common/err.h"
#include "common/json_put.h"
#include "httpd/v3/message.h"
#include "httpd/v3/status.h"

/*
 * Read the body of a unary request; an empty one is an empty message.
 *
 *	message	the type's struct; undefined on failure. All it points to is of the arena
 *	refusal	why not, with code 3; its text is of the arena, or static
 *
 * ERR_NONE, ERR_MALFORMED, ERR_TOO_BIG.
 */
enum err v3_json_read(const struct v3_type *type, struct slice text, struct arena *arena,
    void *message, struct v3_status *refusal) MUST_CHECK;

/*
 * Read the next of the documents that are the body of a stream's requests; *text becomes what
 * is behind it. ERR_CLOSED: there are no more. A refusal has code 2, as the original's.
 */
enum err v3_json_read_next(const struct v3_type *type, struct slice *text, struct arena *arena,
    void *message, struct v3_status *refusal) MUST_CHECK;

/* Write a message as a member of that name, or as a value if it is NULL. False: a KeyValue in
 * it is malformed, and what was written is worth nothing. */
bool v3_json_put(struct json_put *json, const char *name, const struct v3_type *type,
    const void *message) MUST_CHECK;
/* Only its members: who has opened an object may add his own and closes it. So an answer that
 * is too long to be held is written in pieces, and events that many watch are written once. */
bool v3_json_put_members(struct json_put *json, const struct v3_type *type, const void *message)
    MUST_CHECK;
/* One answer of a stream: {"result":{...}} and a newline. */
bool v3_json_put_line(struct buf *out, const struct v3_type *type, const void *message) MUST_CHECK;
/* A KeyValue in wire form by itself. */
bool v3_json_put_key_value(struct json_put *json, const char *name, struct slice wire) MUST_CHECK;

#endif
