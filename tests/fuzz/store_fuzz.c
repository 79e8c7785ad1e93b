/*
 * store_fuzz.c - any bytes as work for the store, beside a model of it that is
 * an array of a few keys; and the store made again from what it left on the disk.
 * Views that are open meanwhile show what a get answered when they were opened.
 *
 * Three bytes are a command: what, on which key, with which value and flags. A first
 * byte of VIEW_BYTE or above opens a view; when that is open, it is read on or closed.
 */
#include "tests/fuzz/fuzz.h"

#include "common/clock.h"
#include "common/ipc/message.h"
#include "common/xmem.h"
#include "raftd/replica/store/store.h"
#include "raftd/replica/store/view.h"

#include <stdlib.h>

/* Every key's directories are in the list before it. */
static const char *const keys[] = { "/a", "/a/b", "/a/b/c", "/a/b/d", "/a/_h", "/a/_h/x", "/e",
    "/e/f",
	"/_g", "/_g/h", "/i" };
#define KEYS ARRAY_COUNT(keys)
#define COMMANDS_MAX 400
#define VIEWS 4
#define VIEW_BYTE 0xe0
#define LENGTH_AT 18			/* of an event_record's nodes */

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
		MUST(state_record_get(&in, &record));
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
			MUST(store_load(again, blob_slice(record->key),
			    blob_slice(record->value)) == ERR_NONE);
	}
	MUST(store_loaded(again, &where) == ERR_NONE);
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
	case WRITE_LOCK_ACQUIRE:
	case WRITE_LOCK_RENEW:
	case WRITE_LOCK_RELEASE:
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
		MUST(event_record_get(&in, &record));
		nodes = reader_of(record.nodes);
		MUST(node_record_get(&nodes, &node));
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

/* ---- views ----------------------------------------------------------------------- */

/* A view, what it has shown, and what it has to show in all. */
struct reading {
	struct store_view *view;
	struct buf out, expected;
};

static void
reading_close(struct reading *reading)
{
	store_view_close(&reading->view);
	buf_free(&reading->out);
	buf_free(&reading->expected);
}

static void
reading_open(struct reading *reading, struct store *store, size_t key, unsigned flags)
{
	struct slice path = slice_text(key == KEYS ? "/" : keys[key]);
	struct blob *cause = NULL;
	enum err err = store_get(store, path, flags, 0, &reading->expected, &cause);

	blob_unref(&cause);
	MUST(store_view_open(store, path, flags, 0, &reading->view, &cause) == err);
	blob_unref(&cause);
	if (err == ERR_NONE)
		memset(reading->expected.data + LENGTH_AT, 0xff, 4);
}

static void
reading_go_on(struct reading *reading, size_t bytes_max, size_t steps_max)
{
	struct buf *out = &reading->out;
	size_t before = out->size;
	enum view_state state = store_view_read(reading->view, out, bytes_max, steps_max);

	ASSERT(state != VIEW_LOST);
	ASSERT(out->size - before <= bytes_max);
	ASSERT(slice_starts_with(buf_slice(&reading->expected), buf_slice(out)));
	if (state == VIEW_MORE)
		return;
	ASSERT(out->size == reading->expected.size);
	reading_close(reading);
}

static void
view(struct store *store, struct reading *readings, const uint8_t *bytes)
{
	struct reading *reading = &readings[bytes[0] / 2 % VIEWS];

	if (reading->view == NULL)
		reading_open(reading, store, bytes[1] % (KEYS + 1),
		    (bytes[2] & 1) != 0 ? READ_FLAG_RECURSIVE : 0U);
	else if (bytes[0] % 2 == 0)
		reading_go_on(reading, bytes[1], 1u + bytes[2] % 16);
	else
		reading_close(reading);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct store *store = store_new(1);
	struct model model = { 0 };
	struct disk disk = { 0 };
	struct reading readings[VIEWS] = { 0 };

	for (size_t i = 0; i + 3 <= size && i < 3 * COMMANDS_MAX; i += 3) {
		if (data[i] >= VIEW_BYTE)
			view(store, readings, data + i);
		else
			carry_out(store, &model, &disk, data + i);
	}
	for (size_t i = 0; i < VIEWS; i++)
		while (readings[i].view != NULL)
			reading_go_on(&readings[i], 1000, 1000);
	for (size_t key = 0; key < KEYS; key++)
		compare(store, &model, key);
	if (disk.count > 0)
		check_reload(store, &disk);
	disk_free(&disk);
	store_free(&store);
	return 0;
}
