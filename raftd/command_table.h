/*
 * command_table.h - commands as log payload: the durable format of the log.
 *
 * A payload is a command_head, then the record of its kind. Formats never
 * change: a new shape is a new row with a new number (enum command_kind).
 * No guard: included many times; undefines its macros.
 */
RECORD(command_head,
    FIELD(u8, kind)
    FIELD(u64, session)		/* 0: of the leader itself, never repeated */
    FIELD(u64, sequence)
    FIELD(u64, low))		/* answers of this session below it may be forgotten */
RECORD(command_write,		/* COMMAND_WRITE: as msg_write; expiry = entry time + ttl_s */
    FIELD(u8, op) FIELD(u8, flags)
    FIELD(bytes, key) FIELD(bytes, value)
    FIELD(u64, ttl_s) FIELD(u64, prev_index) FIELD(bytes, prev_value))
RECORD(command_expire,		/* COMMAND_EXPIRE: everything due at or before the cut-off */
    FIELD(u64, cutoff_ns))
RECORD(command_member,		/* COMMAND_MEMBER: in a CONF entry, or a COMMAND (update) */
    FIELD(u8, op)		/* enum member_op */
    FIELD(u64, id)
    FIELD(u64, cluster_id)	/* in logs begun before COMMAND_CREATE: their first entry; else 0 */
    FIELD(bytes, name) FIELD(bytes, peer_url) FIELD(bytes, client_url))
RECORD(command_config,		/* COMMAND_CONFIG, before COMMAND_CONFIG_ITEMS: 0 changes nothing */
    FIELD(u64, active_size) FIELD(u64, remove_delay_ms) FIELD(u64, sync_interval_ms))
RECORD(command_create,		/* COMMAND_CREATE, before COMMAND_CREATE_ITEMS */
    FIELD(u64, id) FIELD(u64, cluster_id)
    FIELD(bytes, name) FIELD(bytes, peer_url) FIELD(bytes, client_url)
    FIELD(u64, active_size) FIELD(u64, remove_delay_ms) FIELD(u64, sync_interval_ms))
RECORD(command_refused,		/* COMMAND_REFUSED: a membership change whose answer is an error */
    FIELD(u16, error) FIELD(bytes, cause))
RECORD(command_config_items,	/* COMMAND_CONFIG_ITEMS: of the cluster; what is not there stays */
    FIELD(bytes, items))	/* list of config_item */
RECORD(command_create_items,	/* COMMAND_CREATE_ITEMS: the CONF entry that begins a cluster */
    FIELD(u64, id) FIELD(u64, cluster_id)
    FIELD(bytes, name) FIELD(bytes, peer_url) FIELD(bytes, client_url)
    FIELD(bytes, items))	/* list of config_item, complete */
RECORD(command_known,		/* COMMAND_KNOWN: all nodes know of removals from here on */
    FIELD(u8, unused))
RECORD(command_place,		/* COMMAND_PLACE: in a COMMAND, or a CONF entry (a member goes) */
    FIELD(u8, op)		/* enum place_op */
    FIELD(u64, id)
    FIELD(bytes, peer_urls)	/* separated by commas */
    FIELD(bytes, asker))	/* who asked, for the log of each node: printable */
RECORD(command_auth,		/* COMMAND_AUTH: users, roles, and whether they count */
    FIELD(u8, op)		/* enum auth_op */
    FIELD(u8, flags)		/* AUTH_FLAG_* of wire.h */
    FIELD(bytes, name)		/* of the user or role */
    FIELD(secret, hash)		/* of his password; empty: as it was */
    FIELD(bytes, first) FIELD(bytes, second) FIELD(bytes, third) FIELD(bytes, fourth)
				/* lists of auth_text: see enum auth_op */
    FIELD(bytes, user) FIELD(u64, credential))	/* who asks */
RECORD(command_write_as,	/* COMMAND_WRITE_AS: of a user; command_write is a guest's */
    FIELD(bytes, user) FIELD(u64, credential)
    FIELD(u8, op) FIELD(u8, flags)
    FIELD(bytes, key) FIELD(bytes, value)
    FIELD(u64, ttl_s) FIELD(u64, prev_index) FIELD(bytes, prev_value))
/* Of the v3 key space. */
RECORD(command_v3_write,	/* COMMAND_V3_WRITE: one operation, with all that is in it */
    FIELD(bytes, compares)	/* list of v3_compare */
    FIELD(bytes, ops))		/* list of v3_op */
RECORD(command_v3_compact,	/* COMMAND_V3_COMPACT: history below the revision is gone */
    FIELD(u64, revision))
RECORD(command_v3_grant,	/* COMMAND_V3_GRANT: a lease; 0 is no id */
    FIELD(u64, id) FIELD(u64, ttl_s))
RECORD(command_v3_revoke,	/* COMMAND_V3_REVOKE: a lease and the keys that hang on it */
    FIELD(u64, id))
RECORD(command_v3_expire,	/* COMMAND_V3_EXPIRE: leases that nobody renewed */
    FIELD(u64, term)		/* of the leader that says so: it has no say in another */
    FIELD(bytes, leases))	/* list of command_v3_lease, expiry_ns unused */
RECORD(command_v3_checkpoint,	/* COMMAND_V3_CHECKPOINT: when leases expire */
    FIELD(u64, term)		/* as above */
    FIELD(bytes, leases))	/* list of command_v3_lease */
RECORD(command_v3_lease,
    FIELD(u64, id)
    FIELD(u64, expiry_ns))	/* in cluster time; 0: what was said before is withdrawn */
RECORD(command_v3_as,		/* COMMAND_V3_AS: one of the above, of a v3 user */
    FIELD(u64, credential)	/* of him, as he was */
    FIELD(u64, auth_revision)	/* when his rights were looked at */
    FIELD(u8, kind)		/* COMMAND_V3_WRITE, _COMPACT, _GRANT, _REVOKE, _ALARM */
    FIELD(bytes, body))		/* the record of that kind */
RECORD(command_v3_auth,		/* COMMAND_V3_AUTH: users and roles of the v3 API, tokens */
    FIELD(u8, op)		/* enum v3_auth_op */
    FIELD(u8, flags)		/* V3_AUTH_NO_PASSWORD */
    FIELD(u8, type)		/* enum v3_auth_type */
    FIELD(bytes, name) FIELD(secret, hash) FIELD(bytes, role)
    FIELD(bytes, key) FIELD(bytes, end)
    FIELD(bytes, digest)	/* SHA-256 of the letters of a token */
    FIELD(u64, credential))	/* who asks; 0: nobody */
RECORD(command_v3_alarm,	/* COMMAND_V3_ALARM */
    FIELD(u8, op)		/* enum alarm_op */
    FIELD(u8, type)		/* enum alarm_type */
    FIELD(u8, by)		/* enum alarm_by; what the quota takes back is whatever it raised */
    FIELD(u64, member))		/* as clients know it */
#undef RECORD
#undef FIELD
