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
#define FRAME_CHUNK_BYTES (2 * MIB)	 /* bulk answers are cut to pieces of this */
#define CHANNEL_QUEUE_BYTES_MAX (256 * MIB) /* waiting for one worker; then it is cut off */
#define SESSION_QUEUE_BYTES (32 * MIB)	/* waiting for one worker; above, it is not read from */
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

#define LISTEN_MAX 8			/* addresses that each of the two ports listens on */
/* Locks: a directory with more entries is not walked. */
#define LOCK_WAITERS_MAX 1000		/* entries of one, with the holder's */
#define LOCK_VALUE_BYTES_MAX (64 * KIB)	/* of one of them */
#define LOCK_SECONDS_MAX 315360000	/* of its TTL, and of how long a request waits for it */
_Static_assert(LOCK_VALUE_BYTES_MAX + FRAME_ROOM <= FRAME_BYTES_MAX,
    "what a look at a lock finds fits in one frame");

#define CONN_REQUESTS_MAX 32		/* in work on one connection; then it is not read from */
#define PARAMS_FIELDS_MAX 64		/* in form and query together */

/* What a worker keeps for its connections: answers not taken, requests not answered */
#define CONN_HELD_BYTES (1 * MIB)	/* of one; then nothing more is parsed */
#define ADDRESS_HELD_BYTES_MAX (64 * MIB) /* of one client address; above, who takes nothing */
#define WORKER_HELD_BYTES_MAX (256 * MIB) /* is cut; and so of all */
#define BODY_FREE_BYTES (256 * KIB)	/* of a body; more is received if there is room for all */

/* A connection of HTTP/2 (httpd/http/h2.h) */
#define H2_STREAMS_MAX 1000		/* open at a time; more are refused */
#define H2_WINDOW_BYTES ((int32_t)BODY_FREE_BYTES) /* of a body that come before some is used */
#define H2_CONN_WINDOW_BYTES ((int32_t)MIB) /* the same of all bodies of a connection */
#define H2_LOOSE_BYTES_MAX (4 * MIB)	/* of bodies that are not whole, beside one large one */
#define H2_HELD_BYTES (8 * MIB)		/* of what is in work; then requests wait */
#define H2_WRITE_BYTES (128 * KIB)	/* of frames, put into the queue at a time, */
#define H2_WRITE_ROUNDS 8		/* and so often in one turn */
#define H2_ACKS_MAX 1000		/* of settings and pings, that the client does not take */
#define H2_SETTINGS_MAX 32		/* values in one frame */
#define H2_RESETS_MAX 1000		/* streams that broke off, at once, */
#define H2_RESETS_PER_S 100		/* and from then on */
#define H2_NOTICE_MS 1000		/* a connection that ends: until the client knows, */
#define H2_DRAIN_MS 9000		/* and until what it began is answered */

/* Connections that go from one worker to another (httpd/handover.h) */
#define HANDOVER_WINDOW 64		/* under way at a time */
#define HANDOVER_BYTES_MAX (4 * MIB)	/* read or not written of one; above, it waits */

/* Members */
#define NAME_BYTES_MAX 255
#define URL_BYTES_MAX 1024		/* of one, and of a list of them together */
#define URLS_MAX 8			/* that a member is reached at */
#define VOTERS_MAX 31
#define CONDITION_BYTES_MAX KIB	/* what a node tells others of itself */
#define MEMBERS_MAX 64			/* voters and learners together */
#define PLACES_MAX 128			/* places for members, open and taken */
#define PLACE_URLS_MAX 8		/* peer URLs of one, */
#define PLACE_URLS_BYTES_MAX (4 * KIB)	/* and all of them together */
#define PLACES_REMOVED_MAX 1024		/* ids of removed ones that are known */
#define ASKER_BYTES_MAX 128		/* who asked for a change of the members */
#define MEMBERS_BODY_BYTES_MAX (16 * KIB) /* of a request that changes them */
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
#define HISTORY_EVENTS_DEFAULT 1000	/* that waitIndex can reach (docs/api.md, "Watching"), */
#define HISTORY_EVENTS_MIN 100
#define HISTORY_EVENTS_MAX 1000000
#define HISTORY_EVENTS_SHED 1000	/* that go at once when one of these is lowered */
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
#define SWEEP_BYTES_MAX (32 * MIB)	/* and until names and values are so many bytes; */
#define SWEEP_PAUSE_MS 4		/* while others write, turns that free are so far apart, */
#define SWEEP_PAUSE_MS_MIN 1		/* or, when somebody waits for it, so far */
/* A record of the applied state, key and value: the largest is a node. */
#define STATE_RECORD_BYTES_MAX (VALUE_BYTES_MAX + 2 * FRAME_ROOM)
/* What a worker is told of a turn's changes; above: that all has changed. */
#define ANNOUNCE_BYTES_MAX (256 * KIB)
#define ANNOUNCE_HELD_BYTES_MAX (64 * KIB) /* of all turns that it was not told of yet */
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

