/*
 * discovery_text.h - what a node and a discovery service say to each other.
 *
 * Pure. A discovery URL names a directory of some other cluster, in which each
 * machine of the new one has a key: its name, with its peer URL as the value.
 * Source: docs/operations.md, "Discovery".
 */
#ifndef MOOTHALL_HTTPD_PEER_DISCOVERY_TEXT_H
#define MOOTHALL_HTTPD_PEER_DISCOVERY_TEXT_H

#include "common/buf.h"
#include "common/err.h"
#include "common/limits.h"
#include "httpd/peer/identity.h"

/* Where a request goes. */
struct discovery_url {
	struct peer_address address;	/* with the scheme's port if none was given */
	char path[DISCOVERY_PATH_BYTES_MAX + 1]; /* from "/" on, without "/" at its end */
};

/* ERR_NONE, or ERR_INVALID and *problem: a phrase for people, static. */
enum err discovery_url_parse(struct slice text, struct discovery_url *url,
    const char **problem) MUST_CHECK;
/*
 * Where a redirect of that request leads: the same scheme or https, nothing weaker.
 *
 *	location	value of the header: a URL, or a path on the same host
 *	query	out: what is behind the path, with "?"; borrowed from location
 */
enum err discovery_redirect(const struct discovery_url *from, struct slice location,
    struct discovery_url *to, struct slice *query) MUST_CHECK;

/* Append NAME=VALUE as a form has it, escaped. */
void discovery_form_put(struct buf *out, const char *name, const char *value);

/* Is that the answer to a request of the keys API: an object with action and node? */
bool discovery_is_event(struct slice body);
/* Is that the error of that code? */
bool discovery_is_error(struct slice body, uint64_t code);
/*
 * The machines of a listing, but the one of that name: "host:port,host:port"
 * appended to out, in the order of the listing.
 *
 *	count	out: how many there are
 *
 * ERR_NONE, or ERR_MALFORMED: it is no listing of a directory.
 */
enum err discovery_machines_parse(struct slice body, const char *name, struct buf *out,
    size_t *count) MUST_CHECK;

#endif
