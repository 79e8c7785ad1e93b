/*
 * wire.h - the numbers inside messages: sent and stored, never reused.
 */
#ifndef MOOTHALL_COMMON_IPC_WIRE_H
#define MOOTHALL_COMMON_IPC_WIRE_H

#include "common/base.h"

#define WIRE_MAGIC UINT32_C(0x4d4f4f54)	/* "MOOT" */
#define WIRE_PROTOCOL UINT16_C(8)

enum process_role { ROLE_SUPERVISOR = 1, ROLE_RAFTD = 2, ROLE_CLIENT = 3, ROLE_PEER = 4 };

enum node_role {
	NODE_ROLE_FOLLOWER = 1,
	NODE_ROLE_CANDIDATE = 2,	/* pre-candidate too */
	NODE_ROLE_LEADER = 3,
	NODE_ROLE_LEARNER = 4,
};

/* As operators and clients read it: "leader"; "unknown" if it is none of these. */
const char *wire_role_name(int role);

/* How far a node is with its life. */
enum node_phase {
	PHASE_RECOVERING = 1,	/* raftd reads its disk */
	PHASE_JOINING = 2,	/* an identity, but no member yet: the peer worker asks to join */
	PHASE_MEMBER = 3,
	PHASE_REMOVED = 4,	/* a member no more */
	PHASE_STANDBY = 5,	/* no member: no room, or just removed; asks now and then */
};

/* Why a join is refused whose id was a member's once, by which the joiner knows it. */
#define JOIN_REMOVED_CAUSE "this node id was removed from the cluster"
#define JOIN_FORGOTTEN_CAUSE "this machine was removed from the cluster for good"
/* Why it may not join now: -strict-members. */
#define JOIN_NO_PLACE_CAUSE "no place was made for a member with this peer URL"

enum member_role { MEMBER_VOTER = 1, MEMBER_LEARNER = 2 };
enum member_op {
	MEMBER_JOIN = 1,
	MEMBER_UPDATE = 2,
	MEMBER_REMOVE = 3,	/* may come back with another id */
	MEMBER_FORGET = 4,	/* removed for good: with an empty directory only */
};

/* What a client asks of the places, and of the members that took one or none. */
enum place_op {
	PLACE_MAKE = 1,		/* for a machine that is to join */
	PLACE_MOVE = 2,		/* its peer URLs are to be others */
	PLACE_REMOVE = 3,	/* it is not to be; a member: removed for good */
};
enum place_phase { PLACE_IS_OPEN = 1, PLACE_IS_TAKEN = 2, PLACE_IS_REMOVED = 3 };

/* How the last attempt on a member ended; REACH_UNKNOWN while the first one runs. */
enum reach { REACH_UNKNOWN = 0, REACH_UP = 1, REACH_REFUSED = 2, REACH_TIMED_OUT = 3,
	REACH_NO_HOST = 4, REACH_WRONG = 5 };

enum stop_how { STOP_FAST = 1, STOP_ORDERLY = 2, STOP_DRAIN = 3 };

#define TLS_FLAG_ASK 0x01	/* who calls has to show a certificate of the authorities */
#define TLS_FLAG_OUTSIDE 0x02	/* not of the port: for calls to what is no node; no certificate */
#define TLS_FLAG_ALL 0x03
enum tls_version { TLS_VERSION_1_2 = 12, TLS_VERSION_1_3 = 13 };
#define TLS_TICKET_KEY_BYTES 80	/* name 16, AES-256 key 32, HMAC-SHA-256 key 32 */
#define TLS_TICKET_KEYS_MAX 4

/* Why one end of a data channel gave it up. */
enum channel_end {
	CHANNEL_END_CLOSED = 1,	/* the other end did, or its process is gone */
	CHANNEL_END_QUEUE = 2,	/* the other end does not take what is sent */
	CHANNEL_END_BYTES = 3,	/* what came is no frame */
	CHANNEL_END_RULES = 4,	/* an invalid message, or one that is not the sender's to send */
	CHANNEL_END_SOCKET = 5,	/* the kernel says so */
};

