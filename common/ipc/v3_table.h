/*
 * v3_table.h - what is asked of the v3 key space, and what becomes of it: records that a worker
 * makes, that stand in the log (raftd/command_table.h), and that sessions remember.
 *
 * They are stored, so they never change: a new shape is a new row, in a command of a new number.
 * No guard: included many times; undefines its macros.
 */
/* Numbers are those of the API: an int64 is sent as the u64
 * of the same bits. A range is [key, end): end empty is key alone, and of one zero byte all
 * from key on. */
RECORD(v3_range,
    FIELD(bytes, key) FIELD(bytes, end)
    FIELD(u8, flags)		/* V3_RANGE_* of wire.h */
    FIELD(u8, order)		/* enum v3_sort_order */
    FIELD(u8, target)		/* enum v3_sort_target */
    FIELD(u64, limit) FIELD(u64, revision)
    FIELD(u64, min_mod) FIELD(u64, max_mod) FIELD(u64, min_create) FIELD(u64, max_create))
RECORD(v3_put,
    FIELD(bytes, key) FIELD(bytes, value)
    FIELD(u64, lease)
    FIELD(u8, flags))		/* V3_PUT_* of wire.h */
RECORD(v3_delete,
    FIELD(bytes, key) FIELD(bytes, end)
    FIELD(u8, flags))		/* V3_DELETE_* of wire.h */
RECORD(v3_compare,
    FIELD(u8, result)		/* enum v3_compare_result: state RESULT given */
    FIELD(u8, target)		/* enum v3_compare_target */
    FIELD(bytes, key) FIELD(bytes, end)
    FIELD(u64, number) FIELD(bytes, value))	/* given; value for V3_COMPARE_VALUE alone */
/* A txn among the operations, which stand in one list: behind it those of its success, then
 * those of its failure, with all that is nested in them. Its compares are the next ones in the
 * list of compares. */
RECORD(v3_branch,
    FIELD(u32, compares)
    FIELD(u32, success_end)	/* number of the operation behind the last of success */
    FIELD(u32, failure_end))
RECORD(v3_op,
    FIELD(u8, kind)		/* enum v3_op_kind */
    FIELD(bytes, body))		/* v3_range, v3_put, v3_delete, v3_branch */

/* What became of a command of the v3 key space: remembered as the answer to its request. What
 * it shows of keys is read again from history when it is asked for. */
RECORD(v3_outcome,
    FIELD(u16, error)		/* enum v3_error; else nothing was done */
    FIELD(u64, revision)	/* of the store, after it */
    FIELD(u32, changes)		/* that it made, all of that revision */
    FIELD(u64, ttl_s)		/* of a lease that was granted */
    FIELD(bytes, path)		/* a bit for each txn that was met, in order, 1: success */
    FIELD(bytes, counts))	/* of each delete that was done: keys, 7 bits a byte */
#undef RECORD
#undef FIELD
