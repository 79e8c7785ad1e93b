/*
 * names_test.c - the ordered names of one directory.
 */
#include "raftd/replica/store/names.h"

#include "common/rand.h"
#include "common/xmem.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>

#define MEMBERS 20000

struct test_member {
	struct name_link link;
	char name[12];
};

static void
member_init(struct test_member *member, uint64_t seed, unsigned number)
{
	snprintf(member->name, sizeof(member->name), "%u", number);
	name_init(&member->link, seed, offsetof(struct test_member, name),
	    slice_text(member->name));
}

/* Check order and heap property; return how deep the treap is. */
static unsigned
check(const struct name_link *link, const struct name_link **last, unsigned *count)
{
	unsigned left, right;

	if (link == NULL)
		return 0;
	assert_true(link->left == NULL || link->left->priority <= link->priority);
	assert_true(link->right == NULL || link->right->priority <= link->priority);
	left = check(link->left, last, count);
	if (*last != NULL)
		assert_true(slice_compare(name_of(*last), name_of(link)) < 0);
	*last = link;
	(*count)++;
	right = check(link->right, last, count);
	return 1 + MAX_OF(left, right);
}

static unsigned
check_all(const struct name_link *root, unsigned expected)
{
	const struct name_link *last = NULL;
	unsigned count = 0;
	unsigned depth = check(root, &last, &count);

	assert_int_equal(count, expected);
	return depth;
}

TEST(names_stay_ordered_and_shallow_when_they_come_in_order)
{
	struct test_member *members = xzalloc(MEMBERS * sizeof(*members));
	struct name_link *root = NULL;
	unsigned i;

	for (i = 0; i < MEMBERS; i++) {
		member_init(&members[i], 7, i);
		assert_null(names_find(root, slice_text(members[i].name)));
		names_insert(&root, &members[i].link);
	}
	/* A random tree of this size is about 35 deep; a list would be 20000. */
	assert_true(check_all(root, MEMBERS) < 80);
	for (i = 0; i < MEMBERS; i++)
		assert_ptr_equal(names_find(root, slice_text(members[i].name)), &members[i].link);
	free(members);
}

TEST(any_mix_of_inserts_and_removes_keeps_the_set)
{
	struct test_member *members = xzalloc(1000 * sizeof(*members));
	bool *present = xzalloc(1000 * sizeof(*present));
	struct name_link *root = NULL;
	unsigned count = 0;
	unsigned i;
	struct rand rand;

	rand_seed(&rand, 3);
	for (i = 0; i < 20000; i++) {
		unsigned at = (unsigned)rand_below(&rand, 1000);
		struct test_member *member = &members[at];

		if (present[at]) {
			names_remove(&root, &member->link);
			count--;
		} else {
			member_init(member, 11, at);
			names_insert(&root, &member->link);
			count++;
		}
		present[at] = !present[at];
		if (i % 1000 == 0)
			check_all(root, count);
	}
	for (i = 0; i < 1000; i++) {
		char name[12];

		snprintf(name, sizeof(name), "%u", i);
		assert_int_equal(names_find(root, slice_text(name)) != NULL, present[i]);
	}
	free(present);
	free(members);
}

TEST(the_name_after_any_is_the_next_there_is)
{
	struct test_member members[100];
	struct name_link *root = NULL;
	char name[12];
	unsigned i;

	assert_null(names_after(root, SLICE_LITERAL("")));
	for (i = 0; i < 100; i++) {
		member_init(&members[i], 13, 1000 + 2 * i);
		names_insert(&root, &members[i].link);
	}
	assert_ptr_equal(names_after(root, SLICE_LITERAL("")), &members[0].link);
	for (i = 0; i < 200; i++) {
		struct name_link *after;

		snprintf(name, sizeof(name), "%u", 1000 + i);
		after = names_after(root, slice_text(name));
		if (i / 2 + 1 < 100)
			assert_ptr_equal(after, &members[i / 2 + 1].link);
		else
			assert_null(after);
	}
}
