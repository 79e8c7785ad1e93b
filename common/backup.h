/*
 * backup.h - backup files: the applied state at one index, outside of any node.
 *
 *	offset	size
 *	0	8	"MOOTBACK"
 *	8	4	BACKUP_VERSION, u32
 *	12		blocks
 *
 *	a block:
 *	0	4	size of the content, u32
 *	4	1	kind: BACKUP_HEAD, then any number of BACKUP_RECORDS, maybe
 *			BACKUP_PADDING, then BACKUP_END
 *	5	4	CRC32C of the content, then of the five bytes before
 *	9		content: backup_head, a list of state_record, zeros, backup_end
 *
 * Numbers are little-endian. A file is whole and valid if the blocks come in
 * that order, every checksum is right, the count and the SHA-256 in the last
 * block are, and nothing follows it but, maybe, the SHA-256 of all of it: so clients of the v3
 * API save it, and want what is before that to be a multiple of 512 bytes. The records of all
 * blocks, one after the other, are the keys and values of raftd's applied state in key order.
 *
 * The writer is the peer worker's, which sends the file as the body of an HTTP
 * answer; readers are etcdctl, while it comes, and the program that makes a data
 * directory of it. A reader takes bytes in pieces of any size and keeps one block.
 * Source: docs/formats.md, "A backup file"; docs/decisions.md,
 * "Backups, restores, recoveries".
 */
#ifndef MOOTHALL_COMMON_BACKUP_H
#define MOOTHALL_COMMON_BACKUP_H

#include "common/err.h"
#include "common/ipc/codec.h"
#include "common/limits.h"

#define CODEC_TABLE "common/backup_table.h"
#include "common/ipc/table_declare.h"
#undef CODEC_TABLE

#define BACKUP_MAGIC "MOOTBACK"
#define BACKUP_VERSION 6
/* These are read, too: 5, no alarms of the v3 API; 4, no users of it; 3, no v3 keys; 2, directories
 * without last_below; 1, nodes by path (raftd/replica/store/effect.h). */
#define BACKUP_VERSION_OLDEST 1
#define BACKUP_START_BYTES ((size_t)12)
#define BACKUP_BLOCK_HEAD_BYTES ((size_t)9)
#define BACKUP_DIGEST_BYTES ((size_t)32)
#define BACKUP_PADDED_BYTES ((size_t)512)
/* Of a block's content: what fits in a frame does. */
#define BACKUP_BLOCK_BYTES_MAX FRAME_BYTES_MAX

enum backup_kind { BACKUP_HEAD = 1, BACKUP_RECORDS = 2, BACKUP_END = 3, BACKUP_PADDING = 4 };

/* ---- writing: each appends to out what comes next in the file ---------------- */

struct backup_writer;

struct backup_writer *backup_writer_new(void);
/* Accepts NULL. */
void backup_writer_free(struct backup_writer **writer);
/* First, once. */
void backup_put_head(struct backup_writer *writer, const struct backup_head *head,
    struct buf *out);
/* checksum: CRC32C of records by who read them from the disk, which is carried
 * on and not made anew. */
void backup_put_records(struct backup_writer *writer, struct slice records, uint32_t checksum,
    struct buf *out);
/* Last, once. */
void backup_put_end(struct backup_writer *writer, uint64_t store_index, struct buf *out);
/* Instead: padded, so that the file is a multiple of BACKUP_PADDED_BYTES; sha256: of all of it. */
void backup_put_padded_end(struct backup_writer *writer, uint64_t store_index, struct buf *out,
    uint8_t sha256[BACKUP_DIGEST_BYTES]);

/* ---- reading ------------------------------------------------------------------- */

/* Each may be NULL. What they are given is borrowed, and checked but for the
 * SHA-256, which is known at the end. One that does not return ERR_NONE ends the
 * reading with that. */
struct backup_owner {
	enum err (*head)(void *argument, const struct backup_head *head);
	enum err (*records)(void *argument, struct slice records);
	enum err (*end)(void *argument, const struct backup_end *end);
	void *argument;
};

struct backup_reader;

struct backup_reader *backup_reader_new(struct backup_owner owner);
/* Accepts NULL. */
void backup_reader_free(struct backup_reader **reader);
/*
 * The next bytes of the file. ERR_NONE, ERR_CORRUPT, ERR_FOREIGN: no backup file,
 * ERR_UNSUPPORTED: of another version; or what the owner returned. After anything
 * but ERR_NONE no more may be fed.
 */
enum err backup_reader_feed(struct backup_reader *reader, struct slice bytes) MUST_CHECK;
/* No more bytes come. ERR_NONE: the file is whole. ERR_CLOSED: its end is missing. */
enum err backup_reader_finish(struct backup_reader *reader) MUST_CHECK;
/* What is wrong and at which byte, to follow the file's name: "is damaged at
 * byte 4711: ..."; "" if nothing is, or the owner knows. Valid as long as the reader. */
const char *backup_reader_problem(const struct backup_reader *reader);

/*
 * Read all of the file open at fd, from its beginning. As feed and finish; also
 * ERR_IO. *sentence: what is wrong, beginning with shown, freed by the caller;
 * unchanged if the owner ended it.
 */
enum err backup_file_read(int fd, const char *shown, struct backup_owner owner,
    char **sentence) MUST_CHECK;

#endif