enum snapshot_state { SNAPSHOT_TAKING = 1, SNAPSHOT_DONE = 2, SNAPSHOT_FAILED = 3 };

/* What a write does. */
/* SRV records, before the domain: of peer ports and of client ports. */
#define SERVICE_SERVER_SSL "_etcd-server-ssl._tcp."
#define SERVICE_SERVER "_etcd-server._tcp."

enum write_op {
	WRITE_SET = 1,
	WRITE_CREATE = 2,
	WRITE_UPDATE = 3,
	WRITE_COMPARE_AND_SWAP = 4,
	WRITE_DELETE = 5,
	WRITE_COMPARE_AND_DELETE = 6,
	WRITE_CREATE_IN_ORDER = 7,
	/* Of a lock: key is its directory, below LOCK_PREFIX. An entry is
	 * chosen by prev_index, if that is not 0, else by prev_value. */
	WRITE_LOCK_ACQUIRE = 8,		/* an entry of that value, or if there is one, that one */
	WRITE_LOCK_RENEW = 9,		/* its TTL anew; value, if not empty, in place of its own */
	WRITE_LOCK_RELEASE = 10,
	WRITE_OPS_LAST = WRITE_LOCK_RELEASE,
};
#define LOCK_PREFIX "/_etcd/mod/lock/"
#define WRITE_FLAG_DIR 0x01
#define WRITE_FLAG_RECURSIVE 0x02
#define WRITE_FLAG_TTL 0x04		/* ttl_s counts */
#define WRITE_FLAG_PREV_VALUE 0x08	/* prev_value is a condition */
#define WRITE_FLAG_REFRESH 0x10
#define WRITE_FLAG_ALL 0x1f

/* Changes of users and roles, with what their lists are. */
enum auth_op {
	AUTH_ENABLE = 1,
	AUTH_DISABLE = 2,
	AUTH_PUT_USER = 3,	/* make or change: roles; granted, revoked */
	AUTH_REMOVE_USER = 4,
	AUTH_MAKE_ROLE = 5,	/* patterns to read, to write */
	AUTH_CHANGE_ROLE = 6,	/* granted to read, to write; revoked to read, to write */
	AUTH_REMOVE_ROLE = 7,
};
#define AUTH_FLAG_NO_READ 0x01	/* AUTH_MAKE_ROLE: no list was given, */
#define AUTH_FLAG_NO_WRITE 0x02
#define AUTH_FLAG_ALL 0x03
/* What became of a user that was put, as the cause of a success. */
#define AUTH_MADE_CAUSE "created"

#define READ_FLAG_RECURSIVE 0x01
#define READ_FLAG_SORTED 0x02
#define READ_FLAG_QUORUM 0x04
#define READ_FLAG_ALL 0x07

#define WATCH_FLAG_RECURSIVE 0x01
#define WATCH_FLAG_STREAM 0x02
#define WATCH_FLAG_GOES_ON 0x04	/* it has waited already: what is hidden from who waits stays so */
#define WATCH_FLAG_ALL 0x07

/* Actions as the API spells them (docs/api.md, "Operations"). */
enum event_action {
	ACTION_GET = 0,
	ACTION_SET = 1,
	ACTION_CREATE = 2,
	ACTION_UPDATE = 3,
	ACTION_COMPARE_AND_SWAP = 4,
	ACTION_DELETE = 5,
	ACTION_COMPARE_AND_DELETE = 6,
	ACTION_EXPIRE = 7,
};
#define EVENT_PREVIOUS 0x01	/* the second node_record is the previous node */
#define EVENT_REFRESH 0x02	/* not seen by watchers */
#define EVENT_CREATED 0x04	/* a write that answers 201 */

#define NODE_DIR 0x01
#define NODE_VALUE 0x02		/* the value is shown, even if empty */
#define NODE_EXPIRES 0x04

