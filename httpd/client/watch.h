/*
 * watch.h - long polls and streams of events.
 */
#ifndef MOOTHALL_HTTPD_CLIENT_WATCH_H
#define MOOTHALL_HTTPD_CLIENT_WATCH_H

#include "httpd/client/params.h"
#include "httpd/http/request.h"

/* Answer a GET with wait=true: headers when the watch is registered, then one
 * event, or with stream=true events without end. */
void keys_watch_begin(struct request *request, struct slice key, const struct params *params);
/* Go on with one that waited in another worker, as packed there; its headers are out,
 * so request is streaming. */
void keys_watch_go_on(struct request *request, const struct msg_handed *handed);

/* Users or roles have changed: who may not read what he waits for waits no more. */
void keys_watches_review(struct worker *worker);

#endif
