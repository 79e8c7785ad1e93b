/*
 * view_model_test.c - views that are read in random pieces while random work goes
 * on around them: each shows to the byte what a get answered when it was opened.
 *
 * Trees are narrow and deep or wide and flat, with hidden and expiring nodes, and
 * with names that sort around the slash.
 */
#include "tests/unit/raftd/replica/store/reading.h"

#include "common/clock.h"
#include "common/rand.h"
#include "raftd/replica/store/path.h"

#include <stdlib.h>

#define SEEDS 3000
#define VIEWS 5

/* What makes one seed's world. */
struct world {
	struct rand rand;
	struct store *store;
	uint64_t now_ns;
	size_t names, depth_max;
	size_t value_max, piece_max, step_max;
	unsigned ttl_per_mille, hidden_per_mille, delete_per_mille, dir_per_mille;
	struct reading readings[VIEWS];
	size_t open, ended;
	struct buf effects, path, value;
};

static struct slice
random_name(struct world *w)
{
	static const char *const names[] = {
		"a", "a-", "a.", "a0", "b", "!", "\xff", "a-b", "c", "d", "e", "f", "g", "h",
		"\x01", "aa", "long-name-that-is-longer-than-others", "-", ".a", "z", "y", "x",
	};
	static const char *const hidden[] = { "_", "_a", "_h" };

	if (rand_chance(&w->rand, w->hidden_per_mille))
		return slice_text(hidden[rand_below(&w->rand, ARRAY_COUNT(hidden))]);
	return slice_text(names[rand_below(&w->rand, MIN_OF(w->names, ARRAY_COUNT(names)))]);
}

static struct slice
random_path(struct world *w)
{
	size_t depth = 1 + (size_t)rand_below(&w->rand, w->depth_max);

	buf_clear(&w->path);
	while (depth-- > 0)
		path_push(&w->path, random_name(w));
	return buf_slice(&w->path);
}

static struct slice
random_value(struct world *w)
{
	size_t size = (size_t)rand_below(&w->rand, w->value_max + 1);

	buf_clear(&w->value);
	while (size-- > 0)
		buf_append_byte(&w->value, (uint8_t)rand_next(&w->rand));
	return buf_slice(&w->value);
}

static void
random_write(struct world *w)
{
	static const enum write_op ops[] = {
		WRITE_SET, WRITE_SET, WRITE_SET, WRITE_CREATE, WRITE_UPDATE, WRITE_UPDATE,
		WRITE_CREATE_IN_ORDER, WRITE_COMPARE_AND_SWAP, WRITE_COMPARE_AND_DELETE,
	};
	bool deletes = rand_chance(&w->rand, w->delete_per_mille);
	bool dir = rand_chance(&w->rand, w->dir_per_mille);
	struct command_write write = {
		.op = (uint8_t)(deletes ? WRITE_DELETE :
		    ops[rand_below(&w->rand, ARRAY_COUNT(ops))]),
		.key = random_path(w),
		.ttl_s = rand_below(&w->rand, 20),
	};
	struct store_outcome outcome;

	write.flags = (uint8_t)((dir ? WRITE_FLAG_DIR : 0) |
	    (rand_chance(&w->rand, w->ttl_per_mille) ? WRITE_FLAG_TTL : 0) |
	    (rand_chance(&w->rand, 100) ? WRITE_FLAG_REFRESH : 0) |
	    (deletes && rand_chance(&w->rand, 700) ? WRITE_FLAG_RECURSIVE : 0));
	/* A directory is updated with nothing but its ttl. */
	if (!dir && !deletes && (write.op != WRITE_UPDATE || rand_chance(&w->rand, 500)))
		write.value = random_value(w);
	outcome = store_write(w->store, &write, w->now_ns, false, &w->effects);
	blob_unref(&outcome.cause);
	blob_unref(&outcome.event);
	/* What is removed and no view holds is freed, at any pace. */
	store_sweep(w->store, (size_t)rand_below(&w->rand, 4), &w->effects);
	buf_clear(&w->effects);
}

static void
random_expiry(struct world *w)
{
	w->now_ns += rand_below(&w->rand, 4) * NS_PER_SECOND;
	store_expire(w->store, w->now_ns, (struct store_budget){
	    .count = (size_t)rand_below(&w->rand, 5), .bytes = SIZE_MAX }, w->now_ns, &w->effects);
	buf_clear(&w->effects);
}

