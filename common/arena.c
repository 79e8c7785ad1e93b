/*
 * arena.c - memory of one request or one turn.
 *
 * Blocks double up to a bound, so that a small request costs one block and a
 * large one few. What is larger than a block gets one of its own size.
 */
#include "common/arena.h"
#include "common/xmem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ALIGNMENT _Alignof(max_align_t)
#define BLOCK_BYTES_MIN ((size_t)2048)
#define BLOCK_BYTES_MAX ((size_t)65536)

struct arena_block {
	struct arena_block *older;
	size_t size;
	max_align_t bytes[];
};

void
arena_init(struct arena *arena)
{
	*arena = (struct arena){ NULL, NULL, NULL, 0 };
}

static void
free_blocks(struct arena_block *block)
{
	while (block != NULL) {
		struct arena_block *older = block->older;

		free(block);
		block = older;
	}
}

void
arena_free(struct arena *arena)
{
	free_blocks(arena->blocks);
	arena_init(arena);
}

void
arena_reset(struct arena *arena)
{
	struct arena_block *kept = arena->blocks;

	if (kept == NULL)
		return;
	free_blocks(kept->older);
	kept->older = NULL;
	if (kept->size > BLOCK_BYTES_MAX) {
		arena->blocks = NULL;
		arena_free(arena);
		free(kept);
		return;
	}
	arena->at = (uint8_t *)kept->bytes;
	arena->end = arena->at + kept->size;
	arena->total_bytes = 0;
}

static void
add_block(struct arena *arena, size_t needed)
{
	struct arena_block *block;
	size_t size = BLOCK_BYTES_MIN;

	if (arena->blocks != NULL)
		size = MIN_OF(arena->blocks->size * 2, BLOCK_BYTES_MAX);
	size = MAX_OF(size, needed);
	block = xmalloc(sizeof(*block) + size);
	block->size = size;
	block->older = arena->blocks;
	arena->blocks = block;
	arena->at = (uint8_t *)block->bytes;
	arena->end = arena->at + size;
}

void *
arena_alloc(struct arena *arena, size_t size)
{
	size_t rounded;
	void *memory;

	/* A size that wraps here is far above every limit: nobody may ask. */
	ASSERT(size <= SIZE_MAX / 2);
	rounded = (MAX_OF(size, (size_t)1) + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
	if (arena->blocks == NULL || (size_t)(arena->end - arena->at) < rounded)
		add_block(arena, rounded);
	memory = arena->at;
	arena->at += rounded;
	arena->total_bytes += size;
	return memory;
}

void *
arena_zalloc(struct arena *arena, size_t size)
{
	return memset(arena_alloc(arena, size), 0, size);
}

char *
arena_text(struct arena *arena, struct slice bytes)
{
	char *text = arena_alloc(arena, bytes.size + 1);

	if (bytes.size != 0)
		memcpy(text, bytes.data, bytes.size);
	text[bytes.size] = '\0';
	return text;
}

struct slice
arena_copy(struct arena *arena, struct slice bytes)
{
	if (bytes.size == 0)
		return SLICE_EMPTY;
	return slice_of(memcpy(arena_alloc(arena, bytes.size), bytes.data, bytes.size), bytes.size);
}

char *
arena_printf(struct arena *arena, const char *format, ...)
{
	va_list arguments;
	char *text;
	int length;

	va_start(arguments, format);
	length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	ASSERT(length >= 0);
	text = arena_alloc(arena, (size_t)length + 1);
	va_start(arguments, format);
	vsnprintf(text, (size_t)length + 1, format, arguments);
	va_end(arguments);
	return text;
}
