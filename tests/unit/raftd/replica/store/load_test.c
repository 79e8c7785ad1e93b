/*
 * load_test.c - the same store again from its records, and damage refused.
 */
#include "tests/unit/raftd/replica/store/fixture.h"

#include "common/limits.h"
#include "common/xmem.h"
#include "raftd/replica/store/effect.h"

#include <stdlib.h>

static void
write_sample(struct fixture *f)
{
	static const char *const commands[] = {
		"set /a 1", "set /d/b/c 2 ttl=50", "set /d/e dir", "update /d ttl=9", "post /q v",
		"delete /a", "set /d/b/_x", "set /k v", "swap /k w prev=v ttl=0",
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(commands); i++)
		fixture_run(f, commands[i]);
}

TEST(the_records_make_the_same_store)
{
	struct fixture *f = fixture_new(1);
	uint64_t seed;

	write_sample(f);
	for (seed = 1; seed <= 5; seed++) {
		const char *where;
		struct store *store = disk_load(&f->disk, seed, &where);

		assert_non_null(store);
		assert_int_equal(store_hash(store), store_hash(f->store));
		assert_int_equal(store_index(store), store_index(f->store));
		assert_int_equal(store_next_expiry(store), store_next_expiry(f->store));
		store_free(&store);
	}
	fixture_free(&f);
}

TEST(an_empty_disk_is_an_empty_store)
{
	struct disk disk = { 0 };
	const char *where;
	struct store *store = disk_load(&disk, 1, &where);
	struct store *fresh = store_new(2);

	assert_non_null(store);
	assert_int_equal(store_index(store), 0);
	assert_int_equal(store_hash(store), store_hash(fresh));
	store_free(&store);
	store_free(&fresh);
}

TEST(a_hash_sees_every_field)
{
	static const char *const variants[] = {
		"set /a 1 ttl=5", "set /a 1 ttl=6", "set /a 1", "set /a 2", "set /b 1",
		"set /a dir", "create /a 1",
	};
	uint32_t hashes[ARRAY_COUNT(variants)];
	size_t i, j;

	for (i = 0; i < ARRAY_COUNT(variants); i++) {
		struct fixture *f = fixture_new(i);

		fixture_run(f, variants[i]);
		hashes[i] = store_hash(f->store);
		fixture_free(&f);
		for (j = 0; j < i; j++)
			assert_int_not_equal(hashes[i], hashes[j]);
	}
}

/* Is there a record in the directory that this one is of? */
static bool
has_children(const struct fixture *f, struct slice value)
{
	struct reader in = reader_of(value);
	struct stored_dir stored;
	struct effect_dir dir;
	struct slice name;

	if (value.data[0] != EFFECT_DIR_VERSION)
		return false;
	assert_true(stored_dir_get(&in, &stored));
	for (size_t i = 0; i < f->disk.count; i++)
		if (effect_node_key(blob_slice(f->disk.records[i].key), &dir, &name) &&
		    effect_dir_created(&dir) == stored.created)
			return true;
	return false;
}

TEST(a_lost_record_is_noticed_unless_it_is_a_leaf)
{
	struct fixture *f = fixture_new(1);
	size_t i;

	write_sample(f);
	for (i = 0; i < f->disk.count; i++) {
		const struct disk_record *record = &f->disk.records[i];
		struct slice key = blob_slice(record->key);
		struct blob *kept_key = blob_ref(record->key);
		struct blob *kept_value = blob_ref(record->value);
		bool leaf = key.data[0] == EFFECT_NODE &&
		    !has_children(f, blob_slice(record->value));
		const char *where;
		struct store *store;

		disk_put(&f->disk, key, SLICE_EMPTY);
		store = disk_load(&f->disk, 3, &where);
		assert_int_equal(store != NULL, leaf);
		store_free(&store);
		disk_put(&f->disk, blob_slice(kept_key), blob_slice(kept_value));
		blob_unref(&kept_key);
		blob_unref(&kept_value);
	}
	fixture_free(&f);
}

