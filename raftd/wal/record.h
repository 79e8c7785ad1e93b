/*
 * record.h - a value on the disk: version, checksum, content.
 *
 *	offset	size
 *	0	1	RECORD_VERSION
 *	1	4	CRC32C of key, the version byte and content; u32 little-endian
 *	5		content
 *
 * The key is the whole LevelDB key (keyspace.h), so a value that turns up under
 * another key is noticed. The checksum comes on top of LevelDB's own, which
 * covers blocks and log records but not what happened to them in memory or by
 * a misplaced write. Content is encoded by the tables: record_table.h, or
 * entry_record for an entry of the log; a value of the applied state is raw.
 */
#ifndef MOOTHALL_RAFTD_WAL_RECORD_H
#define MOOTHALL_RAFTD_WAL_RECORD_H

#include "common/err.h"
#include "common/ipc/codec.h"
#include "raftd/raft/types.h"

#define RECORD_VERSION 1
#define RECORD_HEADER_BYTES ((size_t)5)

#define CODEC_TABLE "raftd/wal/record_table.h"
#include "common/ipc/table_declare.h"
#undef CODEC_TABLE

/* Empty out and leave room for the header; then append the content. */
void record_begin(struct buf *out);
/* The content is complete: fill in the header. */
void record_seal(struct buf *out, struct slice key);
/* Check a value that was read; *content is borrowed from it.
 * ERR_NONE, ERR_CORRUPT, ERR_UNSUPPORTED: a version we do not know. */
enum err record_open(struct slice key, struct slice value, struct slice *content) MUST_CHECK;

/* Append the entry as entry_record. */
void record_put_entry(struct buf *out, const struct raft_entry *entry);
/* The entry of that content, but for its payload, which is lent in *payload
 * (entry->payload is NULL). ERR_NONE or ERR_CORRUPT: not such a record. */
enum err record_get_entry(struct slice content, struct raft_entry *entry,
    struct slice *payload) MUST_CHECK;

#endif
