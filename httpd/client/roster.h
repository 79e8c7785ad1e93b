/*
 * roster.h - what clients send to change the members, as JSON; and URLs as they are shown.
 *
 * Pure. POST and PUT of /v2/members carry {"peerURLs":["http://HOST:PORT",...]}. Members of the
 * object that are not named here are passed over, as clients of the 2.x series expect.
 */
#ifndef MOOTHALL_HTTPD_CLIENT_ROSTER_H
#define MOOTHALL_HTTPD_CLIENT_ROSTER_H

#include "common/buf.h"
#include "common/err.h"
#include "common/json_put.h"

#define ROSTER_PROBLEM_BYTES 320

/*
 * Take the peer URLs of a body.
 *
 *	urls	out: appended, separated by commas, none of them twice
 *	problem	out: why not, a sentence in the words of the 2.x series
 *
 * ERR_NONE, or ERR_MALFORMED; urls may hold some then.
 */
enum err roster_body_parse(struct slice body, struct buf *urls,
    char problem[ROSTER_PROBLEM_BYTES]) MUST_CHECK;
/* The same of a list; problem as there. ERR_MALFORMED also if there is none. */
enum err roster_urls_take(const struct slice *list, size_t count, struct buf *urls,
    char problem[ROSTER_PROBLEM_BYTES]) MUST_CHECK;
/* An id of a path: 1 to 16 hexadecimal digits, not all of them zeros. */
bool roster_id_parse(struct slice text, uint64_t *id);
/* URLs that are separated by commas, as a list. */
void roster_put_urls(struct json_put *json, const char *name, const char *urls);

#endif
