/*
 * tails.h - large values that a list of records does not copy: they stay in their blobs.
 *
 * Of the value of such a record the list holds the beginning, its tail the rest. So a list
 * and its tails are the records; the store makes both, the writer's thread joins them.
 */
#ifndef MOOTHALL_COMMON_TAILS_H
#define MOOTHALL_COMMON_TAILS_H

#include "common/blob.h"
#include "common/limits.h"

/* From this size on a value is not copied, where nothing else is said. */
#define TAIL_BYTES_MIN (64 * KIB)

struct tail {
	size_t at;		/* in the list: behind the record that it completes */
	struct blob *blob;	/* referenced */
	struct slice bytes;	/* in the blob */
};

/* A zeroed struct is ready to use. */
struct tails {
	struct tail *list;	/* in the order of their records */
	size_t count, capacity;
	size_t bytes;		/* of all */
	size_t min;		/* shorter values are copied into the list; 0: all have tails */
};

/* Takes a reference on the blob. */
void tails_add(struct tails *tails, size_t at, struct blob *blob, struct slice bytes);
/* The tail of the record that ends at that place, *next being the number of tails that
 * records before it had; it is counted there. SLICE_EMPTY: it has none. */
struct slice tails_next(const struct tails *tails, size_t *next, size_t at);
/* Drop all references, and keep the memory. The loop's thread only (blob.h). */
void tails_clear(struct tails *tails);
void tails_free(struct tails *tails);

#endif
