/*
 * pool.c - memory of many small things (see pool.h).
 *
 * A slab lies at a multiple of its size, so a piece knows its slab by its address; and it
 * lies 8 behind a multiple of 16, where nothing of malloc's does.
 *
 *	spare ----> partial	a piece of a size is wanted that no slab has	[pool_take]
 *	partial --> full	its last piece is taken				[pool_take]
 *	full -----> partial	one is given back				[pool_give]
 *	partial --> spare	the last one is given back; or it goes		[pool_give]
 *
 * Sizes are rounded up to multiples of 16, above 256 bytes to eighths of a power of two.
 */
#include "common/pool.h"

#include "common/xmem.h"

#include <stdlib.h>
#include <sys/queue.h>

#define FINE_STEP 16			/* of sizes up to FINE_MAX: */
#define FINE_CLASSES 16
#define FINE_MAX ((size_t)FINE_STEP * FINE_CLASSES)
#define FINE_BITS 8			/* FINE_MAX is 1 << that */
#define COARSE_BITS 3			/* the steps of each power of two above are 1 << that */
#define COARSE_POWERS 10
#define CLASSES (FINE_CLASSES + (COARSE_POWERS << COARSE_BITS))
#define ODD 8u				/* this bit of an address: it is in a slab */
#define HEADER_BYTES ((size_t)64 + ODD)	/* so that the first piece is */

_Static_assert(FINE_STEP % (2 * ODD) == 0 && _Alignof(max_align_t) == 2 * ODD,
    "a piece of a slab is told from one of malloc's");
_Static_assert(FINE_MAX == 1u << FINE_BITS, "the coarse sizes begin where the fine ones end");
_Static_assert(POOL_PIECE_BYTES_MAX == FINE_MAX << COARSE_POWERS, "there is a class of each size");

/* A piece that nobody has. */
struct piece {
	struct piece *next;
};

/* In the first bytes of it. */
struct slab {
	struct pool *pool;
	TAILQ_ENTRY(slab) link;		/* partial of its class, or spare */
	struct piece *free;		/* given back; the others begin at: */
	size_t fresh;			/* offset of the first that was never taken */
	size_t piece_bytes;
	unsigned class;
	unsigned used;			/* pieces */
};

_Static_assert(sizeof(struct slab) <= HEADER_BYTES, "a slab's header is before its pieces");

TAILQ_HEAD(slab_list, slab);

struct pool {
	struct slab_list partial[CLASSES];
	struct slab_list spare;
	size_t spare_count;
	size_t slabs;			/* all */
	size_t pieces;			/* taken, malloc's not counted */
	size_t young_bytes;		/* taken while it was small, ever */
	bool closed;
};

static unsigned
class_of(size_t size)
{
	unsigned bits;

	if (size <= FINE_MAX)
		return size == 0 ? 0 : (unsigned)((size - 1) / FINE_STEP);
	bits = 63u - (unsigned)__builtin_clzll((unsigned long long)size - 1);
	return FINE_CLASSES + ((bits - FINE_BITS) << COARSE_BITS) +
	    (unsigned)((size - 1) >> (bits - COARSE_BITS)) - (1u << COARSE_BITS);
}

static size_t
class_bytes(unsigned class)
{
	unsigned coarse = class - FINE_CLASSES;

	if (class < FINE_CLASSES)
		return (class + 1) * (size_t)FINE_STEP;
	return ((1u << COARSE_BITS) + (coarse & ((1u << COARSE_BITS) - 1)) + (size_t)1) <<
	    (FINE_BITS - COARSE_BITS + (coarse >> COARSE_BITS));
}

struct pool *
pool_new(void)
{
	struct pool *pool = xzalloc(sizeof(*pool));

	for (unsigned i = 0; i < CLASSES; i++)
		TAILQ_INIT(&pool->partial[i]);
	TAILQ_INIT(&pool->spare);
	return pool;
}

static void
unmap(struct pool *pool, struct slab *slab)
{
	xunmap(slab, POOL_SLAB_BYTES);
	pool->slabs--;
}

