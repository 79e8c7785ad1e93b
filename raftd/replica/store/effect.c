/*
 * effect.c - what an applied command changed, as state_records for the disk.
 *
 * Appends only; reading is in load.c. Large values are not copied, if there is a place
 * for tails (tails.h): they are the last field of their record.
 */
#include "raftd/replica/store/effect.h"

#define CODEC_TABLE "raftd/replica/store/effect_table.h"
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

/* The last field of the value under construction, put empty, holds these bytes of a blob. */
static void
end_with(struct effects *effects, struct blob *blob, struct slice bytes)
{
	struct buf *value = &effects->value;

	codec_set_length(value, value->size, bytes.size);
	if (effects->tails == NULL || bytes.size < effects->tails->min) {
		buf_append_slice(value, bytes);
		end(effects);
		return;
	}
	end(effects);
	if (bytes.size > 0)
		tails_add(effects->tails, effects->out->size, blob, bytes);
}

static void
put_number(uint8_t *bytes, size_t count, uint64_t number)
{
	for (size_t i = count; i-- > 0; number >>= 8)
		bytes[i] = (uint8_t)number;
}

static uint64_t
get_number(const uint8_t *bytes, size_t count)
{
	uint64_t number = 0;

	for (size_t i = 0; i < count; i++)
		number = number << 8 | bytes[i];
	return number;
}

struct effect_dir
effect_dir_of(const struct tree_node *dir)
{
	struct effect_dir id = { { 0 } };

	put_number(id.bytes, 8, dir->created);
	put_number(id.bytes + 8, 2, tree_depth(dir));
	return id;
}

uint64_t
effect_dir_created(const struct effect_dir *dir)
{
	return get_number(dir->bytes, 8);
}

size_t
effect_dir_depth(const struct effect_dir *dir)
{
	return (size_t)get_number(dir->bytes + 8, 2);
}

static void
begin_in(struct effects *effects, char kind, const struct tree_node *dir)
{
	struct effect_dir id = effect_dir_of(dir);

	begin(effects, kind);
	buf_append(&effects->key, id.bytes, sizeof(id.bytes));
}

static void
begin_node(struct effects *effects, const struct tree_node *node)
{
	ASSERT(node->parent != NULL);
	begin_in(effects, EFFECT_NODE, node->parent);
	buf_append_slice(&effects->key, name_of(&node->link));
}

static void
put_dir(struct effects *effects, const struct tree_node *dir)
{
	struct node_record seen = tree_describe(dir, SLICE_EMPTY, 0);
	struct stored_dir stored = {
		.version = EFFECT_DIR_VERSION,
		.flags = seen.flags,
		.created = seen.created,
		.last_below = MAX_OF(dir->last_below, effects->plain_to),
		.expire_at_ns = seen.expire_at_ns,
	};

	stored_dir_put(&effects->value, &stored);
	end(effects);
}

static void
put_file(struct effects *effects, const struct tree_node *file)
{
	struct node_record seen = tree_describe(file, SLICE_EMPTY, 0);
	bool refreshed = tree_is_refreshed(file) && seen.modified > effects->plain_to;
	struct stored_node stored = {
		.version = EFFECT_VERSION,
		.flags = (uint8_t)(seen.flags | (refreshed ? EFFECT_REFRESHED : 0u)),
		.created = seen.created,
		.modified = seen.modified,
		.expire_at_ns = seen.expire_at_ns,
	};

	stored_node_put(&effects->value, &stored);
	end_with(effects, file->value, seen.value);
}

void
effects_node(struct effects *effects, const struct tree_node *node)
{
	begin_node(effects, node);
	if (tree_is_dir(node))
		put_dir(effects, node);
	else
		put_file(effects, node);
}

void
effects_node_gone(struct effects *effects, const struct tree_node *node)
{
	begin_node(effects, node);
	end(effects);
}

void
effects_doomed(struct effects *effects, const struct tree_node *dir)
{
	struct stored_doomed stored = { .version = EFFECT_VERSION };

	begin_in(effects, EFFECT_DOOMED, dir);
	stored_doomed_put(&effects->value, &stored);
	end(effects);
}

void
effects_doomed_gone(struct effects *effects, const struct tree_node *dir)
{
	begin_in(effects, EFFECT_DOOMED, dir);
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
	uint8_t number[8];

	begin(effects, EFFECT_EVENT);
	put_number(number, sizeof(number), store_index);
	buf_append(&effects->key, number, sizeof(number));
	buf_append_byte(&effects->key, (uint8_t)part);
}

void
effects_event(struct effects *effects, uint64_t store_index, struct blob *record)
{
	size_t count = part_count(record->size);
	struct stored_event stored = {
		.version = EFFECT_VERSION,
		.part_count = (uint8_t)count,
	};

	ASSERT(count <= EVENT_PARTS_MAX);
	for (size_t i = 0; i < count; i++) {
		size_t at = i * EVENT_PART_BYTES;

		begin_event(effects, store_index, i);
		stored_event_put(&effects->value, &stored);
		end_with(effects, record, slice_of(record->data + at,
		    MIN_OF(EVENT_PART_BYTES, record->size - at)));
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
effects_bounds(struct effects *effects, const struct effect_bounds *bounds)
{
	struct stored_bounds stored = {
		.version = EFFECT_BOUNDS_VERSION,
		.store_index = bounds->store_index,
		.first = bounds->first,
		.last_below = bounds->last_below,
		.known_from = bounds->known_from,
		.agreed = bounds->agreed,
	};

	begin(effects, EFFECT_INDEX);
	stored_bounds_put(&effects->value, &stored);
	end(effects);
}

bool
effect_node_key(struct slice key, struct effect_dir *dir, struct slice *name)
{
	if (key.size <= 1 + EFFECT_DIR_BYTES || key.data[0] != EFFECT_NODE)
		return false;
	memcpy(dir->bytes, key.data + 1, EFFECT_DIR_BYTES);
	*name = slice_of(key.data + 1 + EFFECT_DIR_BYTES, key.size - 1 - EFFECT_DIR_BYTES);
	return true;
}

bool
effect_doomed_key(struct slice key, struct effect_dir *dir)
{
	if (key.size != 1 + EFFECT_DIR_BYTES || key.data[0] != EFFECT_DOOMED)
		return false;
	memcpy(dir->bytes, key.data + 1, EFFECT_DIR_BYTES);
	return true;
}

bool
effect_event_key(struct slice key, uint64_t *store_index, size_t *part)
{
	if (key.size != EVENT_KEY_BYTES || key.data[0] != EFFECT_EVENT)
		return false;
	*store_index = get_number(key.data + 1, 8);
	*part = key.data[EVENT_KEY_BYTES - 1];
	return true;
}
