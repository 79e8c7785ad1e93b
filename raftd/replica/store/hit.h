/*
 * hit.h - what those who watch get, and how much of the past at a time.
 *
 * Made by watch.c; handed out by store_take_hits and store_catch_up (store.h).
 */
#ifndef MOOTHALL_RAFTD_REPLICA_STORE_HIT_H
#define MOOTHALL_RAFTD_REPLICA_STORE_HIT_H

#include "common/blob.h"

/* In the order they come in for one index. */
enum store_hit_kind {
	HIT_EVENT,
	HIT_CLEARED,		/* ended, ERR_WATCHER_CLEARED: what it waits for is gone */
	HIT_LIVE,		/* behind no more */
};

/* An event, or something else, and those of one owner whom it concerns. */
struct store_hit {
	uint64_t owner;
	enum store_hit_kind kind;
	struct blob *event;	/* HIT_EVENT: encoded event_record */
	uint64_t past_bytes;	/* what it costs to give it to those that are behind, about */
	size_t id_count;
	const uint64_t *ids;
};

/* What one store_catch_up may do. The last event of each may pass it. */
struct store_catch_up {
	size_t bytes_max;	/* of events */
	size_t looks_max;	/* events looked at, also those that do not fit */
	size_t piece_bytes;	/* of one watch, until store_watch_more */
	size_t untaken_max;	/* past_bytes of hits of one owner, until store_watch_taken */
	/* May this owner be given more now? */
	bool (*has_room)(void *argument, uint64_t owner);
	void *argument;
};

#endif
