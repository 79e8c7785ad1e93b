/*
 * event_json.h - events and nodes as JSON, the way the API spells them.
 *
 * Source: docs/api.md, "Answers".
 */
#ifndef MOOTHALL_HTTPD_CLIENT_EVENT_JSON_H
#define MOOTHALL_HTTPD_CLIENT_EVENT_JSON_H

#include "common/buf.h"
#include "common/err.h"
#include "common/ipc/message.h"

/*
 * Append an encoded event_record as JSON and a newline.
 *
 *	created	out: a node came into being, so that a write answers 201; may be NULL
 *
 * ERR_MALFORMED if it is none; something may be appended then.
 */
enum err event_json_put(struct buf *out, struct slice event, bool *created) MUST_CHECK;

#endif
