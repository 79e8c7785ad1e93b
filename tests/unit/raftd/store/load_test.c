/*
 * load_test.c - the same store again from its records, and damage refused.
 */
#include "tests/unit/raftd/store/fixture.h"

#include "common/limits.h"
#include "common/xmem.h"
#include "raftd/store/effect.h"

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

TEST(any_order_of_the_records_makes_the_same_store)
{
	struct fixture *f = fixture_new(1);
	uint64_t seed;

	write_sample(f);
	for (seed = 1; seed <= 50; seed++) {
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
		/* In byte order what is below a directory follows it. */
		bool leaf = key.data[0] == EFFECT_NODE &&
		    (i + 1 == f->disk.count ||
		    !slice_starts_with(blob_slice(record[1].key), key));
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

			/* A shorter path may be the path of another node. */
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
			value->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
	fixture_free(&f);
}

TEST(records_that_contradict_each_other_are_refused)
{
	struct stored_node file = { .version = EFFECT_VERSION, .flags = NODE_VALUE };
	struct stored_node dir = { .version = EFFECT_VERSION, .flags = NODE_DIR };
	struct buf file_bytes = BUF_INIT, dir_bytes = BUF_INIT;
	struct store *store = store_new(1);

	stored_node_put(&file_bytes, &file);
	stored_node_put(&dir_bytes, &dir);
	assert_int_equal(store_load(store, SLICE_LITERAL("n/a"), buf_slice(&file_bytes)), ERR_NONE);
	/* Twice the same, below a file, a file over what is below it. */
	assert_int_equal(store_load(store, SLICE_LITERAL("n/a"), buf_slice(&file_bytes)),
	    ERR_CORRUPT);
	assert_int_equal(store_load(store, SLICE_LITERAL("n/a/b"), buf_slice(&file_bytes)),
	    ERR_CORRUPT);
	assert_int_equal(store_load(store, SLICE_LITERAL("n/d/b"), buf_slice(&file_bytes)),
	    ERR_NONE);
	assert_int_equal(store_load(store, SLICE_LITERAL("n/d"), buf_slice(&file_bytes)),
	    ERR_CORRUPT);
	assert_int_equal(store_load(store, SLICE_LITERAL("n/d"), buf_slice(&dir_bytes)), ERR_NONE);
	assert_int_equal(store_load(store, SLICE_LITERAL("n/"), buf_slice(&dir_bytes)),
	    ERR_CORRUPT);
	assert_int_equal(store_load(store, SLICE_LITERAL("x"), buf_slice(&dir_bytes)), ERR_CORRUPT);
	assert_int_equal(store_load(store, SLICE_EMPTY, buf_slice(&dir_bytes)), ERR_CORRUPT);
	assert_false(store_owns(SLICE_LITERAL("R")));
	assert_false(store_owns(SLICE_EMPTY));
	store_free(&store);
	buf_free(&file_bytes);
	buf_free(&dir_bytes);
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
	/* One node, the index, and 2 + 3 parts of events of 10 and 20 MiB. */
	assert_int_equal(f->disk.count, 7);
	for (i = 0; i < f->disk.count; i++)
		assert_true(f->disk.records[i].value->size <= VALUE_BYTES_MAX + FRAME_ROOM);
	store = disk_load(&f->disk, 5, &where);
	assert_non_null(store);
	assert_int_equal(store_hash(store), store_hash(f->store));
	store_free(&store);
	for (i = 0; i < HISTORY_EVENTS; i++)
		fixture_run(f, "set /b x");
	/* All parts left with their event. */
	assert_int_equal(f->disk.count, HISTORY_EVENTS + 3);
	free(bytes);
	fixture_free(&f);
}
