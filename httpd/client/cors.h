/*
 * cors.h - which web pages may read answers and which may write: -cors and
 * -origin-check.
 *
 * A browser that runs a page of another origin says so in the header Origin.
 * It shows our answer to the page only if the answer allows that; and a plain
 * form it sends in any case, so writes of pages that are not allowed are
 * refused by us. A program that is no browser sends no Origin, and nothing changes.
 *
 * Origins are compared byte by byte; "*" in the list is every origin.
 *
 * Source: docs/api.md, "Web pages"; Fetch standard, 3.2 (CORS protocol).
 */
#ifndef MOOTHALL_HTTPD_CLIENT_CORS_H
#define MOOTHALL_HTTPD_CLIENT_CORS_H

#include "common/option.h"
#include "httpd/http/request.h"

struct cors;

/* Borrows the lists of config. NULL: there is nothing to do. */
struct cors *cors_new(const struct config *config);
void cors_free(struct cors **cors);

/* Append the header lines for the answer; none if its origin is not allowed. */
void cors_put(const struct cors *cors, const struct request *request, struct buf *lines);
/* Is its origin this node, by a name that no other page can have (host.h)? A browser says so with
 * each write of our own page. */
bool cors_is_own(const struct request *request);
/* Is that a write of a page that is not allowed? Our own is. Without a check, which NULL has
 * none of, only one that a browser has signed with the user or certificate that it keeps. */
bool cors_forbids(const struct cors *cors, const struct request *request);

#endif
