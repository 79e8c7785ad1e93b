/*
 * record_table.h - what stands in the values of the node's LevelDB and in its
 * mark file, beside entry_record of common/ipc/message_table.h.
 *
 *	RECORD(tag, fields)
 *
 * Stored: a change of fields needs a new RECORD_VERSION (record.h). No guard:
 * included many times; undefines nothing, its includers do.
 */

/* Who this node is. Written when the directory is made and when it joins. */
RECORD(disk_identity,
    FIELD(u64, node_id)		/* never 0 */
    FIELD(u64, cluster_id)	/* 0: not yet a member */
    FIELD(u8, founded)		/* 1: this node started that cluster, with nothing in it */
    FIELD(bytes, name))

RECORD(disk_hard_state,
    FIELD(u64, term)
    FIELD(u64, vote))		/* 0: nobody yet */

/* How far everything is; exactly one in every batch. Valid if
 * compacted <= applied <= last and trimmed <= compacted + 1 (indexes). */
RECORD(disk_marks,
    FIELD(u64, batch)		/* number of the batch it came with, from 1, without gap */
    FIELD(u32, generation)	/* of the applied state, from 1 */
    FIELD(u32, generation_last)	/* highest ever begun; >= generation */
    FIELD(u64, applied_index)
    FIELD(u64, applied_term)
    FIELD(u64, commit)
    FIELD(u64, compacted_index)	/* the log begins behind it */
    FIELD(u64, compacted_term)
    FIELD(u64, last_index)	/* of the log; compacted_index if it is empty */
    FIELD(u64, last_term)
    FIELD(u64, trimmed))	/* entries below are deleted; up to compacted_index they may
				 * still be there, as garbage */

/* The footprint of one batch: see keyspace.h. */
RECORD(disk_footprint,
    FIELD(u64, batch))

/* The mark file: what was synced when it was last written. */
RECORD(disk_synced,
    FIELD(u64, node_id)		/* 0: the directory is being made */
    FIELD(u64, batch)
    FIELD(u64, last_index)	/* the rest is for the sentence only */
    FIELD(u64, last_term)
    FIELD(u64, applied_index))
