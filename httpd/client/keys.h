/*
 * keys.h - what requests for keys have in common, whichever series they are of.
 *
 * Source: docs/api.md, "Keys".
 */
#ifndef MOOTHALL_HTTPD_CLIENT_KEYS_H
#define MOOTHALL_HTTPD_CLIENT_KEYS_H

#include "common/ipc/message.h"
#include "httpd/client/event_json.h"
#include "httpd/http/request.h"

/* The key that stands in the path behind so many bytes, of a route. */
struct slice keys_key(const struct request *request, size_t route_bytes);
/* The body, if it is a form of a request that has one; else empty. */
struct slice keys_form(const struct request *request);
/* False: this node is no member yet, which was answered. */
bool keys_is_served(struct request *request);
/* False: the key is above the limits, which was answered. op: WRITE_*, 0 for a read or watch. */
bool keys_is_allowed(struct request *request, struct slice key, unsigned op);
/* True: raftd gives no sign of life, which was answered. For what else is answered from
 * what this worker knows, or waits as long as raftd takes. */
bool keys_is_silent(struct request *request);
/* Ask raftd for a write, and answer with its event in that form. */
void keys_write(struct request *request, struct msg_write *write, enum event_form form);

#endif
