/*
 * watch_set_test.c - ranges and the keys in them against a list; watches and what they are told.
 */
#include "raftd/replica/mvcc/watch_set.h"

#include "common/rand.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>

#define RANGES 300
#define STEPS 30000

struct range {
	struct interval interval;
	char from[8], to[8];
	bool there;
	size_t seen;
};

static void
see(void *argument, struct interval *interval)
{
	++*(size_t *)argument;
	CONTAINER_OF(interval, struct range, interval)->seen++;
}

static bool
has(const struct range *range, struct slice key)
{
	return range->there && slice_compare(key, range->interval.from) >= 0 &&
	    (range->interval.open || slice_compare(key, range->interval.to) < 0);
}

static void
stab(const struct interval_tree *tree, struct range *ranges, const char *text)
{
	size_t count = 0;

	interval_stab(tree, slice_text(text), see, &count);
	for (size_t i = 0; i < RANGES; i++) {
		assert_int_equal(ranges[i].seen, has(&ranges[i], slice_text(text)));
		count -= ranges[i].seen;
		ranges[i].seen = 0;
	}
	assert_int_equal(count, 0);
}

TEST(a_key_meets_the_ranges_that_it_is_in)
{
	struct range *ranges = calloc(RANGES, sizeof(*ranges));
	struct interval_tree tree = { NULL };
	size_t there = 0;
	struct rand rand;
	char key[8];

	rand_seed(&rand, 5);
	for (size_t step = 0; step < STEPS; step++) {
		struct range *range = &ranges[rand_below(&rand, RANGES)];
		struct interval *interval = &range->interval;

		if (range->there) {
			interval_remove(&tree, interval);
			range->there = false;
			there--;
		} else {
			snprintf(range->from, 8, "%03u", (unsigned)rand_below(&rand, 200));
			snprintf(range->to, 8, "%03u", (unsigned)rand_below(&rand, 300));
			*interval = (struct interval){ .from = slice_text(range->from),
				.open = rand_chance(&rand, 100) };
			interval->to = interval->open ? SLICE_EMPTY : slice_text(range->to);
			if (interval_find(&tree, interval->from, interval->to, interval->open) !=
			    NULL)
				continue;
			interval_insert(&tree, interval);
			range->there = true;
			there++;
		}
		if (step % 50 != 0)
			continue;
		assert_int_equal(interval_invariants(&tree), there);
		snprintf(key, sizeof(key), "%03u", (unsigned)rand_below(&rand, 310));
		stab(&tree, ranges, key);
	}
	free(ranges);
}

/* ---- watches ------------------------------ */

static const struct mvcc_change *
put(struct pool *pool, struct mvcc_key *key, uint64_t revision)
{
	struct mvcc_fields fields = { .create_revision = revision, .mod_revision = revision,
		.version = 1 };

	mvcc_key_add(pool, key, mvcc_change_new_put(pool, key, 0, &fields));
	return mvcc_key_newest(key);
}

static void
watch(struct watch_set *set, uint64_t owner, uint64_t id, const char *key, const char *end,
    unsigned flags)
{
	(void)watch_set_add(set, &(struct mvcc_watch){ .owner = owner, .id = id,
	    .key = slice_text(key), .end = slice_text(end), .flags = flags }, 2);
}

TEST(a_change_is_told_once_to_each_owner_with_all_who_want_it)
{
	struct pool *pool = pool_new();
	struct mvcc_key *key = mvcc_key_new(pool, SLICE_LITERAL("b"));
	const struct mvcc_hit *hits;
	struct watch_set set;

	watch_set_init(&set, 1);
	watch(&set, 2, 5, "b", "", MVCC_WATCH_PREV_KV);
	watch(&set, 1, 9, "a", "c", 0);
	watch(&set, 1, 4, "a", "c", MVCC_WATCH_NO_DELETE);
	watch(&set, 1, 3, "a", "c", MVCC_WATCH_NO_PUT);
	watch(&set, 1, 2, "c", "d", 0);
	watch_set_note(&set, put(pool, key, 5), NULL);
	assert_int_equal(watch_set_first_waiting(&set), 5);
	assert_int_equal(watch_set_take(&set, &hits), 2);
	assert_int_equal(hits[0].owner, 1);
	assert_int_equal(hits[0].id_count, 2);
	assert_int_equal(hits[0].ids[0], 4);
	assert_int_equal(hits[0].ids[1], 9);
	assert_false(hits[0].wants_previous);
	assert_int_equal(hits[1].owner, 2);
	assert_true(hits[1].wants_previous);
	assert_int_equal(watch_set_take(&set, &hits), 0);
	assert_true(watch_set_first_waiting(&set) == UINT64_MAX);
	watch_set_invariants(&set);
	watch_set_free(&set);
	mvcc_key_free(key);
	pool_free(&pool);
}

