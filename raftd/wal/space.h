/*
 * space.h - how much room the disk has, and how much raftd must have to go on.
 *
 *	plenty ----> full	less than SPACE_FULL_BYTES is free: clients' writes are
 *				refused, what the cluster needs is written
 *	full ------> held	not even SPACE_HELD_BYTES beside the batch: it waits
 *	any -------> plenty	SPACE_ENOUGH_BYTES are free again
 *
 * The marks lie apart so that a node whose disk is full can still vote, follow
 * and hand leadership over, and LevelDB can finish a compaction. On a small file
 * system they are an eighth of it and the like. Free is what an ordinary user
 * may take.
 * Source: pitfall disk-full of docs/testing.md; docs/operations.md, "A full disk".
 */
#ifndef MOOTHALL_RAFTD_WAL_SPACE_H
#define MOOTHALL_RAFTD_WAL_SPACE_H

#include "common/err.h"

#define SPACE_FULL_BYTES (UINT64_C(16) << 20)
#define SPACE_ENOUGH_BYTES (UINT64_C(24) << 20)
#define SPACE_HELD_BYTES (UINT64_C(4) << 20)

/* As wal.h hands it out. */
struct wal_space {
	uint64_t free_bytes, total_bytes;	/* total 0: not known, and then never full */
	bool full;
};

/* Look at the file system of fd; full is kept, or follows from what it was. */
void space_look(int fd, struct wal_space *space);
/* So much that nobody has to look again before that many bytes more were written. */
bool space_is_plenty(const struct wal_space *space, size_t bytes);
/* A batch of that many bytes can be written. */
bool space_has_room(const struct wal_space *space, size_t bytes);
/* There is enough to open the database again after a write failed. */
bool space_is_enough(const struct wal_space *space);

#endif
