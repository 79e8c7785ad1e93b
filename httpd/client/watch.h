/*
 * watch.h - long polls and streams of events.
 */
#ifndef MOOTHALL_HTTPD_CLIENT_WATCH_H
#define MOOTHALL_HTTPD_CLIENT_WATCH_H

#include "httpd/client/event_json.h"
#include "httpd/http/request.h"

/*
 * Answer with headers when the watch is registered, then with one event, or with
 * WATCH_FLAG_STREAM with events without end. To HEAD with the headers alone.
 *
 *	flags	WATCH_FLAG_*
 *	since	0: from now on
 *	form	V2 or V1
 */
void keys_watch_begin(struct request *request, struct slice key, unsigned flags, uint64_t since,
    enum event_form form);
/* Go on with one that waited in another worker, as packed there; its headers are out,
 * so request is streaming. */
void keys_watch_go_on(struct request *request, const struct msg_handed *handed);

/* Users or roles have changed: who may not read what he waits for waits no more. */
void keys_watches_review(struct worker *worker);

#endif
