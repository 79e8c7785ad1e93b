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
/* Taken from one channel in one turn. An event may be for a watch by each 8 of them. */
#define CHANNEL_READ_BYTES_MAX (256 * KIB)
#define TRACE_BYTES_MAX ((size_t)128)	/* of each field of a frame that is traced */
#define ASSEMBLED_BYTES_MAX (128 * MIB) /* a chunked answer, put together again */

/* Answers of reads. A bigger one comes in pieces, each asked for when the one before is
 * on its way to the client. */
#define ANSWER_PIECE_BYTES (256 * KIB)	/* more is not answered at once */
#define ANSWER_SMALL_BYTES (16 * KIB)	/* what is not more goes before what is */
#define ANSWER_WHOLE_BYTES (1 * MIB)	/* of JSON; a longer answer is a stream */
#define ANSWER_TURN_BYTES (4 * MIB)	/* of answers at once, in one turn */
#define ANSWER_TURN_NODES 32768		/* looked at for them */
#define SESSION_ANSWER_BYTES (4 * MIB)	/* waiting for one worker; above, its reads wait */
#define SESSION_PIECES_BYTES (2 * MIB)	/* the same; above, all but small answers wait */
#define SESSION_VIEWS_MAX 16		/* listings being read in pieces; more wait */
#define VIEW_TURN_PIECES 4		/* in one turn, of all that are read */
#define VIEW_PIECE_NODES 2048		/* looked at for one piece */

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

/* What a worker keeps for its connections: answers not taken, requests not answered */
#define CONN_HELD_BYTES (1 * MIB)	/* of one; then nothing more is parsed */
#define ADDRESS_HELD_BYTES_MAX (64 * MIB) /* of one client address; above, who takes nothing */
#define WORKER_HELD_BYTES_MAX (256 * MIB) /* is cut; and so of all */
#define BODY_FREE_BYTES (256 * KIB)	/* of a body; more is received if there is room for all */

/* Connections that go from one worker to another (httpd/handover.h) */
#define HANDOVER_WINDOW 64		/* under way at a time */
#define HANDOVER_BYTES_MAX (4 * MIB)	/* read or not written of one; above, it waits */

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

/* Signs of life */
#define ALIVE_INTERVAL_MS 1000		/* of each child, at least so often */
#define RAFTD_SILENT_MS 2000		/* without one its node answers no plain GET */

/* Bodies kept by one client worker */
#define CACHE_BYTES_MAX (4 * MIB)
#define CACHE_BODY_BYTES_MAX (64 * KIB)
#define CACHE_WALKS_MAX 8		/* directories removed at once; above, all bodies go */

/* Store */
#define HISTORY_EVENTS 1000		/* that waitIndex can reach (docs/api.md, "Watching"), */
#define HISTORY_BYTES_DEFAULT (16 * MIB) /* and as many as these bytes hold */
#define HISTORY_BYTES_MIN (1 * MIB)
#define HISTORY_BYTES_MAX (1024 * MIB)
#define VIEW_KEPT_BYTES_MAX (16 * MIB) /* kept for one listing that is read while writes go on */
#define VIEWS_KEPT_BYTES_MAX (64 * MIB) /* the same for all of a node */
#define VIEW_HELD_BYTES (4 * KIB)	/* what a removed directory, held for it, counts for */
#define VIEWS_HELD_BYTES_MAX (64 * MIB) /* held directories, above what the tree was */
#define CAUSE_VALUE_BYTES_MAX (1 * MIB)	/* of each value that a failed comparison tells */
#define CAUSE_BYTES_MAX (2 * CAUSE_VALUE_BYTES_MAX + FRAME_ROOM) /* of any error */
#define EXPIRE_COUNT_MAX 1000		/* nodes that one entry lets expire, */
#define EXPIRE_BYTES_MAX (4 * MIB)	/* until their keys and values are so many bytes */
#define SWEEP_NODES_MAX 4096		/* of removed directories, freed in one turn, */
#define SWEEP_BYTES_MAX (32 * MIB)	/* and until names and values are so many bytes */
/* A record of the applied state, key and value: the largest is a node. */
#define STATE_RECORD_BYTES_MAX (VALUE_BYTES_MAX + 2 * FRAME_ROOM)
/* What a worker is told of a turn's changes; above: that all has changed. */
#define ANNOUNCE_BYTES_MAX (256 * KIB)
/* Events times the watches that get them, of what one turn applies; the last event may
 * pass it. */
