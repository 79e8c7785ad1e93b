/* Tests of common/pool.c. */
#include "tests/lib/test.h"

#include "common/blob.h"
#include "common/pool.h"
#include "common/rand.h"
#include "common/xmem.h"

#include <stdlib.h>

#ifdef WITH_SANITIZERS			/* they have every piece to themselves */
#define SLABS_OF_ONE 0
#else
#define SLABS_OF_ONE 1
#endif

struct piece {
	uint8_t *bytes;
	size_t size;
};

static struct piece
take(struct pool *pool, size_t size)
{
	struct piece piece = { pool_take(pool, size), size };

	assert_int_equal((uintptr_t)piece.bytes % 8, 0);
	memset(piece.bytes, (int)(size % 251), size);
	return piece;
}

static void give(struct piece *piece);

/* One that has slabs from now on. */
static struct pool *
grown_pool(void)
{
	struct pool *pool = pool_new();

	for (size_t i = 0; i < POOL_YOUNG_BYTES / 1024; i++) {
		struct piece piece = take(pool, 1024);

		give(&piece);
	}
	assert_int_equal(pool_slabs(pool), 0);
	return pool;
}

static void
give(struct piece *piece)
{
	for (size_t i = 0; i < piece->size; i++)
		assert_int_equal(piece->bytes[i], piece->size % 251);
	pool_give(piece->bytes, piece->size);
	piece->bytes = NULL;
}

/* Each size up to two powers of two, those beside each power of two, and beyond the largest. */
TEST(a_piece_of_any_size_is_whole)
{
	struct pool *pool = grown_pool();
	struct piece pieces[3];

	for (size_t size = 0; size <= POOL_PIECE_BYTES_MAX + 2;
	    size += size < 1024 ? 1 : size / 7) {
		for (size_t i = 0; i < ARRAY_COUNT(pieces); i++)
			pieces[i] = take(pool, size);
		for (size_t i = 0; i < ARRAY_COUNT(pieces); i++)
			give(&pieces[i]);
	}
	for (size_t power = 16; power <= POOL_PIECE_BYTES_MAX; power *= 2)
		for (size_t size = power - 1; size <= power + 1; size++) {
			for (size_t i = 0; i < ARRAY_COUNT(pieces); i++)
				pieces[i] = take(pool, size);
			for (size_t i = 0; i < ARRAY_COUNT(pieces); i++)
				give(&pieces[i]);
		}
	assert_true(pool_slabs(pool) <= POOL_SPARE_SLABS);
	pool_free(&pool);
	assert_null(pool);
}

#define RANDOM_PIECES 3000

TEST(pieces_never_share_a_byte_whatever_comes_and_goes)
{
	struct piece *pieces = xzalloc(RANDOM_PIECES * sizeof(*pieces));
	struct pool *pool = grown_pool();
	struct rand rand;

	rand_seed(&rand, 7);
	for (unsigned step = 0; step < 60000; step++) {
		struct piece *piece = &pieces[rand_below(&rand, RANDOM_PIECES)];

		if (piece->bytes != NULL)
			give(piece);
		else
			*piece = take(pool, (size_t)rand_below(&rand,
			    (uint64_t)4 << rand_below(&rand, 13)));
	}
	for (unsigned i = 0; i < RANDOM_PIECES; i++)
		if (pieces[i].bytes != NULL)
			give(&pieces[i]);
	assert_true(pool_slabs(pool) <= POOL_SPARE_SLABS);
	pool_free(&pool);
	free(pieces);
}

#ifndef WITH_SANITIZERS
TEST(slabs_go_with_their_pieces_and_some_are_used_again)
{
	enum { COUNT = 40000 };
	struct piece *pieces;
	struct pool *pool;
	size_t slabs;

	pieces = xzalloc(COUNT * sizeof(*pieces));
	pool = grown_pool();
	for (size_t i = 0; i < COUNT; i++)
		pieces[i] = take(pool, 500);
	slabs = pool_slabs(pool);
	assert_in_range(slabs, COUNT * 500 / POOL_SLAB_BYTES, COUNT * 520 / POOL_SLAB_BYTES + 1);
	/* One in each slab, or more, holds it. */
	for (size_t i = 0; i < COUNT; i++)
		if (i % 1000 != 0)
			give(&pieces[i]);
	assert_in_range(pool_slabs(pool), slabs - 1, slabs);
	/* What is free in them is taken before there are more of them. */
	for (size_t i = 0; i < COUNT; i++)
		if (i % 1000 != 0)
			pieces[i] = take(pool, 500);
	assert_in_range(pool_slabs(pool), slabs - 1, slabs + 1);
	for (size_t i = 0; i < COUNT; i++)
		give(&pieces[i]);
	assert_int_equal(pool_slabs(pool), POOL_SPARE_SLABS);
	/* Of any size. */
	pieces[0] = take(pool, 100000);
	assert_int_equal(pool_slabs(pool), POOL_SPARE_SLABS);
	give(&pieces[0]);
	pool_free(&pool);
	free(pieces);
}
#endif

TEST(a_pool_lives_as_long_as_its_last_piece)
{
	struct pool *pool = grown_pool();
	struct blob *small = blob_new_in(pool, SLICE_LITERAL("abc"));
	struct blob *large = blob_alloc_in(pool, 2 * POOL_PIECE_BYTES_MAX);
	struct blob *none = blob_new_in(NULL, SLICE_LITERAL("def"));
	struct blob *again = blob_ref(small);

	pool_free(&pool);
	blob_unref(&small);
	assert_true(slice_equal(blob_slice(again), SLICE_LITERAL("abc")));
	blob_unref(&again);
	memset(large->data, 1, large->size);
	blob_unref(&large);
	assert_true(slice_equal(blob_slice(none), SLICE_LITERAL("def")));
	blob_unref(&none);
	pool_free(&pool);
}

TEST(a_pool_that_stays_small_has_no_slabs)
{
	struct pool *pool = pool_new();
	struct piece pieces[8], first = take(pool, 100);

	for (size_t i = 0; i < ARRAY_COUNT(pieces); i++)
		pieces[i] = take(pool, POOL_YOUNG_BYTES / ARRAY_COUNT(pieces));
	assert_int_equal(pool_slabs(pool), 0);
	for (size_t i = 0; i < ARRAY_COUNT(pieces); i++)
		give(&pieces[i]);
	pieces[0] = take(pool, 100);
	assert_int_equal(pool_slabs(pool), SLABS_OF_ONE);
	give(&first);
	pool_free(&pool);
	give(&pieces[0]);
}
