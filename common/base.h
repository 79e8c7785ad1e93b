/*
 * base.h - what every file may rely on: attributes, asserts, small macros.
 *
 * Owns no state. Compiler extensions are used only through the names below.
 */
#ifndef MOOTHALL_COMMON_BASE_H
#define MOOTHALL_COMMON_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__SANITIZE_ADDRESS__) && !defined(WITH_SANITIZERS)
#error "with sanitizers it is built by configure --enable-sanitizers, which tells the sources"
#endif

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(text_at, first) __attribute__((__format__(__printf__, text_at, first)))
#define NORETURN __attribute__((noreturn))
#define UNUSED __attribute__((unused))

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MIN_OF(a, b) ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b) ((a) > (b) ? (a) : (b))

#define CACHE_LINE_BYTES 64

/* Ask for memory that will be used soon: what follows need not wait for it. */
static inline void
prefetch(const void *memory, size_t size)
{
	for (size_t at = 0; at < size; at += CACHE_LINE_BYTES)
		__builtin_prefetch((const char *)memory + at, 1);
}

/* The struct of the given type whose member is at pointer. */
#define CONTAINER_OF(pointer, type, member) \
	((type *)(void *)((char *)(pointer) - offsetof(type, member)))

/*
 * ASSERT states what holds and changes nothing. MUST does what is in it, and that may not
 * fail. Both are in every build, are promises that we make to ourselves, and are never
 * broken by bytes of a client, peer, worker or disk. One condition each.
 */
#define ASSERT(condition) \
	((condition) ? (void)0 : assert_fail(#condition, __FILE__, __LINE__))
#define MUST(done) ((done) ? (void)0 : assert_fail(#done, __FILE__, __LINE__))

/* Report a broken promise on standard error and end with EXIT_INTERNAL. */
NORETURN void assert_fail(const char *condition, const char *file, int line);

/* Exit codes of every program of the node (docs/operations.md, "Exit codes of etcd"). */
enum exit_code {
	EXIT_STOPPED = 0,	/* asked to stop */
	EXIT_TROUBLE = 1,	/* cannot reach or join, port in use: may pass */
	EXIT_USAGE = 2,		/* wrong usage or configuration */
	EXIT_DATA = 3,		/* data damaged or not ours, disk refused a sync */
	EXIT_LOCKED = 4,	/* data directory is in use */
	EXIT_REMOVED = 5,	/* removed from the cluster for good */
	EXIT_PROTOCOL = 6,	/* child only: bad bytes on a channel */
	EXIT_RETIRED = 7,	/* child only: removed; is started again as another member */
	EXIT_INTERNAL = 70,	/* a broken promise of our own */
};

#endif
