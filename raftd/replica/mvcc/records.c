/*
 * records.c - the key space as records of the applied state: written as changes come, read
 * again in the order of their keys: leases, what is known of the whole, changes.
 *
 * A record is valid if it decodes with nothing left and is what this file would write: what
 * is loaded and written again has the same bytes.
 */
#include "raftd/replica/mvcc/mvcc_priv.h"

#include "raftd/replica/state.h"

#include <stdlib.h>

#define CHANGE_KEY_BYTES ((size_t)13)
#define CHANGE_PUT 1
#define CHANGE_GONE 2

/* ---- written ------------------------------ */

static struct slice
change_key(uint8_t key[STATE_KEY_BYTES], const struct mvcc_change *change)
{
	state_key(key, STATE_V3_CHANGE, change->revision);
	for (unsigned i = 0; i < 4; i++)
		key[9 + i] = (uint8_t)(change->sub >> (24 - 8 * i));
	return slice_of(key, CHANGE_KEY_BYTES);
}

void
mvcc_record_change(struct buf *effects, const struct mvcc_change *change)
{
	size_t size = 1 + mvcc_change_wire_size(change, false);
	uint8_t key[STATE_KEY_BYTES];

	/* A state_record whose value is not built somewhere else first. */
	(void)buf_reserve(effects, 2 * CODEC_LENGTH_BYTES + CHANGE_KEY_BYTES + size);
	codec_put_bytes(effects, change_key(key, change));
	codec_put_u32(effects, (uint32_t)size);
	codec_put_u8(effects, change->gone ? CHANGE_GONE : CHANGE_PUT);
	mvcc_change_put_wire(change, false, effects);
}

void
mvcc_record_change_gone(struct buf *effects, const struct mvcc_change *change)
{
	uint8_t key[STATE_KEY_BYTES];

	state_effect(effects, change_key(key, change), SLICE_EMPTY);
}

void
mvcc_record_lease(struct buf *effects, const struct mvcc_lease *lease)
{
	uint8_t key[STATE_KEY_BYTES];
	struct buf value = BUF_INIT;

	v3_lease_state_put(&value, &(struct v3_lease_state){ .format = STATE_FORMAT,
	    .settled = lease->settled, .ttl_s = lease->ttl_s, .expiry_ns = lease->expiry_ns });
	state_effect(effects, state_key(key, STATE_V3_LEASE, lease->id), buf_slice(&value));
	buf_free(&value);
}

void
mvcc_record_lease_gone(struct buf *effects, uint64_t id)
{
	uint8_t key[STATE_KEY_BYTES];

	state_effect(effects, state_key(key, STATE_V3_LEASE, id), SLICE_EMPTY);
}

void
mvcc_flush(struct mvcc *mvcc, struct buf *effects)
{
	const uint8_t key = STATE_V3_META;
	struct buf value = BUF_INIT;

	if (!mvcc->changed)
		return;
	v3_meta_state_put(&value, &(struct v3_meta_state){ .format = STATE_FORMAT,
	    .revision = mvcc->revision, .compacted = (uint64_t)mvcc->compacted,
	    .removed = mvcc->removed });
	state_effect(effects, slice_of(&key, 1), buf_slice(&value));
	buf_free(&value);
	mvcc->changed = false;
}

/* ---- read ------------------------------ */

void
mvcc_add_change(struct mvcc *mvcc, struct mvcc_change *change)
{
	struct mvcc_key *key = change->key;
	bool was = mvcc_key_living(key) != NULL, is_new = key->held == 0;

	mvcc->key_bytes -= is_new ? 0 : mvcc_key_memory(key);
	mvcc_key_add(mvcc->pool, key, change);
	mvcc->key_bytes += mvcc_key_memory(key);
	mvcc->change_count++;
	mvcc->change_bytes += mvcc_change_memory(change);
	if (is_new)
		mvcc_keys_insert(&mvcc->keys, key, !change->gone);
	else if (was == (bool)change->gone)
		mvcc_keys_set_living(&mvcc->keys, key, !change->gone);
	if (change->revision >= mvcc->removed)
		journal_add(&mvcc->journal, change);
}

static enum err
load_lease(struct mvcc *mvcc, struct slice key, struct slice value)
{
	struct reader in = reader_of(value);
	struct v3_lease_state state;
	uint64_t id;

	if (!state_key_parse(key, &id, NULL, 1) || !v3_lease_state_get(&in, &state) ||
	    !reader_done(&in) || state.format != STATE_FORMAT || state.settled > 1 || id == 0 ||
	    state.ttl_s < V3_LEASE_TTL_S_MIN || state.ttl_s > V3_LEASE_TTL_S_MAX ||
	    lease_find(&mvcc->leases, id) != NULL)
		return ERR_CORRUPT;
	lease_new(&mvcc->leases, id, state.ttl_s, state.expiry_ns, state.settled == 1);
	return ERR_NONE;
}

static enum err
load_meta(struct mvcc *mvcc, struct slice key, struct slice value)
{
	struct reader in = reader_of(value);
	struct v3_meta_state state;
	int64_t compacted;

	if (key.size != 1 || mvcc->meta_loaded || !v3_meta_state_get(&in, &state) ||
	    !reader_done(&in) || state.format != STATE_FORMAT)
		return ERR_CORRUPT;
	compacted = mvcc_int64(state.compacted);
	if (state.revision < 1 || state.revision > INT64_MAX - 1 || compacted < -1 ||
	    compacted > (int64_t)state.revision || state.removed > state.revision ||
	    mvcc_int64(state.removed) > MAX_OF(compacted, 0))
		return ERR_CORRUPT;
	mvcc->revision = state.revision;
	mvcc->compacted = compacted;
	mvcc->removed = state.removed;
	mvcc->meta_loaded = true;
	return ERR_NONE;
}

