/*
 * limits.h - every limit on what comes from outside, and how they relate.
 *
 * Defaults that are options are in option_table.h; what stands here bounds them.
 */
#ifndef MOOTHALL_COMMON_LIMITS_H
#define MOOTHALL_COMMON_LIMITS_H

#include "common/base.h"

#define KIB ((size_t)1024)
#define MIB ((size_t)1024 * 1024)

/* Frames and channels */
#define FRAME_HEADER_BYTES ((size_t)16)
#define FRAME_BYTES_MAX (16 * MIB)	 /* whole frame; above: the channel is closed */
#define FRAME_CHUNK_BYTES (1 * MIB)	 /* bulk answers are cut to pieces of this */
#define CHANNEL_QUEUE_BYTES_MAX (256 * MIB) /* waiting for one worker; then it is cut off */
#define SESSION_QUEUE_BYTES (64 * MIB)	/* waiting for one worker; above, it is not read from */
#define CHANNEL_READ_BYTES_MAX (1 * MIB) /* taken from one channel in one turn */
#define ASSEMBLED_BYTES_MAX (128 * MIB) /* a chunked answer, put together again */

/* Requests */
#define BODY_BYTES_MAX (10 * MIB)
#define HEAD_BYTES_MAX (64 * KIB)
#define HEAD_FIELDS_MAX 100
#define KEY_BYTES_MAX (48 * KIB)
#define KEY_NAMES_MAX 1024
#define VALUE_BYTES_MAX BODY_BYTES_MAX
#define FRAME_ROOM (64 * KIB)		/* every other field of a command */

/* Members */
#define NAME_BYTES_MAX 255
#define URL_BYTES_MAX 1024
#define VOTERS_MAX 31
#define MEMBERS_MAX 64			/* voters and learners together */
#define ACTIVE_SIZE_DEFAULT 9		/* members that may join a cluster, */
#define ACTIVE_SIZE_MIN 3		/* and what fewer are raised to */
#define REMOVE_DELAY_MS_DEFAULT 1800000
#define REMOVE_DELAY_MS_MIN 2000
#define SYNC_INTERVAL_MS_DEFAULT 5000
#define SYNC_INTERVAL_MS_MIN 1000
#define CLUSTER_TIME_MS_MAX UINT64_C(31536000000)

/* Bodies kept by one client worker */
#define CACHE_BYTES_MAX (4 * MIB)
#define CACHE_BODY_BYTES_MAX (64 * KIB)

/* Store */
#define HISTORY_EVENTS 1000		/* that waitIndex can reach (docs/api.md, "Watching") */
#define HISTORY_BYTES_DEFAULT (16 * MIB) /* and what they may weigh together */
#define VIEW_KEPT_BYTES_MAX (16 * MIB) /* kept for one listing that is read while writes go on */
#define VIEWS_KEPT_BYTES_MAX (64 * MIB) /* the same for all of a node */
#define VIEW_HELD_BYTES (4 * KIB)	/* what a removed directory, held for it, counts for */
#define VIEWS_HELD_BYTES_MAX (64 * MIB) /* held directories, above what the tree was */
#define CAUSE_VALUE_BYTES_MAX (1 * MIB)	/* of each value that a failed comparison tells */

/* At most once */
#define SESSIONS_MAX 1024		/* least recently applied one goes (replicated rule) */
#define SESSION_RESULTS_MAX 4096	/* answers kept for one session */
#define WORKER_REQUESTS_MAX 4096	/* in work in one worker */

/* Writes under way in one node; above, more are refused */
#define PROPOSAL_BYTES_MAX (128 * MIB)

/* Peers */
#define APPEND_BYTES_MAX (1 * MIB)	/* payload of one append; one entry may pass it */
#define INFLIGHT_MESSAGES_MAX 64	/* appends under way to one peer */
#define INFLIGHT_BYTES_MAX (8 * MIB)
#define LOG_MEMORY_BYTES (8 * MIB)	/* applied entries kept in memory for slow peers */
#define PEER_QUEUE_BYTES_MAX (32 * MIB) /* waiting for one peer's stream; then dropped */
#define SNAPSHOT_CHUNK_BYTES (256 * KIB)

_Static_assert(VALUE_BYTES_MAX + KEY_BYTES_MAX + FRAME_ROOM <= FRAME_BYTES_MAX,
    "a set command with the largest key and value fits in one frame");
_Static_assert(2 * CAUSE_VALUE_BYTES_MAX + FRAME_ROOM <= FRAME_BYTES_MAX,
    "the outcome of a failed comparison fits in one frame");
_Static_assert(SNAPSHOT_CHUNK_BYTES + VALUE_BYTES_MAX + FRAME_ROOM <= FRAME_BYTES_MAX,
    "a snapshot chunk that passes its size by one record fits in one frame");
_Static_assert(WORKER_REQUESTS_MAX <= SESSION_RESULTS_MAX,
    "every answer a worker may still ask for again is kept");
_Static_assert(ASSEMBLED_BYTES_MAX + SESSION_QUEUE_BYTES <= CHANNEL_QUEUE_BYTES_MAX,
    "the largest answer fits behind what may wait when its question is read");
_Static_assert(VALUE_BYTES_MAX + 2 * KEY_BYTES_MAX <= VIEW_KEPT_BYTES_MAX,
    "one changed value never costs a listing");
_Static_assert(INFLIGHT_BYTES_MAX <= PEER_QUEUE_BYTES_MAX,
    "flow control holds a leader back before the peer's queue drops");

#endif
