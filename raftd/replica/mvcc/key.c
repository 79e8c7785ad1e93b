/*
 * key.c - see key.h.
 *
 * Most keys have one change, which needs no array, and hang on no lease: a key is as small as
 * that. Those that have more changes keep them in an array with a moving start, since the oldest
 * go first; its room is a power of two, so that the pool has few sizes.
 */
#include "raftd/replica/mvcc/key.h"

/* Tags of the fields of a KeyValue: number and kind. */
#define TAG_KEY 0x0au
#define TAG_CREATE 0x10u
#define TAG_MOD 0x18u
#define TAG_VERSION 0x20u
#define TAG_VALUE 0x2au
#define TAG_LEASE 0x30u

/* Four numbers with their tags. */
#define HEAD_BYTES_MAX_OF_CHANGE (4 * (1 + MVCC_VARINT_BYTES_MAX))
_Static_assert(HEAD_BYTES_MAX_OF_CHANGE < 64, "the size of the head fits in its 6 bits");
_Static_assert(VALUE_BYTES_MAX + 64 < (size_t)1 << 25, "and that of all in its 25");

/* ---- the wire form ------------------------------ */

uint8_t *
mvcc_varint_put(uint8_t *at, uint64_t number)
{
	while (number >= 0x80) {
		*at++ = (uint8_t)(number | 0x80);
		number >>= 7;
	}
	*at++ = (uint8_t)number;
	return at;
}

bool
mvcc_varint_get(const uint8_t **at, const uint8_t *end, uint64_t *number)
{
	uint64_t sum = 0;
	unsigned shift = 0;

	for (const uint8_t *byte = *at; byte < end && shift < 70; byte++, shift += 7) {
		if (shift == 63 && *byte > 1)
			return false;
		sum |= (uint64_t)(*byte & 0x7f) << shift;
		if (*byte < 0x80) {
			*at = byte + 1;
			*number = sum;
			return true;
		}
	}
	return false;
}

static uint8_t *
put_number(uint8_t *at, uint8_t tag, uint64_t number)
{
	*at = tag;
	return mvcc_varint_put(at + 1, number);
}

/* The number behind that tag, if it is there next. */
static bool
get_number(struct slice *rest, uint8_t tag, uint64_t *number)
{
	const uint8_t *at, *end;

	if (rest->size == 0 || rest->data[0] != tag)
		return false;
	at = rest->data + 1;
	end = rest->data + rest->size;
	if (!mvcc_varint_get(&at, end, number))
		return false;
	*rest = slice_of(at, (size_t)(end - at));
	return true;
}

static bool
get_bytes(struct slice *rest, uint8_t tag, struct slice *bytes)
{
	struct slice behind = *rest;
	uint64_t size;

	if (!get_number(&behind, tag, &size) || size > behind.size)
		return false;
	*bytes = slice_of(behind.data, (size_t)size);
	*rest = slice_of(behind.data + size, behind.size - (size_t)size);
	return true;
}

/* What follows field 1 of a put; false: it is none. */
static bool
get_fields(struct slice rest, struct mvcc_fields *fields)
{
	*fields = (struct mvcc_fields){ 0 };
	if (!get_number(&rest, TAG_CREATE, &fields->create_revision) ||
	    !get_number(&rest, TAG_MOD, &fields->mod_revision) ||
	    !get_number(&rest, TAG_VERSION, &fields->version))
		return false;
	(void)get_number(&rest, TAG_LEASE, &fields->lease);
	(void)get_bytes(&rest, TAG_VALUE, &fields->value);
	return rest.size == 0;
}

bool
mvcc_parse_put(struct slice wire, struct slice *name, struct mvcc_fields *fields)
{
	return get_bytes(&wire, TAG_KEY, name) && name->size > 0 && get_fields(wire, fields) &&
	    fields->create_revision > 0 && fields->create_revision <= fields->mod_revision &&
	    fields->version > 0;
}

bool
mvcc_parse_gone(struct slice wire, struct slice *name, uint64_t *revision)
{
	return get_bytes(&wire, TAG_KEY, name) && name->size > 0 &&
	    get_number(&wire, TAG_MOD, revision) && wire.size == 0;
}

/* ---- changes ------------------------------ */

static struct mvcc_change *
change_new(struct pool *pool, struct mvcc_key *key, uint64_t revision, uint32_t sub, size_t size)
{
	struct mvcc_change *change = pool_take(pool, sizeof(*change) + size);

	*change = (struct mvcc_change){ .key = key, .revision = revision, .sub = sub };
	change->size = (uint32_t)size & ((1u << 25) - 1);
	return change;
}

struct mvcc_change *
mvcc_change_new_put(struct pool *pool, struct mvcc_key *key, uint32_t sub,
    const struct mvcc_fields *fields)
{
	uint8_t head[HEAD_BYTES_MAX_OF_CHANGE], *at = head;
	struct slice value = fields->value;
	size_t head_size, size;
	struct mvcc_change *change;

	at = put_number(at, TAG_CREATE, fields->create_revision);
	at = put_number(at, TAG_MOD, fields->mod_revision);
	at = put_number(at, TAG_VERSION, fields->version);
	if (fields->lease != 0)
		at = put_number(at, TAG_LEASE, fields->lease);
	head_size = (size_t)(at - head);
	size = head_size + (value.size == 0 ? 0 : 1 + mvcc_varint_size(value.size) + value.size);
	change = change_new(pool, key, fields->mod_revision, sub, size);
	change->head = (uint32_t)head_size & 63;
	memcpy(change->bytes, head, head_size);
	if (value.size > 0)
		memcpy(put_number(change->bytes + head_size, TAG_VALUE, value.size), value.data,
		    value.size);
	return change;
}

