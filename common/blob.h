/*
 * blob.h - bytes that many hold and nobody changes: log payloads, values, one
 * event for many watchers.
 *
 * Counted without locks: only the thread that owns the loop refs and unrefs.
 * Another thread may read a blob while its owner keeps a reference for it.
 */
#ifndef MOOTHALL_COMMON_BLOB_H
#define MOOTHALL_COMMON_BLOB_H

#include "common/buf.h"
#include "common/limits.h"

struct pool;

struct blob {
	uint32_t references : 31;
	uint32_t pooled : 1;		/* its memory is a pool's */
	uint32_t size;
	uint8_t data[];
};

/* A blob of that size, to be filled before it is shared; returned owned. */
struct blob *blob_alloc(size_t size);
/* A copy of bytes; returned owned. */
struct blob *blob_new(struct slice bytes);
/* The same for what is kept for long, in memory of the pool's (pool.h); NULL: of malloc's.
 * The loop's thread only. */
struct blob *blob_alloc_in(struct pool *pool, size_t size);
struct blob *blob_new_in(struct pool *pool, struct slice bytes);
/*
 * Build one in a buffer, which is empty before and after, and its owner's to be freed:
 *	blob_begin(out);
 *	append to it ...
 *	blob = blob_end(out, pool);
 * A large one takes over the buffer's memory; of less than BLOB_TAKEN_BYTES it is copied:
 * into a piece of its size, or a pool's. pool: as above.
 */
#define BLOB_TAKEN_BYTES (256 * KIB)
void blob_begin(struct buf *out);
/* What was appended since, valid until more is. */
struct slice blob_built(const struct buf *out);
struct blob *blob_end(struct buf *out, struct pool *pool);
/* One more reference; returns blob. NULL stays NULL. */
struct blob *blob_ref(struct blob *blob);
/* Drop *blob's reference and clear the pointer; accepts NULL in it. */
void blob_unref(struct blob **blob);

static inline struct slice
blob_slice(const struct blob *blob)
{
	return blob == NULL ? SLICE_EMPTY : slice_of(blob->data, blob->size);
}

#endif
