/*
 * h2_field.h - is a field of a head of HTTP/2 one that everybody reads alike?
 *
 * The library's own check is off: it refuses an authority with a scheme before it, which gRPC
 * clients send (docs/decisions.md). So what RFC 9113, 8.2 and 8.3, asks of fields is asked here.
 * Pure.
 */
#ifndef MOOTHALL_HTTPD_HTTP_H2_FIELD_H
#define MOOTHALL_HTTPD_HTTP_H2_FIELD_H

#include "common/slice.h"

/* Lower case, no blank before or behind the value, no control character in it, nothing that is
 * of a connection. A name that begins with ':' is good if the rest of it is. */
bool h2_field_is_good(struct slice name, struct slice value) MUST_CHECK;
/* Digits alone. False: it is no length; one that is too great reads SIZE_MAX - 1. */
bool h2_field_length(struct slice text, size_t *length) MUST_CHECK;

#endif
