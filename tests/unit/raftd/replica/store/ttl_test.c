/*
 * ttl_test.c - the order of expiry, and the end of time.
 */
#include "raftd/replica/store/ttl.h"

#include "common/clock.h"
#include "tests/lib/test.h"

TEST(the_instant_ends_where_time_does)
{
	static const struct {
		uint64_t time_ns, ttl_s;
		bool expires;
	} table[] = {
		{ 0, 0, true },
		{ 0, 9223372036, true },
		{ 0, 9223372037, false },
		{ 854775807, 9223372036, true },
		{ 854775808, 9223372036, false },
		{ INT64_MAX, 0, true },
		{ (uint64_t)INT64_MAX + 1, 0, false },
		{ 1, UINT64_MAX, false },
		/* 18446744074 s is 2^64 ns and a bit: the product would wrap. */
		{ 0, 18446744074, false },
		{ UINT64_C(1700000000) * NS_PER_SECOND, 9223372036, false },
		{ UINT64_C(1700000000) * NS_PER_SECOND, 3000000000, true },
	};
	uint64_t at_ns;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(table); i++) {
		at_ns = 42;
		assert_int_equal(ttl_instant(table[i].time_ns, table[i].ttl_s, &at_ns),
		    table[i].expires);
		if (table[i].expires)
			assert_int_equal(at_ns, table[i].time_ns + table[i].ttl_s * NS_PER_SECOND);
		else
			assert_int_equal(at_ns, 42);
	}
}

TEST(nodes_expire_by_instant_then_age_then_depth)
{
	struct tree tree;
	struct ttl ttl;
	struct tree_node *a, *b, *c, *d;

	tree_init(&tree, 1);
	ttl_init(&ttl, tree.pool);
	assert_null(ttl_first(&ttl));
	b = tree_make(&tree, tree.root, SLICE_LITERAL("z"), true, 2);
	c = tree_make(&tree, b, SLICE_LITERAL("y"), false, 2);
	d = tree_make(&tree, tree.root, SLICE_LITERAL("a"), false, 3);
	a = tree_make(&tree, tree.root, SLICE_LITERAL("zz"), false, 1);
	ttl_set(&ttl, c, 10);
	ttl_set(&ttl, b, 10);
	ttl_set(&ttl, d, 5);
	ttl_set(&ttl, a, 99);
	ttl_set(&ttl, a, 10);
	assert_ptr_equal(ttl_first(&ttl)->node, d);
	ttl_clear(&ttl, d);
	ttl_clear(&ttl, d);
	assert_ptr_equal(ttl_first(&ttl)->node, a);
	ttl_clear(&ttl, a);
	assert_ptr_equal(ttl_first(&ttl)->node, b);
	ttl_clear(&ttl, b);
	assert_ptr_equal(ttl_first(&ttl)->node, c);
	assert_int_equal(ttl_first(&ttl)->at_ns, 10);
	ttl_set(&ttl, a, 10);
	ttl_put_aside(&ttl, c);
	ttl_put_aside(&ttl, a);
	assert_null(ttl_first(&ttl));
	assert_int_equal(c->expiry->at_ns, 10);
	ttl_clear(&ttl, a);
	ttl_free(&ttl);
	assert_null(c->expiry);
	tree_free(&tree);
}
