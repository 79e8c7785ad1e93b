/*
 * xmem.h - allocation that does not fail: out of memory is reported and ends
 * the process. Sizes from outside are checked against limits.h before.
 */
#ifndef MOOTHALL_COMMON_XMEM_H
#define MOOTHALL_COMMON_XMEM_H

#include "common/base.h"

/*
 * From here on a piece is of the system's own pages: it goes back when it is freed, and
 * nothing is left of it. New pages are dear, the smaller the dearer: it asks for huge ones
 * (512 times as large), and begins where one may (docs/decisions.md).
 */
#define XMEM_LARGE_BYTES ((size_t)2 << 20)

/* First thing in the main of a process that holds values: large pieces are as above.
 * Without it they ask for huge pages, too, and the allocator may keep what is freed. */
void xmem_start(void);
void *xmalloc(size_t size);
void *xzalloc(size_t size);
/* For what gets smaller, or is small. */
void *xrealloc(void *old, size_t size);
/* Make old larger, of which so much is used; the rest of it need not be kept. */
void *xextend(void *old, size_t used, size_t size);
/* Grow an array to hold at least count members; doubles. Updates *capacity. */
void *xgrow(void *array, size_t *capacity, size_t count, size_t member_size);
/* Give back to the system what was freed: after much of it, not often. It takes its time:
 * for what there is to give, and a call of the system for each hole. */
void xtrim(void);
/* Pages of the system's, zeroed, at a multiple of size, which is a power of two. */
void *xmap(size_t size);
/* So many zeros to be read: no memory stands behind them. */
void *xmap_zeros(size_t size);
void xunmap(void *memory, size_t size);
char *xstrdup(const char *text);
char *xasprintf(const char *format, ...) PRINTF_LIKE(1, 2);

#endif
