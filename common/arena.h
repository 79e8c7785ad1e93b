/*
 * arena.h - memory of one request or one turn, freed at once.
 */
#ifndef MOOTHALL_COMMON_ARENA_H
#define MOOTHALL_COMMON_ARENA_H

#include "common/slice.h"

struct arena_block;

struct arena {
	struct arena_block *blocks;	/* newest first */
	uint8_t *at, *end;		/* free room in the newest */
	size_t total_bytes;		/* handed out since the last reset */
};

void arena_init(struct arena *arena);
void arena_free(struct arena *arena);
/* Forget everything handed out; keeps one block for the next user. */
void arena_reset(struct arena *arena);
/* size bytes, aligned for any type, not cleared. Never fails. */
void *arena_alloc(struct arena *arena, size_t size);
void *arena_zalloc(struct arena *arena, size_t size);
/* A copy of bytes with a NUL behind it. */
char *arena_text(struct arena *arena, struct slice bytes);
struct slice arena_copy(struct arena *arena, struct slice bytes);
char *arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
