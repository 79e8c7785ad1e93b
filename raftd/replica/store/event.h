/*
 * event.h - an event: what a write or an expiry did, encoded once for the
 * answer, the watchers, the history and the disk.
 *
 * The bytes are an event_record; its nodes are the node and, with
 * EVENT_PREVIOUS, the previous one.
 *
 * Source: docs/api.md, "Answers" and "Watching".
 */
#ifndef MOOTHALL_RAFTD_REPLICA_STORE_EVENT_H
#define MOOTHALL_RAFTD_REPLICA_STORE_EVENT_H

#include "common/blob.h"
#include "common/buf.h"
#include "common/ipc/message.h"
#include "common/ipc/wire.h"

/* An event's bytes and what matching asks of them. */
struct event {
	struct blob *record;	/* NULL: no event */
	struct slice key;	/* in record */
	uint64_t store_index;
	uint8_t action;		/* ACTION_* */
	uint8_t flags;		/* EVENT_* */
	bool dir;		/* of the node */
};

/*
 * Encode an event_record whose nodes are appended one after the other, so that
 * a listing is not built somewhere else first:
 *	begun = event_begin(out, action, flags, store_index, now_ns);
 *	node_record_put(out, ...) ...
 *	event_end(out, begun);
 */
size_t event_begin(struct buf *out, enum event_action action, unsigned flags,
    uint64_t store_index, uint64_t now_ns);
void event_end(struct buf *out, size_t begun);

/* Read what the bytes say; takes over the caller's reference. False if they
 * are no event of a write: then *event is untouched and record still the caller's. */
bool event_parse(struct blob *record, struct event *event);

/* Was a directory removed, with everything below? */
static inline bool
event_removes_dir(const struct event *event)
{
	return event->dir &&
	    (event->action == ACTION_DELETE || event->action == ACTION_EXPIRE);
}

static inline bool
event_is_refresh(const struct event *event)
{
	return (event->flags & EVENT_REFRESH) != 0;
}

/* Does a watch on key get this event when it looks back (waitIndex)?
 * Hidden names count, and whether the key existed is not asked. */
bool event_fits_past(const struct event *event, struct slice key, bool recursive);

#endif
