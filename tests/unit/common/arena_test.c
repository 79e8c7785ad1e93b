/* Tests of common/arena.c. */
#include "tests/lib/test.h"

#include "common/arena.h"

TEST(every_piece_is_aligned_and_apart_from_the_others)
{
	struct arena arena;
	uint8_t *pieces[300];

	arena_init(&arena);
	for (size_t i = 0; i < ARRAY_COUNT(pieces); i++) {
		pieces[i] = arena_alloc(&arena, i);
		assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
		memset(pieces[i], (int)(i & 0xff), i);
	}
	for (size_t i = 0; i < ARRAY_COUNT(pieces); i++) {
		for (size_t k = 0; k < i; k++)
			assert_int_equal(pieces[i][k], i & 0xff);
	}
	assert_int_equal(arena.total_bytes, 299 * 300 / 2);
	arena_free(&arena);
}

TEST(a_piece_larger_than_any_block_is_served)
{
	struct arena arena;
	uint8_t *large;

	arena_init(&arena);
	large = arena_zalloc(&arena, 1000000);
	assert_int_equal(large[0], 0);
	assert_int_equal(large[999999], 0);
	arena_reset(&arena);
	assert_int_equal(arena.total_bytes, 0);
	assert_null(arena.blocks);
	arena_free(&arena);
}

TEST(reset_gives_the_same_memory_again)
{
	struct arena arena;
	void *first;

	arena_init(&arena);
	first = arena_alloc(&arena, 100);
	arena_reset(&arena);
	assert_ptr_equal(arena_alloc(&arena, 50), first);
	arena_free(&arena);
}

TEST(texts_end_with_a_nul_and_copies_are_their_own)
{
	struct arena arena;
	char source[] = "abc";
	struct slice copy;

	arena_init(&arena);
	copy = arena_copy(&arena, slice_text(source));
	assert_string_equal(arena_text(&arena, slice_text(source)), "abc");
	assert_string_equal(arena_text(&arena, SLICE_EMPTY), "");
	assert_string_equal(arena_printf(&arena, "%s-%d", source, 7), "abc-7");
	source[0] = 'x';
	assert_true(slice_equal(copy, SLICE_LITERAL("abc")));
	assert_int_equal(arena_copy(&arena, SLICE_EMPTY).size, 0);
	arena_free(&arena);
}
