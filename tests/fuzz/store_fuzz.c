/*
 * store_fuzz.c - any bytes as work for the store, beside a model of it that is
 * an array of a few keys; and the store made again from what it left on the disk.
 *
 * Three bytes are a command: what, on which key, with which value and flags.
 */
#include "tests/fuzz/fuzz.h"

#include "common/clock.h"
#include "common/ipc/message.h"
#include "common/xmem.h"
#include "raftd/store/store.h"

#include <stdlib.h>

/* Every key's directories are in the list before it. */
static const char *const keys[] = { "/a", "/a/b", "/a/b/c", "/a/b/d", "/a/_h", "/a/_h/x", "/e",
    "/e/f",
	"/_g", "/_g/h", "/i" };
#define KEYS ARRAY_COUNT(keys)
#define COMMANDS_MAX 400

enum kind { NOTHING, FILE_NODE, DIRECTORY };

struct model {
	struct { enum kind kind; uint8_t value; } nodes[KEYS];
	uint64_t index;
};

struct record {
	struct blob *key, *value;
};

/* What the effects leave on a disk. */
struct disk {
	struct record *records;
	size_t count, capacity;
};

static void
disk_take(struct disk *disk, struct buf *effects)
{
	struct reader in = reader_of(buf_slice(effects));
	struct state_record record;
	size_t i;

	while (!reader_done(&in)) {
		ASSERT(state_record_get(&in, &record));
		for (i = 0; i < disk->count; i++)
			if (slice_equal(blob_slice(disk->records[i].key), record.key))
				break;
		if (i == disk->count) {
			disk->records = xgrow(disk->records, &disk->capacity, i + 1,
			    sizeof(*disk->records));
			disk->records[disk->count++] = (struct record){ blob_new(record.key),
			    NULL };
		}
		blob_unref(&disk->records[i].value);
		disk->records[i].value = record.value.size == 0 ? NULL : blob_new(record.value);
	}
	buf_clear(effects);
}

static void
disk_free(struct disk *disk)
{
	for (size_t i = 0; i < disk->count; i++) {
		blob_unref(&disk->records[i].key);
		blob_unref(&disk->records[i].value);
	}
	free(disk->records);
}

static int
compare_keys(const void *a, const void *b)
{
	const struct record *left = a, *right = b;

	return slice_compare(blob_slice(left->key), blob_slice(right->key));
}

static void
check_reload(const struct store *store, struct disk *disk)
{
	struct store *again = store_new(2);
	const char *where;

	qsort(disk->records, disk->count, sizeof(disk->records[0]), compare_keys);
	for (size_t i = 0; i < disk->count; i++) {
		const struct record *record = &disk->records[i];

		if (record->value != NULL)
			ASSERT(store_load(again, blob_slice(record->key),
			    blob_slice(record->value)) == ERR_NONE);
	}
	ASSERT(store_loaded(again, &where) == ERR_NONE);
	ASSERT(store_hash(again) == store_hash(store));
	store_free(&again);
}

/* ---- the model ---------------------------------------------------------------- */

static bool
is_below(size_t key, size_t top)
{
	size_t size = strlen(keys[top]);

	return strncmp(keys[key], keys[top], size) == 0 && keys[key][size] == '/';
}

static bool
has_file_above(const struct model *model, size_t key)
{
	for (size_t i = 0; i < key; i++)
		if (is_below(key, i) && model->nodes[i].kind == FILE_NODE)
			return true;
	return false;
}

static bool
is_empty(const struct model *model, size_t top)
{
	for (size_t i = top + 1; i < KEYS; i++)
		if (is_below(i, top) && model->nodes[i].kind != NOTHING)
			return false;
	return true;
}

static void
model_put(struct model *model, size_t key, bool dir, uint8_t value)
{
	for (size_t i = 0; i < key; i++)
		if (is_below(key, i))
			model->nodes[i].kind = DIRECTORY;
	model->nodes[key].kind = dir ? DIRECTORY : FILE_NODE;
	model->nodes[key].value = value;
}

static void
model_remove(struct model *model, size_t top)
{
	model->nodes[top].kind = NOTHING;
	for (size_t i = top + 1; i < KEYS; i++)
		if (is_below(i, top))
			model->nodes[i].kind = NOTHING;
}

