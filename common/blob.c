/*
 * blob.c - shared, immutable, counted bytes.
 */
#include "common/blob.h"
#include "common/xmem.h"

#include <stdlib.h>

struct blob *
blob_alloc(size_t size)
{
	struct blob *blob;

	ASSERT(size <= UINT32_MAX);
	blob = xmalloc(sizeof(*blob) + size);
	blob->references = 1;
	blob->size = (uint32_t)size;
	return blob;
}

struct blob *
blob_new(struct slice bytes)
{
	struct blob *blob = blob_alloc(bytes.size);

	if (bytes.size != 0)
		memcpy(blob->data, bytes.data, bytes.size);
	return blob;
}

struct blob *
blob_ref(struct blob *blob)
{
	if (blob != NULL) {
		ASSERT(blob->references < UINT32_MAX);
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
	if (--dropped->references == 0)
		free(dropped);
}
