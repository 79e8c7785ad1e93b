/*
 * read.h - a GET that raftd answers: at once, or in pieces.
 */
#ifndef MOOTHALL_HTTPD_CLIENT_READ_H
#define MOOTHALL_HTTPD_CLIENT_READ_H

#include "httpd/client/event_json.h"
#include "httpd/http/request.h"

/*
 * Ask raftd, and answer the request with what comes and who asks may read.
 *
 *	key	borrowed from the request's arena
 *	flags	READ_FLAG_*
 *	form	V2 or V1
 */
void read_begin(struct request *request, struct slice key, unsigned flags, enum event_form form);

/* keys.c: answer that too many requests are under way. */
void keys_refuse_full(struct request *request);

#endif
