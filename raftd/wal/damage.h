/*
 * damage.h - where a damaged LevelDB is damaged: it says what is wrong, not where.
 */
#ifndef MOOTHALL_RAFTD_WAL_DAMAGE_H
#define MOOTHALL_RAFTD_WAL_DAMAGE_H

#include "common/base.h"

/*
 * Read all files of the LevelDB at path, each part against its checksum.
 *
 * "000005.ldb at byte 4096" for one that does not match, or that a manifest cuts off;
 * NULL if there is none, or it cannot be read. Owned by the caller. Takes as long as
 * the files are; for the sentence before an end.
 */
char *damage_find(const char *path);

/*
 * The same for a record that its log cuts off: a crash tore it, or its length is damaged
 * and what follows is lost. LevelDB says nothing, and deletes the log: ask first. Reads
 * the logs only, which are of the size of a write buffer.
 */
char *damage_find_torn_log(const char *path);

/*
 * What LevelDB takes for damage, but a power cut leaves: the last record of the newest
 * log, or of the manifest in use, is all there by the file's size and has blocks that were
 * never written. Each was being written when the power went, since the next is written
 * after it was synced only. So if none begins behind it, the file is cut where it begins;
 * else nothing is changed. That nothing synced goes so is for the mark and the footprints
 * to tell, as with a record that the file cuts off.
 *
 * "000005.log at byte 4096", owned by the caller: LevelDB may be opened again; NULL: no.
 */
char *damage_cut_torn(const char *path);

#endif
