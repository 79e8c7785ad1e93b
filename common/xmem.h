/*
 * xmem.h - allocation that does not fail: out of memory is reported and ends
 * the process. Sizes from outside are checked against limits.h before.
 */
#ifndef MOOTHALL_COMMON_XMEM_H
#define MOOTHALL_COMMON_XMEM_H

#include "common/base.h"

/*
 * From here on memory is of the system's own pages: it goes back when it is freed, and
 * nothing is left of it. New pages are dear, the smaller the dearer: it asks for huge ones,
 * 512 times as large (docs/decisions.md).
 */
#define XMEM_LARGE_BYTES ((size_t)2 << 20)

/* First thing in the main of a process that holds values: large pieces are as above.
 * Without it they ask for huge pages, too, and the allocator may keep what is freed. */
void xmem_start(void);
void *xmalloc(size_t size);
void *xzalloc(size_t size);
void *xrealloc(void *old, size_t size);
/*
 * For values, frames and what is made of them. A large piece begins where a huge page may, and
 * has no pages that it does not need: what an allocator that aligns takes beside them counts
 * against a limit (RLIMIT_DATA). Freed by xpiece_free alone, which takes NULL, too.
 */
void *xpiece(size_t size);
/* Make piece as large as size; NULL is an empty one. Of it so much is used, the rest need not
 * be kept. */
void *xpiece_resize(void *piece, size_t used, size_t size);
void xpiece_free(void *piece);
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
