/*
 * tails.c - see tails.h.
 */
#include "common/tails.h"

#include "common/xmem.h"

#include <stdlib.h>

void
tails_add(struct tails *tails, size_t at, struct blob *blob, struct slice bytes)
{
	ASSERT(tails->count == 0 || tails->list[tails->count - 1].at < at);
	tails->list = xgrow(tails->list, &tails->capacity, tails->count + 1,
	    sizeof(*tails->list));
	tails->list[tails->count++] = (struct tail){ at, blob_ref(blob), bytes };
	tails->bytes += bytes.size;
}

struct slice
tails_next(const struct tails *tails, size_t *next, size_t at)
{
	if (*next == tails->count || tails->list[*next].at != at)
		return SLICE_EMPTY;
	return tails->list[(*next)++].bytes;
}

void
tails_clear(struct tails *tails)
{
	for (size_t i = 0; i < tails->count; i++)
		blob_unref(&tails->list[i].blob);
	tails->count = 0;
	tails->bytes = 0;
}

void
tails_free(struct tails *tails)
{
	tails_clear(tails);
	free(tails->list);
	tails->list = NULL;
	tails->capacity = 0;
}