/* Users and roles (common/auth/auth.h) */
#define AUTH_USERS_MAX 1000
#define AUTH_ROLES_MAX 1000		/* but for the role root */
#define AUTH_USER_ROLES_MAX 64
#define AUTH_PATTERNS_MAX 128		/* of a role that may be read, and that may be written */
#define AUTH_NAME_BYTES_MAX 255
#define AUTH_PATTERN_BYTES_MAX (4 * KIB)
#define AUTH_HASH_BYTES_MAX 128
#define AUTH_BYTES_MAX (1 * MIB)	/* of all records: a worker is given them in one frame */
#define AUTH_BODY_BYTES_MAX (256 * KIB)	/* of a request that changes them */
#define AUTH_PASSWORD_BYTES_MAX 72	/* what bcrypt looks at */
/* Passwords that one worker checks or hashes (httpd/client/passwords.h) */
#define AUTH_HEADER_BYTES_MAX (1 * KIB)	/* of Authorization: the longest user and password */
#define AUTH_CHECKS_MAX 256		/* waiting; more requests are refused */
#define AUTH_CHECKS_ADDRESS_MAX 32	/* the same of one address */
#define AUTH_REFUSED_MS 1000		/* after so long, */
#define AUTH_RESTING_MAX 1024		/* and at once if so many wait for that */
#define AUTH_REMEMBERED_MAX 4096	/* passwords that were right lately */
#define AUTH_ADDRESSES_MAX 4096		/* from which wrong ones came lately */

/* The v3 key space (raftd/replica/mvcc) */
#define V3_PUT_BYTES_MAX VALUE_BYTES_MAX /* key and value of a put */
#define V3_REQUEST_BYTES_MAX (4 * MIB)	/* of a request, as raftd is asked */
#define V3_OPS_MAX 16384		/* operations of a write, with all that is nested in it; */
#define V3_COMPARES_MAX 16384		/* the same of compares; */
#define V3_DEPTH_MAX 128		/* and how deep they are nested */
#define V3_COMPARED_KEYS_MAX ((size_t)65536) /* keys that the compares of a request look at */
#define V3_KEPT_BYTES_MAX V3_PUT_BYTES_MAX /* values that a write keeps by ignore_value */
#define V3_LEASE_TTL_S_MIN 2		/* a shorter TTL is raised to this, */
#define V3_LEASE_TTL_S_MAX UINT64_C(9000000000) /* a longer one refused */
#define V3_STEP_CHANGES ((size_t)1024)	/* of a write that takes several steps, in one of them */
#define V3_EXPIRE_LEASES_MAX 1000	/* leases that one entry ends, or settles */
#define V3_ANSWERS_MAX 4096		/* being read in pieces; more are refused */
#define V3_ANSWER_MS_MAX 10000		/* an answer keeps history for so long */
#define V3_SORTED_KEYS_MAX ((size_t)262144) /* that one read puts in another order, */
#define V3_SORTED_ALL_MAX ((size_t)1048576) /* and all reads together; */
#define V3_SORTED_BYTES_MAX (16 * MIB)	/* and of their values, if these make the order */
#define V3_REMOVED_CHANGES_MAX ((size_t)500) /* that compaction looks at in one turn, */
#define V3_REMOVED_AT_ONCE_MAX ((size_t)65536) /* or twice what came meanwhile, up to so many */
#define V3_CHECKSUM_LOOKS ((size_t)4096) /* changes that checksums look at in one turn */
#define V3_LEASES_SHOWN_MAX ((size_t)262144) /* in a list; if there are more it is refused */
#define V3_LEASE_KEYS_MAX ((size_t)65536) /* shown of one lease, */
#define V3_LEASE_KEYS_BYTES_MAX (16 * MIB) /* and how long they are together */
#define V3_RIGHTS_KEYS_MAX ((size_t)4096) /* of leases, that one write is to have rights to */
#define LEASE_ASKS_OF_MEMBERS_MAX ((size_t)65536) /* on leases, waiting at the leader */

