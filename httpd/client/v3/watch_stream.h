/*
 * watch_stream.h - a stream of watches, shared by watch.c (what the client asks), watch_send.c
 * (what he gets) and watch_move.c (from one worker to another).
 *
 * It is the state of its call, and goes with it: watches_free, which the call's end by a method
 * follows, or the call's gone.
 */
#ifndef MOOTHALL_HTTPD_CLIENT_V3_WATCH_STREAM_H
#define MOOTHALL_HTTPD_CLIENT_V3_WATCH_STREAM_H

#include "httpd/backend.h"
#include "httpd/client/v3/call.h"

struct stream_watch {
	struct backend_v3_watch watch;
	struct watch_stream *stream;
	struct hash_link by_id;
	LIST_ENTRY(stream_watch) link;
	TAILQ_ENTRY(stream_watch) by_turn;
	int64_t id;
	bool named;			/* its id is its own: it is in the table */
	bool vain;			/* raftd will refuse it: it has no id */
	bool given_up;			/* a cancel of it waits for its turn */
	bool created;			/* the client was told, it may have events */
	bool waits;			/* behind, in the queue of those that want a piece */
	bool asked;			/* a piece of the past is under way */
	bool notified;			/* wants to hear how far it is now and then, */
	bool heard;			/* but had something since it last should */
	bool fragments;
	uint8_t bytes[];		/* its range */
};

/* What is to be answered when all before it was. */
struct stream_turn;

struct watch_stream {
	struct v3_call *call;
	LIST_HEAD(, stream_watch) watches;
	size_t count;
	struct hash by_id;
	int64_t next_id;
	uint64_t revision;		/* the highest that the client was told */
	TAILQ_HEAD(, stream_turn) turns;
	size_t turn_count;
	TAILQ_HEAD(, stream_watch) behind; /* whose turn it is first */
	unsigned pieces;		/* under way */
	struct backend_v3_progress progress;
	bool progress_wanted;		/* of all watches, by the client */
	bool wanted_later;		/* since raftd was asked: its answer may be too old */
	bool notice_due;		/* of each that is notified */
	struct loop_timer *notices;	/* NULL: nobody is notified */
	struct loop_timer *again;	/* NULL: never needed. To ask once more how far it is */
	struct buf packed;
};

/* ---- watch.c ------------------------------ */

/* The state of the call, which has no message yet. */
struct watch_stream *watches_new(struct v3_call *call);
void watches_free(struct watch_stream *stream);
/* Takes the stream and ends the call. */
void watches_end(struct watch_stream *stream, struct v3_status status);
/* Not begun, not named. NULL: there is no room for one more. */
struct stream_watch *watches_add(struct watch_stream *stream, struct slice key, struct slice end);
/* It is known by that id, which is free. */
void watches_name(struct stream_watch *watch, int64_t id);
struct stream_watch *watches_find(const struct watch_stream *stream, int64_t id);
/* With what raftd has of it. */
void watches_remove(struct stream_watch *watch);
/* Notices begin, unless they have. */
void watches_notify(struct watch_stream *stream);
/* Its watches are asked how far they are, if that is wanted, as soon as all of them are live. */
void watches_look(struct watch_stream *stream);

/* ---- watch_send.c ------------------------------ */

/* A message of the stream with that revision in its header, not below what it had. False: the
 * call is over, and the stream is gone. */
bool watches_say(struct watch_stream *stream, struct v3_watch_response *response,
    uint64_t revision);
/* Of the backend's watch. */
void watches_happened(struct backend_v3_watch *watch, const struct backend_v3_batch *batch);
void watches_turned(struct backend_v3_watch *watch);
/* Ask for pieces of the past, as much as the client takes. */
void watches_ask_on(struct watch_stream *stream);

/* ---- watch_move.c ------------------------------ */

bool watches_pack(const struct v3_call *call, struct msg_handed *handed);

/* May he watch that range, by the users that count? */
bool watches_may(const struct v3_call *call, struct slice key, struct slice end);

#endif
