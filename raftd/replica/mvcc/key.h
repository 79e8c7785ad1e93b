/*
 * key.h - a key of the v3 key space, its changes, and both in the wire form of a KeyValue.
 *
 * A change is what one put or delete did to one key; it is known by (revision, sub), sub being
 * its number among those of its revision. A key has its changes in order. From a put on that
 * follows none, or a delete, begins a generation: create_revision and version count from
 * there, and each put holds its own.
 *
 *	nothing ---> living	put				[key_add]
 *	living ----> living	put: version + 1		[key_add]
 *	living ----> dead	delete: a tombstone		[key_add]
 *	dead ------> living	put: create_revision anew	[key_add]
 *	dead ------> nothing	compaction took the last change	[key_drop_oldest]
 *
 * In memory and in records a put is in the wire form of mvccpb.KeyValue, fields in the order
 * 1 (key), 2, 3, 4, 6, 5 (value): so an answer is a copy, and one of keys alone the copy of a
 * prefix. Field 1 is the key's, once for all its changes; the rest is the change's. Of a
 * tombstone there are fields 1 and 3 alone, as a DELETE event shows.
 *
 * Memory is the pool's. Pure.
 */
#ifndef MOOTHALL_RAFTD_REPLICA_MVCC_KEY_H
#define MOOTHALL_RAFTD_REPLICA_MVCC_KEY_H

#include "common/buf.h"
#include "common/pool.h"

/* Everything before it: of revision - 1 all, of revision the first sub changes. */
struct mvcc_position {
	uint64_t revision;
	uint32_t sub;
};

struct mvcc_change {
	struct mvcc_key *key;
	uint64_t revision;
	uint32_t sub;
	uint32_t size : 25;		/* of bytes */
	uint32_t head : 6;		/* of these, before the value's field */
	uint32_t gone : 1;		/* a tombstone */
	uint8_t bytes[];		/* wire form, without field 1 */
};

/* Of a key that has more than one. */
struct mvcc_changes {
	uint32_t count, start, room;	/* [start, start + count) of room */
	struct mvcc_change *changes[];
};

struct mvcc_lease;

/* What the newest change of a key hangs it on: lease.h. */
struct mvcc_attachment {
	struct mvcc_lease *lease;
	struct mvcc_key *key;
	struct mvcc_attachment *next, *previous;	/* of the same lease */
};

struct mvcc_key {
	/* 0: nothing yet; its only change; or, with MVCC_SEVERAL, its changes. */
	uintptr_t held;
	struct mvcc_attachment *attachment;	/* or NULL */
	uint8_t wire[];		/* field 1: tag, length, name */
};

#define MVCC_SEVERAL ((uintptr_t)1)	/* a bit that no address has */

/* What a put says beside its key. */
struct mvcc_fields {
	uint64_t create_revision, mod_revision, version, lease;
	struct slice value;		/* borrowed */
};

/* ---- the wire form: unsigned numbers of 7 bits a byte ------------------------------ */

#define MVCC_VARINT_BYTES_MAX ((size_t)10)

static inline size_t
mvcc_varint_size(uint64_t number)
{
	size_t size = 1;

	while (number >= 0x80) {
		number >>= 7;
		size++;
	}
	return size;
}

/* Returns where it ends. */
uint8_t *mvcc_varint_put(uint8_t *at, uint64_t number);
/* False: no number of at most 10 bytes stands at *at. */
bool mvcc_varint_get(const uint8_t **at, const uint8_t *end, uint64_t *number) MUST_CHECK;

/* ---- changes ------------------------------ */

/* A put of key at (fields->mod_revision, sub), not yet added to it; the value is copied. */
struct mvcc_change *mvcc_change_new_put(struct pool *pool, struct mvcc_key *key, uint32_t sub,
    const struct mvcc_fields *fields);
struct mvcc_change *mvcc_change_new_gone(struct pool *pool, struct mvcc_key *key, uint64_t revision,
    uint32_t sub);
