/*
 * replica.c - the applied state (see replica.h).
 *
 * Called by the conductor's files. Goes over its parts, whatever they are; its own is the
 * stamp alone.
 */
#include "raftd/replica/replica.h"

#include "common/crc32c.h"
#include "common/xmem.h"
#include "raftd/replica/part.h"
#include "raftd/replica/state.h"

#include <stdlib.h>

struct replica *
replica_new(uint64_t seed)
{
	struct replica *replica = xzalloc(sizeof(*replica) +
	    part_row_count * sizeof(replica->states[0]));

	for (size_t i = 0; i < part_row_count; i++)
		replica->states[i] = part_rows[i]->create(replica, seed);
	return replica;
}

void
replica_free(struct replica **freed)
{
	struct replica *replica = *freed;

	if (replica == NULL)
		return;
	for (size_t i = part_row_count; i-- > 0;)
		if (part_rows[i]->destroy != NULL)
			part_rows[i]->destroy(replica->states[i]);
	free(replica);
	*freed = NULL;
}

/* ---- records ------------------------------------------------------------------ */

static bool
is_among(struct slice key, const char *prefixes)
{
	if (key.size == 0)
		return false;
	for (; *prefixes != '\0'; prefixes++)
		if ((uint8_t)*prefixes == key.data[0])
			return true;
	return false;
}

/* The number of the part whose records have such keys; part_row_count: none. */
static size_t
row_of(struct slice key)
{
	size_t row = 0;

	while (row < part_row_count && !is_among(key, part_rows[row]->prefixes))
		row++;
	return row;
}

static enum err
load_stamp(struct replica *replica, struct slice value)
{
	struct reader in = reader_of(value);
	struct stamp_state stamp;

	if (!stamp_state_get(&in, &stamp) || !reader_done(&in) || stamp.format != STATE_FORMAT)
		return ERR_CORRUPT;
	replica->applied_ns = stamp.applied_ns;
	return ERR_NONE;
}

enum err
replica_load(struct replica *replica, struct slice key, struct slice value)
{
	size_t row = row_of(key);

	/* Else it could not be sent on in a snapshot. */
	if (key.size + value.size > STATE_RECORD_BYTES_MAX)
		return ERR_CORRUPT;
	if (row < part_row_count)
		return part_rows[row]->load(replica->states[row], key, value);
	return key.size == 1 && key.data[0] == STATE_STAMP ? load_stamp(replica, value) :
	    ERR_CORRUPT;
}

enum err
replica_loaded(struct replica *replica, const char **where)
{
	for (size_t i = 0; i < part_row_count; i++)
		if (part_rows[i]->loaded != NULL &&
		    part_rows[i]->loaded(replica->states[i], where) != ERR_NONE)
			return ERR_CORRUPT;
	return ERR_NONE;
}

bool
replica_record_is_old(struct slice key)
{
	size_t row = row_of(key);

	return row < part_row_count && is_among(key, part_rows[row]->old_prefixes);
}

bool
replica_writes_once(struct slice key)
{
	size_t row = row_of(key);

	return row < part_row_count && is_among(key, part_rows[row]->once_prefixes);
}

void
replica_renew(struct replica *replica, void (*take)(void *argument, struct slice records),
    void *argument)
{
	for (size_t i = 0; i < part_row_count; i++)
		if (part_rows[i]->renew != NULL)
			part_rows[i]->renew(replica->states[i], take, argument);
}

void
replica_flush(struct replica *replica, struct buf *effects)
{
	struct stamp_state stamp = {
		.format = STATE_FORMAT,
		.applied_ns = replica->applied_ns,
	};
	const uint8_t key = STATE_STAMP;
	struct buf value = BUF_INIT;

	for (size_t i = 0; i < part_row_count; i++)
		if (part_rows[i]->flush != NULL)
			part_rows[i]->flush(replica->states[i], effects);
	stamp_state_put(&value, &stamp);
	state_effect(effects, slice_of(&key, 1), buf_slice(&value));
	buf_free(&value);
}

/* ---- as a whole ----------------------------------------------------------------- */

void
replica_adopt(struct replica *fresh, struct replica *old)
{
	for (size_t i = 0; i < part_row_count; i++)
		if (part_rows[i]->adopt != NULL)
			part_rows[i]->adopt(fresh->states[i], old->states[i]);
}

void
replica_invariants(const struct replica *replica)
{
	for (size_t i = 0; i < part_row_count; i++)
		if (part_rows[i]->invariants != NULL)
			part_rows[i]->invariants(replica->states[i]);
	ASSERT(replica->within_entry || replica->expired.count == 0);
	ASSERT(replica->expired.count < EXPIRE_COUNT_MAX);
	ASSERT(replica->expired.bytes < EXPIRE_BYTES_MAX);
}

uint32_t
replica_hash(const struct replica *replica)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < part_row_count; i++) {
		uint32_t hash = part_rows[i]->hash(replica->states[i]);

		sum = crc32c(sum, slice_of(&hash, sizeof(hash)));
	}
	return sum;
}
