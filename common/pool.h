/*
 * pool.h - memory of many small things that live for long, and goes when they do.
 *
 * What malloc keeps of freed memory can be given back only all at once, under its
 * lock, by a call for each hole: with a heap of 1 GiB that has holes in it this stops
 * a process for longer than a leader may be silent (docs/decisions.md). So what grows
 * with the number of keys is kept in slabs of 1 MiB, each for pieces of one size: a
 * slab goes back to the system with its last piece, some empty ones are kept to be
 * used again. Giving back costs what was freed, when it is freed.
 *
 * Pieces have no header. Above POOL_PIECE_BYTES_MAX they are malloc's, of which there
 * are few enough for trim.h. So are the first POOL_YOUNG_BYTES that are taken: new pages
 * are dear, and many pools stay small. Built with sanitizers all are malloc's.
 *
 * Not locked: a pool, and everything taken from it, is one thread's.
 */
#ifndef MOOTHALL_COMMON_POOL_H
#define MOOTHALL_COMMON_POOL_H

#include "common/limits.h"

#define POOL_PIECE_BYTES_MAX (256 * KIB)
#define POOL_SLAB_BYTES (1 * MIB)
#define POOL_SPARE_SLABS 4
#define POOL_YOUNG_BYTES (1 * MIB)

struct pool;

struct pool *pool_new(void);
/* It goes when the last piece was given back. Accepts NULL in *pool. */
void pool_free(struct pool **pool);
/* Not zeroed; at a multiple of 8. */
void *pool_take(struct pool *pool, size_t size);
/* size: as it was taken. */
void pool_give(void *piece, size_t size);
/* Slabs that it has, spare ones too. */
size_t pool_slabs(const struct pool *pool);

#endif
