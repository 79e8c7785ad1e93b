/*
 * url.h - percent escapes, and paths as the API wants them.
 *
 * Pure. Paths and form fields are byte strings: nothing here asks for UTF-8.
 * Source: docs/api.md, "Keys" and "Operations".
 */
#ifndef MOOTHALL_HTTPD_HTTP_URL_H
#define MOOTHALL_HTTPD_HTTP_URL_H

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"

enum url_part {
	URL_PATH,	/* "+" stays "+" */
	URL_FORM,	/* "+" is a blank */
};

/*
 * Decode percent escapes, once.
 *
 *	decoded	text itself if nothing had to change, else in the arena
 *	broken	on failure: the up to three bytes at the percent sign; borrowed from text
 *
 * ERR_NONE or ERR_MALFORMED.
 */
enum err url_decode(struct arena *arena, enum url_part part, struct slice text,
    struct slice *decoded, struct slice *broken) MUST_CHECK;

/* False if a decoded path has an empty segment (but for a trailing slash), or
 * a segment "." or "..". */
bool url_path_is_clean(struct slice path);
/* Append a decoded path cleaned and with percent escapes: empty and "."
 * segments are gone, ".." took its parent with it, a trailing slash stays. */
void url_path_put_clean(struct slice path, struct buf *out);
/* Append a URL, or the end of one, as it came: only bytes that are no visible ASCII, and so
 * have no place in one nor in a header, get percent escapes. */
void url_put_visible(struct slice text, struct buf *out);

#endif
