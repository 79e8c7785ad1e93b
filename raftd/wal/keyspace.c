/*
 * keyspace.c - making and reading keys; the list is in keyspace.h. Pure.
 */
#include "raftd/wal/keyspace.h"

enum {
	PREFIX_FOOTPRINT = 'b',
	PREFIX_HARD_STATE = 'h',
	PREFIX_IDENTITY = 'i',
	PREFIX_LOG = 'l',
	PREFIX_MARKS = 'm',
	PREFIX_STATE = 's',
};

#define LOG_KEY_BYTES 9
#define FOOTPRINT_KEY_BYTES 3
#define STATE_PREFIX_BYTES 5

static struct keyspace_key
key_of(uint8_t prefix, uint64_t number, size_t number_bytes)
{
	struct keyspace_key key = { .size = 1 + number_bytes };

	key.bytes[0] = prefix;
	for (size_t i = 0; i < number_bytes; i++)
		key.bytes[1 + i] = (uint8_t)(number >> (8 * (number_bytes - 1 - i)));
	return key;
}

static uint64_t
number_of(struct slice bytes)
{
	uint64_t number = 0;

	for (size_t i = 0; i < bytes.size; i++)
		number = number << 8 | bytes.data[i];
	return number;
}

struct keyspace_key
keyspace_identity(void)
{
	return key_of(PREFIX_IDENTITY, 0, 0);
}

struct keyspace_key
keyspace_hard_state(void)
{
	return key_of(PREFIX_HARD_STATE, 0, 0);
}

struct keyspace_key
keyspace_marks(void)
{
	return key_of(PREFIX_MARKS, 0, 0);
}

struct keyspace_key
keyspace_log(raft_index index)
{
	return key_of(PREFIX_LOG, index, LOG_KEY_BYTES - 1);
}

struct keyspace_key
keyspace_footprint(uint64_t batch)
{
	return key_of(PREFIX_FOOTPRINT, batch % KEYSPACE_FOOTPRINTS, FOOTPRINT_KEY_BYTES - 1);
}

struct keyspace_key
keyspace_generation(uint32_t generation)
{
	return key_of(PREFIX_STATE, generation, STATE_PREFIX_BYTES - 1);
}

void
keyspace_state(struct buf *out, uint32_t generation, struct slice key)
{
	struct keyspace_key prefix = keyspace_generation(generation);

	buf_clear(out);
	buf_append_slice(out, keyspace_slice(&prefix));
	buf_append_slice(out, key);
}

bool
keyspace_is_log(struct slice bytes, raft_index *index)
{
	if (bytes.size != LOG_KEY_BYTES || bytes.data[0] != PREFIX_LOG)
		return false;
	*index = number_of(slice_of(bytes.data + 1, bytes.size - 1));
	return true;
}

bool
keyspace_is_footprint(struct slice bytes, uint32_t *slot)
{
	if (bytes.size != FOOTPRINT_KEY_BYTES || bytes.data[0] != PREFIX_FOOTPRINT)
		return false;
	*slot = (uint32_t)number_of(slice_of(bytes.data + 1, bytes.size - 1));
	return true;
}

bool
keyspace_is_state(struct slice bytes, uint32_t *generation, struct slice *key)
{
	if (bytes.size < STATE_PREFIX_BYTES || bytes.data[0] != PREFIX_STATE)
		return false;
	*generation = (uint32_t)number_of(slice_of(bytes.data + 1, STATE_PREFIX_BYTES - 1));
	*key = slice_of(bytes.data + STATE_PREFIX_BYTES, bytes.size - STATE_PREFIX_BYTES);
	return true;
}
