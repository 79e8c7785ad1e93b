/*
 * effect_table.h - the values of the store's state_records: a durable format.
 *
 * A change of shape is a new row with a new version; old rows stay readable.
 * No guard: included many times; undefines its macros.
 */
RECORD(stored_node,		/* a file; from before there was stored_dir, a directory, too */
    FIELD(u8, version)		/* EFFECT_VERSION */
    FIELD(u8, flags)		/* NODE_DIR or NODE_VALUE, NODE_EXPIRES, EFFECT_REFRESHED */
    FIELD(u64, created)		/* store index */
    FIELD(u64, modified)	/* store index */
    FIELD(u64, expire_at_ns)	/* wall time; 0 unless NODE_EXPIRES */
    FIELD(bytes, value))	/* empty unless NODE_VALUE */
RECORD(stored_dir,
    FIELD(u8, version)		/* EFFECT_DIR_VERSION */
    FIELD(u8, flags)		/* NODE_DIR, and NODE_EXPIRES */
    FIELD(u64, created)		/* store index */
    FIELD(u64, last_below)	/* store index, as it was when this was written */
    FIELD(u64, expire_at_ns))	/* wall time; 0 unless NODE_EXPIRES */
RECORD(stored_event,
    FIELD(u8, version)		/* EFFECT_VERSION */
    FIELD(u8, part_count)	/* 1 .. EVENT_PARTS_MAX */
    FIELD(bytes, part))		/* of an event_record */
RECORD(stored_index,		/* of backups from before there was stored_window */
    FIELD(u8, version)		/* EFFECT_VERSION */
    FIELD(u64, store_index))
RECORD(stored_window,		/* of data from before there was stored_bounds */
    FIELD(u8, version)		/* EFFECT_WINDOW_VERSION */
    FIELD(u64, store_index)
    FIELD(u64, first))		/* store index of the oldest event in the window */
RECORD(stored_bounds,
    FIELD(u8, version)		/* EFFECT_BOUNDS_VERSION */
    FIELD(u64, store_index)
    FIELD(u64, first)		/* store index of the oldest event in the window */
    FIELD(u64, last_below)	/* of the root */
    FIELD(u64, known_from)	/* of removals up to this index nobody tells */
    FIELD(u8, agreed))		/* 1: known_from is the same on all nodes */
RECORD(stored_doomed,
    FIELD(u8, version))		/* EFFECT_VERSION */
#undef RECORD
#undef FIELD
