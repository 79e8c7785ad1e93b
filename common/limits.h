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
/* What max_key_names and max_key_bytes may be: for a key that is read, watched or
 * deleted the maximum counts, whatever is configured. */
#define KEY_NAMES_MAX 1024
#define KEY_NAMES_MIN 1
#define KEY_NAMES_DEFAULT 128
#define KEY_BYTES_MAX (48 * KIB)
#define KEY_BYTES_MIN (1 * KIB)
#define KEY_BYTES_DEFAULT (16 * KIB)
#define KEY_BYTES_BEFORE (64 * KIB)	/* of those in backups from before there were limits */
#define KEY_ORDER_DIGITS 20		/* an in-order name, put behind a key that was asked for */
#define VALUE_BYTES_MAX BODY_BYTES_MAX
#define FRAME_ROOM (64 * KIB)		/* every other field of a frame */
#define COMMAND_BYTES_MAX (FRAME_BYTES_MAX - FRAME_ROOM) /* payload of an entry of the log */
/* Key, value and previous value of a write together. */
#define WRITE_BYTES_MAX (COMMAND_BYTES_MAX - 1 * KIB)

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
#define CONFIG_UNKNOWN_MAX 32		/* values of newer programs that are kept */
#define CONFIG_ITEMS_BYTES_MAX (4 * KIB) /* of a change of the configuration */

/* Bodies kept by one client worker */
#define CACHE_BYTES_MAX (4 * MIB)
#define CACHE_BODY_BYTES_MAX (64 * KIB)
#define CACHE_WALKS_MAX 8		/* directories removed at once; above, all bodies go */

/* Store */
#define HISTORY_EVENTS 1000		/* that waitIndex can reach (docs/api.md, "Watching"), */
#define HISTORY_BYTES_DEFAULT (16 * MIB) /* and as many as these bytes hold */
#define HISTORY_BYTES_MIN (1 * MIB)
#define HISTORY_BYTES_MAX (1024 * MIB)
#define CAUSE_VALUE_BYTES_MAX (1 * MIB)	/* of each value that a failed comparison tells */
#define CAUSE_BYTES_MAX (2 * CAUSE_VALUE_BYTES_MAX + FRAME_ROOM) /* of any error */
#define EXPIRE_COUNT_MAX 1000		/* nodes that one entry lets expire, */
#define EXPIRE_BYTES_MAX (4 * MIB)	/* until their keys and values are so many bytes */
/* A record of the applied state, key and value: the largest is a node. */
#define STATE_RECORD_BYTES_MAX (VALUE_BYTES_MAX + 2 * FRAME_ROOM)
/* What a worker is told of a turn's changes; above: that all has changed. */
#define ANNOUNCE_BYTES_MAX (256 * KIB)
#define EVENT_IDS_MAX ((size_t)65536)	/* watches that one frame with an event is for */
#define WATCH_PATH_BYTES (1 * KIB)	/* of the paths of all watches, for each that may be open */

/* At most once */
#define SESSIONS_MAX 1024		/* least recently applied one goes (replicated rule) */
#define SESSION_RESULTS_MAX 4096	/* answers kept for one session */
#define WORKER_REQUESTS_MAX 4096	/* in work in one worker */

/* Writes under way in one node; above, more are refused */
#define PROPOSAL_BYTES_MAX (128 * MIB)
#define CHANGES_MAX 256			/* of members, that wait at the leader */

/* Peers */
#define APPEND_BYTES_MAX (1 * MIB)	/* payload of one append; one entry may pass it */
#define INFLIGHT_MESSAGES_MAX 64	/* appends under way to one peer */
#define INFLIGHT_BYTES_MAX (8 * MIB)
#define LOG_MEMORY_BYTES (8 * MIB)	/* applied entries kept in memory for slow peers */
#define PEER_QUEUE_BYTES_MAX (32 * MIB) /* waiting for one peer's stream; then dropped */
#define SNAPSHOT_CHUNK_BYTES (256 * KIB)

_Static_assert(BODY_BYTES_MAX + HEAD_BYTES_MAX + KEY_BYTES_MAX <= WRITE_BYTES_MAX,
    "whatever a request can hold is a write that is taken");
_Static_assert(FRAME_CHUNK_BYTES + CAUSE_BYTES_MAX + FRAME_ROOM <= FRAME_BYTES_MAX,
    "an outcome with the largest cause and a piece of an event fits in one frame");
_Static_assert(SNAPSHOT_CHUNK_BYTES + STATE_RECORD_BYTES_MAX + FRAME_ROOM <= FRAME_BYTES_MAX,
    "a snapshot chunk that passes its size by one record fits in one frame");
_Static_assert(CAUSE_BYTES_MAX + FRAME_ROOM <= STATE_RECORD_BYTES_MAX,
    "an answer that a session keeps is a record");
_Static_assert(APPEND_BYTES_MAX <= COMMAND_BYTES_MAX,
    "an append has its bytes of entries, or one entry: either fits in one frame");
_Static_assert(FRAME_CHUNK_BYTES + EVENT_IDS_MAX * 8 + FRAME_ROOM <= FRAME_BYTES_MAX,
    "a piece of an event with all that want it fits in one frame");
_Static_assert(ANNOUNCE_BYTES_MAX + KEY_BYTES_BEFORE + FRAME_ROOM <= FRAME_BYTES_MAX,
    "an announcement that passes its size by one path fits in one frame");
_Static_assert(MEMBERS_MAX * (NAME_BYTES_MAX + 3 * URL_BYTES_MAX + 64) + FRAME_ROOM <=
    FRAME_BYTES_MAX, "a status with all members, and their peers to ask, fits in one frame");
_Static_assert(WORKER_REQUESTS_MAX <= SESSION_RESULTS_MAX,
    "every answer a worker may still ask for again is kept");
_Static_assert(ASSEMBLED_BYTES_MAX + SESSION_QUEUE_BYTES <= CHANNEL_QUEUE_BYTES_MAX,
    "the largest answer fits behind what may wait when its question is read");
_Static_assert(INFLIGHT_BYTES_MAX <= PEER_QUEUE_BYTES_MAX,
    "flow control holds a leader back before the peer's queue drops");

#endif
