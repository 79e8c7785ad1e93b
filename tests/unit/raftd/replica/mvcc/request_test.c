/*
 * request_test.c - lists of operations taken apart: their branches, their limits, and bytes that
 * are none.
 */
#include "raftd/replica/mvcc/request.h"

#include "common/ipc/wire.h"
#include "common/rand.h"
#include "tests/lib/test.h"

static enum v3_error
parse(const struct buf *compares, const struct buf *ops)
{
	struct mvcc_request *request;
	enum v3_error error = mvcc_request_new(buf_slice(compares), buf_slice(ops), NULL,
	    &request);

	mvcc_request_free(&request);
	return error;
}

static enum v3_error
parse_ops(struct buf *ops)
{
	struct buf none = BUF_INIT;
	enum v3_error error = parse(&none, ops);

	buf_free(ops);
	return error;
}

static void
put(struct buf *ops, const char *key)
{
	mvcc_op_put_put(ops, &(struct v3_put){ .key = slice_text(key) });
}

static void
branch(struct buf *ops, uint32_t success_end, uint32_t failure_end)
{
	mvcc_op_put_branch(ops, &(struct v3_branch){ .success_end = success_end,
	    .failure_end = failure_end });
}

TEST(what_no_state_makes_right_is_refused)
{
	struct buf ops = BUF_INIT;

	put(&ops, "");
	assert_int_equal(parse_ops(&ops), V3_KEY_EMPTY);
	mvcc_op_put_range(&ops, &(struct v3_range){ .order = 0 });
	assert_int_equal(parse_ops(&ops), V3_KEY_EMPTY);
	mvcc_op_put_delete(&ops, &(struct v3_delete){ .flags = 0 });
	assert_int_equal(parse_ops(&ops), V3_KEY_EMPTY);
	mvcc_op_put_put(&ops, &(struct v3_put){ .key = SLICE_LITERAL("k"),
	    .value = SLICE_LITERAL("v"), .flags = V3_PUT_IGNORE_VALUE });
	assert_int_equal(parse_ops(&ops), V3_VALUE_PROVIDED);
	mvcc_op_put_put(&ops, &(struct v3_put){ .key = SLICE_LITERAL("k"), .lease = 1,
	    .flags = V3_PUT_IGNORE_LEASE });
	assert_int_equal(parse_ops(&ops), V3_LEASE_PROVIDED);
	mvcc_op_put_range(&ops, &(struct v3_range){ .key = SLICE_LITERAL("k"), .order = 3 });
	assert_int_equal(parse_ops(&ops), V3_SORT_OPTION);
	mvcc_op_put_range(&ops, &(struct v3_range){ .key = SLICE_LITERAL("k"), .target = 5 });
	assert_int_equal(parse_ops(&ops), V3_SORT_OPTION);
}

TEST(branches_that_do_not_lie_in_one_another_are_no_request)
{
	static const uint32_t bad[][2] = { { 0, 3 }, { 3, 2 }, { 2, 4 }, { 1, 2 }, { 4, 4 } };
	struct buf ops = BUF_INIT;

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		branch(&ops, bad[i][0], bad[i][1]);
		put(&ops, "a");
		put(&ops, "b");
		assert_int_equal(parse_ops(&ops), V3_MALFORMED);
	}
	/* One that goes on behind the branch around it, and one behind its txn. */
	branch(&ops, 2, 3);
	branch(&ops, 3, 3);
	put(&ops, "a");
	assert_int_equal(parse_ops(&ops), V3_MALFORMED);
	branch(&ops, 1, 1);
	put(&ops, "a");
	assert_int_equal(parse_ops(&ops), V3_MALFORMED);
	/* Two that are no txn, and none. */
	put(&ops, "a");
	put(&ops, "b");
	assert_int_equal(parse_ops(&ops), V3_MALFORMED);
	assert_int_equal(parse_ops(&ops), V3_MALFORMED);
	/* Of no kind. */
	v3_op_put(&ops, &(struct v3_op){ .kind = 9 });
	assert_int_equal(parse_ops(&ops), V3_MALFORMED);
}

TEST(compares_are_as_many_as_txns_ask_for)
{
	struct buf ops = BUF_INIT, compares = BUF_INIT;

	mvcc_op_put_branch(&ops, &(struct v3_branch){ 1, 1, 1 });
	assert_int_equal(parse(&compares, &ops), V3_MALFORMED);
	v3_compare_put(&compares, &(struct v3_compare){ .key = SLICE_LITERAL("k") });
	assert_int_equal(parse(&compares, &ops), V3_NONE);
	v3_compare_put(&compares, &(struct v3_compare){ .key = SLICE_LITERAL("k") });
	assert_int_equal(parse(&compares, &ops), V3_MALFORMED);
	buf_clear(&compares);
	v3_compare_put(&compares, &(struct v3_compare){ .target = 0 });
	assert_int_equal(parse(&compares, &ops), V3_KEY_EMPTY);
	buf_clear(&compares);
	v3_compare_put(&compares, &(struct v3_compare){ .key = SLICE_LITERAL("k"), .target = 5 });
	assert_int_equal(parse(&compares, &ops), V3_MALFORMED);
	buf_free(&ops);
	buf_free(&compares);
}

