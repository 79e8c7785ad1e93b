/* Tests of common/heap.c, against a plain array as the model. */
#include "tests/lib/test.h"

#include "common/heap.h"
#include "common/rand.h"

#define MEMBERS 200

struct test_member {
	struct heap_link link;
	uint64_t key;
};

static bool
before(const struct heap_link *a, const struct heap_link *b)
{
	return CONTAINER_OF(a, struct test_member, link)->key < CONTAINER_OF(b, struct test_member,
	    link)->key;
}

static uint64_t
least(const struct test_member members[MEMBERS])
{
	uint64_t key = UINT64_MAX;

	for (unsigned i = 0; i < MEMBERS; i++) {
		if (members[i].link.place != 0)
			key = MIN_OF(key, members[i].key);
	}
	return key;
}

TEST(the_first_is_the_least_after_any_change)
{
	struct test_member members[MEMBERS] = { 0 };
	struct heap heap;
	struct rand rand;
	size_t count = 0;

	heap_init(&heap, before);
	rand_seed(&rand, 7);
	for (unsigned step = 0; step < 20000; step++) {
		struct test_member *member = &members[rand_below(&rand, MEMBERS)];
		struct heap_link *first;

		if (member->link.place == 0) {
			member->key = rand_below(&rand, 1000);
			heap_insert(&heap, &member->link);
			count++;
		} else if (rand_chance(&rand, 500)) {
			member->key = rand_below(&rand, 1000);
			heap_update(&heap, &member->link);
		} else {
			heap_remove(&heap, &member->link);
			count--;
		}
		assert_int_equal(heap.count, count);
		first = heap_first(&heap);
		if (count == 0)
			assert_null(first);
		else
			assert_int_equal(CONTAINER_OF(first, struct test_member, link)->key,
			    least(members));
	}
	heap_free(&heap);
	for (unsigned i = 0; i < MEMBERS; i++)
		assert_int_equal(members[i].link.place, 0);
}

TEST(removing_the_first_again_and_again_sorts)
{
	struct test_member members[MEMBERS] = { 0 };
	struct heap heap;
	struct rand rand;
	uint64_t last = 0;

	heap_init(&heap, before);
	rand_seed(&rand, 9);
	for (unsigned i = 0; i < MEMBERS; i++) {
		members[i].key = rand_next(&rand);
		heap_insert(&heap, &members[i].link);
	}
	for (unsigned i = 0; i < MEMBERS; i++) {
		struct heap_link *first = heap_first(&heap);
		uint64_t key = CONTAINER_OF(first, struct test_member, link)->key;

		assert_true(key >= last);
		last = key;
		heap_remove(&heap, first);
	}
	assert_null(heap_first(&heap));
	heap_free(&heap);
}