/* Its id may be another's by then. */
TEST(who_is_gone_is_told_nothing_more)
{
	struct pool *pool = pool_new();
	struct mvcc_key *key = mvcc_key_new(pool, SLICE_LITERAL("b"));
	const struct mvcc_hit *hits;
	struct watch_set set;

	watch_set_init(&set, 1);
	watch(&set, 1, 1, "b", "", 0);
	watch(&set, 1, 2, "b", "", 0);
	watch(&set, 2, 1, "b", "", 0);
	watch_set_note(&set, put(pool, key, 5), NULL);
	watch_set_remove(&set, watch_set_find(&set, 1, 1));
	watch(&set, 1, 1, "b", "", 0);
	watch_set_remove_all(&set, 2);
	assert_int_equal(watch_set_take(&set, &hits), 1);
	assert_int_equal(hits[0].id_count, 1);
	assert_int_equal(hits[0].ids[0], 2);
	watch_set_invariants(&set);
	watch_set_remove_all(&set, 1);
	watch_set_remove_all(&set, 1);
	assert_int_equal(set.bytes, 0);
	watch_set_free(&set);
	mvcc_key_free(key);
	pool_free(&pool);
}

/* Each change for each watch takes a place; who would get more gets all of it later. */
TEST(above_so_many_at_once_who_would_get_more_falls_behind)
{
	struct pool *pool = pool_new();
	struct mvcc_key *key = mvcc_key_new(pool, SLICE_LITERAL("b"));
	const struct mvcc_hit *hits;
	struct mvcc_watcher *watcher;
	struct watch_set set;

	watch_set_init(&set, 1);
	assert_int_equal(set.raw_max, V3_TURN_CHANGES_MAX);
	set.raw_max = 3;
	watch(&set, 1, 1, "b", "", 0);
	watch(&set, 1, 2, "a", "c", 0);
	watch_set_note(&set, put(pool, key, 5), NULL);
	watch_set_note(&set, put(pool, key, 6), NULL);
	watch_set_note(&set, put(pool, key, 7), NULL);
	/* What is found first had room for the second change, the other for the first alone. */
	assert_int_equal(watch_set_take(&set, &hits), 0);
	watcher = TAILQ_FIRST(&set.fallen);
	assert_non_null(watcher);
	assert_int_equal(watcher->next, 5);
	assert_non_null(TAILQ_NEXT(watcher, by_queue));
	assert_int_equal(TAILQ_NEXT(watcher, by_queue)->next, 5);
	watch_set_queue(&set, watcher, MVCC_QUEUE_NONE);
	watch_set_remove_all(&set, 1);
	assert_true(TAILQ_EMPTY(&set.fallen));
	watch_set_invariants(&set);
	watch_set_free(&set);
	mvcc_key_free(key);
	pool_free(&pool);
}

TEST(owners_and_their_watches_take_turns)
{
	struct mvcc_watcher *first, *second, *other;
	struct watch_set set;

	watch_set_init(&set, 1);
	watch(&set, 1, 1, "a", "", 0);
	watch(&set, 1, 2, "a", "", 0);
	watch(&set, 2, 1, "a", "", 0);
	first = watch_set_find(&set, 1, 1);
	second = watch_set_find(&set, 1, 2);
	other = watch_set_find(&set, 2, 1);
	watch_set_queue(&set, first, MVCC_QUEUE_WANTING);
	watch_set_queue(&set, other, MVCC_QUEUE_WANTING);
	watch_set_queue(&set, second, MVCC_QUEUE_WANTING);
	assert_int_equal(TAILQ_FIRST(&set.wanting)->id, 1);
	/* Again: to the end of its owner's. */
	watch_set_queue(&set, first, MVCC_QUEUE_WANTING);
	assert_ptr_equal(TAILQ_FIRST(&watch_set_owner(&set, 1)->wanting), second);
	watch_set_remove(&set, second);
	watch_set_queue(&set, first, MVCC_QUEUE_NONE);
	assert_ptr_equal(TAILQ_FIRST(&set.wanting), watch_set_owner(&set, 2));
	watch_set_remove_all(&set, 2);
	assert_true(TAILQ_EMPTY(&set.wanting));
	watch_set_free(&set);
}

static size_t
tables(const struct watch_set *set)
{
	return interval_invariants(&set->ranges) + set->points.count;
}

/* A change costs nothing for those that are behind, however many they are. */
TEST(who_is_behind_is_in_the_way_of_no_change)
{
	struct pool *pool = pool_new();
	struct mvcc_key *key = mvcc_key_new(pool, SLICE_LITERAL("b"));
	struct mvcc_watcher *watcher;
	struct watch_set set;

	watch_set_init(&set, 1);
	set.raw_max = 4;
	watch(&set, 1, 1, "b", "", 0);
	watch(&set, 1, 2, "a", "c", 0);
	watch(&set, 1, 3, "a", "c", 0);
	watch(&set, 1, 4, "a", "d", 0);
	assert_int_equal(tables(&set), 3);
	watch_set_note(&set, put(pool, key, 5), NULL);
	assert_int_equal(tables(&set), 3);
	watch_set_note(&set, put(pool, key, 6), NULL);
	assert_int_equal(tables(&set), 0);
	watch_set_invariants(&set);
	for (uint64_t id = 1; id <= 3; id++) {
		watcher = watch_set_find(&set, 1, id);
		assert_true(watcher->behind);
		assert_int_equal(watcher->next, 5);
		watch_set_is_behind(&set, watcher, false);
	}
	assert_int_equal(tables(&set), 2);
	watch_set_invariants(&set);
	watch_set_remove_all(&set, 1);
	assert_int_equal(set.bytes, 0);
	watch_set_free(&set);
	mvcc_key_free(key);
	pool_free(&pool);
}
