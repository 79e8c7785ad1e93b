/*
 * head.h - the gate before the HTTP parser: is this the head of a request that
 * everybody reads alike?
 *
 * The parser takes much that another program may read differently (a bare CR
 * as a line end, blanks before a colon, folded lines, two hosts, ...). What
 * passes here the parser takes too, with the same names and values. Pure.
 */
#ifndef MOOTHALL_HTTPD_HTTP_HEAD_H
#define MOOTHALL_HTTPD_HTTP_HEAD_H

#include "common/limits.h"
#include "httpd/http/request.h"

struct head {
	struct slice method, target;
	bool http_1_0;			/* else 1.1 */
	bool chunked;
	bool has_length;
	uint64_t content_length;	/* 0 without has_length */
	size_t header_count;
	struct request_header headers[HEAD_FIELDS_MAX];
};

/*
 * Look for the end of the head.
 *
 *	bytes	what has come, from the first byte of the request line
 *	scanned	where the last call stopped, 0 at first; kept by the caller
 *	size	out: bytes of the whole head, or 0 if it has not all come
 *
 * 0, or the status to refuse with: 400, 414 or 431. Called again with every
 * part that comes, it looks at each byte once.
 */
unsigned head_find_end(struct slice bytes, size_t *scanned, size_t bytes_max,
    size_t *size) MUST_CHECK;

/* Check and take apart a whole head; slices borrowed from bytes. 0, or the
 * status to refuse with: 400, 431 or 505. */
unsigned head_read(struct slice bytes, struct head *head) MUST_CHECK;

/* May a request of that method be for that target? */
bool head_target_is_good(struct slice target, struct slice method) MUST_CHECK;

/* Equal but for the case of ASCII letters. */
bool head_name_equal(struct slice a, const char *b);

#endif
