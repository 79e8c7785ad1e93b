/*
 * damage.h - where a damaged LevelDB is damaged: it says what is wrong, not where.
 */
#ifndef MOOTHALL_RAFTD_WAL_DAMAGE_H
#define MOOTHALL_RAFTD_WAL_DAMAGE_H

#include "common/base.h"

/*
 * Read all files of the LevelDB at path, each part against its checksum.
 *
 * "000005.ldb at byte 4096" for the first that does not match, or else for one that a
 * manifest cuts off; NULL if there is none, or it cannot be read. Owned by the caller.
 * Takes as long as the files are; for the sentence before an end.
 */
char *damage_find(const char *path);

#endif
