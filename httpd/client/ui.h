/*
 * ui.h - the page at /ui/: what a request's headers say of the form it wants.
 *
 * Pure. Source: RFC 9110, 12.5.3 (Accept-Encoding) and 13.1.2 (If-None-Match).
 */
#ifndef MOOTHALL_HTTPD_CLIENT_UI_H
#define MOOTHALL_HTTPD_CLIENT_UI_H

#include "common/slice.h"

/* Does who sends that Accept-Encoding take gzip? Empty: no. */
bool ui_takes_gzip(struct slice accept_encoding);
/* Has who sends that If-None-Match the version of that tag, which is without quotes? */
bool ui_has_version(struct slice if_none_match, struct slice tag);

#endif