#define V3_TURN_LOOKS ((size_t)16384)	/* keys looked at for answers in one turn, */
#define V3_SMALL_LOOKS ((size_t)256)	/* for one that goes before others, */
#define V3_MIDDLE_LOOKS ((size_t)4096)	/* and for one that is answered at once */
#define SESSION_V3_MAX 16		/* being read in pieces for one worker; more reads wait, */
#define SESSION_V3_WRITES_MAX 256	/* and what more writes show is not told */

/* Watches of the v3 keys (raftd/v3_watch.c) */
#define V3_WATCHES_MAX ((size_t)262144)	/* of a node, */
#define V3_WATCHES_BYTES_MAX (256 * MIB) /* and memory of them all */
#define V3_TURN_CHANGES_MAX ((size_t)262144) /* times watches, in one turn; above, these
					 * are given it as the past, piece by piece */
#define V3_PIECE_BYTES (256 * KIB)	/* of events in one message; one revision may pass it, */
#define V3_PIECE_REVISIONS 1000		/* and of so many, at most, in a piece of the past */
#define V3_EVENTS_BYTES_MAX (64 * MIB)	/* of one revision for a watch; above, it ends */
#define V3_LIVE_QUEUE_BYTES (8 * MIB)	/* while more waits for a worker, its watches fall behind */
#define V3_PAST_BYTES (1 * MIB)		/* of the past for all watches in one turn, */
#define V3_PAST_LOOKS ((size_t)16384)	/* and changes looked at for it */
#define V3_WATCH_BYTES ((size_t)512)	/* what one counts for in a worker, beside its range, */
#define V3_WORKER_WATCHES_BYTES_MAX (128 * MIB) /* and all of them */
#define V3_STREAM_WATCHES_MAX 16384	/* of one stream, */
#define V3_STREAM_TURNS_MAX 32768	/* and requests of it that wait for raftd; above, it ends */
#define V3_STREAM_BACKLOG (1 * MIB)	/* not taken by its client: then its watches fall behind */
#define V3_STREAM_PIECES_MAX 4		/* of the past, asked for at a time */
#define V3_FRAGMENT_ROOM ((size_t)256)	/* of a message of events, beside these */
#define V3_NOTICE_MS 600000		/* so often a quiet watch hears how far it is */
#define V3_PROGRESS_AGAIN_MS 100	/* so often is asked whether one that is to begin has */
#define V3_PROGRESS_MS 1000		/* so often workers hear it, while keys change */
#define V3_LEADERLESS_MS 3000		/* without a leader, calls end that want one */

/* Keys of locks and elections of v3 that wait in a worker (httpd/client/v3/waiter.c) */
#define V3_WAITERS_MAX ((size_t)4096)	/* with those that are being deleted; more are refused */
#define V3_WAITER_NAME_BYTES_MAX (16 * KIB)
#define V3_WAITER_TTL_S 60		/* of a lease for who has none */

/* Messages of the v3 API (httpd/v3). A transaction has an operation on each of its levels, and
 * each of these is two messages, one in the other. */
#define V3_WRITE_BYTES_MAX (3 * MIB / 2) /* of a request that writes, as protobuf */
/* Of an answer that is sent in pieces: gRPC has no longer messages; and of what its client has not
 * taken: above, no more is asked for. */