/* Closed, and without pieces. */
static void
end(struct pool *pool)
{
	struct slab *slab;

	while ((slab = TAILQ_FIRST(&pool->spare)) != NULL) {
		TAILQ_REMOVE(&pool->spare, slab, link);
		unmap(pool, slab);
	}
	ASSERT(pool->slabs == 0);
	free(pool);
}

void
pool_free(struct pool **pool)
{
	struct pool *closed = *pool;

	*pool = NULL;
	if (closed == NULL)
		return;
	closed->closed = true;
	if (closed->pieces == 0)
		end(closed);
}

size_t
pool_slabs(const struct pool *pool)
{
	return pool->slabs;
}

static bool
takes_mallocs(struct pool *pool, size_t size)
{
#ifdef WITH_SANITIZERS
	(void)size;
	return pool != NULL;
#else
	if (size > POOL_PIECE_BYTES_MAX)
		return true;
	if (pool->young_bytes >= POOL_YOUNG_BYTES)
		return false;
	pool->young_bytes += class_bytes(class_of(size));
	return true;
#endif
}

static struct slab *
slab_begin(struct pool *pool, unsigned class)
{
	struct slab *slab = TAILQ_FIRST(&pool->spare);

	if (slab != NULL) {
		TAILQ_REMOVE(&pool->spare, slab, link);
		pool->spare_count--;
	} else {
		slab = xmap(POOL_SLAB_BYTES);
		pool->slabs++;
	}
	*slab = (struct slab){
		.pool = pool,
		.fresh = HEADER_BYTES,
		.piece_bytes = class_bytes(class),
		.class = class,
	};
	TAILQ_INSERT_HEAD(&pool->partial[class], slab, link);
	return slab;
}

static bool
is_full(const struct slab *slab)
{
	return slab->free == NULL && slab->fresh + slab->piece_bytes > POOL_SLAB_BYTES;
}

void *
pool_take(struct pool *pool, size_t size)
{
	struct slab *slab;
	void *piece;
	unsigned class;

	if (takes_mallocs(pool, size))
		return xmalloc(size);
	class = class_of(size);
	slab = TAILQ_FIRST(&pool->partial[class]);
	if (slab == NULL)
		slab = slab_begin(pool, class);
	if (slab->free != NULL) {
		piece = slab->free;
		slab->free = slab->free->next;
	} else {
		piece = (uint8_t *)slab + slab->fresh;
		slab->fresh += slab->piece_bytes;
	}
	slab->used++;
	pool->pieces++;
	if (is_full(slab))
		TAILQ_REMOVE(&pool->partial[class], slab, link);
	return piece;
}

/* Nothing of it is used. */
static void
retire(struct pool *pool, struct slab *slab)
{
	TAILQ_REMOVE(&pool->partial[slab->class], slab, link);
	if (pool->spare_count >= POOL_SPARE_SLABS) {
		unmap(pool, slab);
		return;
	}
	TAILQ_INSERT_HEAD(&pool->spare, slab, link);
	pool->spare_count++;
}

void
pool_give(void *given, size_t size)
{
	struct piece *piece = given;
	struct slab *slab;
	struct pool *pool;

	if (((uintptr_t)given & ODD) == 0) {
		free(given);
		return;
	}
	slab = (struct slab *)((uintptr_t)given & ~(uintptr_t)(POOL_SLAB_BYTES - 1));
	ASSERT(slab->class == class_of(size));
	ASSERT(slab->used > 0);
	pool = slab->pool;
	/* At the end: the one that has room for longest is filled last, and may become empty. */
	if (is_full(slab))
		TAILQ_INSERT_TAIL(&pool->partial[slab->class], slab, link);
	piece->next = slab->free;
	slab->free = piece;
	slab->used--;
	pool->pieces--;
	if (slab->used == 0)
		retire(pool, slab);
	if (pool->closed && pool->pieces == 0)
		end(pool);
}
