/*
 * key_test.c - a key's changes, and the wire form of a KeyValue.
 */
#include "raftd/replica/mvcc/key.h"

#include "tests/lib/test.h"

#include <stdio.h>

#define CHANGES 200

static struct mvcc_change *
put(struct pool *pool, struct mvcc_key *key, uint64_t revision, uint32_t sub)
{
	struct mvcc_fields fields = { .create_revision = 2, .mod_revision = revision,
		.version = revision, .value = SLICE_LITERAL("v") };
	struct mvcc_change *change = mvcc_change_new_put(pool, key, sub, &fields);

	mvcc_key_add(pool, key, change);
	return change;
}

/* protobuf: tag (field << 3 | kind), then a number of 7 bits a byte, or a length and bytes. */
TEST(a_put_is_a_key_value_with_its_value_last)
{
	static const uint8_t expected[] = { 0x0a, 3, 'f', 'o', 'o', 0x10, 2, 0x18, 0xac, 2, 0x20, 7,
		0x30, 9, 0x2a, 3, 'b', 'a', 'r' };
	struct pool *pool = pool_new();
	struct mvcc_key *key = mvcc_key_new(pool, SLICE_LITERAL("foo"));
	struct mvcc_fields fields = { 2, 300, 7, 9, SLICE_LITERAL("bar") }, again;
	struct mvcc_change *change = mvcc_change_new_put(pool, key, 0, &fields);
	struct buf wire = BUF_INIT;
	struct slice name;

	mvcc_change_put_wire(change, false, &wire);
	assert_int_equal(wire.size, sizeof(expected));
	assert_int_equal(mvcc_change_wire_size(change, false), sizeof(expected));
	assert_memory_equal(wire.data, expected, sizeof(expected));
	assert_true(mvcc_parse_put(buf_slice(&wire), &name, &again));
	assert_true(slice_equal(name, SLICE_LITERAL("foo")));
	assert_true(slice_equal(again.value, SLICE_LITERAL("bar")));
	assert_int_equal(again.lease, 9);
	buf_clear(&wire);
	mvcc_change_put_wire(change, true, &wire);
	assert_int_equal(wire.size, sizeof(expected) - 5);
	assert_memory_equal(wire.data, expected, wire.size);
	mvcc_key_add(pool, key, change);
	mvcc_key_free(key);
	buf_free(&wire);
	pool_free(&pool);
}

TEST(a_tombstone_is_key_and_mod_revision)
{
	static const uint8_t expected[] = { 0x0a, 1, 'k', 0x18, 5 };
	struct pool *pool = pool_new();
	struct mvcc_key *key = mvcc_key_new(pool, SLICE_LITERAL("k"));
	struct buf wire = BUF_INIT;
	struct slice name;
	uint64_t revision;

	mvcc_key_add(pool, key, mvcc_change_new_gone(pool, key, 5, 0));
	mvcc_change_put_wire(mvcc_key_newest(key), false, &wire);
	assert_int_equal(wire.size, sizeof(expected));
	assert_memory_equal(wire.data, expected, sizeof(expected));
	assert_true(mvcc_parse_gone(buf_slice(&wire), &name, &revision));
	assert_int_equal(revision, 5);
	assert_null(mvcc_key_living(key));
	mvcc_key_free(key);
	buf_free(&wire);
	pool_free(&pool);
}

/* Whatever is cut or changed is refused, or another put, and never read beyond its end. */
TEST(bytes_that_are_no_key_value_are_refused)
{
	static const char *const bad[] = { "", "\x0a", "\x0a\x05xy",
		"\x0a\x00\x10\x02\x18\x02\x20\x01",
		"\x0a\x01k\x10\x02\x18\x02", "\x0a\x01k\x18\x02\x10\x02\x20\x01",
		"\x0a\x01k\x10\x03\x18\x02\x20\x01", "\x0a\x01k\x10\x02\x18\x02\x20\x01\x2a\x05v",
		"\x0a\x01k\x10\x02\x18\x02\x20\x01\x2a\x01v\x30\x01",
		"\x0a\x01k\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\x18\x02\x20\x01" };
	struct mvcc_fields fields;
	struct slice name;

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		assert_false(mvcc_parse_put(slice_text(bad[i]), &name, &fields));
}