#define LONG_ANSWER_BYTES_MAX (UINT32_MAX - MIB)
#define RANGE_BACKLOG_BYTES (256 * KIB)
/* More of a worker are put together: who takes theirs slowly leaves places of SESSION_V3_MAX. */
#define RANGES_IN_PIECES_MAX 8
#define V3_ANSWER_BYTES_MAX (64 * MIB)	/* of KeyValues in one answer of a worker, */
#define V3_COLLECTED_BYTES_MAX (128 * MIB) /* and of all that it puts together */
#define V3_MESSAGE_BYTES_MAX (2 * MIB)	/* of a client, as it is sent */
#define V3_RENEWALS_WAITING_MAX ((size_t)65536) /* of one stream, not asked yet */
#define V3_RENEWALS_BACKLOG (64 * KIB)	/* of answers that its client has not taken: no more */
/* Users and roles of the v3 API (common/v3_auth). */
#define V3_AUTH_USERS_MAX 1000
#define V3_AUTH_ROLES_MAX 1000
#define V3_AUTH_USER_ROLES_MAX 64
#define V3_AUTH_PERMISSIONS_MAX 256	/* of a role */
#define V3_AUTH_NAME_BYTES_MAX 255
#define V3_AUTH_KEY_BYTES_MAX (4 * KIB)	/* each end of a range that is granted */
#define V3_AUTH_BYTES_MAX (1 * MIB)	/* of all records: a worker is given them in one frame */
#define V3_TALLY_SERIES_MAX ((size_t)160) /* ways that methods end, counted one by one */
#define V3_TOKENS_MAX ((size_t)16384)	/* of a node; above, the one longest not used goes */
#define V3_TOKENS_USER_MAX ((size_t)2048) /* the same of one user */
#define V3_TOKEN_MS 300000		/* without use, then it is forgotten */
#define V3_TOKEN_USED_MS 10000		/* so often raftd hears that it is used */
#define V3_TOKEN_LETTERS 16
#define V3_TOKEN_DIGEST_BYTES 32
#define V3_ALARMS_MAX ((size_t)128)	/* that stand at once */
#define V3_NESTED_MAX (2 * V3_DEPTH_MAX + 4) /* messages in messages */
#define V3_DECODED_BYTES_MAX (4 * MIB)	/* parts and lists of one, beside its bytes */
/* What an operation and a compare take in lists, beside the bytes that a client sent: so no client
 * makes its worker send more than raftd takes. */
#define V3_OP_ROOM ((size_t)64)
#define V3_COMPARE_ROOM ((size_t)22)
_Static_assert(V3_MESSAGE_BYTES_MAX + V3_OPS_MAX * V3_OP_ROOM +
    V3_COMPARES_MAX * V3_COMPARE_ROOM <= V3_REQUEST_BYTES_MAX,
    "the lists of the longest message of a client are a request");
_Static_assert(V3_REQUEST_BYTES_MAX + FRAME_ROOM <= COMMAND_BYTES_MAX,
    "a request of the v3 keys fits into an entry of the log");
#define GRPC_BACKLOG_BYTES (1 * MIB)	/* of a stream's answers; above, it takes no messages */
#define GRPC_KEPT_BYTES (64 * KIB)	/* of a call's buffer, once a message was taken from it */

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
#define SNAPSHOT_CHUNK_WINDOW 4		/* chunks under way without credit */
#define SNAPSHOT_SENDINGS_MAX 4		/* to followers at once */
#define BACKUPS_MAX 2			/* at once, */
#define BACKUPS_OF_CLIENTS_MAX 1	/* of them by the client port */
#define BACKUP_MS_MAX (60 * 60 * UINT64_C(1000)) /* and for how long */
#define STREAM_GIVEN_BYTES_MAX (64 * KIB) /* read, or to be written, of one that goes to raftd */
#define PEERS_MAX (2 * MEMBERS_MAX)	/* nodes with a stream: members and callers together */
#define STREAMS_MAX (2 * PEERS_MAX)	/* that raftd holds */

