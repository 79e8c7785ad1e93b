/*
 * state_table.h - values of the applied state that are raftd's own: members and
 * the session table. Stored and sent in snapshots, so formats never change.
 *
 *	key				value
 *	'M' be64 node id		member_state
 *	'S' be64 session		session_state
 *	'R' be64 session be64 sequence	result_state
 *	'T'				stamp_state
 *	'U' be64 node id		removed_state
 *	'F' be64 node id		forgotten_state
 *	'P' be64 place id		place_state
 *	'C'				config_items_state; without it: the defaults
 *	'a' ...			users of the v3 API: common/v3_auth/v3_auth_table.h
 *	'L' be64 lease id		v3_lease_state
 *	'N' be64 member be64 number	v3_alarm_state; number: 256 * alarm_type + alarm_by
 *	'V'				v3_meta_state; without it: nothing was ever written
 *	'v' be64 revision be32 sub	a change: u8 1 (put) or 2 (delete), then a KeyValue as in
 *					raftd/replica/mvcc/key.h
 *
 * No guard: included many times; undefines its macros.
 */
RECORD(member_state,
    FIELD(u8, format)		/* 1 */
    FIELD(u8, role)		/* enum member_role */
    FIELD(u64, joined)		/* store index of its registry entry */
    FIELD(bytes, name) FIELD(bytes, peer_url) FIELD(bytes, client_url))
RECORD(session_state,
    FIELD(u8, format)		/* 1 */
    FIELD(u64, low)		/* answers below it are forgotten */
    FIELD(u64, used))		/* raft index of its last command */
RECORD(result_state,
    FIELD(u8, format)		/* 1 */
    FIELD(u16, error) FIELD(bytes, cause)
    FIELD(u64, store_index) FIELD(u64, raft_index) FIELD(u64, raft_term)
    FIELD(u8, event))		/* 1: the event of store_index is the answer's */
RECORD(removed_state,		/* a member that was removed: its id never comes back */
    FIELD(u8, format))		/* 1 */
RECORD(forgotten_state,		/* the same, and its machine may not come back either */
    FIELD(u8, format))		/* 1 */
RECORD(place_state,		/* of a member: made by a client before it joins */
    FIELD(u8, format)		/* 1 */
    FIELD(u8, phase)		/* enum place_phase */
    FIELD(u64, since)		/* raft index of the entry that made or removed it */
    FIELD(u64, node)		/* PLACE_IS_TAKEN: by whom; else 0 */
    FIELD(bytes, peer_urls))	/* separated by commas; PLACE_IS_REMOVED: none */
RECORD(config_state,		/* of the cluster: read, not written any more */
    FIELD(u8, format)		/* 1 */
    FIELD(u64, active_size) FIELD(u64, remove_delay_ms) FIELD(u64, sync_interval_ms))
RECORD(config_items_state,	/* of the cluster */
    FIELD(u8, format)		/* 2, STATE_FORMAT_CONFIG_ITEMS */
    FIELD(bytes, items))	/* list of config_item */
RECORD(v3_lease_state,
    FIELD(u8, format)		/* 1 */
    FIELD(u8, settled)		/* 1: a checkpoint has said when it expires */
    FIELD(u64, ttl_s) FIELD(u64, expiry_ns))
RECORD(v3_alarm_state,
    FIELD(u8, format))		/* 1 */
RECORD(v3_meta_state,
    FIELD(u8, format)		/* 1 */
    FIELD(u64, revision)
    FIELD(u64, compacted)	/* int64: -1 never */
    FIELD(u64, removed))	/* compaction has removed what it may below that revision */
RECORD(stamp_state,
    FIELD(u8, format)		/* 1 */
    FIELD(u64, applied_ns))	/* the latest stamp of all applied entries */
#undef RECORD
#undef FIELD