TEST(numbers_of_all_sizes_come_back)
{
	uint8_t bytes[MVCC_VARINT_BYTES_MAX];

	for (unsigned bit = 0; bit < 64; bit++) {
		uint64_t number = UINT64_C(1) << bit, back;
		const uint8_t *at = bytes;
		const uint8_t *end = mvcc_varint_put(bytes, number | 1);

		assert_int_equal(end - bytes, mvcc_varint_size(number | 1));
		assert_true(mvcc_varint_get(&at, end, &back));
		assert_true(back == (number | 1));
		at = bytes;
		assert_false(mvcc_varint_get(&at, end - 1, &back));
	}
}

TEST(a_key_is_found_as_it_was_at_any_position)
{
	struct pool *pool = pool_new();
	struct mvcc_key *key = mvcc_key_new(pool, SLICE_LITERAL("k"));

	for (uint64_t i = 1; i <= CHANGES; i++)
		if (i % 10 == 0)
			mvcc_key_add(pool, key, mvcc_change_new_gone(pool, key, 10 * i, 3));
		else
			put(pool, key, 10 * i, 3);
	for (uint64_t i = 1; i <= CHANGES; i++) {
		const struct mvcc_change *at = mvcc_key_at(key,
		    (struct mvcc_position){ 10 * i, 4 });
		const struct mvcc_change *before = mvcc_key_at(key,
		    (struct mvcc_position){ 10 * i, 3 });

		assert_true(i % 10 == 0 ? at == NULL : at->revision == 10 * i);
		assert_true(i == 1 || i % 10 == 1 ? before == NULL :
		    before->revision == 10 * i - 10);
		assert_int_equal(mvcc_key_changes_before(key,
		    (struct mvcc_position){ 10 * i + 1, 0 }), i);
	}
	mvcc_key_free(key);
	pool_free(&pool);
}

/* The array moves on and shrinks to none; nothing is lost on the way. */
TEST(the_oldest_changes_go_while_others_come)
{
	struct pool *pool = pool_new();
	struct mvcc_key *key = mvcc_key_new(pool, SLICE_LITERAL("k"));
	uint64_t first = 1, last = 0;

	for (unsigned round = 0; round < 50; round++) {
		for (unsigned i = 0; i < 1 + round % 7; i++)
			put(pool, key, ++last, 0);
		while (last - first + 1 > round % 5 + 1) {
			mvcc_key_drop_oldest(key);
			first++;
		}
		assert_int_equal(mvcc_key_changes(key), last - first + 1);
		for (size_t i = 0; i < mvcc_key_changes(key); i++)
			assert_int_equal(mvcc_key_change(key, i)->revision, first + i);
		assert_int_equal(mvcc_key_before(key, mvcc_key_newest(key)) == NULL, first == last);
	}
	while (mvcc_key_changes(key) > 0)
		mvcc_key_drop_oldest(key);
	assert_int_equal(key->held, 0);
	put(pool, key, 1000, 0);
	assert_int_equal(mvcc_key_newest(key)->revision, 1000);
	mvcc_key_free(key);
	pool_free(&pool);
}

TEST(the_longest_head_and_the_greatest_value_fit)
{
	struct pool *pool = pool_new();
	struct mvcc_key *key = mvcc_key_new(pool, SLICE_LITERAL("k"));
	struct buf value = BUF_INIT;
	struct mvcc_fields fields = { .create_revision = INT64_MAX, .mod_revision = INT64_MAX,
		.version = INT64_MAX, .lease = UINT64_MAX }, again;

	memset(buf_reserve(&value, V3_PUT_BYTES_MAX), 'x', V3_PUT_BYTES_MAX);
	buf_added(&value, V3_PUT_BYTES_MAX - 1);
	fields.value = buf_slice(&value);
	mvcc_key_add(pool, key, mvcc_change_new_put(pool, key, UINT32_MAX, &fields));
	mvcc_change_fields(mvcc_key_newest(key), &again);
	assert_true(again.lease == UINT64_MAX);
	assert_int_equal(again.value.size, V3_PUT_BYTES_MAX - 1);
	mvcc_key_free(key);
	buf_free(&value);
	pool_free(&pool);
}