/* A connection that goes to another worker (msg_handed). */
#define HANDED_SERVED 0x01	/* had an answer before */
#define HANDED_WATCH 0x02	/* a watch waits on it, its head is written or in "out" */
#define HANDED_HTTP_1_0 0x04	/* that watch: events not in chunks, it ends with the connection */
#define HANDED_KEEP_ALIVE 0x08	/* that watch: requests may follow it */
#define HANDED_DROPPED 0x10	/* bytes behind its last request were not read */
#define HANDED_V1 0x20		/* that watch: events in the form of the first series */
#define HANDED_POST 0x40	/* that watch: was asked for by POST, not by GET */
#define HANDED_LOCK 0x80	/* no watch, but a request that waits for a lock: no head is out */
#define HANDED_ALL 0xff

#define HANDED_LOCK_OWN 0x01	/* its request made the entry, which goes with it */
#define HANDED_LOCK_ALL 0x01

/* A stream that goes to raftd (msg_peer_stream). */
#define PEER_STREAM_OURS 0x01	/* this node opened it */
#define PEER_STREAM_MEMBER 0x02	/* the other node is a member: its traffic is counted */
#define PEER_STREAM_ALL 0x03

enum stats_kind {
	STATS_SELF = 1,
	STATS_STORE = 2,
	STATS_LEADER = 3,
	STATS_PROGRESS = 4,	/* how far the others are; list of progress_record */
};

/* What a client worker asks the supervisor (msg_ask). */
enum ask_what {
	ASK_VIEW = 1,		/* answered by view */
	ASK_LOG = 2,		/* the newest lines of the log; answered by told */
	ASK_LEAD = 3,		/* move the lead to name, or to whoever is best; by told */
};
enum mark_kind { MARK_ELECTION = 1, MARK_RESTART = 2, MARK_MEMBERSHIP = 3 };
#define PROCESS_FLAG_HASTY 0x01	/* it is restarted too fast */
#define PROCESS_FLAG_QUIET 0x02	/* it gives no sign of life */

/* numbers of stats, STATS_STORE: in the order clients see them. */
enum store_stat {
	STAT_GETS_SUCCESS, STAT_GETS_FAIL,
	STAT_SETS_SUCCESS, STAT_SETS_FAIL,
	STAT_DELETE_SUCCESS, STAT_DELETE_FAIL,
	STAT_UPDATE_SUCCESS, STAT_UPDATE_FAIL,
	STAT_CREATE_SUCCESS, STAT_CREATE_FAIL,
	STAT_COMPARE_AND_SWAP_SUCCESS, STAT_COMPARE_AND_SWAP_FAIL,
	STAT_COMPARE_AND_DELETE_SUCCESS, STAT_COMPARE_AND_DELETE_FAIL,
	STAT_EXPIRE_COUNT,
	STAT_WATCHERS,
	STORE_STAT_COUNT
};

/* numbers of stats, STATS_SELF. Rates are per second times 1000. */
enum self_stat {
	SELF_RECV_APPEND_COUNT, SELF_RECV_PKG_RATE, SELF_RECV_BANDWIDTH_RATE,
	SELF_SEND_APPEND_COUNT, SELF_SEND_PKG_RATE, SELF_SEND_BANDWIDTH_RATE,
	SELF_STAT_COUNT
};

/* ---- the v3 key space -------------------------------------------------------------- */

/* What an operation does; a txn has others in it. */
enum v3_op_kind { V3_OP_RANGE = 1, V3_OP_PUT = 2, V3_OP_DELETE = 3, V3_OP_TXN = 4 };

#define V3_RANGE_KEYS_ONLY 0x01u
#define V3_RANGE_COUNT_ONLY 0x02u
#define V3_PUT_PREV_KV 0x01u
#define V3_PUT_IGNORE_VALUE 0x02u
#define V3_PUT_IGNORE_LEASE 0x04u
#define V3_DELETE_PREV_KV 0x01u