/* Committed entries: a long log must not hold up heartbeats. */
#define COMMITTED_ENTRIES_MAX ((size_t)512) /* taken from the core at a time, */
#define COMMITTED_BYTES_MAX (1 * MIB)
#define READY_ROUNDS_MAX 8		/* so often in one turn, */
#define TURN_EFFECTS_BYTES (8 * MIB)	/* and until their effects are so many; */
#define EFFECTS_BYTES_MAX (4 * MIB)	/* of these, so many go to the disk at once; */
#define SQUEEZE_BYTES_MAX (16 * MIB)	/* of more it is not looked which are the last on a key */
#define EFFECTS_ENTRIES_MAX 16384	/* a start applies no more again than these and a turn's */

/* What a node takes from others while it looks for its cluster (httpd/peer) */
#define JOIN_BODY_BYTES_MAX (16 * KIB)
#define JOIN_REDIRECTS_MAX 10
#define ANSWER_BODY_BYTES_MAX (256 * KIB) /* a list of members, an error */
#define PEER_JSON_DEPTH_MAX 32
#define PEER_JSON_KEYS_MAX 64		/* in one object */
#define ADDRESS_LIST_MAX 1024		/* addresses that were named; the rest is left out */
#define ADDRESS_HOST_BYTES_MAX 255
#define DISCOVERY_REDIRECTS_MAX 5
#define DISCOVERY_PATH_BYTES_MAX 2048
#define DISCOVERY_SIZE_MAX VOTERS_MAX	/* machines that a token is for, from 1; */
#define DISCOVERY_SIZE_DEFAULT 3	/* if who asks for one says nothing */
#define DISCOVERY_TOKEN_TTL_S 604800	/* of a token that no machine has used yet */
#define DISCOVERY_MACHINES_MAX 1024	/* of a listing; what follows is left out */

/* Hosts that are looked up for the peer worker */
#define RESOLVE_RUNNING_MAX 8		/* at once, */
#define RESOLVE_WAITING_MAX 128		/* and waiting for that; more are not found */
#define RESOLVE_ANSWER_BYTES_MAX (4 * KIB)
#define RESOLVED_MAX 4			/* addresses of one host */
#define SERVICES_MAX 64			/* SRV records of one name, */
#define SERVICES_PACKET_BYTES_MAX 65535	/* in an answer of a name server; */
#define SERVICES_BYTES_MAX (20 * KIB)	/* and as they are passed on */
#define RESOLVED_KEPT 16		/* hosts whose addresses are kept */

/* What the supervisor takes from operators, files, children, and its successor */
#define MARKS_MAX 100			/* things that happened which the supervisor remembers, */
#define MARK_TEXT_BYTES_MAX ((size_t)255) /* and what it says of each */
#define LOG_KEPT_BYTES_MAX (256 * KIB)	/* newest lines of the log, for GET /v2/stats/log */
#define DESK_CALLS_MAX 64		/* of a worker to the supervisor; more are refused */
#define DESK_QUEUED_BYTES_MAX (32 * MIB) /* of answers it did not take; then it is killed */
#define CONTROL_CONNECTIONS_MAX 16	/* of the control socket */
#define CONTROL_REQUEST_BYTES_MAX (4 * KIB)
#define CONTROL_DEPTH_MAX 32		/* of the JSON in it, and in its answer */
#define TOML_BYTES_MAX (1 * MIB)
#define TOML_ENTRIES_MAX 1000		/* keys and headers; items of one array */
#define TLS_FILE_BYTES_MAX (1 * MIB)
#define LINK_BREAKS_MAX 8		/* of a channel in a row; then its worker is replaced */
#define UPGRADE_STATE_BYTES_MAX (64 * MIB)
#define UPGRADE_OUTPUT_BYTES_MAX (4 * KIB)

/* The log */
#define DIAG_LINE_BYTES_MAX 1024	/* with its end */
#define DIAG_SENTENCE_BYTES_MAX 4096	/* on a console: paths may be long */
#define SINK_WAITING_BYTES_MAX (256 * KIB) /* for one file or socket; more is dropped */

