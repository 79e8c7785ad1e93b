/*
 * mark.h - DATA_DIR/db.mark: how far the node's LevelDB was synced at least.
 *
 * LevelDB takes a torn tail of its log for the end of it. That is right for a
 * batch that was never acknowledged and wrong if synced bytes are gone; only
 * something outside the log can tell. So after each synced batch its number is
 * written here, in place and without a sync of its own: a crash of the machine
 * may lose the last of these writes, which makes the mark lower, never higher
 * than what was synced. A LevelDB whose newest batch is below the mark has lost
 * acknowledged data, and the node refuses to start.
 *
 *	offset	size
 *	0	53	a slot
 *	53	4043	nothing
 *	4096	53	another one
 *
 * A slot:
 *
 *	0	8	"MOOTMARK"
 *	8	1	RECORD_VERSION			\
 *	9	4	CRC32C, with the 8 bytes as key	 > as every value: record.h
 *	13	40	disk_synced			/
 *
 * They are written in turn, and the one with the higher batch counts: a write that a
 * power cut tore leaves the other one, of the batch before. They are in different
 * blocks of the file, so that no block is both. The file is made and synced before db/
 * and never resized. A mark with no slot that checks is as good as none: it is an
 * extra, not the data. One of 53 bytes, as earlier versions made it, is one slot; they
 * read and write the first.
 * Source: pitfall torn-tail of docs/testing.md.
 */
#ifndef MOOTHALL_RAFTD_WAL_MARK_H
#define MOOTHALL_RAFTD_WAL_MARK_H

#include "raftd/wal/record.h"

#define MARK_SLOTS 2
#define MARK_SLOT_BYTES ((size_t)53)
#define MARK_SLOT_STEP ((size_t)4096)
#define MARK_FILE_BYTES ((MARK_SLOTS - 1) * MARK_SLOT_STEP + MARK_SLOT_BYTES)

struct mark {
	int fd;
	unsigned next;		/* slot: the one that says less */
	char *path;
	struct buf bytes;	/* being made */
};

/*
 * Open the mark file of data_dir, or make one of zeros; sync: to the disk.
 * *synced is what it says, all zeros if it says nothing.
 */
enum err mark_open(const char *data_dir, bool sync, struct mark **mark,
    struct disk_synced *synced, char **sentence) MUST_CHECK;
/* Write, in place, that all this is synced. One system call. */
enum err mark_write(struct mark *mark, const struct disk_synced *synced,
    char **sentence) MUST_CHECK;
/* Accepts NULL. */
void mark_close(struct mark **mark);

#endif
