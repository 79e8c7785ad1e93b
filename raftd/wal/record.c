/*
 * record.c - sealing and opening the values on the disk; the format is in
 * record.h. Pure: no I/O. Called by batch.c, recover.c, mark.c and reader.c.
 */
#include "raftd/wal/record.h"

#include "common/crc32c.h"
#include "common/ipc/message.h"

#define CODEC_TABLE "raftd/wal/record_table.h"
#include "common/ipc/table_define.h"
#undef CODEC_TABLE

static uint32_t
record_checksum(struct slice key, struct slice content)
{
	static const uint8_t version = RECORD_VERSION;
	uint32_t sum = crc32c(0, key);

	sum = crc32c(sum, slice_of(&version, 1));
	return crc32c(sum, content);
}

void
record_begin(struct buf *out)
{
	buf_clear(out);
	codec_put_u8(out, RECORD_VERSION);
	codec_put_u32(out, 0);
}

void
record_seal(struct buf *out, struct slice key)
{
	uint32_t sum;

	ASSERT(out->size >= RECORD_HEADER_BYTES);
	sum = record_checksum(key,
	    slice_of(out->data + RECORD_HEADER_BYTES, out->size - RECORD_HEADER_BYTES));
	for (size_t i = 0; i < 4; i++)
		out->data[1 + i] = (uint8_t)(sum >> (8 * i));
}

enum err
record_open(struct slice key, struct slice value, struct slice *content)
{
	struct reader in = reader_of(value);
	struct slice rest;
	uint8_t version;
	uint32_t sum;

	if (!codec_get_u8(&in, &version) || !codec_get_u32(&in, &sum))
		return ERR_CORRUPT;
	rest = slice_of(in.at, reader_left(&in));
	/* The sum of a later version is not ours to know: name the version first. */
	if (version != RECORD_VERSION)
		return ERR_UNSUPPORTED;
	if (sum != record_checksum(key, rest))
		return ERR_CORRUPT;
	*content = rest;
	return ERR_NONE;
}

void
record_put_entry(struct buf *out, const struct raft_entry *entry)
{
	struct entry_record record = {
		.term = entry->term,
		.index = entry->index,
		.time_ns = entry->time_ns,
		.type = (uint8_t)entry->type,
		.conf_op = (uint8_t)entry->conf_op,
		.conf_peer = entry->conf_peer,
		.payload = blob_slice(entry->payload),
	};

	entry_record_put(out, &record);
}

enum err
record_get_entry(struct slice content, struct raft_entry *entry, struct slice *payload)
{
	struct reader in = reader_of(content);
	struct entry_record record;

	if (!entry_record_get(&in, &record) || !reader_done(&in))
		return ERR_CORRUPT;
	if (record.type < RAFT_ENTRY_NOOP || record.type > RAFT_ENTRY_CONF)
		return ERR_CORRUPT;
	if (record.conf_op > RAFT_CONF_ADD_VOTER)
		return ERR_CORRUPT;
	*entry = (struct raft_entry){
		.term = record.term,
		.index = record.index,
		.time_ns = record.time_ns,
		.type = (enum raft_entry_type)record.type,
		.conf_op = (enum raft_conf_op)record.conf_op,
		.conf_peer = record.conf_peer,
	};
	*payload = record.payload;
	return ERR_NONE;
}
