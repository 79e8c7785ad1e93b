/*
 * slice.h - a borrowed view of bytes: arguments and decoded fields.
 *
 * Never owns; valid as long as the comment at its source says. The empty slice
 * may have a NULL pointer.
 */
#ifndef MOOTHALL_COMMON_SLICE_H
#define MOOTHALL_COMMON_SLICE_H

#include "common/base.h"

#include <string.h>

struct slice {
	const uint8_t *data;
	size_t size;
};

#define SLICE_EMPTY ((struct slice){ NULL, 0 })
/* Of a string literal, without its NUL. */
#define SLICE_LITERAL(text) ((struct slice){ (const uint8_t *)("" text), sizeof(text) - 1 })
/* For printf's "%.*s". */
#define SLICE_ARGS(slice) (int)(slice).size, (const char *)(slice).data

static inline struct slice
slice_of(const void *data, size_t size)
{
	return (struct slice){ data, size };
}

/* Of a C string, without its NUL. */
static inline struct slice
slice_text(const char *text)
{
	return slice_of(text, strlen(text));
}

static inline bool
slice_equal(struct slice a, struct slice b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Byte order, a prefix first: below, at or above zero. */
static inline int
slice_compare(struct slice a, struct slice b)
{
	size_t common = MIN_OF(a.size, b.size);
	int order = common == 0 ? 0 : memcmp(a.data, b.data, common);

	if (order != 0 || a.size == b.size)
		return order;
	return a.size < b.size ? -1 : 1;
}

static inline bool
slice_starts_with(struct slice text, struct slice prefix)
{
	return text.size >= prefix.size &&
	    slice_equal(slice_of(text.data, prefix.size), prefix);
}

#endif
