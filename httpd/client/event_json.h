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

enum event_form {
	EVENT_FORM_V2,			/* action, node, prevNode; and a newline */
	EVENT_FORM_V1,			/* flat, of the first series: one object, or for a
					 * directory that is read a list of them */
	EVENT_FORM_BARE,		/* as V2, of what set a node the action only */
};

/* The Content-Type of that form. */
const char *event_json_type(enum event_form form);

/*
 * Append an encoded event_record as JSON.
 *
 *	created	out: a node came into being, so that a write answers 201; may be NULL
 *
 * ERR_MALFORMED if it is none; something may be appended then.
 */
enum err event_json_put(struct buf *out, enum event_form form, struct slice event,
    bool *created) MUST_CHECK;

/* Which nodes of a listing are shown; with a directory that is, all above it are. */
struct event_json_filter {
	bool (*shows)(void *argument, struct slice key, bool is_directory);
	void *argument;
};
/* The same of what is shown. ERR_DENIED: the first node is not. */
enum err event_json_put_shown(struct buf *out, struct slice event,
    const struct event_json_filter *filter) MUST_CHECK;

/*
 * One whose bytes come in pieces, cut anywhere: what is appended for all of them
 * together is what event_json_put appends. The length of its nodes may be
 * UINT32_MAX, not known; then they end where the pieces do. In the form V1 it is that
 * of a read, all others are ERR_MALFORMED.
 */
struct event_json;

/* form: V2 or V1. */
struct event_json *event_json_new(enum event_form form);
/* Before the first piece: only what is shown; of the filter's function and argument. */
void event_json_show(struct event_json *event, struct event_json_filter filter);
/* Accepts NULL in *event. */
void event_json_free(struct event_json **event);
/* The next piece. ERR_MALFORMED: it is none; ERR_DENIED: its first node is not shown; and
 * no more may be given. */
enum err event_json_feed(struct event_json *event, struct slice bytes,
    struct buf *out) MUST_CHECK;
/* That was all. ERR_MALFORMED: it is not whole. */
enum err event_json_end(struct event_json *event, struct buf *out) MUST_CHECK;

#endif
