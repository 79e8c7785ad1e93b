/*
 * endpoints.h - a list of client URLs. Pure.
 */
#ifndef MOOTHALL_CTL_ENDPOINTS_H
#define MOOTHALL_CTL_ENDPOINTS_H

#include "common/err.h"
#include "common/limits.h"
#include "common/slice.h"

struct endpoints {
	char *urls[ENDPOINTS_MAX];	/* owned; scheme, host and port, no final slash */
	size_t count;
};

/*
 * Add the URLs of a list "a,b, c". One without a scheme gets "http", or "https" if
 * secure; one without a port is left so. Those that are there already are passed
 * over. ERR_INVALID: *bad is the first that is no URL, owned by the caller; nothing
 * behind it was added.
 */
enum err endpoints_add(struct endpoints *endpoints, struct slice list, bool secure,
    char **bad) MUST_CHECK;
void endpoints_free(struct endpoints *endpoints);
/* That one is asked first from now on; the others keep their order. */
void endpoints_prefer(struct endpoints *endpoints, size_t which);

#endif
