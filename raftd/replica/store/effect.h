/*
 * effect.h - what an applied command changed, as state_records for the disk.
 *
 * The store's records, to the byte; numbers in keys are big-endian so that
 * they sort, values are little-endian as everywhere (codec.h):
 *
 *	key			value (effect_table.h)
 *	'e' index:8 part:1	stored_event: a part of the event of that store
 *				index; parts are EVENT_PART_BYTES but the last
 *	'g' dir:10		stored_doomed: that directory was removed, what is
 *				in it is garbage
 *	'k' dir:10 name		stored_node or stored_dir: the node of that name in that
 *				directory
 *	'm'			stored_bounds: the store index, where the window
 *				begins, and what is known of removals
 *	'n' path		stored_node, of backups from before there was 'k'
 *
 * A directory is known by its id: created index:8 depth:2, all zero for the root. So
 * what a node costs here does not grow with its depth, and a directory that was
 * removed is gone by one record, whatever is still in it (doomed.h). The id of a
 * directory is above that of the one it is in: in byte order of the keys each
 * directory comes before what is in it.
 *
 * A directory's last_below moves with every event below it, and its record is not written
 * for that: it follows from what is in it, and from what the record says.
 *
 *	last_below = max(as written, of each directory in it, modified of each file in it)
 *
 * Two things take something out of that, so with them the record of the directory they
 * happen in is written, whose last_below is then above all that was: the removal of a node,
 * and the first refresh of a file after an event, which marks it (EFFECT_REFRESHED): the
 * modified index of a marked file does not count.
 *
 * An empty value deletes the record; a value that is kept is never empty. A
 * record is valid if it decodes with nothing left, its version is known and
 * what store_load checks holds. All other first bytes of keys are
 * other parts' (raftd/replica/part.h).
 *
 * Events are cut into parts because one can hold two values of the greatest
 * size, and a record has to fit in one frame of a snapshot.
 */
#ifndef MOOTHALL_RAFTD_REPLICA_STORE_EFFECT_H
#define MOOTHALL_RAFTD_REPLICA_STORE_EFFECT_H

#include "common/limits.h"
#include "common/ipc/wire.h"
#include "common/tails.h"
#include "raftd/replica/store/tree.h"

#define CODEC_TABLE "raftd/replica/store/effect_table.h"
#include "common/ipc/table_declare.h"
#undef CODEC_TABLE

#define EFFECT_VERSION 1
#define EFFECT_WINDOW_VERSION 2
#define EFFECT_DIR_VERSION 2
#define EFFECT_BOUNDS_VERSION 3
/* A flag of stored_node beside those of wire.h: modified is of a refresh. */
#define EFFECT_REFRESHED 0x80u
#define EFFECT_EVENT 'e'
#define EFFECT_DOOMED 'g'
#define EFFECT_NODE 'k'
#define EFFECT_INDEX 'm'
#define EFFECT_OLD_NODE 'n'

/* A directory's id in keys. */
#define EFFECT_DIR_BYTES 10
struct effect_dir {
	uint8_t bytes[EFFECT_DIR_BYTES];
};

#define EVENT_PART_BYTES (8 * MIB)
#define EVENT_PARTS_MAX ((size_t)4)

_Static_assert(2 * (VALUE_BYTES_MAX + KEY_BYTES_MAX + FRAME_ROOM) <=
    EVENT_PARTS_MAX * EVENT_PART_BYTES, "an event with two greatest values has parts enough");
_Static_assert(EVENT_PART_BYTES <= VALUE_BYTES_MAX, "a part is no bigger than a node may be");

_Static_assert((EFFECT_REFRESHED & (NODE_DIR | NODE_VALUE | NODE_EXPIRES)) == 0,
    "the flags of a stored node are different bits");

/* Where effects go, with room to build one in. */
struct effects {
	struct buf *out;	/* borrowed for one call of the store */
	struct tails *tails;	/* of what is in out, borrowed; NULL: it has none */
	struct buf key, value;	/* of the record under construction */
	/* For store_hash: what is known of events up to this index is left out. */
	uint64_t plain_to;
};

/* What the store's bounds are, as stored_bounds. */
struct effect_bounds {
	uint64_t store_index;
	uint64_t first;		/* store index of the oldest event in the window */
	uint64_t last_below;	/* of the root */
	uint64_t known_from;
	bool agreed;
};

/* A zeroed struct is ready to use. */
void effects_free(struct effects *effects);

/* Of a node that is in its directory. */
void effects_node(struct effects *effects, const struct tree_node *node);
void effects_node_gone(struct effects *effects, const struct tree_node *node);
/* What is in that directory is garbage; there is none of it any more. */
void effects_doomed(struct effects *effects, const struct tree_node *dir);
void effects_doomed_gone(struct effects *effects, const struct tree_node *dir);
void effects_event(struct effects *effects, uint64_t store_index, struct blob *record);
/* record_size: of the event that goes, so that all its parts go. */
void effects_event_gone(struct effects *effects, uint64_t store_index, size_t record_size);
void effects_bounds(struct effects *effects, const struct effect_bounds *bounds);

struct effect_dir effect_dir_of(const struct tree_node *dir);
/* What the id says. */
uint64_t effect_dir_created(const struct effect_dir *dir);
size_t effect_dir_depth(const struct effect_dir *dir);
/* The directory and name of a node's key, the name borrowed; false if it is none. */
bool effect_node_key(struct slice key, struct effect_dir *dir, struct slice *name);
/* The directory of a doomed one's key; false if it is none. */
bool effect_doomed_key(struct slice key, struct effect_dir *dir);
/* The store index and part of an event's key; false if it is no such key. */
bool effect_event_key(struct slice key, uint64_t *store_index, size_t *part);

#endif