#define V3_WATCH_NO_PUT 0x01u
#define V3_WATCH_NO_DELETE 0x02u
#define V3_WATCH_PREV_KV 0x04u
#define V3_WATCH_ALL 0x07u

/* Beside these, of a watch that goes to another worker: */
#define V3_HANDED_NOTIFIED 0x08u
#define V3_HANDED_FRAGMENTS 0x10u
#define V3_HANDED_ALL 0x1fu

#define V3_CHANGE_DELETE 0x01u		/* else of a put */
#define V3_CHANGE_ALL 0x01u

#define V3_RESULT_MORE 0x01u		/* of a range: there were more than its limit */
#define V3_RESULT_SUCCEEDED 0x02u	/* of a txn */
#define V3_RESULT_ALL 0x03u

/* What is asked on a lease. */
#define V3_LEASE_RENEW 1
#define V3_LEASE_LOOK 2
#define V3_LEASE_LOOK_KEYS 3		/* and which keys hang on it */

/* What is asked on all of the v3 keys. */
#define V3_STATE_FIGURES 1
#define V3_STATE_LEASES 2		/* their ids */
#define V3_STATE_HASH 3			/* over history up to a revision */
#define V3_STATE_SWEPT 4		/* answered once all is freed that was compacted up to it */

/* Users and roles of the v3 API. */
#define V3_AUTH_NO_PASSWORD 0x01u	/* a user who cannot show one */
enum v3_auth_type { V3_AUTH_READ = 0, V3_AUTH_WRITE = 1, V3_AUTH_READWRITE = 2 }; /* of the API */
/* Changes of them, and what is done with a password that is right. */
enum v3_auth_op {
	V3_AUTH_ENABLE = 1,
	V3_AUTH_DISABLE = 2,
	V3_AUTH_MAKE_TOKEN = 3,		/* digest; credential: whose */
	V3_AUTH_ADD_USER = 4,		/* name, hash, flags */
	V3_AUTH_REMOVE_USER = 5,	/* name */
	V3_AUTH_SET_PASSWORD = 6,	/* name, hash */
	V3_AUTH_GRANT_ROLE = 7,		/* name, role */
	V3_AUTH_REVOKE_ROLE = 8,	/* name, role */
	V3_AUTH_ADD_ROLE = 9,		/* role */
	V3_AUTH_REMOVE_ROLE = 10,	/* role */
	V3_AUTH_GRANT = 11,		/* role, type, key, end */
	V3_AUTH_REVOKE = 12,		/* role, key, end */
	V3_AUTH_OPS_LAST = V3_AUTH_REVOKE,
};

/* Alarms of the v3 API: what is wrong, by the API's numbers; what becomes of one; who raised it. */
enum alarm_type { ALARM_NOSPACE = 1, ALARM_CORRUPT = 2, ALARM_TYPES_LAST = ALARM_CORRUPT };
enum alarm_op { ALARM_RAISE = 1, ALARM_TAKE = 2 };
enum alarm_by { ALARM_BY_CLIENT = 0, ALARM_BY_QUOTA = 1 };

/* As the API has them. */
enum v3_sort_order { V3_SORT_NONE = 0, V3_SORT_ASCEND = 1, V3_SORT_DESCEND = 2 };
enum v3_sort_target {
	V3_SORT_KEY = 0,
	V3_SORT_VERSION = 1,
	V3_SORT_CREATE = 2,
	V3_SORT_MOD = 3,
	V3_SORT_VALUE = 4,
};
enum v3_compare_result { V3_EQUAL = 0, V3_GREATER = 1, V3_LESS = 2, V3_NOT_EQUAL = 3 };
enum v3_compare_target {
	V3_COMPARE_VERSION = 0,
	V3_COMPARE_CREATE = 1,
	V3_COMPARE_MOD = 2,
	V3_COMPARE_VALUE = 3,
	V3_COMPARE_LEASE = 4,
};

#endif