#define TURN_HITS_MAX ((size_t)32768)
#define EVENT_IDS_MAX ((size_t)65536)	/* watches that one frame with an event is for */

/* History for watches, given in pieces (raftd/replica/store/store.h, store_catch_up) */
#define CATCH_UP_BYTES (256 * KIB)	/* of events, for all watches in one turn */
#define CATCH_UP_LOOKS ((size_t)8192)	/* events looked at for it in one turn */
#define CATCH_UP_SHARED_BYTES (4 * KIB)	/* of them, at most, for a watch that shares the event */
#define CATCH_UP_QUEUE_BYTES (1 * MIB)	/* only while less waits for that worker, */
#define CATCH_UP_UNTAKEN_BYTES (256 * KIB) /* and it has worked off all but this */
#define WATCH_PIECE_BYTES (256 * KIB)	/* one watch gets so much until its worker asks for more */
#define WATCH_BYTES_BASE (1 * MIB)	/* memory of all watches of a node: this and */
#define WATCH_BYTES_EACH (1 * KIB)	/* this for each that -max-watches allows */

/* At most once */
#define SESSIONS_MAX 1024		/* least recently applied one goes (replicated rule) */
#define SESSION_RESULTS_MAX 4096	/* answers kept for one session */
#define WORKER_REQUESTS_MAX 4096	/* in work in one worker */

/* Writes under way in one node, and of one worker; above, more are refused */
#define PROPOSAL_BYTES_MAX (128 * MIB)
#define SESSION_PROPOSAL_BYTES_MAX (112 * MIB)

/* Of these, in work at once: what waits is held once, what is in work is in copies for the log,
 * the disk and other nodes. A single write may be larger than any of them. */
#define WRITES_SENT_BYTES (16 * MIB)	 /* by a worker to raftd, not answered */
#define SUBMITTED_BYTES (8 * MIB)	 /* of a node's workers, by it to the leader */
#define LOG_WORK_BYTES (16 * MIB)	 /* at the leader: in the log's memory and in batches */
#define FORWARDED_BYTES_MAX (64 * MIB)	 /* there, of other nodes, which send again */

/* Of one session, in raftd, which trusts no worker */
#define SESSION_REQUESTS_MAX (2 * WORKER_REQUESTS_MAX) /* not answered; then it is not read from */
/* Of what the others leave, in number and in memory, a worker leaves one part of so many. */
#define SESSION_WATCHES_SHARE 8
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
_Static_assert(VALUE_BYTES_MAX + 2 * KEY_BYTES_MAX <= VIEW_KEPT_BYTES_MAX,
    "one changed value never costs a listing");
_Static_assert(PROPOSAL_BYTES_MAX - SESSION_PROPOSAL_BYTES_MAX >= VALUE_BYTES_MAX + KEY_BYTES_MAX +
    FRAME_ROOM, "no worker keeps another from its largest write");
_Static_assert(SESSION_ANSWER_BYTES + ANSWER_PIECE_BYTES <= SESSION_QUEUE_BYTES,
    "reads are held back before a worker is not read from");
_Static_assert(2 * ANSWER_PIECE_BYTES <= FRAME_CHUNK_BYTES, "a piece is one frame");
_Static_assert(ANSWER_WHOLE_BYTES + 8 * ANSWER_PIECE_BYTES <= ADDRESS_HELD_BYTES_MAX / 8,
    "an address may have some long answers under way");
_Static_assert(BODY_BYTES_MAX <= ADDRESS_HELD_BYTES_MAX / 4, "and some uploads");
_Static_assert(INFLIGHT_BYTES_MAX <= PEER_QUEUE_BYTES_MAX,
    "flow control holds a leader back before the peer's queue drops");

#endif
