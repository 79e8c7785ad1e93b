/*
 * state.c - codecs of raftd's own applied state; big-endian keys, so that
 * records of one session lie together and in order.
 */
#include "raftd/replica/state.h"

#include "common/ipc/message.h"

#define CODEC_TABLE "raftd/replica/state_table.h"
#include "common/ipc/table_define.h"
#undef CODEC_TABLE

static void
put_big_endian(uint8_t *at, uint64_t number)
{
	for (int i = 7; i >= 0; i--) {
		at[i] = (uint8_t)number;
		number >>= 8;
	}
}

static uint64_t
get_big_endian(const uint8_t *at)
{
	uint64_t number = 0;

	for (int i = 0; i < 8; i++)
		number = number << 8 | at[i];
	return number;
}

struct slice
state_key(uint8_t key[STATE_KEY_BYTES], enum state_prefix prefix, uint64_t first)
{
	key[0] = (uint8_t)prefix;
	put_big_endian(key + 1, first);
	return slice_of(key, 9);
}

struct slice
state_key_pair(uint8_t key[STATE_KEY_BYTES], enum state_prefix prefix, uint64_t first,
    uint64_t second)
{
	state_key(key, prefix, first);
	put_big_endian(key + 9, second);
	return slice_of(key, STATE_KEY_BYTES);
}

bool
state_key_parse(struct slice key, uint64_t *first, uint64_t *second, unsigned count)
{
	if (key.size != 1 + 8 * (size_t)count)
		return false;
	*first = get_big_endian(key.data + 1);
	if (count == 2)
		*second = get_big_endian(key.data + 9);
	return true;
}

void
state_effect(struct buf *effects, struct slice key, struct slice value)
{
	struct state_record record = { .key = key, .value = value };

	state_record_put(effects, &record);
}
