/*
 * record_test.c - values, keys and terms: formats to the byte, damage noticed.
 */
#include "raftd/wal/record.h"
#include "raftd/wal/keyspace.h"
#include "raftd/wal/terms.h"
#include "tests/lib/test.h"

static const struct slice some_key = { (const uint8_t *)"key", 3 };

/* A sealed disk_hard_state of term 3, vote 9 under some_key. */
static void
make_record(struct buf *buf)
{
	struct disk_hard_state record = { .term = 3, .vote = 9 };

	record_begin(buf);
	disk_hard_state_put(buf, &record);
	record_seal(buf, some_key);
}

TEST(record_opens_to_what_was_sealed)
{
	struct buf buf = BUF_INIT;
	struct disk_hard_state record;
	struct slice content;
	struct reader in;

	make_record(&buf);
	assert_int_equal(buf.size, RECORD_HEADER_BYTES + 16);
	assert_int_equal(buf.data[0], RECORD_VERSION);
	assert_int_equal(record_open(some_key, buf_slice(&buf), &content), ERR_NONE);
	in = reader_of(content);
	assert_true(disk_hard_state_get(&in, &record));
	assert_true(reader_done(&in));
	assert_int_equal(record.term, 3);
	assert_int_equal(record.vote, 9);
	buf_free(&buf);
}

TEST(every_flipped_bit_and_every_cut_of_a_record_is_noticed)
{
	struct buf buf = BUF_INIT;
	struct slice content;

	make_record(&buf);
	for (size_t bit = 0; bit < buf.size * 8; bit++) {
		buf.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(record_open(some_key, buf_slice(&buf), &content),
		    bit < 8 ? ERR_UNSUPPORTED : ERR_CORRUPT);
		buf.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t size = 0; size < buf.size; size++)
		assert_int_equal(record_open(some_key, slice_of(buf.data, size), &content),
		    ERR_CORRUPT);
	buf_free(&buf);
}

TEST(record_under_another_key_is_noticed)
{
	struct buf buf = BUF_INIT;
	struct slice content;

	make_record(&buf);
	assert_int_equal(record_open(SLICE_LITERAL("kez"), buf_slice(&buf), &content),
	    ERR_CORRUPT);
	buf_free(&buf);
}

TEST(entry_comes_back_as_it_was)
{
	struct raft_entry entry = {
		.term = 5,
		.index = UINT64_C(1) << 40,
		.time_ns = 77,
		.type = RAFT_ENTRY_CONF,
		.conf_op = RAFT_CONF_REMOVE,
		.conf_peer = UINT64_MAX,
		.payload = blob_new(SLICE_LITERAL("payload")),
	};
	struct buf buf = BUF_INIT;
	struct raft_entry back;
	struct slice payload;

	record_put_entry(&buf, &entry);
	assert_int_equal(record_get_entry(buf_slice(&buf), &back, &payload), ERR_NONE);
	assert_true(slice_equal(payload, SLICE_LITERAL("payload")));
	assert_null(back.payload);
	assert_true(back.term == entry.term);
	assert_true(back.index == entry.index);
	assert_true(back.time_ns == entry.time_ns);
	assert_true(back.type == entry.type);
	assert_true(back.conf_op == entry.conf_op);
	assert_true(back.conf_peer == entry.conf_peer);
	blob_unref(&entry.payload);
	buf_free(&buf);
}

TEST(entry_of_an_unknown_kind_is_refused)
{
	struct raft_entry entry = { .term = 1, .index = 1, .type = RAFT_ENTRY_NOOP };
	struct raft_entry back;
	struct slice payload;
	struct buf buf = BUF_INIT;

	record_put_entry(&buf, &entry);
	buf.data[24] = 9;	/* behind term, index, time */
	assert_int_equal(record_get_entry(buf_slice(&buf), &back, &payload), ERR_CORRUPT);
	buf.data[24] = RAFT_ENTRY_NOOP;
	buf.data[25] = 200;
	assert_int_equal(record_get_entry(buf_slice(&buf), &back, &payload), ERR_CORRUPT);
	buf.data[25] = 0;
	buf_append_byte(&buf, 0);
	assert_int_equal(record_get_entry(buf_slice(&buf), &back, &payload), ERR_CORRUPT);
	buf_free(&buf);
}

/* Pitfall key-order: indexes 255/256, 2^32. */
TEST(byte_order_of_log_keys_is_index_order)
{
	static const raft_index indexes[] = { 0, 1, 255, 256, 65535, 65536, UINT32_MAX,
		UINT64_C(1) << 32, (UINT64_C(1) << 32) + 1, UINT64_MAX };

	for (size_t i = 0; i < ARRAY_COUNT(indexes); i++) {
		struct keyspace_key key = keyspace_log(indexes[i]);
		raft_index back;

		assert_true(keyspace_is_log(keyspace_slice(&key), &back));
		assert_true(back == indexes[i]);
		if (i > 0) {
			struct keyspace_key before = keyspace_log(indexes[i - 1]);

			assert_true(slice_compare(keyspace_slice(&before),
			    keyspace_slice(&key)) < 0);
		}
	}
}

TEST(keys_of_one_kind_are_not_taken_for_another)
{
	struct keyspace_key log = keyspace_log(1), footprint = keyspace_footprint(1);
	struct buf whole = BUF_INIT;
	uint32_t generation;
	raft_index index;
	struct slice key;

	keyspace_state(&whole, 0x01020304, SLICE_LITERAL("abcd"));
	assert_true(keyspace_is_state(buf_slice(&whole), &generation, &key));
	assert_int_equal(generation, 0x01020304);
	assert_true(slice_equal(key, SLICE_LITERAL("abcd")));
	assert_memory_equal(whole.data, "s\1\2\3\4abcd", 9);
	assert_false(keyspace_is_log(buf_slice(&whole), &index));
	assert_false(keyspace_is_state(keyspace_slice(&log), &generation, &key));
	assert_false(keyspace_is_log(keyspace_slice(&footprint), &index));
	assert_false(keyspace_is_footprint(keyspace_slice(&log), &generation));
	assert_false(keyspace_is_state(slice_of("s\0\0\0", 4), &generation, &key));
	buf_free(&whole);
}

TEST(terms_are_known_for_every_entry_that_is_left)
{
	static const raft_term of[] = { 0, 1, 1, 2, 2, 2, 5, 5, 9 };
	struct terms terms = { 0 };

	terms_reset(&terms, (struct raft_position){ 0, 0 });
	for (raft_index i = 1; i < ARRAY_COUNT(of); i++)
		terms_append(&terms, (struct raft_position){ i, of[i] });
	for (raft_index i = 0; i < ARRAY_COUNT(of); i++)
		assert_int_equal(terms_at(&terms, i), of[i]);
	terms_drop_before(&terms, 4);
	for (raft_index i = 4; i < ARRAY_COUNT(of); i++)
		assert_int_equal(terms_at(&terms, i), of[i]);
	terms_truncate(&terms, 7);
	terms_append(&terms, (struct raft_position){ 7, 6 });
	assert_int_equal(terms_at(&terms, 6), 5);
	assert_int_equal(terms_at(&terms, 7), 6);
	terms_reset(&terms, (struct raft_position){ 100, 8 });
	assert_int_equal(terms_at(&terms, 100), 8);
	terms_free(&terms);
}
