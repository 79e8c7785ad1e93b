/*
 * effect.c - what an applied command changed, as state_records for the disk.
 *
 * Appends only; reading is in load.c.
 */
#include "raftd/store/effect.h"

#define CODEC_TABLE "raftd/store/effect_table.h"
#include "common/ipc/table_define.h"
#undef CODEC_TABLE

#define EVENT_KEY_BYTES 10

/* More room than this is given back once a large record was built. */
#define KEEP_BYTES (64 * KIB)

void
effects_free(struct effects *effects)
{
	buf_free(&effects->key);
	buf_free(&effects->value);
}

static void
begin(struct effects *effects, char kind)
{
	buf_clear(&effects->key);
	buf_recycle(&effects->value, KEEP_BYTES);
	buf_append_byte(&effects->key, (uint8_t)kind);
}

static void
end(struct effects *effects)
{
	struct state_record record = {
		.key = buf_slice(&effects->key),
		.value = buf_slice(&effects->value),
	};

	state_record_put(effects->out, &record);
}

void
effects_node(struct effects *effects, struct slice path, const struct node *node)
{
	struct node_record seen = node_describe(node, path, 0);
	struct stored_node stored = {
		.version = EFFECT_VERSION,
		.flags = seen.flags,
		.created = seen.created,
		.modified = seen.modified,
		.expire_at_ns = seen.expire_at_ns,
		.value = seen.value,
	};

	begin(effects, EFFECT_NODE);
	buf_append_slice(&effects->key, path);
	stored_node_put(&effects->value, &stored);
	end(effects);
}

void
effects_node_gone(struct effects *effects, struct slice path)
{
	begin(effects, EFFECT_NODE);
	buf_append_slice(&effects->key, path);
	end(effects);
}

static size_t
part_count(size_t record_size)
{
	return record_size == 0 ? 1 : (record_size + EVENT_PART_BYTES - 1) / EVENT_PART_BYTES;
}

static void
begin_event(struct effects *effects, uint64_t store_index, size_t part)
{
	int shift;

	begin(effects, EFFECT_EVENT);
	for (shift = 56; shift >= 0; shift -= 8)
		buf_append_byte(&effects->key, (uint8_t)(store_index >> shift));
	buf_append_byte(&effects->key, (uint8_t)part);
}

void
effects_event(struct effects *effects, uint64_t store_index, struct slice record)
{
	size_t count = part_count(record.size);
	size_t i;

	ASSERT(count <= EVENT_PARTS_MAX);
	for (i = 0; i < count; i++) {
		size_t at = i * EVENT_PART_BYTES;
		struct stored_event stored = {
			.version = EFFECT_VERSION,
			.part_count = (uint8_t)count,
			.part = slice_of(record.data + at,
			    MIN_OF(EVENT_PART_BYTES, record.size - at)),
		};

		begin_event(effects, store_index, i);
		stored_event_put(&effects->value, &stored);
		end(effects);
	}
}

void
effects_event_gone(struct effects *effects, uint64_t store_index, size_t record_size)
{
	size_t i;

	for (i = 0; i < part_count(record_size); i++) {
		begin_event(effects, store_index, i);
		end(effects);
	}
}

void
effects_index(struct effects *effects, uint64_t store_index)
{
	struct stored_index stored = {
		.version = EFFECT_VERSION,
		.store_index = store_index,
	};

	begin(effects, EFFECT_INDEX);
	stored_index_put(&effects->value, &stored);
	end(effects);
}

bool
effect_event_key(struct slice key, uint64_t *store_index, size_t *part)
{
	uint64_t number = 0;
	size_t i;

	if (key.size != EVENT_KEY_BYTES || key.data[0] != EFFECT_EVENT)
		return false;
	for (i = 1; i < EVENT_KEY_BYTES - 1; i++)
		number = number << 8 | key.data[i];
	*store_index = number;
	*part = key.data[EVENT_KEY_BYTES - 1];
	return true;
}
