/*
 * keys_test.c - the ordered keys against a sorted array.
 */
#include "raftd/replica/mvcc/keys.h"

#include "common/rand.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>

#define NAMES 3000
#define NAME_BYTES 64
#define STEPS 60000

struct model {
	struct pool *pool;
	struct mvcc_keys tree;
	struct mvcc_key *keys[NAMES];	/* by number, NULL: not there; in the order of names */
	uint32_t revision;
};

/* In the order of numbers, as bytes. Those that are near each other share a long beginning; one of
 * three is the beginning of what would follow it. */
static struct slice
name_of(size_t number, char text[NAME_BYTES])
{
	snprintf(text, NAME_BYTES, number % 3 == 0 ? "%c/things/of/that/kind/%05zu" :
	    "%c/things/of/that/kind/%05zu/more", (int)('a' + number / 700 % 20), number);
	return slice_text(text);
}

static void
set_living(struct model *m, struct mvcc_key *key, bool living)
{
	struct mvcc_fields fields = { .create_revision = ++m->revision,
		.mod_revision = m->revision, .version = 1 };

	mvcc_key_add(m->pool, key, living ? mvcc_change_new_put(m->pool, key, 0, &fields) :
	    mvcc_change_new_gone(m->pool, key, ++m->revision, 0));
	while (mvcc_key_changes(key) > 1)
		mvcc_key_drop_oldest(key);
}

static void
insert(struct model *m, size_t number, bool living)
{
	char text[NAME_BYTES];
	struct mvcc_key *key = mvcc_key_new(m->pool, name_of(number, text));

	set_living(m, key, living);
	mvcc_keys_insert(&m->tree, key, living);
	m->keys[number] = key;
}

static void
remove_key(struct model *m, size_t number)
{
	struct mvcc_key *key = m->keys[number];

	if (mvcc_key_living(key) != NULL) {
		set_living(m, key, false);
		mvcc_keys_set_living(&m->tree, key, false);
	}
	mvcc_keys_remove(&m->tree, key);
	mvcc_key_free(key);
	m->keys[number] = NULL;
}

static bool
counts(const struct model *m, size_t number, bool living)
{
	return m->keys[number] != NULL && (!living || mvcc_key_living(m->keys[number]) != NULL);
}

/* Walks both ways from any place, and sums, are those of the array. */
static void
compare(struct model *m, size_t from, bool living, bool behind)
{
	char text[NAME_BYTES];
	struct slice name = name_of(from, text);
	struct mvcc_walk walk;
	struct mvcc_key *key = mvcc_walk_from(&walk, &m->tree, living, name, behind);
	size_t before = 0;

	for (size_t i = from + behind; i < NAMES; i++)
		if (counts(m, i, living)) {
			assert_ptr_equal(key, m->keys[i]);
			key = mvcc_walk_next(&walk);
		}
	assert_null(key);
	key = mvcc_walk_before(&walk, &m->tree, living, &name);
	for (size_t i = from; i-- > 0;)
		if (counts(m, i, living)) {
			assert_ptr_equal(key, m->keys[i]);
			key = mvcc_walk_previous(&walk);
		}
	assert_null(key);
	for (size_t i = 0; i < from; i++)
		before += counts(m, i, true);
	assert_int_equal(mvcc_keys_living_before(&m->tree, name), before);
}

static void
begin(struct model *m)
{
	*m = (struct model){ .pool = pool_new(), .revision = 1 };
	mvcc_keys_init(&m->tree, m->pool);
}

static void
end(struct model *m)
{
	mvcc_keys_free(&m->tree, true);
	assert_int_equal(m->tree.bytes, 0);
	pool_free(&m->pool);
}

static void
some_step(struct model *m, struct rand *rand, unsigned inserts)
{
	size_t number = rand_below(rand, NAMES);
	struct mvcc_key *key = m->keys[number];
	char text[NAME_BYTES];

	assert_ptr_equal(mvcc_keys_find(&m->tree, name_of(number, text)), key);
	if (key == NULL && rand_chance(rand, inserts)) {
		insert(m, number, rand_chance(rand, 700));
	} else if (key != NULL && rand_chance(rand, 1000 - inserts)) {
		remove_key(m, number);
	} else if (key != NULL) {
		bool living = mvcc_key_living(key) == NULL;

		set_living(m, key, living);
		mvcc_keys_set_living(&m->tree, key, living);
	}
}

/* It grows, shrinks, grows again. */
TEST(a_tree_is_a_sorted_array)
{
	struct model *m = malloc(sizeof(*m));
	struct rand rand;

	rand_seed(&rand, 3);
	begin(m);
	for (size_t i = 0; i < STEPS; i++) {
		some_step(m, &rand, i / 15000 % 2 == 0 ? 900 : 100);
		if (i % 1000 == 0) {
			mvcc_keys_invariants(&m->tree);
			compare(m, rand_below(&rand, NAMES), rand_chance(&rand, 500),
			    rand_chance(&rand, 500));
		}
	}
	for (size_t i = 0; i < NAMES; i++)
		if (m->keys[i] != NULL)
			remove_key(m, i);
	assert_null(m->tree.root);
	assert_int_equal(m->tree.bytes, 0);
	end(m);
	free(m);
}

TEST(keys_in_order_fill_their_leaves)
{
	struct model *m = malloc(sizeof(*m));
	size_t leaf_bytes;

	begin(m);
	for (size_t i = 0; i < NAMES; i++)
		insert(m, i, true);
	mvcc_keys_invariants(&m->tree);
	leaf_bytes = (NAMES / MVCC_KEYS_FAN + 1) * (MVCC_KEYS_FAN * sizeof(void *) + 8);
	assert_true(m->tree.bytes < leaf_bytes + leaf_bytes / 5);
	compare(m, 0, true, false);
	end(m);
	free(m);
}

/* What few keys are left of many are walked over in few steps, and the memory goes back. */
TEST(a_tree_that_shrinks_gives_its_nodes_back)
{
	struct model *m = malloc(sizeof(*m));
	size_t full;

	begin(m);
	for (size_t i = 0; i < NAMES; i++)
		insert(m, i, true);
	full = m->tree.bytes;
	for (size_t i = 0; i < NAMES; i++)
		if (i % 100 != 0)
			remove_key(m, i);
	mvcc_keys_invariants(&m->tree);
	assert_true(m->tree.bytes < full / 8);
	compare(m, NAMES / 2, true, false);
	end(m);
	free(m);
}

TEST(an_empty_tree_has_nothing)
{
	struct model *m = malloc(sizeof(*m));
	struct mvcc_walk walk;

	begin(m);
	assert_null(mvcc_keys_find(&m->tree, SLICE_LITERAL("a")));
	assert_null(mvcc_walk_from(&walk, &m->tree, true, SLICE_EMPTY, false));
	assert_null(mvcc_walk_before(&walk, &m->tree, true, NULL));
	assert_int_equal(mvcc_keys_living_before(&m->tree, SLICE_LITERAL("a")), 0);
	mvcc_keys_invariants(&m->tree);
	end(m);
	free(m);
}