/* Does it follow the key's changes so far? Of those compaction may have taken the first. */
static bool
follows(const struct mvcc_key *key, const struct mvcc_fields *fields)
{
	const struct mvcc_change *before = mvcc_key_newest(key);
	struct mvcc_fields old;

	if (before == NULL)
		return true;
	if (before->gone)
		return fields->version == 1 && fields->create_revision == fields->mod_revision;
	mvcc_change_fields(before, &old);
	return fields->version == old.version + 1 &&
	    fields->create_revision == old.create_revision;
}

static struct mvcc_change *
make_put(struct mvcc *mvcc, struct slice wire, uint32_t sub, struct mvcc_key **key)
{
	struct mvcc_fields fields;
	struct slice name;

	if (!mvcc_parse_put(wire, &name, &fields))
		return NULL;
	*key = mvcc_keys_find(&mvcc->keys, name);
	if (*key != NULL && !follows(*key, &fields))
		return NULL;
	if (*key == NULL)
		*key = mvcc_key_new(mvcc->pool, name);
	return mvcc_change_new_put(mvcc->pool, *key, sub, &fields);
}

static struct mvcc_change *
make_gone(struct mvcc *mvcc, struct slice wire, uint32_t sub, struct mvcc_key **key)
{
	struct slice name;
	uint64_t revision;

	if (!mvcc_parse_gone(wire, &name, &revision))
		return NULL;
	*key = mvcc_keys_find(&mvcc->keys, name);
	if (*key != NULL && mvcc_key_living(*key) == NULL)
		return NULL;
	if (*key == NULL)
		*key = mvcc_key_new(mvcc->pool, name);
	return mvcc_change_new_gone(mvcc->pool, *key, revision, sub);
}

static bool
parse_change_key(struct slice key, struct mvcc_position *position)
{
	if (key.size != CHANGE_KEY_BYTES ||
	    !state_key_parse(slice_of(key.data, 9), &position->revision, NULL, 1))
		return false;
	position->sub = 0;
	for (unsigned i = 9; i < 13; i++)
		position->sub = position->sub << 8 | key.data[i];
	return true;
}

/* Is it the next one, in a revision that there is? */
static bool
is_next(struct mvcc *mvcc, struct mvcc_position position)
{
	const struct mvcc_position *last = &mvcc->last_loaded;

	if (position.revision > mvcc->revision || position.revision < 2 ||
	    (mvcc->change_count > 0 && (position.revision < last->revision ||
	    (position.revision == last->revision && position.sub <= last->sub))))
		return false;
	mvcc->last_loaded = position;
	return true;
}

static enum err
load_change(struct mvcc *mvcc, struct slice record_key, struct slice value)
{
	struct mvcc_change *change = NULL;
	struct mvcc_key *key = NULL;
	struct mvcc_position position;
	struct slice wire;
	bool is_new;

	if (!mvcc->meta_loaded || value.size < 2 || !parse_change_key(record_key, &position) ||
	    !is_next(mvcc, position))
		return ERR_CORRUPT;
	wire = slice_of(value.data + 1, value.size - 1);
	if (value.data[0] == CHANGE_PUT)
		change = make_put(mvcc, wire, position.sub, &key);
	else if (value.data[0] == CHANGE_GONE)
		change = make_gone(mvcc, wire, position.sub, &key);
	if (change == NULL)
		return ERR_CORRUPT;
	is_new = key->held == 0;
	if (change->revision != position.revision ||
	    mvcc_change_wire_size(change, false) != wire.size) {
		mvcc_change_free(change);
		if (is_new)
			mvcc_key_free(key);
		return ERR_CORRUPT;
	}
	mvcc_add_change(mvcc, change);
	return ERR_NONE;
}

enum err
mvcc_load(struct mvcc *mvcc, struct slice key, struct slice value)
{
	if (key.size == 0)
		return ERR_CORRUPT;
	switch (key.data[0]) {
	case STATE_V3_LEASE:
		return load_lease(mvcc, key, value);
	case STATE_V3_META:
		return load_meta(mvcc, key, value);
	case STATE_V3_CHANGE:
		return load_change(mvcc, key, value);
	default:
		return ERR_CORRUPT;
	}
}

/* Hang each key on the lease that its newest change names; false: there is none of that id. */
static bool
hang_all(struct mvcc *mvcc)
{
	struct mvcc_walk walk;
	struct mvcc_fields fields;

	for (struct mvcc_key *key = mvcc_walk_from(&walk, &mvcc->keys, true, SLICE_EMPTY, false);
	    key != NULL; key = mvcc_walk_next(&walk)) {
		struct mvcc_lease *lease;

		mvcc_change_fields(mvcc_key_living(key), &fields);
		if (fields.lease == 0)
			continue;
		lease = lease_find(&mvcc->leases, fields.lease);
		if (lease == NULL)
			return false;
		lease_hang(&mvcc->leases, lease, key);
	}
	return true;
}

enum err
mvcc_loaded(struct mvcc *mvcc, const char **where)
{
	*where = "a key hangs on a lease that is missing";
	if (!hang_all(mvcc))
		return ERR_CORRUPT;
	*where = "the newest revision of the v3 keys is missing";
	if (mvcc->revision > 1 && mvcc->last_loaded.revision != mvcc->revision)
		return ERR_CORRUPT;
	mvcc->changes = mvcc->revision > 1 ? mvcc->last_loaded.sub + 1 : 0;
	return ERR_NONE;
}