TEST(a_cut_record_is_refused_at_every_length)
{
	struct fixture *f = fixture_new(1);
	size_t i, size;

	write_sample(f);
	for (i = 0; i < f->disk.count; i++) {
		struct slice key = blob_slice(f->disk.records[i].key);
		struct slice value = blob_slice(f->disk.records[i].value);

		for (size = 0; size < value.size; size++) {
			struct store *store = store_new(1);

			assert_int_equal(store_load(store, key, slice_of(value.data, size)),
			    ERR_CORRUPT);
			store_free(&store);
		}
		for (size = 0; size < key.size; size++) {
			struct store *store = store_new(1);
			enum err err = store_load(store, slice_of(key.data, size), value);

			/* A shorter name may be the name of another node. */
			assert_true(err == ERR_CORRUPT ||
			    (err == ERR_NONE && key.data[0] == EFFECT_NODE));
			store_free(&store);
		}
	}
	fixture_free(&f);
}

TEST(any_flipped_bit_leads_to_a_store_or_a_refusal)
{
	struct fixture *f = fixture_new(1);
	size_t i, bit;

	write_sample(f);
	for (i = 0; i < f->disk.count; i++) {
		struct blob *value = f->disk.records[i].value;

		for (bit = 0; bit < (size_t)value->size * 8; bit++) {
			const char *where;
			struct store *store;

			value->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			store = disk_load(&f->disk, bit, &where);
			if (store != NULL)
				store_expire(store, UINT64_MAX,
				    (struct store_budget){ 100, SIZE_MAX }, 0, &f->effects);
			store_free(&store);
			buf_clear(&f->effects);
			tails_clear(&f->tails);
			value->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
	fixture_free(&f);
}

/* The key of a node's record. */
static struct slice
node_key(struct buf *key, uint64_t created, size_t depth, const char *name)
{
	buf_clear(key);
	buf_append_byte(key, EFFECT_NODE);
	for (int shift = 56; shift >= 0; shift -= 8)
		buf_append_byte(key, (uint8_t)(created >> shift));
	buf_append_byte(key, (uint8_t)(depth >> 8));
	buf_append_byte(key, (uint8_t)depth);
	buf_append_text(key, name);
	return buf_slice(key);
}

static void
put_stored(struct buf *value, unsigned flags, uint64_t created)
{
	struct stored_node stored = { .version = EFFECT_VERSION, .flags = (uint8_t)flags,
		.created = created, .modified = created };

	stored_node_put(value, &stored);
}

TEST(records_that_contradict_each_other_are_refused)
{
	struct buf file = BUF_INIT, dir = BUF_INIT, key = BUF_INIT;
	struct store *store = store_new(1);

	put_stored(&file, NODE_VALUE, 3);
	put_stored(&dir, NODE_DIR, 3);
#define LOAD(created, depth, name, value) \
	store_load(store, node_key(&key, created, depth, name), buf_slice(value))
	assert_int_equal(LOAD(0, 0, "a", &file), ERR_NONE);
	/* Twice the same, in no directory, in a file, names that are none. */
	assert_int_equal(LOAD(0, 0, "a", &file), ERR_CORRUPT);
	assert_int_equal(LOAD(3, 1, "b", &file), ERR_CORRUPT);
	assert_int_equal(LOAD(0, 0, "d", &dir), ERR_NONE);
	assert_int_equal(LOAD(3, 1, "b", &file), ERR_NONE);
	assert_int_equal(LOAD(3, 2, "b", &file), ERR_CORRUPT);
	assert_int_equal(LOAD(0, 0, "", &file), ERR_CORRUPT);
	assert_int_equal(LOAD(0, 0, "x/y", &file), ERR_CORRUPT);
	assert_int_equal(LOAD(0, 0, "..", &file), ERR_CORRUPT);
	/* A second directory of that id; one that is older than the one it is in. */
	assert_int_equal(LOAD(0, 0, "e", &dir), ERR_CORRUPT);
	buf_clear(&dir);
	put_stored(&dir, NODE_DIR, 2);
	assert_int_equal(LOAD(3, 1, "e", &dir), ERR_CORRUPT);
#undef LOAD
	assert_int_equal(store_load(store, SLICE_LITERAL("x"), buf_slice(&dir)), ERR_CORRUPT);
	assert_int_equal(store_load(store, SLICE_EMPTY, buf_slice(&dir)), ERR_CORRUPT);
	assert_int_equal(store_load(store, SLICE_LITERAL("R"), buf_slice(&dir)), ERR_CORRUPT);
	store_free(&store);
	buf_free(&file);
	buf_free(&dir);
	buf_free(&key);
}

TEST(a_key_as_deep_as_it_may_be_is_loaded_and_a_deeper_one_is_not)
{
	struct buf dir = BUF_INIT, key = BUF_INIT;
	struct store *store = store_new(1);

	put_stored(&dir, NODE_DIR, 1);
	for (size_t depth = 0; depth < KEY_NAMES_MAX; depth++)
		assert_int_equal(store_load(store, node_key(&key, depth == 0 ? 0 : 1, depth, "a"),
		    buf_slice(&dir)), ERR_NONE);
	assert_int_equal(store_load(store, node_key(&key, 1, KEY_NAMES_MAX, "a"),
	    buf_slice(&dir)), ERR_CORRUPT);
	store_free(&store);
	buf_free(&dir);
	buf_free(&key);
}

/* What a write leaves behind does not grow with how often a name is repeated above. */
TEST(a_made_directory_costs_the_disk_its_name)
{
	struct fixture *f = fixture_new(1);
	struct buf path = BUF_INIT;
	struct command_write write = { .op = WRITE_SET };
	struct store_outcome outcome;
	size_t bytes = 0;

	for (size_t i = 0; i < 1000; i++)
		buf_append_text(&path, "/a");
	write.key = buf_slice(&path);
	store_set_limits(f->store, &KEY_LIMITS_MAX);
	outcome = fixture_write(f, &write, false);
	assert_int_equal(outcome.error, ERR_NONE);
	fixture_outcome_free(&outcome);
	for (size_t i = 0; i < f->disk.count; i++)
		bytes += f->disk.records[i].key->size + f->disk.records[i].value->size;
	assert_in_range(bytes, 1000, 1000 * 60);
	buf_free(&path);
	fixture_free(&f);
}

static size_t
records_of(const struct fixture *f, char kind)
{
	size_t count = 0;

	for (size_t i = 0; i < f->disk.count; i++)
		count += f->disk.records[i].key->data[0] == kind;
	return count;
}

TEST(a_removed_directory_is_gone_at_once_and_freed_by_and_by)
{
	struct fixture *f = fixture_new(1);

	for (unsigned i = 0; i < 50; i++) {
		char command[64];

		snprintf(command, sizeof(command), "set /d/%u/%u x ttl=%u", i % 7, i, i);
		fixture_run(f, command);
	}
	EXPECT(f, "delete /d recursive", "200 delete /d/ m51 c1 < /d/ m1 c1");
	EXPECT(f, "get /d", "error 100 /d");
	EXPECT(f, "set /d/0/0 y", "201 set /d/0/0=y m52 c52");
	assert_int_equal(records_of(f, EFFECT_DOOMED), 1);
	assert_int_equal(records_of(f, EFFECT_NODE), 57 + 3);
	EXPECT(f, "expire 99", "0");
	/* Interrupted anywhere, a start goes on with it. */
	for (unsigned left = 57; store_has_to_sweep(f->store); left--) {
		const char *where;
		struct store *again = disk_load(&f->disk, left, &where);

		assert_non_null(again);
		assert_int_equal(store_hash(again), store_hash(f->store));
		assert_int_equal(store_next_expiry(again), UINT64_MAX);
		store_free(&f->store);
		f->store = again;
		assert_int_equal(store_sweep(f->store, 1, &f->effects), left > 0);
		fixture_flush(f);
	}
	assert_int_equal(records_of(f, EFFECT_DOOMED), 0);
	assert_int_equal(records_of(f, EFFECT_NODE), 3);
	assert_int_equal(store_key_count(f->store), 3);
	EXPECT(f, "get / recursive", "get // /d/ m52 c52 /d/0/ m52 c52 /d/0/0=y m52 c52");
	fixture_free(&f);
}

static void
keep_records(void *argument, struct slice records)
{
	struct reader in = reader_of(records);
	struct state_record record;

	while (!reader_done(&in)) {
		assert_true(state_record_get(&in, &record));
		disk_put(argument, record.key, record.value);
	}
}

/* As they are in backups of format 1. */
TEST(nodes_by_path_are_read_and_saved_by_directory)
{
	static const char *const commands[] = { "set /a 1", "set /d/b/c 2 ttl=50", "set /d/!x v" };
	struct fixture *f = fixture_new(1);
	struct buf file = BUF_INIT, expiring = BUF_INIT, dir = BUF_INIT, other = BUF_INIT;
	struct stored_node stored = { .version = EFFECT_VERSION, .flags = NODE_VALUE,
		.created = 1, .modified = 1, .value = SLICE_LITERAL("1") };
	struct disk disk = { 0 };
	struct store *store = store_new(4);
	const char *where;

	for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
		fixture_run(f, commands[i]);
	stored_node_put(&file, &stored);
	stored = (struct stored_node){ .version = EFFECT_VERSION, .created = 2, .modified = 2,
		.flags = NODE_VALUE | NODE_EXPIRES, .value = SLICE_LITERAL("2"),
		.expire_at_ns = 50 * NS_PER_SECOND };
	stored_node_put(&expiring, &stored);
	stored.flags = NODE_DIR;
	stored.value = SLICE_EMPTY;
	stored.expire_at_ns = 0;
	stored_node_put(&dir, &stored);
	stored = (struct stored_node){ .version = EFFECT_VERSION, .created = 3, .modified = 3,
		.flags = NODE_VALUE, .value = SLICE_LITERAL("v") };
	stored_node_put(&other, &stored);
	for (size_t i = 0; i < f->disk.count; i++) {
		struct slice key = blob_slice(f->disk.records[i].key);

		if (key.data[0] != EFFECT_NODE)
			assert_int_equal(store_load(store, key,
			    blob_slice(f->disk.records[i].value)), ERR_NONE);
	}
	assert_int_equal(store_load(store, SLICE_LITERAL("n/a"), buf_slice(&file)), ERR_NONE);
	assert_int_equal(store_load(store, SLICE_LITERAL("n/d/b"), buf_slice(&dir)), ERR_CORRUPT);
	assert_int_equal(store_load(store, SLICE_LITERAL("n/d"), buf_slice(&dir)), ERR_NONE);
	assert_int_equal(store_load(store, SLICE_LITERAL("n/d/!x"), buf_slice(&other)), ERR_NONE);
	assert_int_equal(store_load(store, SLICE_LITERAL("n/d/b"), buf_slice(&dir)), ERR_NONE);
	assert_int_equal(store_load(store, SLICE_LITERAL("n/d/b/c"), buf_slice(&expiring)),
	    ERR_NONE);
	assert_int_equal(store_load(store, SLICE_LITERAL("n/d/b/c"), buf_slice(&expiring)),
	    ERR_CORRUPT);
	assert_int_equal(store_loaded(store, &where), ERR_NONE);
	assert_int_equal(store_hash(store), store_hash(f->store));
	store_save_nodes(store, keep_records, &disk);
	for (size_t i = 0; i < disk.count; i++)
		assert_true(slice_equal(blob_slice(disk.records[i].key),
		    blob_slice(f->disk.records[f->disk.count - 1 - disk.count + i].key)));
	disk_free(&disk);
	buf_free(&file);
	buf_free(&expiring);
	buf_free(&dir);
	buf_free(&other);
	store_free(&store);
	fixture_free(&f);
}

TEST(the_greatest_event_is_cut_into_records_that_fit_a_frame)
{
	struct fixture *f = fixture_new(1);
	uint8_t *bytes = xmalloc(VALUE_BYTES_MAX);
	struct command_write write = {
		.op = WRITE_SET, .key = SLICE_LITERAL("/a"),
		.value = slice_of(bytes, VALUE_BYTES_MAX),
	};
	struct store_outcome outcome;
	struct store *store;
	const char *where;
	size_t i;

	memset(bytes, 'x', VALUE_BYTES_MAX);
	for (i = 0; i < 2; i++) {
		outcome = fixture_write(f, &write, false);
		assert_int_equal(outcome.error, ERR_NONE);
		fixture_outcome_free(&outcome);
	}
	/* One node, the index, and 3 parts of the event of 20 MiB: the other had to go. */
	assert_int_equal(f->disk.count, 5);
	for (i = 0; i < f->disk.count; i++)
		assert_true(f->disk.records[i].value->size <= VALUE_BYTES_MAX + FRAME_ROOM);
	store = disk_load(&f->disk, 5, &where);
	assert_non_null(store);
	assert_int_equal(store_hash(store), store_hash(f->store));
	store_free(&store);
	for (i = 0; i < HISTORY_EVENTS_DEFAULT; i++)
		fixture_run(f, "set /b x");
	/* All parts left with their event. */
	assert_int_equal(f->disk.count, HISTORY_EVENTS_DEFAULT + 3);
	free(bytes);
	fixture_free(&f);
}