/* A txn in a txn in a txn: so deep. */
static enum v3_error
nested(uint32_t depth)
{
	struct buf ops = BUF_INIT;

	for (uint32_t i = 0; i < depth; i++)
		branch(&ops, depth + 1, depth + 1);
	put(&ops, "a");
	return parse_ops(&ops);
}

TEST(nesting_has_a_limit)
{
	assert_int_equal(nested(V3_DEPTH_MAX + 1), V3_NONE);
	assert_int_equal(nested(V3_DEPTH_MAX + 2), V3_MALFORMED);
	assert_int_equal(nested(10000), V3_MALFORMED);
}

static enum v3_error
many(uint32_t operations)
{
	struct buf ops = BUF_INIT;

	branch(&ops, operations, operations);
	for (uint32_t i = 1; i < operations; i++)
		put(&ops, "a");
	return parse_ops(&ops);
}

static enum v3_error
many_compares(uint32_t count)
{
	struct buf ops = BUF_INIT, compares = BUF_INIT;
	enum v3_error error;

	mvcc_op_put_branch(&ops, &(struct v3_branch){ count, 1, 1 });
	for (uint32_t i = 0; i < count; i++)
		v3_compare_put(&compares, &(struct v3_compare){ .key = SLICE_LITERAL("k") });
	error = parse(&compares, &ops);
	buf_free(&ops);
	buf_free(&compares);
	return error;
}

TEST(operations_and_compares_have_a_limit)
{
	assert_int_equal(many(V3_OPS_MAX), V3_NONE);
	assert_int_equal(many(V3_OPS_MAX + 1), V3_MALFORMED);
	assert_int_equal(many_compares(V3_COMPARES_MAX), V3_NONE);
	assert_int_equal(many_compares(V3_COMPARES_MAX + 1), V3_MALFORMED);
}

static enum v3_error
large_put(size_t size)
{
	struct buf ops = BUF_INIT, value = BUF_INIT;

	memset(buf_reserve(&value, size), 'x', size);
	buf_added(&value, size);
	mvcc_op_put_put(&ops, &(struct v3_put){ .key = SLICE_LITERAL("k"),
	    .value = buf_slice(&value) });
	buf_free(&value);
	return parse_ops(&ops);
}

TEST(a_put_has_a_greatest_size)
{
	assert_int_equal(large_put(V3_PUT_BYTES_MAX - 1), V3_NONE);
	assert_int_equal(large_put(V3_PUT_BYTES_MAX), V3_REQUEST_TOO_LARGE);
}

/* 0: [1: [2: a | 3: b] | 4: c], one bit for each txn that is met. */
TEST(the_path_goes_through_the_branches_that_are_taken)
{
	static const struct {
		bool outer, inner;
		uint32_t places[4];
	} cases[] = { { true, true, { 0, 1, 2 } }, { true, false, { 0, 1, 3 } },
		{ false, false, { 0, 4 } } };
	struct buf ops = BUF_INIT;
	struct mvcc_request *request;

	branch(&ops, 4, 5);
	branch(&ops, 3, 4);
	put(&ops, "a");
	put(&ops, "b");
	put(&ops, "c");
	assert_int_equal(mvcc_request_new(SLICE_EMPTY, buf_slice(&ops), NULL, &request), V3_NONE);
	assert_true(mvcc_request_writes(request));
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct mvcc_op *op;
		struct mvcc_path path;
		size_t count = 0;

		mvcc_path_begin(&path, request);
		while ((op = mvcc_path_next(&path)) != NULL) {
			assert_ptr_equal(op, request->ops + cases[i].places[count++]);
			if (op->kind == V3_OP_TXN)
				mvcc_path_take(&path, count == 1 ? cases[i].outer :
				    cases[i].inner);
		}
		assert_int_equal(count, cases[i].outer ? 3 : 2);
	}
	mvcc_request_free(&request);
	buf_free(&ops);
}

/* Any byte of it another, any end: refused, or another request, and nothing is read outside. */
TEST(changed_bytes_are_taken_apart_or_refused)
{
	struct buf ops = BUF_INIT, compares = BUF_INIT, none = BUF_INIT;
	struct rand rand;

	rand_seed(&rand, 9);
	v3_compare_put(&compares, &(struct v3_compare){ .key = SLICE_LITERAL("k") });
	mvcc_op_put_branch(&ops, &(struct v3_branch){ 1, 2, 3 });
	put(&ops, "a");
	mvcc_op_put_range(&ops, &(struct v3_range){ .key = SLICE_LITERAL("r") });
	for (size_t i = 0; i < 20000; i++) {
		struct buf changed = BUF_INIT;

		buf_append(&changed, ops.data, 1 + rand_below(&rand, ops.size));
		changed.data[rand_below(&rand, changed.size)] = (uint8_t)rand_next(&rand);
		(void)parse(rand_chance(&rand, 500) ? &compares : &none, &changed);
		buf_free(&changed);
	}
	buf_free(&ops);
	buf_free(&compares);
}

TEST(numbers_of_the_api_keep_their_sign)
{
	assert_true(mvcc_int64(UINT64_MAX) == -1);
	assert_true(mvcc_int64((uint64_t)INT64_MAX + 1) == INT64_MIN);
	assert_true(mvcc_int64(INT64_MAX) == INT64_MAX);
	assert_true(mvcc_int64(0) == 0);
}
