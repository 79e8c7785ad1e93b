/*
 * backup_table.h - what stands in the first and in the last block of a backup
 * file (backup.h), beside state_record of common/ipc/message_table.h.
 *
 *	RECORD(tag, fields)
 *
 * Stored: a change of fields needs a new BACKUP_VERSION. No guard: included
 * many times; undefines its macros at the end.
 */

/* Where the backup comes from and what it is of. */
RECORD(backup_head,
    FIELD(u64, cluster_id)
    FIELD(u64, node_id)		/* of who made it */
    FIELD(bytes, name)		/* of that node */
    FIELD(u64, raft_index)	/* the applied state is that at this entry */
    FIELD(u64, raft_term)	/* of that entry */
    FIELD(u64, made_ns)		/* wall time of that node */
    FIELD(bytes, program))	/* version that wrote it; for people */

RECORD(backup_end,
    FIELD(u64, blocks)		/* of records */
    FIELD(u64, store_index)	/* as among the records; for people */
    FIELD(bytes, sha256))	/* 32 bytes: of every byte of the file before this block */
#undef RECORD
#undef FIELD