void mvcc_change_free(struct mvcc_change *change);
/* Of a put. */
void mvcc_change_fields(const struct mvcc_change *change, struct mvcc_fields *fields);
/* The KeyValue in wire form; without its value if keys_only. */
size_t mvcc_change_wire_size(const struct mvcc_change *change, bool keys_only);
void mvcc_change_put_wire(const struct mvcc_change *change, bool keys_only, struct buf *out);
/* Bytes of memory. */
size_t mvcc_change_memory(const struct mvcc_change *change);

static inline bool
mvcc_change_is_before(const struct mvcc_change *change, struct mvcc_position position)
{
	return change->revision < position.revision ||
	    (change->revision == position.revision && change->sub < position.sub);
}

/*
 * Take a KeyValue apart that came from a disk or a node: a canonical one, as above, with
 * create_revision <= mod_revision and version >= 1. False: it is none.
 */
bool mvcc_parse_put(struct slice wire, struct slice *name, struct mvcc_fields *fields) MUST_CHECK;
bool mvcc_parse_gone(struct slice wire, struct slice *name, uint64_t *revision) MUST_CHECK;

/* ---- keys ------------------------------ */

/* Without a change yet; the name, not empty, is copied. */
struct mvcc_key *mvcc_key_new(struct pool *pool, struct slice name);
/* With its changes, and from whatever it hangs on. */
void mvcc_key_free(struct mvcc_key *key);
/* Without its changes and its attachment. */
size_t mvcc_key_memory(const struct mvcc_key *key);

static inline struct slice
mvcc_key_name(const struct mvcc_key *key)
{
	const uint8_t *at = key->wire + 1;
	size_t size = *at & 0x7f;

	for (unsigned shift = 7; (*at++ & 0x80) != 0; shift += 7)
		size |= (size_t)(*at & 0x7f) << shift;
	return slice_of(at, size);
}

/* NULL: it has one, or none. */
static inline struct mvcc_changes *
mvcc_key_several(const struct mvcc_key *key)
{
	return (key->held & MVCC_SEVERAL) == 0 ? NULL :
	    (struct mvcc_changes *)(key->held - MVCC_SEVERAL);
}

/* How many changes it has. */
static inline size_t
mvcc_key_changes(const struct mvcc_key *key)
{
	const struct mvcc_changes *several = mvcc_key_several(key);

	return several == NULL ? key->held != 0 : several->count;
}

/* i < its count; 0 is the oldest. */
static inline struct mvcc_change *
mvcc_key_change(const struct mvcc_key *key, size_t i)
{
	const struct mvcc_changes *several = mvcc_key_several(key);

	return several == NULL ? (struct mvcc_change *)key->held :
	    several->changes[several->start + i];
}

/* NULL: none yet. */
static inline struct mvcc_change *
mvcc_key_newest(const struct mvcc_key *key)
{
	const struct mvcc_changes *several = mvcc_key_several(key);

	return several == NULL ? (struct mvcc_change *)key->held :
	    several->changes[several->start + several->count - 1];
}

/* What a look at its changes touches first. */
static inline const void *
mvcc_key_first_touched(const struct mvcc_key *key)
{
	return (const void *)(key->held & ~MVCC_SEVERAL);
}

/* The put that the key has now, or NULL. */
static inline struct mvcc_change *
mvcc_key_living(const struct mvcc_key *key)
{
	struct mvcc_change *newest = mvcc_key_newest(key);

	return newest == NULL || newest->gone ? NULL : newest;
}

/* How many of its changes are before that position. */
size_t mvcc_key_changes_before(const struct mvcc_key *key, struct mvcc_position position);
/* The put that it had there, or NULL. */
struct mvcc_change *mvcc_key_at(const struct mvcc_key *key, struct mvcc_position position);
/* The change before that one, or NULL. */
struct mvcc_change *mvcc_key_before(const struct mvcc_key *key, const struct mvcc_change *change);
/* Takes the change, which is later than all others. */
void mvcc_key_add(struct pool *pool, struct mvcc_key *key, struct mvcc_change *change);
/* Free its oldest change. */
void mvcc_key_drop_oldest(struct mvcc_key *key);

#endif
