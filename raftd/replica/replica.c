/*
 * replica.c - the applied state (see replica.h).
 *
 * Called by the conductor's files. Owns its parts, but not what is in them.
 */
#include "raftd/replica/replica.h"

#include "common/crc32c.h"
#include "common/xmem.h"
#include "raftd/replica/state.h"

#include <stdlib.h>

struct replica *
replica_new(uint64_t seed)
{
	struct replica *replica = xzalloc(sizeof(*replica));

	replica->store = store_new(seed);
	replica->requests = requests_new(seed);
	cluster_config_init(&replica->config);
	replica_configure(replica, NULL);
	return replica;
}

void
replica_free(struct replica **freed)
{
	struct replica *replica = *freed;

	if (replica == NULL)
		return;
	store_free(&replica->store);
	requests_free(&replica->requests);
	members_clear(&replica->members);
	free(replica);
	*freed = NULL;
}

void
replica_adopt(struct replica *fresh, struct replica *old)
{
	store_adopt(fresh->store, old->store);
}

void
replica_configure(struct replica *replica, struct buf *effects)
{
	store_limit_history(replica->store, replica->config.history_bytes, effects);
	store_set_limits(replica->store, &(struct key_limits){
	    .names = replica->config.max_key_names, .bytes = replica->config.max_key_bytes });
}

enum err
replica_load(struct replica *replica, struct slice key, struct slice value)
{
	struct reader in = reader_of(value);
	struct stamp_state stamp;
	enum err err;

	/* Else it could not be sent on in a snapshot. */
	if (key.size + value.size > STATE_RECORD_BYTES_MAX)
		return ERR_CORRUPT;
	if (store_owns(key))
		return store_load(replica->store, key, value);
	if (key.size == 0)
		return ERR_CORRUPT;
	if (key.data[0] == STATE_MEMBER || key.data[0] == STATE_REMOVED ||
	    key.data[0] == STATE_FORGOTTEN)
		return members_load(&replica->members, key, value);
	if (key.data[0] == STATE_CONFIG) {
		err = config_state_load(&replica->config, key, value);
		replica_configure(replica, NULL);
		return err;
	}
	if (key.data[0] != STATE_STAMP)
		return requests_load(replica->requests, key, value);
	if (key.size != 1 || !stamp_state_get(&in, &stamp) || !reader_done(&in) ||
	    stamp.format != STATE_FORMAT)
		return ERR_CORRUPT;
	replica->applied_ns = stamp.applied_ns;
	return ERR_NONE;
}

enum err
replica_loaded(struct replica *replica, const char **where)
{
	if (store_loaded(replica->store, where) != ERR_NONE)
		return ERR_CORRUPT;
	if (requests_loaded(replica->requests, replica->store) != ERR_NONE) {
		*where = "a session that answers are kept for is missing, or an answer is too new";
		return ERR_CORRUPT;
	}
	return ERR_NONE;
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

	requests_flush(replica->requests, effects);
	stamp_state_put(&value, &stamp);
	state_effect(effects, slice_of(&key, 1), buf_slice(&value));
	buf_free(&value);
}

void
replica_invariants(const struct replica *replica)
{
	/* Each answer that has an event retains it, and nobody else does. */
	ASSERT(store_invariants(replica->store) ==
	    requests_invariants(replica->requests, replica->store));
	members_invariants(&replica->members);
	ASSERT(replica->expired.count < EXPIRE_COUNT_MAX);
	ASSERT(replica->expired.bytes < EXPIRE_BYTES_MAX);
}

uint32_t
replica_hash(const struct replica *replica)
{
	uint32_t parts[4] = {
		store_hash(replica->store),
		requests_hash(replica->requests),
		members_hash(&replica->members),
		crc32c(0, slice_of(&replica->config, sizeof(replica->config))),
	};

	return crc32c(0, slice_of(parts, sizeof(parts)));
}
