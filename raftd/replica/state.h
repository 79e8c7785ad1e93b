/*
 * state.h - structs and codecs of state_table.h, and its keys.
 */
#ifndef MOOTHALL_RAFTD_REPLICA_STATE_H
#define MOOTHALL_RAFTD_REPLICA_STATE_H

#define CODEC_TABLE "raftd/replica/state_table.h"
#include "common/ipc/table_declare.h"
#undef CODEC_TABLE

#define STATE_FORMAT 1
#define STATE_FORMAT_CONFIG_ITEMS 2
#define STATE_KEY_BYTES 17

enum state_prefix {
	STATE_MEMBER = 'M',
	STATE_SESSION = 'S',
	STATE_RESULT = 'R',
	STATE_STAMP = 'T',
	STATE_REMOVED = 'U',
	STATE_CONFIG = 'C',
	STATE_FORGOTTEN = 'F',
	STATE_PLACE = 'P',
	STATE_V3_ALARM = 'N',
	/* In this order: each needs those before it. */
	STATE_V3_LEASE = 'L',
	STATE_V3_META = 'V',
	STATE_V3_CHANGE = 'v',
};

/* Write prefix and the big-endian number(s) to key; returns the slice of it. */
struct slice state_key(uint8_t key[STATE_KEY_BYTES], enum state_prefix prefix, uint64_t first);
struct slice state_key_pair(uint8_t key[STATE_KEY_BYTES], enum state_prefix prefix,
    uint64_t first, uint64_t second);
/* Take a key apart; false if it has not exactly that many numbers (1 or 2). */
bool state_key_parse(struct slice key, uint64_t *first, uint64_t *second, unsigned count);
/* Append a state_record that puts value, or deletes the key if it is empty. */
void state_effect(struct buf *effects, struct slice key, struct slice value);

#endif