struct mvcc_change *
mvcc_change_new_gone(struct pool *pool, struct mvcc_key *key, uint64_t revision, uint32_t sub)
{
	size_t size = 1 + mvcc_varint_size(revision);
	struct mvcc_change *change = change_new(pool, key, revision, sub, size);

	change->gone = 1;
	change->head = (uint32_t)size & 63;
	put_number(change->bytes, TAG_MOD, revision);
	return change;
}

size_t
mvcc_change_memory(const struct mvcc_change *change)
{
	return sizeof(*change) + change->size;
}

void
mvcc_change_free(struct mvcc_change *change)
{
	pool_give(change, mvcc_change_memory(change));
}

void
mvcc_change_fields(const struct mvcc_change *change, struct mvcc_fields *fields)
{
	MUST(get_fields(slice_of(change->bytes, change->size), fields));
}

static size_t
key_wire_size(const struct mvcc_key *key)
{
	struct slice name = mvcc_key_name(key);

	return (size_t)(name.data - key->wire) + name.size;
}

size_t
mvcc_change_wire_size(const struct mvcc_change *change, bool keys_only)
{
	return key_wire_size(change->key) + (keys_only ? change->head : change->size);
}

void
mvcc_change_put_wire(const struct mvcc_change *change, bool keys_only, struct buf *out)
{
	buf_append(out, change->key->wire, key_wire_size(change->key));
	buf_append(out, change->bytes, keys_only ? change->head : change->size);
}

/* ---- keys ------------------------------ */

struct mvcc_key *
mvcc_key_new(struct pool *pool, struct slice name)
{
	struct mvcc_key *key = pool_take(pool, sizeof(*key) + 1 + mvcc_varint_size(name.size) +
	    name.size);

	*key = (struct mvcc_key){ .held = 0 };
	memcpy(put_number(key->wire, TAG_KEY, name.size), name.data, name.size);
	return key;
}

static size_t
several_size(uint32_t room)
{
	return sizeof(struct mvcc_changes) + room * sizeof(struct mvcc_change *);
}

size_t
mvcc_key_memory(const struct mvcc_key *key)
{
	const struct mvcc_changes *several = mvcc_key_several(key);

	return sizeof(*key) + key_wire_size(key) +
	    (several == NULL ? 0 : several_size(several->room));
}

static void
give_several(struct mvcc_key *key)
{
	struct mvcc_changes *several = mvcc_key_several(key);

	if (several != NULL)
		pool_give(several, several_size(several->room));
}

void
mvcc_key_free(struct mvcc_key *key)
{
	for (size_t i = 0; i < mvcc_key_changes(key); i++)
		mvcc_change_free(mvcc_key_change(key, i));
	give_several(key);
	if (key->attachment != NULL)
		pool_give(key->attachment, sizeof(*key->attachment));
	pool_give(key, sizeof(*key) + key_wire_size(key));
}

size_t
mvcc_key_changes_before(const struct mvcc_key *key, struct mvcc_position position)
{
	size_t below = 0, above = mvcc_key_changes(key);

	/* Mostly all of them. */
	if (above > 0 && mvcc_change_is_before(mvcc_key_newest(key), position))
		return above;
	while (below < above) {
		size_t middle = below + (above - below) / 2;

		if (mvcc_change_is_before(mvcc_key_change(key, middle), position))
			below = middle + 1;
		else
			above = middle;
	}
	return below;
}

struct mvcc_change *
mvcc_key_at(const struct mvcc_key *key, struct mvcc_position position)
{
	size_t before = mvcc_key_changes_before(key, position);
	struct mvcc_change *change = before == 0 ? NULL : mvcc_key_change(key, before - 1);

	return change == NULL || change->gone ? NULL : change;
}

struct mvcc_change *
mvcc_key_before(const struct mvcc_key *key, const struct mvcc_change *change)
{
	size_t before = mvcc_key_changes_before(key, (struct mvcc_position){ change->revision,
	    change->sub });

	return before == 0 ? NULL : mvcc_key_change(key, before - 1);
}

/* Its changes, with room for one more behind the last. */
static struct mvcc_changes *
make_room(struct pool *pool, struct mvcc_key *key)
{
	struct mvcc_changes *several = mvcc_key_several(key), *larger;
	uint32_t count = (uint32_t)mvcc_key_changes(key), room;

	if (several != NULL && several->start + count < several->room)
		return several;
	if (several != NULL && several->start >= (several->room + 1) / 2) {
		memmove(several->changes, several->changes + several->start,
		    count * sizeof(several->changes[0]));
		several->start = 0;
		return several;
	}
	for (room = 2; room <= count;)
		room *= 2;
	larger = pool_take(pool, several_size(room));
	*larger = (struct mvcc_changes){ .count = count, .room = room };
	for (size_t i = 0; i < count; i++)
		larger->changes[i] = mvcc_key_change(key, i);
	give_several(key);
	key->held = (uintptr_t)larger + MVCC_SEVERAL;
	return larger;
}

void
mvcc_key_add(struct pool *pool, struct mvcc_key *key, struct mvcc_change *change)
{
	struct mvcc_changes *several;

	ASSERT(change->key == key);
	if (key->held == 0) {
		key->held = (uintptr_t)change;
		return;
	}
	several = make_room(pool, key);
	several->changes[several->start + several->count++] = change;
}

void
mvcc_key_drop_oldest(struct mvcc_key *key)
{
	struct mvcc_changes *several = mvcc_key_several(key);
	struct mvcc_change *last;

	ASSERT(key->held != 0);
	mvcc_change_free(mvcc_key_change(key, 0));
	if (several == NULL) {
		key->held = 0;
		return;
	}
	several->start++;
	if (--several->count > 1)
		return;
	last = mvcc_key_change(key, 0);
	give_several(key);
	key->held = (uintptr_t)last;
}
