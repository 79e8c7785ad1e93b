/*
 * blob.c - shared, immutable, counted bytes.
 */
#include "common/blob.h"
#include "common/pool.h"
#include "common/xmem.h"

#include <stdlib.h>

_Static_assert(BLOB_TAKEN_BYTES >= POOL_PIECE_BYTES_MAX, "what a pool may keep is copied");

/* Of the whole piece of memory. */
static size_t
memory_bytes(size_t size)
{
	return sizeof(struct blob) + size;
}

struct blob *
blob_alloc_in(struct pool *pool, size_t size)
{
	struct blob *blob;

	ASSERT(size <= UINT32_MAX);
	blob = pool == NULL ? xpiece(memory_bytes(size)) : pool_take(pool, memory_bytes(size));
	blob->references = 1;
	blob->pooled = pool != NULL;
	blob->size = (uint32_t)size;
	return blob;
}

struct blob *
blob_new_in(struct pool *pool, struct slice bytes)
{
	struct blob *blob = blob_alloc_in(pool, bytes.size);

	if (bytes.size != 0)
		memcpy(blob->data, bytes.data, bytes.size);
	return blob;
}

struct blob *
blob_alloc(size_t size)
{
	return blob_alloc_in(NULL, size);
}

struct blob *
blob_new(struct slice bytes)
{
	return blob_new_in(NULL, bytes);
}

void
blob_begin(struct buf *out)
{
	static const struct blob HEAD;

	ASSERT(out->size == 0);
	buf_append(out, &HEAD, sizeof(HEAD));
}

struct slice
blob_built(const struct buf *out)
{
	return slice_of(out->data + sizeof(struct blob), out->size - sizeof(struct blob));
}

struct blob *
blob_end(struct buf *out, struct pool *pool)
{
	size_t size = blob_built(out).size;
	struct blob *blob;

	ASSERT(size <= UINT32_MAX);
	if (size < BLOB_TAKEN_BYTES) {
		blob = blob_new_in(pool, blob_built(out));
		buf_clear(out);
		return blob;
	}
	blob = xpiece_resize(out->data, out->size, out->size);
	*blob = (struct blob){ .references = 1, .size = (uint32_t)size };
	buf_init(out, out->limit);
	return blob;
}

struct blob *
blob_ref(struct blob *blob)
{
	if (blob != NULL) {
		ASSERT(blob->references < UINT32_MAX >> 1);
		blob->references++;
	}
	return blob;
}

void
blob_unref(struct blob **blob)
{
	struct blob *dropped = *blob;

	*blob = NULL;
	if (dropped == NULL)
		return;
	ASSERT(dropped->references > 0);
	if (--dropped->references > 0)
		return;
	if (dropped->pooled)
		pool_give(dropped, memory_bytes(dropped->size));
	else
		xpiece_free(dropped);
}
