/* Tests of common/hash.c, against a plain array as the model. */
#include "tests/lib/test.h"

#include "common/hash.h"
#include "common/rand.h"

#define MEMBERS 600

struct test_member {
	struct hash_link link;
	uint16_t key;
	bool in;
};

static struct slice
key_of(const struct test_member *member)
{
	return slice_of(&member->key, sizeof(member->key));
}

static bool
match(const struct hash_link *link, struct slice key)
{
	const struct test_member *member = CONTAINER_OF(link, struct test_member, link);

	return slice_equal(key_of(member), key);
}

static void
make(struct hash *hash, struct test_member members[MEMBERS])
{
	hash_init(hash, 42, match);
	for (unsigned i = 0; i < MEMBERS; i++)
		members[i] = (struct test_member){ .key = (uint16_t)i };
}

TEST(the_table_holds_what_a_plain_array_holds)
{
	struct test_member members[MEMBERS];
	struct hash hash;
	struct rand rand;
	size_t count = 0;

	make(&hash, members);
	rand_seed(&rand, 1);
	for (unsigned step = 0; step < 20000; step++) {
		struct test_member *member = &members[rand_below(&rand, MEMBERS)];
		struct hash_link *found = hash_find(&hash, key_of(member));

		assert_ptr_equal(found, member->in ? &member->link : NULL);
		if (member->in) {
			hash_remove(&hash, &member->link);
			count--;
		} else {
			hash_insert(&hash, &member->link, key_of(member));
			count++;
		}
		member->in = !member->in;
		assert_int_equal(hash.count, count);
	}
	hash_free(&hash);
}

TEST(a_walk_meets_every_member_once)
{
	struct test_member members[MEMBERS];
	struct hash hash;
	struct hash_link *link;
	size_t met = 0;

	make(&hash, members);
	assert_null(hash_first(&hash));
	for (unsigned i = 0; i < MEMBERS; i++)
		hash_insert(&hash, &members[i].link, key_of(&members[i]));
	for (link = hash_first(&hash); link != NULL; link = hash_next(&hash, link)) {
		struct test_member *member = CONTAINER_OF(link, struct test_member, link);

		assert_false(member->in);
		member->in = true;
		met++;
	}
	assert_int_equal(met, MEMBERS);
	hash_free(&hash);
}

TEST(pop_empties_a_table_even_if_members_come_back)
{
	struct test_member members[MEMBERS];
	struct hash hash;
	struct hash_link *link;
	size_t popped = 0;

	make(&hash, members);
	for (unsigned i = 0; i < MEMBERS; i++)
		hash_insert(&hash, &members[i].link, key_of(&members[i]));
	while ((link = hash_pop(&hash)) != NULL) {
		struct test_member *member = CONTAINER_OF(link, struct test_member, link);

		popped++;
		if (popped % 3 == 0 && !member->in) {
			member->in = true;
			hash_insert(&hash, link, key_of(member));
			popped--;
		}
	}
	assert_int_equal(popped, MEMBERS);
	assert_int_equal(hash.count, 0);
	hash_free(&hash);
}

TEST(another_seed_is_another_hash)
{
	struct slice key = SLICE_LITERAL("/v2/keys/message");

	assert_true(hash_bytes(1, key) == hash_bytes(1, key));
	assert_true(hash_bytes(1, key) != hash_bytes(2, key));
	/* A length is part of what is hashed: zeros at the end count. */
	assert_true(hash_bytes(1, slice_of("\0\0", 1)) != hash_bytes(1, slice_of("\0\0", 2)));
	assert_true(hash_bytes(1, SLICE_EMPTY) != hash_bytes(1, slice_of("\0", 1)));
}

/* What makes look-ups of all beginnings of a path cost what the path is long. */
TEST(a_hash_that_goes_on_is_that_of_all_bytes)
{
	uint8_t bytes[70];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 37 + 1);
	for (size_t first = 0; first <= sizeof(bytes); first++) {
		struct hash_run run;

		hash_run_begin(&run, 42);
		assert_true(hash_run_value(&run) == hash_bytes(42, SLICE_EMPTY));
		hash_run_add(&run, slice_of(bytes, first));
		for (size_t size = first; size <= sizeof(bytes); size++) {
			assert_true(hash_run_value(&run) == hash_bytes(42, slice_of(bytes, size)));
			if (size < sizeof(bytes))
				hash_run_add(&run, slice_of(bytes + size, 1));
		}
	}
}
