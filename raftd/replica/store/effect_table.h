/*
 * effect_table.h - the values of the store's state_records: a durable format.
 *
 * A change of shape is a new row with a new version; old rows stay readable.
 * No guard: included many times; undefines its macros.
 */
RECORD(stored_node,
    FIELD(u8, version)		/* EFFECT_VERSION */
    FIELD(u8, flags)		/* NODE_DIR or NODE_VALUE, and NODE_EXPIRES */
    FIELD(u64, created)		/* store index */
    FIELD(u64, modified)	/* store index */
    FIELD(u64, expire_at_ns)	/* wall time; 0 unless NODE_EXPIRES */
    FIELD(bytes, value))	/* empty unless NODE_VALUE */
RECORD(stored_event,
    FIELD(u8, version)		/* EFFECT_VERSION */
    FIELD(u8, part_count)	/* 1 .. EVENT_PARTS_MAX */
    FIELD(bytes, part))		/* of an event_record */
RECORD(stored_index,		/* of backups from before there was stored_window */
    FIELD(u8, version)		/* EFFECT_VERSION */
    FIELD(u64, store_index))
RECORD(stored_window,
    FIELD(u8, version)		/* EFFECT_WINDOW_VERSION */
    FIELD(u64, store_index)
    FIELD(u64, first))		/* store index of the oldest event in the window */
RECORD(stored_doomed,
    FIELD(u8, version))		/* EFFECT_VERSION */
#undef RECORD
#undef FIELD