/* What etcdctl takes from servers */
#define CLIENT_BODY_BYTES_MAX (256 * MIB)
#define CTL_JSON_DEPTH_MAX 2048		/* a listing nests two levels for each directory */
#define CTL_JSON_MEMBERS_MAX 1024	/* of one object; arrays are not bounded */
#define CTL_REDIRECTS_MAX 10L
#define MEMBERS_SHOWN_MAX 64
#define ENDPOINTS_MAX 64
#define PARALLEL_MAX 1024		/* requests side by side */
#define CTL_INPUT_BYTES_MAX (64 * MIB)	/* of a value or a transaction, from standard input */
#define CTL_LINE_BYTES_MAX 65536	/* of a line that watch -i reads, */
#define CTL_WORDS_MAX 64		/* and words of it, or of one in a transaction */
#define CTL_WATCHES_MAX 64		/* of watch -i */
#define CTL_MESSAGE_BYTES_MAX (256 * MIB) /* of one message of a stream */
#define CONTROL_ANSWER_BYTES_MAX (1 * MIB)

_Static_assert(DESK_CALLS_MAX * (LOG_KEPT_BYTES_MAX + FRAME_ROOM) < DESK_QUEUED_BYTES_MAX,
    "who asks no more than it may takes no more than it may");
_Static_assert(URLS_MAX == LISTEN_MAX, "a node can tell all the addresses that it listens at");
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
_Static_assert(MEMBERS_MAX * (NAME_BYTES_MAX + 3 * URL_BYTES_MAX + 64) +
    PLACES_MAX * (PLACE_URLS_BYTES_MAX + 64) + FRAME_ROOM <= FRAME_BYTES_MAX,
    "and so does one with all places");
_Static_assert(PLACES_MAX >= MEMBERS_MAX + VOTERS_MAX,
    "each member may have taken a place while as many are open as may be made");
_Static_assert(AUTH_BYTES_MAX + FRAME_ROOM <= FRAME_BYTES_MAX,
    "all users and roles fit in one frame");
_Static_assert(V3_AUTH_BYTES_MAX + FRAME_ROOM <= FRAME_BYTES_MAX &&
    V3_TOKENS_MAX * (V3_TOKEN_DIGEST_BYTES + 24) + FRAME_ROOM <= FRAME_BYTES_MAX,
    "and so do those of the v3 API, and all their tokens");
_Static_assert(AUTH_HEADER_BYTES_MAX >=
    8 + 4 * (AUTH_NAME_BYTES_MAX + AUTH_PASSWORD_BYTES_MAX + 4) / 3,
    "every user can show his password");
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
_Static_assert(ANSWER_PIECE_BYTES + V3_WRITE_BYTES_MAX + FRAME_ROOM <= FRAME_CHUNK_BYTES,
    "a piece of a range of v3 is one frame");
_Static_assert(ANSWER_WHOLE_BYTES + 8 * ANSWER_PIECE_BYTES <= ADDRESS_HELD_BYTES_MAX / 8,
    "an address may have some long answers under way");
_Static_assert(BODY_BYTES_MAX <= ADDRESS_HELD_BYTES_MAX / 4, "and some uploads");
_Static_assert((SERVICES_MAX + 1) * (ADDRESS_HOST_BYTES_MAX + 6) <= SERVICES_BYTES_MAX,
    "all records of a name, and the end, are passed on whole");
_Static_assert(V3_PUT_BYTES_MAX + FRAME_ROOM <= STATE_RECORD_BYTES_MAX,
    "what a put changed is a record");
_Static_assert(V3_OPS_MAX * 6 + FRAME_ROOM <= CAUSE_BYTES_MAX,
    "what became of the largest write is an answer that a session keeps");
_Static_assert(V3_EVENTS_BYTES_MAX + V3_LIVE_QUEUE_BYTES + SESSION_QUEUE_BYTES <=
    CHANNEL_QUEUE_BYTES_MAX, "the largest revision fits behind what may wait for a worker");
_Static_assert(V3_EVENTS_BYTES_MAX + FRAME_ROOM <= ASSEMBLED_BYTES_MAX,
    "and is put together again there");
_Static_assert(INFLIGHT_BYTES_MAX <= PEER_QUEUE_BYTES_MAX,
    "flow control holds a leader back before the peer's queue drops");

#endif
