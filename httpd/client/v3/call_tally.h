/*
 * call_tally.h - how many calls of the v3 API began and how they ended, under etcd's names of
 * metrics, whatever carried them.
 *
 * Owns which series this worker has. A call that another worker takes over began here and ends
 * there.
 */
#ifndef MOOTHALL_HTTPD_CLIENT_V3_CALL_TALLY_H
#define MOOTHALL_HTTPD_CLIENT_V3_CALL_TALLY_H

#include "httpd/v3/method.h"

struct call_tally;

struct call_tally *call_tally_new(void);
/* Accepts NULL in *tally. */
void call_tally_free(struct call_tally **tally);

void call_tally_began(struct call_tally *tally, const struct v3_method *method);
/* Above V3_TALLY_SERIES_MAX kinds of ends those that are new count as one kind. */
void call_tally_ended(struct call_tally *tally, const struct v3_method *method,
    enum v3_code code);

#endif
