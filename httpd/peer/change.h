/*
 * change.h - requests on the peer port that change who is a member.
 *
 * PUT /join is peer_join_handle of peer.h; removals come from admin.c, which
 * knows their paths.
 */
#ifndef MOOTHALL_HTTPD_PEER_CHANGE_H
#define MOOTHALL_HTTPD_PEER_CHANGE_H

#include "httpd/http/request.h"

/* Remove the member of that name (borrowed from the request) and answer. */
void change_remove(struct request *request, struct slice name);

#endif
