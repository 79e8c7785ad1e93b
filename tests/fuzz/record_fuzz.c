/*
 * record_fuzz.c - any bytes as what raftd reads back: records of the disk and of
 * the applied state, keys of that state, and commands of the log.
 */
#include "tests/fuzz/fuzz.h"

#include "common/ipc/message.h"
#include "raftd/command.h"
#include "raftd/replica/replica.h"
#include "raftd/replica/state.h"
#include "raftd/replica/store/effect.h"
#include "raftd/wal/record.h"

#define CODEC_TABLE "raftd/wal/record_table.h"
#define TRY_ALL try_disk_records
#include "tests/fuzz/table_fuzz.h"
#undef TRY_ALL
#undef CODEC_TABLE

#define CODEC_TABLE "raftd/command_table.h"
#define TRY_ALL try_commands
#include "tests/fuzz/table_fuzz.h"
#undef TRY_ALL
#undef CODEC_TABLE

#define CODEC_TABLE "raftd/replica/store/effect_table.h"
#define TRY_ALL try_effects
#include "tests/fuzz/table_fuzz.h"
#undef TRY_ALL
#undef CODEC_TABLE

#define CODEC_TABLE "common/v3_auth/v3_auth_table.h"
#define TRY_ALL try_users
#include "tests/fuzz/table_fuzz.h"
#undef TRY_ALL
#undef CODEC_TABLE

#define CODEC_TABLE "raftd/replica/state_table.h"
#define TRY_ALL try_states
#include "tests/fuzz/table_fuzz.h"

/* The first byte says how long the key is; the value is the rest. */
static void
try_disk_value(struct slice key, struct slice value)
{
	struct raft_entry entry;
	struct slice content, payload;

	if (record_open(key, value, &content) == ERR_NONE)
		ASSERT(content.size <= value.size);
	if (record_get_entry(value, &entry, &payload) == ERR_NONE)
		ASSERT(payload.size <= value.size);
}

/* As a list of state_record: what a snapshot or a damaged disk may bring. */
static void
try_load(struct slice bytes)
{
	struct replica *replica = replica_new(1);
	struct reader in = reader_of(bytes);
	struct state_record record;
	const char *where;

	while (!reader_done(&in) && state_record_get(&in, &record)) {
		if (replica_load(replica, record.key, record.value) != ERR_NONE)
			break;
	}
	if (replica_loaded(replica, &where) == ERR_NONE)
		(void)replica_hash(replica);
	replica_free(&replica);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice bytes = slice_of(data, size);
	uint64_t first, second;
	size_t part;

	try_disk_records(bytes);
	try_commands(bytes);
	try_effects(bytes);
	try_states(bytes);
	try_users(bytes);
	try_load(bytes);
	(void)effect_event_key(bytes, &first, &part);
	(void)state_key_parse(bytes, &first, &second, 1);
	(void)state_key_parse(bytes, &first, &second, 2);
	if (size > 0) {
		size_t key_size = MIN_OF((size_t)data[0], size - 1);

		try_disk_value(slice_of(data + 1, key_size),
		    slice_of(data + 1 + key_size, size - 1 - key_size));
	}
	return 0;
}
