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
RECORD(stored_index,
    FIELD(u8, version)		/* EFFECT_VERSION */
    FIELD(u64, store_index))
#undef RECORD
#undef FIELD
