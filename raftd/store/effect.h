/*
 * effect.h - what an applied command changed, as state_records for the disk.
 *
 * The store's records, to the byte; numbers in keys are big-endian so that
 * they sort, values are little-endian as everywhere (codec.h):
 *
 *	key			value (effect_table.h)
 *	'n' path		stored_node: the node of that path
 *	'e' index:8 part:1	stored_event: a part of the event of that store
 *				index; parts are EVENT_PART_BYTES but the last
 *	'm'			stored_index: the store index
 *
 * An empty value deletes the record; a value that is kept is never empty. A
 * record is valid if it decodes with nothing left, its version is known and
 * what store_load checks holds. All other first bytes of keys are not ours:
 * 'R' .. 'Z' belong to raftd itself.
 *
 * Events are cut into parts because one can hold two values of the greatest
 * size, and a record has to fit in one frame of a snapshot.
 */
#ifndef MOOTHALL_RAFTD_STORE_EFFECT_H
#define MOOTHALL_RAFTD_STORE_EFFECT_H

#include "common/limits.h"
#include "raftd/store/tree.h"

#define CODEC_TABLE "raftd/store/effect_table.h"
#include "common/ipc/table_declare.h"
#undef CODEC_TABLE

#define EFFECT_VERSION 1
#define EFFECT_NODE 'n'
#define EFFECT_EVENT 'e'
#define EFFECT_INDEX 'm'

#define EVENT_PART_BYTES (8 * MIB)
#define EVENT_PARTS_MAX ((size_t)4)

_Static_assert(2 * (VALUE_BYTES_MAX + KEY_BYTES_MAX + FRAME_ROOM) <=
    EVENT_PARTS_MAX * EVENT_PART_BYTES, "an event with two greatest values has parts enough");
_Static_assert(EVENT_PART_BYTES <= VALUE_BYTES_MAX, "a part is no bigger than a node may be");

/* Where effects go, with room to build one in. */
struct effects {
	struct buf *out;	/* borrowed for one call of the store */
	struct buf key, value;	/* of the record under construction */
};

/* A zeroed struct is ready to use. */
void effects_free(struct effects *effects);

void effects_node(struct effects *effects, struct slice path, const struct node *node);
void effects_node_gone(struct effects *effects, struct slice path);
void effects_event(struct effects *effects, uint64_t store_index, struct slice record);
/* record_size: of the event that goes, so that all its parts go. */
void effects_event_gone(struct effects *effects, uint64_t store_index, size_t record_size);
void effects_index(struct effects *effects, uint64_t store_index);

/* The store index and part of an event's key; false if it is no such key. */
bool effect_event_key(struct slice key, uint64_t *store_index, size_t *part);

#endif
