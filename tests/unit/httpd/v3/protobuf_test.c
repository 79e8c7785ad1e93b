/*
 * protobuf_test.c - the bytes of messages, every rule of reading them, and each limit.
 */
#include "httpd/v3/protobuf.h"

#include "common/limits.h"

#include "tests/lib/test.h"

#define READ(tag, bytes, message) \
	v3_protobuf_read(v3_##tag##_type(), bytes, &arena, message, &refusal)

static struct arena arena;
static struct v3_status refusal;

static void
expect_read(const struct v3_type *type, struct slice bytes, void *message)
{
	if (v3_protobuf_read(type, bytes, &arena, message, &refusal) != ERR_NONE)
		fail_msg("%s", refusal.text);
}

/* Is refused as a message of that type, with code 13 and a text that ends like this. */
static void
expect_malformed(const struct v3_type *type, struct slice bytes, const char *end)
{
	void *message = arena_alloc(&arena, type->size);

	assert_int_equal(v3_protobuf_read(type, bytes, &arena, message, &refusal), ERR_MALFORMED);
	assert_int_equal(refusal.code, V3_INTERNAL);
	assert_true(strlen(refusal.text) > strlen(end));
	assert_string_equal(refusal.text + strlen(refusal.text) - strlen(end), end);
}

static void
expect_bytes(const struct v3_type *type, const void *message, struct slice wanted)
{
	struct buf out = BUF_INIT;

	v3_protobuf_put(&out, type, message);
	assert_int_equal(out.size, wanted.size);
	assert_int_equal(v3_protobuf_size(type, message), wanted.size);
	if (wanted.size > 0)
		assert_memory_equal(out.data, wanted.data, wanted.size);
	buf_free(&out);
}

static void
put_varint(struct buf *out, uint64_t number)
{
	for (; number >= 0x80; number >>= 7)
		buf_append_byte(out, (uint8_t)(number | 0x80));
	buf_append_byte(out, (uint8_t)number);
}

/* What is in out becomes a part with that field number. */
static void
wrap(struct buf *out, uint64_t number)
{
	struct buf inside = *out;

	buf_init(out, 0);
	put_varint(out, number << 3 | 2);
	put_varint(out, inside.size);
	buf_append_slice(out, buf_slice(&inside));
	buf_free(&inside);
}

/* ---- writing ----------------------------------------------------------- */

TEST(a_message_is_written_in_the_order_of_its_numbers)
{
	struct v3_put_request put = { .key = SLICE_LITERAL("k"), .value = SLICE_LITERAL("vv"),
		.lease = 300, .prev_kv = true, .ignore_lease = true };

	expect_bytes(v3_put_request_type(), &put,
	    SLICE_LITERAL("\x0a\x01k\x12\x02vv\x18\xac\x02\x20\x01\x30\x01"));
}

TEST(what_is_zero_is_not_written)
{
	struct v3_put_request put = { .lease = 0 };
	struct v3_status_request status = { 0 };

	expect_bytes(v3_put_request_type(), &put, SLICE_EMPTY);
	expect_bytes(v3_status_request_type(), &status, SLICE_EMPTY);
}

TEST(a_negative_number_takes_ten_bytes)
{
	struct v3_lease_revoke_request revoke = { .ID = -1 };

	expect_bytes(v3_lease_revoke_request_type(), &revoke,
	    SLICE_LITERAL("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
}

TEST(a_choice_that_is_negative_takes_ten_bytes_too)
{
	struct v3_alarm_request alarm = { .action = -1 };

	expect_bytes(v3_alarm_request_type(), &alarm,
	    SLICE_LITERAL("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
}

TEST(a_part_that_is_there_is_written_even_if_it_is_empty)
{
	struct v3_response_header header = { 0 };
	struct v3_put_response answer = { .header = &header };

	expect_bytes(v3_put_response_type(), &answer, SLICE_LITERAL("\x0a\x00"));
}

TEST(a_member_of_a_oneof_is_written_even_if_it_is_zero)
{
	struct v3_txn_compare compare = { .key = SLICE_LITERAL("k"), .which = V3_IS_version,
		.range_end = SLICE_LITERAL("l") };
	struct v3_txn_compare value = { .which = V3_IS_value };

	expect_bytes(v3_txn_compare_type(), &compare,
	    SLICE_LITERAL("\x1a\x01k\x20\x00\x82\x04\x01l"));
	expect_bytes(v3_txn_compare_type(), &value, SLICE_LITERAL("\x3a\x00"));
}

TEST(numbers_of_a_list_are_packed)
{
	int32_t filters[] = { V3_FILTER_NODELETE, V3_FILTER_NOPUT, 300 };
	struct v3_watch_create_request create = { .filters = { filters, 3 } };

	expect_bytes(v3_watch_create_request_type(), &create,
	    SLICE_LITERAL("\x2a\x04\x01\x00\xac\x02"));
}

TEST(stored_key_values_are_copied_as_they_are)
{
	/* In the order in which they are stored: the value comes last. */
	struct slice kvs[] = {
		SLICE_LITERAL("\x0a\x01" "a\x10\x02\x18\x03\x20\x01\x30\x07\x2a\x01v"),
		SLICE_LITERAL("\x0a\x01" "b") };
	struct v3_response_header header = { .revision = 3 };
	struct v3_range_response answer = { .header = &header, .kvs = { kvs, 2 }, .count = 2 };
	struct v3_key_value first;

	expect_bytes(v3_range_response_type(), &answer,
	    SLICE_LITERAL("\x0a\x02\x18\x03"
			  "\x12\x0e\x0a\x01" "a\x10\x02\x18\x03\x20\x01\x30\x07\x2a\x01v"
			  "\x12\x03\x0a\x01" "b"
			  "\x20\x02"));
	assert_true(v3_key_value_read(kvs[0], &first));
	assert_true(slice_equal(first.key, SLICE_LITERAL("a")));
	assert_true(slice_equal(first.value, SLICE_LITERAL("v")));
	assert_int_equal(first.create_revision, 2);
	assert_int_equal(first.mod_revision, 3);
	assert_int_equal(first.version, 1);
	assert_int_equal(first.lease, 7);
}

TEST(a_long_range_is_written_in_pieces_that_are_one_message)
{
	struct slice kvs[] = { SLICE_LITERAL("\x0a\x01" "a"), SLICE_LITERAL("\x0a\x01" "b") };
	struct v3_response_header header = { .revision = 5 };
	struct v3_range_response whole = { .header = &header, .kvs = { kvs, 2 }, .more = true,
		.count = 9 };
	struct v3_range_response pieces[] = { { .header = &header, .kvs = { kvs, 1 } },
		{ .kvs = { kvs + 1, 1 } }, { .more = true, .count = 9 } };
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < ARRAY_COUNT(pieces); i++)
		v3_protobuf_put(&out, v3_range_response_type(), &pieces[i]);
	expect_bytes(v3_range_response_type(), &whole, buf_slice(&out));
	buf_free(&out);
}

TEST(a_buffer_at_its_limit_takes_a_whole_message_or_nothing)
{
	struct v3_put_request put = { .key = SLICE_LITERAL("key") };
	struct buf out;

	buf_init(&out, 5);
	v3_protobuf_put(&out, v3_put_request_type(), &put);
	assert_int_equal(out.size, 5);
	assert_false(out.overflowed);
	buf_free(&out);
	buf_init(&out, 4);
	v3_protobuf_put(&out, v3_put_request_type(), &put);
	assert_int_equal(out.size, 0);
	assert_true(out.overflowed);
	buf_free(&out);
}

/* ---- reading ----------------------------------------------------------- */

TEST(fields_come_in_any_order_and_the_last_one_counts)
{
	struct v3_put_request put;

	expect_read(v3_put_request_type(),
	    SLICE_LITERAL("\x18\x05\x12\x01v\x0a\x01" "a\x18\x07\x0a\x02" "bb"), &put);
	assert_true(slice_equal(put.key, SLICE_LITERAL("bb")));
	assert_true(slice_equal(put.value, SLICE_LITERAL("v")));
	assert_int_equal(put.lease, 7);
}

TEST(slices_are_views_of_what_was_read)
{
	struct slice bytes = SLICE_LITERAL("\x0a\x03key");
	struct v3_put_request put;

	expect_read(v3_put_request_type(), bytes, &put);
	assert_ptr_equal(put.key.data, bytes.data + 2);
}

TEST(no_bytes_are_an_empty_message)
{
	struct v3_txn_request txn;

	memset(&txn, 0xff, sizeof(txn));
	expect_read(v3_txn_request_type(), SLICE_EMPTY, &txn);
	assert_int_equal(txn.compare.count, 0);
	assert_null(txn.success.items);
}

TEST(the_last_part_counts_and_nothing_is_merged)
{
	struct v3_proclaim_request proclaim;

	expect_read(v3_proclaim_request_type(),
	    SLICE_LITERAL("\x0a\x03\x0a\x01n\x0a\x02\x18\x05"), &proclaim);
	assert_int_equal(proclaim.leader->rev, 5);
	assert_int_equal(proclaim.leader->name.size, 0);
}

TEST(the_last_member_of_a_oneof_counts)
{
	struct v3_request_op op;
	struct v3_txn_compare compare;

	expect_read(v3_request_op_type(), SLICE_LITERAL("\x0a\x00\x12\x03\x0a\x01k"), &op);
	assert_int_equal(op.which, V3_IS_request_put);
	assert_true(slice_equal(op.request_put->key, SLICE_LITERAL("k")));
	expect_read(v3_txn_compare_type(), SLICE_LITERAL("\x3a\x01v\x28\x00"), &compare);
	assert_int_equal(compare.which, V3_IS_create_revision);
	assert_int_equal(compare.create_revision, 0);
	expect_read(v3_request_op_type(), SLICE_EMPTY, &op);
	assert_int_equal(op.which, V3_NO_request_op);
}

TEST(a_list_of_numbers_is_packed_or_not_or_both)
{
	struct v3_watch_create_request create;

	expect_read(v3_watch_create_request_type(),
	    SLICE_LITERAL("\x28\x01\x2a\x03\x00\xac\x02\x0a\x01k\x2a\x00\x28\x01"), &create);
	assert_int_equal(create.filters.count, 4);
	assert_int_equal(create.filters.items[0], 1);
	assert_int_equal(create.filters.items[1], 0);
	assert_int_equal(create.filters.items[2], 300);
	assert_int_equal(create.filters.items[3], 1);
}

TEST(a_list_of_numbers_takes_what_its_numbers_need)
{
	struct v3_watch_create_request create;
	size_t before = arena.total_bytes;

	expect_read(v3_watch_create_request_type(),
	    SLICE_LITERAL("\x28\x01\x2a\x07\x00\x01\x00\x01\x00\xac\x02\x28\x01"), &create);
	assert_int_equal(create.filters.count, 8);
	assert_int_equal(arena.total_bytes - before, 8 * sizeof(int32_t));
}

TEST(lists_that_take_turns_are_each_in_one_piece)
{
	struct v3_member member;

	expect_read(v3_member_type(),
	    SLICE_LITERAL("\x1a\x01" "a\x22\x01x\x1a\x01" "b\x22\x01y\x1a\x00"), &member);
	assert_int_equal(member.peerURLs.count, 3);
	assert_true(slice_equal(member.peerURLs.items[1], SLICE_LITERAL("b")));
	assert_int_equal(member.peerURLs.items[2].size, 0);
	assert_int_equal(member.clientURLs.count, 2);
	assert_true(slice_equal(member.clientURLs.items[1], SLICE_LITERAL("y")));
}

TEST(unknown_fields_are_passed_by)
{
	struct v3_put_request put;

	/* Varint, 64 bits, bytes, 32 bits, of numbers 100 and 2^29 - 1. */
	expect_read(v3_put_request_type(),
	    SLICE_LITERAL("\xa0\x06\x96\x01\xa1\x06" "12345678\xa2\x06\x02xy\xa5\x06" "1234"
			  "\xf8\xff\xff\xff\x0f\x01\x0a\x01k"), &put);
	assert_true(slice_equal(put.key, SLICE_LITERAL("k")));
}

TEST(a_varint_has_ten_bytes_at_most)
{
	struct v3_lease_revoke_request revoke;

	expect_read(v3_lease_revoke_request_type(),
	    SLICE_LITERAL("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), &revoke);
	assert_int_equal(revoke.ID, -1);
	/* Longer than it need be. */
	expect_read(v3_lease_revoke_request_type(),
	    SLICE_LITERAL("\x08\x85\x80\x80\x80\x80\x80\x80\x80\x80\x00"), &revoke);
	assert_int_equal(revoke.ID, 5);
	expect_malformed(v3_lease_revoke_request_type(),
	    SLICE_LITERAL("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00"),
	    "LeaseRevokeRequest.ID is cut short");
	/* Also of a tag, of a length, of what is passed by. */
	expect_malformed(v3_lease_revoke_request_type(),
	    SLICE_LITERAL("\x88\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00\x01"),
	    "has a field without a number");
	expect_malformed(v3_put_request_type(),
	    SLICE_LITERAL("\x0a\x81\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00k"),
	    "PutRequest.key goes beyond the end");
	expect_malformed(v3_put_request_type(),
	    SLICE_LITERAL("\xa0\x06\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"),
	    "has an unknown field that is malformed");
}

TEST(numbers_of_32_bits_and_choices_lose_their_high_half)
{
	struct v3_hash_response hash;
	struct v3_range_request range;

	expect_read(v3_hash_response_type(), SLICE_LITERAL("\x10\x85\x80\x80\x80\x10"), &hash);
	assert_int_equal(hash.hash, 5);
	expect_read(v3_range_request_type(),
	    SLICE_LITERAL("\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x30\x02\x38\x80\x02"),
	    &range);
	assert_int_equal(range.sort_order, -1);
	assert_int_equal(range.sort_target, V3_SORT_CREATE);
	/* 256 is true, whatever its lowest byte. */
	assert_true(range.serializable);
}

TEST(a_length_ends_with_what_it_is_in)
{
	struct v3_put_request put;

	expect_read(v3_put_request_type(), SLICE_LITERAL("\x0a\x02kk"), &put);
	expect_malformed(v3_put_request_type(), SLICE_LITERAL("\x0a\x03kk"),
	    "PutRequest.key goes beyond the end");
	expect_malformed(v3_put_request_type(),
	    SLICE_LITERAL("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01kk"),
	    "PutRequest.key goes beyond the end");
	/* There are bytes behind the part, but they are not the part's. */
	expect_malformed(v3_proclaim_request_type(),
	    SLICE_LITERAL("\x0a\x03\x0a\x02n\x12\x01v"), "LeaderKey.name goes beyond the end");
	expect_malformed(v3_put_request_type(), SLICE_LITERAL("\x0a"),
	    "PutRequest.key goes beyond the end");
	expect_malformed(v3_put_request_type(), SLICE_LITERAL("\x18"),
	    "PutRequest.lease is cut short");
	expect_malformed(v3_put_request_type(), SLICE_LITERAL("\xa1\x06" "1234567"),
	    "has an unknown field that is malformed");
	expect_malformed(v3_put_request_type(), SLICE_LITERAL("\xa5\x06" "123"),
	    "has an unknown field that is malformed");
	expect_malformed(v3_watch_create_request_type(), SLICE_LITERAL("\x2a\x02\x01\x80"),
	    "WatchCreateRequest.filters is cut short");
}

TEST(groups_and_other_wire_types_are_refused)
{
	static const uint8_t none[] = { 3, 4, 6, 7 };
	uint8_t known[] = { 0, 0 }, unknown[] = { 0, 6, 0 };

	for (size_t i = 0; i < sizeof(none); i++) {
		known[0] = 0x18 | none[i];
		expect_malformed(v3_put_request_type(), slice_of(known, sizeof(known)),
		    "PutRequest.lease has a wrong wire type");
		unknown[0] = 0xa0 | none[i];
		expect_malformed(v3_put_request_type(), slice_of(unknown, sizeof(unknown)),
		    "has an unknown field that is malformed");
	}
}

TEST(a_known_field_has_its_own_wire_type)
{
	expect_malformed(v3_put_request_type(), SLICE_LITERAL("\x08\x01"),
	    "PutRequest.key has a wrong wire type");
	expect_malformed(v3_put_request_type(), SLICE_LITERAL("\x1a\x01\x01"),
	    "PutRequest.lease has a wrong wire type");
	expect_malformed(v3_put_request_type(), SLICE_LITERAL("\x1d" "1234"),
	    "PutRequest.lease has a wrong wire type");
	expect_malformed(v3_proclaim_request_type(), SLICE_LITERAL("\x08\x01"),
	    "ProclaimRequest.leader has a wrong wire type");
	expect_malformed(v3_watch_create_request_type(), SLICE_LITERAL("\x2d" "1234"),
	    "WatchCreateRequest.filters has a wrong wire type");
}

TEST(a_field_number_is_from_1_to_2_29)
{
	struct v3_put_request put;

	expect_malformed(v3_put_request_type(), SLICE_LITERAL("\x00\x01"),
	    "PutRequest has a field without a number");
	expect_read(v3_put_request_type(), SLICE_LITERAL("\xf8\xff\xff\xff\x0f\x01"), &put);
	expect_malformed(v3_put_request_type(), SLICE_LITERAL("\x80\x80\x80\x80\x10\x01"),
	    "PutRequest has a field without a number");
}

TEST(a_key_value_that_stays_in_wire_form_is_well_formed)
{
	struct v3_put_response answer;
	struct v3_key_value kv;

	expect_read(v3_put_response_type(), SLICE_LITERAL("\x12\x03\x0a\x01k"), &answer);
	assert_true(slice_equal(answer.prev_kv, SLICE_LITERAL("\x0a\x01k")));
	expect_read(v3_put_response_type(), SLICE_LITERAL("\x12\x00"), &answer);
	assert_non_null(answer.prev_kv.data);
	expect_read(v3_put_response_type(), SLICE_EMPTY, &answer);
	assert_null(answer.prev_kv.data);
	expect_malformed(v3_put_response_type(), SLICE_LITERAL("\x12\x03\x0a\x02k"),
	    "KeyValue.key goes beyond the end");
	assert_false(v3_key_value_read(SLICE_LITERAL("\x0a\x02k"), &kv));
}

/* ---- limits ------------------------------------------------------------ */

/* So many transactions, one in the other; in the innermost one there is nothing. */
static void
put_txns(struct buf *out, size_t levels)
{
	for (size_t i = 1; i < levels; i++) {
		wrap(out, 4);		/* RequestOp.request_txn */
		wrap(out, 2);		/* TxnRequest.success */
	}
}

static void
expect_too_many_operations(struct slice bytes)
{
	struct v3_txn_request txn;

	assert_int_equal(READ(txn_request, bytes, &txn), ERR_TOO_BIG);
	assert_int_equal(refusal.code, V3_INVALID_ARGUMENT);
	assert_string_equal(refusal.text, "etcdserver: too many operations in txn request");
}

TEST(transactions_nest_as_deep_as_one_may_have_operations_and_no_deeper)
{
	/* Each but the innermost is two messages: itself, and the operation that holds the next. */
	size_t levels = V3_NESTED_MAX / 2;
	struct buf bytes = BUF_INIT;
	struct v3_txn_request txn;
	const struct v3_txn_request *inside = &txn;

	assert_true(levels > V3_DEPTH_MAX);
	put_txns(&bytes, levels);
	assert_int_equal(READ(txn_request, buf_slice(&bytes), &txn), ERR_NONE);
	for (size_t i = 1; i < levels; i++) {
		assert_int_equal(inside->success.count, 1);
		assert_int_equal(inside->success.items[0].which, V3_IS_request_txn);
		inside = inside->success.items[0].request_txn;
	}
	assert_int_equal(inside->success.count, 0);
	buf_free(&bytes);

	/* The deepest message of all is an operation: there is no room in it for another one. */
	buf_append(&bytes, "\x12\x00", 2);
	put_txns(&bytes, levels);
	assert_int_equal(READ(txn_request, buf_slice(&bytes), &txn), ERR_NONE);
	buf_free(&bytes);
	buf_append(&bytes, "\x12\x02\x0a\x00", 4);
	put_txns(&bytes, levels);
	expect_too_many_operations(buf_slice(&bytes));
	buf_free(&bytes);
}

TEST(a_hundred_thousand_nested_transactions_are_refused)
{
	/* From the inside out, at the end of memory that is large enough: wrap would copy it
	 * for each of them. */
	size_t room = 1 * MIB, size = 0;
	uint8_t *memory = arena_alloc(&arena, room);

	for (size_t i = 0; i < 200000 && size < room - 16; i++) {
		uint8_t head[VARINT_BYTES_MAX + 1];
		size_t head_size = 1, left = size;

		head[0] = i % 2 == 0 ? 0x22 : 0x12;
		for (; left >= 0x80; left >>= 7)
			head[head_size++] = (uint8_t)(left | 0x80);
		head[head_size++] = (uint8_t)left;
		size += head_size;
		memcpy(memory + room - size, head, head_size);
	}
	assert_true(size > 700000);
	expect_too_many_operations(slice_of(memory + room - size, size));
	arena_reset(&arena);
}

TEST(parts_and_lists_of_a_message_take_no_more_than_they_may)
{
	size_t most = V3_DECODED_BYTES_MAX / sizeof(struct v3_txn_compare);
	struct buf bytes = BUF_INIT;
	struct v3_txn_request txn;
	size_t before;

	for (size_t i = 0; i < most; i++)
		buf_append(&bytes, "\x0a\x00", 2);
	assert_true(bytes.size <= V3_MESSAGE_BYTES_MAX);
	assert_int_equal(READ(txn_request, buf_slice(&bytes), &txn), ERR_NONE);
	assert_int_equal(txn.compare.count, most);
	arena_reset(&arena);
	before = arena.total_bytes;
	buf_append(&bytes, "\x0a\x00", 2);
	expect_too_many_operations(buf_slice(&bytes));
	/* Nothing was taken for what is not read. */
	assert_true(arena.total_bytes - before < 1 * KIB);
	buf_free(&bytes);
}

TEST(strings_and_numbers_of_a_list_are_bounded_alike)
{
	size_t most = V3_DECODED_BYTES_MAX / sizeof(struct slice);
	struct v3_member_add_request add;
	struct v3_watch_create_request create;
	struct buf bytes = BUF_INIT;

	for (size_t i = 0; i < most; i++)
		buf_append(&bytes, "\x0a\x00", 2);
	assert_int_equal(READ(member_add_request, buf_slice(&bytes), &add), ERR_NONE);
	assert_int_equal(add.peerURLs.count, most);
	buf_append(&bytes, "\x0a\x00", 2);
	assert_int_equal(READ(member_add_request, buf_slice(&bytes), &add), ERR_TOO_BIG);
	assert_int_equal(refusal.code, V3_RESOURCE_EXHAUSTED);
	assert_string_equal(refusal.text, "grpc: error unmarshalling request: "
	    "etcdserverpb.MemberAddRequest.peerURLs has too many items");
	buf_free(&bytes);

	memset(buf_reserve(&bytes, V3_DECODED_BYTES_MAX / 4), 0, V3_DECODED_BYTES_MAX / 4);
	buf_added(&bytes, V3_DECODED_BYTES_MAX / 4);
	wrap(&bytes, 5);
	assert_int_equal(READ(watch_create_request, buf_slice(&bytes), &create), ERR_NONE);
	assert_int_equal(create.filters.count, V3_DECODED_BYTES_MAX / 4);
	buf_append(&bytes, "\x28\x00", 2);
	assert_int_equal(READ(watch_create_request, buf_slice(&bytes), &create), ERR_TOO_BIG);
	buf_free(&bytes);
	arena_free(&arena);
}

/* A million of them, each of which would be counted if each looked at all that follow. */
TEST(empty_packed_lists_are_counted_once)
{
	struct v3_watch_create_request create;
	struct buf bytes = BUF_INIT;

	for (size_t i = 0; i < V3_MESSAGE_BYTES_MAX / 2; i++)
		buf_append(&bytes, "\x2a\x00", 2);
	assert_int_equal(READ(watch_create_request, buf_slice(&bytes), &create), ERR_NONE);
	assert_int_equal(create.filters.count, 0);
	buf_free(&bytes);
}