/* What the rules say of that command; carried out if it is ERR_NONE. */
static enum err
model_write(struct model *model, const struct command_write *write, size_t key, uint8_t value)
{
	enum kind kind = model->nodes[key].kind;
	bool dir = (write->flags & WRITE_FLAG_DIR) != 0;
	bool recursive = (write->flags & WRITE_FLAG_RECURSIVE) != 0;
	uint8_t expected = write->prev_value.size == 1 ? write->prev_value.data[0] : 0;

	if (has_file_above(model, key))
		return ERR_NOT_DIR;
	switch ((enum write_op)write->op) {
	case WRITE_SET:
		if (kind == DIRECTORY)
			return ERR_NOT_FILE;
		model_put(model, key, dir, value);
		break;
	case WRITE_CREATE:
		if (kind != NOTHING)
			return ERR_KEY_EXISTS;
		model_put(model, key, dir, value);
		break;
	case WRITE_COMPARE_AND_SWAP:
	case WRITE_COMPARE_AND_DELETE:
		if (kind == NOTHING)
			return ERR_KEY_NOT_FOUND;
		if (kind == DIRECTORY)
			return ERR_NOT_FILE;
		if (model->nodes[key].value != expected)
			return ERR_COMPARE_FAILED;
		if (write->op == WRITE_COMPARE_AND_SWAP)
			model->nodes[key].value = value;
		else
			model_remove(model, key);
		break;
	case WRITE_DELETE:
		if (kind == NOTHING)
			return ERR_KEY_NOT_FOUND;
		if (kind == DIRECTORY && !dir && !recursive)
			return ERR_NOT_FILE;
		if (kind == DIRECTORY && !recursive && !is_empty(model, key))
			return ERR_DIR_NOT_EMPTY;
		model_remove(model, key);
		break;
	case WRITE_UPDATE:
	case WRITE_CREATE_IN_ORDER:
		ASSERT(false);
		break;
	}
	model->index++;
	return ERR_NONE;
}

/* ---- both ------------------------------------------------------------------------ */

static void
compare(struct store *store, const struct model *model, size_t key)
{
	struct buf event = BUF_INIT;
	struct blob *cause = NULL;
	struct event_record record;
	struct node_record node;
	struct reader in, nodes;
	enum err err = store_get(store, slice_text(keys[key]), 0, 0, &event, &cause);

	ASSERT(store_index(store) == model->index);
	ASSERT((err == ERR_NONE) == (model->nodes[key].kind != NOTHING));
	ASSERT(store_exists(store, slice_text(keys[key])) == (err == ERR_NONE));
	if (err == ERR_NONE) {
		in = reader_of(buf_slice(&event));
		ASSERT(event_record_get(&in, &record));
		nodes = reader_of(record.nodes);
		ASSERT(node_record_get(&nodes, &node));
		ASSERT(((node.flags & NODE_DIR) != 0) == (model->nodes[key].kind == DIRECTORY));
		if (model->nodes[key].kind == FILE_NODE)
			ASSERT(node.value.size == 1 &&
			    node.value.data[0] == model->nodes[key].value);
	}
	blob_unref(&cause);
	buf_free(&event);
}

static void
carry_out(struct store *store, struct model *model, struct disk *disk, const uint8_t *bytes)
{
	static const enum write_op ops[] = { WRITE_SET, WRITE_CREATE, WRITE_DELETE,
		WRITE_COMPARE_AND_SWAP, WRITE_COMPARE_AND_DELETE };
	enum write_op op = ops[bytes[0] % ARRAY_COUNT(ops)];
	size_t key = bytes[1] % KEYS;
	uint8_t value = (uint8_t)('a' + bytes[2] % 3);
	uint8_t previous = (uint8_t)('a' + bytes[2] / 4 % 3);
	bool compares = op == WRITE_COMPARE_AND_SWAP || op == WRITE_COMPARE_AND_DELETE;
	bool dir = !compares && (bytes[2] & 0x80) != 0;
	struct command_write write = {
		.op = (uint8_t)op,
		.flags = (uint8_t)((dir ? WRITE_FLAG_DIR : 0) |
		    (op == WRITE_DELETE && (bytes[2] & 0x40) != 0 ? WRITE_FLAG_RECURSIVE : 0) |
		    (compares ? WRITE_FLAG_PREV_VALUE : 0)),
		.key = slice_text(keys[key]),
		.value = dir || op == WRITE_DELETE ? SLICE_EMPTY : slice_of(&value, 1),
		.prev_value = compares ? slice_of(&previous, 1) : SLICE_EMPTY,
	};
	struct buf effects = BUF_INIT;
	enum err expected = model_write(model, &write, key, value);
	struct store_outcome outcome = store_write(store, &write, model->index * NS_PER_SECOND,
	    false, &effects);

	ASSERT(outcome.error == expected);
	ASSERT(outcome.store_index == model->index);
	/* Bits that nothing else looks at. */
	store_sweep(store, bytes[0] / 64, &effects);
	disk_take(disk, &effects);
	buf_free(&effects);
	blob_unref(&outcome.cause);
	blob_unref(&outcome.event);
	compare(store, model, key);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct store *store = store_new(1);
	struct model model = { 0 };
	struct disk disk = { 0 };

	for (size_t i = 0; i + 3 <= size && i < 3 * COMMANDS_MAX; i += 3)
		carry_out(store, &model, &disk, data + i);
	for (size_t key = 0; key < KEYS; key++)
		compare(store, &model, key);
	if (disk.count > 0)
		check_reload(store, &disk);
	disk_free(&disk);
	store_free(&store);
	return 0;
}