static void
random_sweep(struct world *w)
{
	(void)store_sweep(w->store, 1 + (size_t)rand_below(&w->rand, 5), &w->effects);
	buf_clear(&w->effects);
}

static void
random_open(struct world *w)
{
	unsigned flags = rand_chance(&w->rand, 800) ? READ_FLAG_RECURSIVE : 0U;
	struct slice key = SLICE_LITERAL("/");

	if (w->open == VIEWS)
		return;
	if (rand_chance(&w->rand, 600))
		key = random_path(w);
	/* The longer the path, the smaller the chance that it is there. */
	while (!store_exists(w->store, key)) {
		while (key.data[key.size - 1] != '/')
			key.size--;
		key.size -= key.size > 1;
	}
	reading_open(&w->readings[w->open++], w->store, key, flags, w->now_ns);
}

static void
forget(struct world *w, size_t at)
{
	reading_close(&w->readings[at]);
	w->readings[at] = w->readings[--w->open];
}

static void
random_read(struct world *w)
{
	size_t at = (size_t)rand_below(&w->rand, w->open);
	size_t bytes = (size_t)rand_below(&w->rand, w->piece_max + 1);
	size_t steps = 1 + (size_t)rand_below(&w->rand, w->step_max);
	enum view_state state = reading_read(&w->readings[at], bytes, steps);

	assert_int_not_equal(state, VIEW_LOST);
	if (state == VIEW_END) {
		w->ended++;
		forget(w, at);
	} else if (rand_chance(&w->rand, 3)) {
		forget(w, at);
	}
}

static unsigned
one_of(struct rand *rand, const unsigned *choices, size_t count)
{
	return choices[rand_below(rand, count)];
}
#define ONE_OF(rand, ...) one_of(rand, (const unsigned[]){ __VA_ARGS__ }, \
    sizeof((const unsigned[]){ __VA_ARGS__ }) / sizeof(unsigned))

static size_t
run(uint64_t seed)
{
	struct world w = { .now_ns = 1000 * NS_PER_SECOND };
	struct rand *rand = &w.rand;
	unsigned grow, steps, reads_per_mille, i;

	rand_seed(rand, seed);
	w.store = store_new(rand_next(rand));
	w.names = ONE_OF(rand, 1, 2, 4, 9, 22);
	w.depth_max = ONE_OF(rand, 1, 2, 3, 5, 9, 24);
	w.value_max = ONE_OF(rand, 0, 3, 30, 300);
	w.piece_max = ONE_OF(rand, 1, 5, 60, 300, 3000);
	w.step_max = ONE_OF(rand, 1, 3, 20, 100000);
	w.ttl_per_mille = ONE_OF(rand, 0, 100, 500);
	w.hidden_per_mille = ONE_OF(rand, 0, 50, 200);
	w.delete_per_mille = ONE_OF(rand, 30, 150, 400);
	w.dir_per_mille = ONE_OF(rand, 50, 300, 600);
	grow = ONE_OF(rand, 5, 20, 60, 200);
	steps = ONE_OF(rand, 50, 200, 400);
	reads_per_mille = ONE_OF(rand, 300, 500, 800);
	for (i = 0; i < grow; i++)
		random_write(&w);
	for (i = 0; i < steps; i++) {
		if (w.open == 0 || rand_chance(rand, 50))
			random_open(&w);
		if (rand_chance(rand, reads_per_mille))
			random_read(&w);
		else if (rand_chance(rand, 100))
			random_expiry(&w);
		else if (rand_chance(rand, 200))
			random_sweep(&w);
		else
			random_write(&w);
	}
	while (w.open > 0) {
		w.ended++;
		reading_end(&w.readings[--w.open], 1 + (size_t)rand_below(rand, w.piece_max));
	}
	store_free(&w.store);
	buf_free(&w.effects);
	buf_free(&w.path);
	buf_free(&w.value);
	return w.ended;
}

TEST(a_view_shows_what_a_get_answered_when_it_was_opened)
{
	const char *text = getenv("MOOTHALL_VIEW_SEEDS");
	uint64_t seeds = text == NULL ? SEEDS : strtoull(text, NULL, 10);
	size_t ended = 0;
	uint64_t seed;

	for (seed = 1; seed <= seeds; seed++)
		ended += run(seed);
	assert_true(ended > seeds);
}
