/*
 * keyspace.h - the keys of the node's LevelDB.
 *
 * One byte says what it is; numbers behind it are big-endian and of fixed
 * width, so byte order is number order (pitfall: keys as decimal).
 *
 *	key				value (record.h)
 *	'b' slot u16			disk_footprint
 *	'h'				disk_hard_state
 *	'i'				disk_identity
 *	'l' index u64			entry_record
 *	'm'				disk_marks
 *	's' generation u32, key		a value of the applied state
 *
 * Footprints: batch n leaves its number in slot n % KEYSPACE_FOOTPRINTS. After
 * a crash LevelDB reads one or two log files. It takes a torn tail of either
 * for its end, so the older may lose batches in front of the newer without a
 * word; then their footprints are missing. There are more slots than batches
 * in a log file: DB_LOG_BATCHES_MAX.
 *
 * Generations: the applied state is that of the generation in disk_marks. A
 * snapshot is received into a higher one; keys of any other are garbage.
 */
#ifndef MOOTHALL_RAFTD_WAL_KEYSPACE_H
#define MOOTHALL_RAFTD_WAL_KEYSPACE_H

#include "common/buf.h"
#include "raftd/raft/types.h"

#define KEYSPACE_FOOTPRINTS 8192u
#define KEYSPACE_FIXED_BYTES 9

/* A key of fixed size, or the beginning of one. */
struct keyspace_key {
	uint8_t bytes[KEYSPACE_FIXED_BYTES];
	size_t size;
};

struct keyspace_key keyspace_identity(void);
struct keyspace_key keyspace_hard_state(void);
struct keyspace_key keyspace_marks(void);
struct keyspace_key keyspace_log(raft_index index);
/* Of that batch's footprint. */
struct keyspace_key keyspace_footprint(uint64_t batch);
/* What all keys of a generation begin with. */
struct keyspace_key keyspace_generation(uint32_t generation);
/* Make out the key of the applied state's key in that generation. */
void keyspace_state(struct buf *out, uint32_t generation, struct slice key);

static inline struct slice
keyspace_slice(const struct keyspace_key *key)
{
	return slice_of(key->bytes, key->size);
}

/* True if it is an entry's key, and then its index. */
bool keyspace_is_log(struct slice bytes, raft_index *index);
bool keyspace_is_footprint(struct slice bytes, uint32_t *slot);
/* True if it is of the applied state; *key is borrowed from bytes. */
bool keyspace_is_state(struct slice bytes, uint32_t *generation, struct slice *key);

#endif
