/*
 * squeeze.h - what was applied and is not yet handed to the disk, made smaller.
 */
#ifndef MOOTHALL_RAFTD_SQUEEZE_H
#define MOOTHALL_RAFTD_SQUEEZE_H

#include "common/buf.h"
#include "common/tails.h"

/*
 * Keep only the last record of each key, in their order: the same state on disk. Of a key that
 * is written once nothing is kept if that was here, and its removal, too.
 *
 *	effects	list of state_record that can be decoded
 *	tails	of its records
 *	seed	for the table of keys, which clients choose
 *	once	is what has that key never written over another?
 */
void squeeze_effects(struct buf *effects, struct tails *tails, uint64_t seed,
    bool (*once)(struct slice key));

#endif
