/*
 * xmem.c - allocation that does not fail.
 *
 * Running out of memory is not a broken promise of ours, but nothing in the
 * process can go on: the supervisor starts it again.
 */
#include "common/xmem.h"

#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GROW_COUNT_MIN ((size_t)8)
#define HUGE_PAGE_BYTES XMEM_LARGE_BYTES

static NORETURN void
out_of_memory(size_t size)
{
	char text[80];
	int length = snprintf(text, sizeof(text), "out of memory: asked for %zu bytes\n", size);

	if (length > 0 && write(STDERR_FILENO, text, (size_t)length) == -1)
		_exit(EXIT_INTERNAL);
	_exit(EXIT_INTERNAL);
}

static void *
map(size_t size, int rights)
{
	void *memory = mmap(NULL, size, rights, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		out_of_memory(size);
	return memory;
}

/* Ask for huge pages where whole ones fit; a kernel without them says no, and it is as it was. */
static void *
prefer_huge(void *memory, size_t size)
{
	int error = errno;
	size_t before = -(uintptr_t)memory % HUGE_PAGE_BYTES;
	size_t whole = size < before ? 0 : (size - before) / HUGE_PAGE_BYTES;

	if (size >= XMEM_LARGE_BYTES && whole > 0)
		(void)madvise((char *)memory + before, whole * HUGE_PAGE_BYTES, MADV_HUGEPAGE);
	errno = error;
	return memory;
}

void
xmem_start(void)
{
#ifndef WITH_SANITIZERS			/* whose malloc has no such settings */
	bool ok = mallopt(M_MMAP_THRESHOLD, (int)XMEM_LARGE_BYTES) == 1 &&
	    mallopt(M_TRIM_THRESHOLD, (int)(2 * XMEM_LARGE_BYTES)) == 1;

	ASSERT(ok);
#endif
}

void *
xmalloc(size_t size)
{
	/* malloc(0) may return NULL, which would look like a failure. */
	void *memory = malloc(MAX_OF(size, (size_t)1));

	if (memory == NULL)
		out_of_memory(size);
	return prefer_huge(memory, size);
}

void *
xzalloc(size_t size)
{
	void *memory = calloc(1, MAX_OF(size, (size_t)1));

	if (memory == NULL)
		out_of_memory(size);
	return memory;
}

void *
xrealloc(void *old, size_t size)
{
	void *memory = realloc(old, MAX_OF(size, (size_t)1));

	if (memory == NULL)
		out_of_memory(size);
	return memory;
}

void *
xgrow(void *array, size_t *capacity, size_t count, size_t member_size)
{
	size_t grown = MAX_OF(*capacity, GROW_COUNT_MIN);
	size_t size;

	if (count <= *capacity)
		return array;
	while (grown < count) {
		if (__builtin_mul_overflow(grown, (size_t)2, &grown))
			out_of_memory(count);
	}
	if (__builtin_mul_overflow(grown, member_size, &size))
		out_of_memory(count);
	array = prefer_huge(xrealloc(array, size), size);
	*capacity = grown;
	return array;
}

char *
xstrdup(const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(xmalloc(size), text, size);
}

char *
xasprintf(const char *format, ...)
{
	va_list arguments;
	char *text;
	int size;

	va_start(arguments, format);
	size = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	ASSERT(size >= 0);
	text = xmalloc((size_t)size + 1);
	va_start(arguments, format);
	vsnprintf(text, (size_t)size + 1, format, arguments);
	va_end(arguments);
	return text;
}

void
xtrim(void)
{
	malloc_trim(0);
}

void *
xmap(size_t size)
{
	uint8_t *memory = map(size, PROT_READ | PROT_WRITE);
	size_t before;

	/* The next one below the one before is where it has to be. */
	if ((uintptr_t)memory % size == 0)
		return memory;
	xunmap(memory, size);
	memory = map(2 * size, PROT_READ | PROT_WRITE);
	before = size - (uintptr_t)memory % size;
	if (before > 0)
		xunmap(memory, before);
	if (before < size)
		xunmap(memory + before + size, size - before);
	return memory + before;
}

void *
xmap_zeros(size_t size)
{
	return prefer_huge(map(size, PROT_READ), size);
}

void
xunmap(void *memory, size_t size)
{
	int failed = munmap(memory, size);

	ASSERT(failed == 0);
}

/* ---- pieces ------------------------------------------------------------------------------- */

#ifdef WITH_SANITIZERS			/* which know malloc's memory, and that alone */
void *
xpiece(size_t size)
{
	void *piece = size < XMEM_LARGE_BYTES ? malloc(MAX_OF(size, (size_t)1)) :
	    memalign(HUGE_PAGE_BYTES, size);

	if (piece == NULL)
		out_of_memory(size);
	return prefer_huge(piece, size);
}

void *
xpiece_resize(void *piece, size_t used, size_t size)
{
	void *other = xpiece(size);

	if (piece != NULL)
		memcpy(other, piece, MIN_OF(used, size));
	free(piece);
	return other;
}

void
xpiece_free(void *piece)
{
	free(piece);
}
#else
/* The page before a large piece. */
struct piece_head {
	size_t mapped;			/* with this page */
};

static size_t
page_bytes(void)
{
	return (size_t)getpagesize();
}

/* Large pieces begin at multiples of a huge page, and no other does. */
static bool
is_large(const void *piece)
{
	return piece != NULL && (uintptr_t)piece % HUGE_PAGE_BYTES == 0;
}

static struct piece_head *
head_of(void *piece)
{
	return (void *)((uint8_t *)piece - page_bytes());
}

static size_t
mapped_bytes(size_t size)
{
	size_t page = page_bytes(), mapped;

	if (__builtin_add_overflow(size, 2 * page - 1, &mapped))
		out_of_memory(size);
	return mapped - mapped % page;
}

static void *
large_piece(size_t size)
{
	size_t mapped = mapped_bytes(size), room, before;
	uint8_t *memory;
	struct piece_head *head;

	if (__builtin_add_overflow(mapped, HUGE_PAGE_BYTES, &room))
		out_of_memory(size);
	memory = map(room, PROT_READ | PROT_WRITE);
	before = -((uintptr_t)memory + page_bytes()) % HUGE_PAGE_BYTES;
	if (before > 0)
		xunmap(memory, before);
	xunmap(memory + before + mapped, HUGE_PAGE_BYTES - before);
	head = (void *)(memory + before);
	head->mapped = mapped;
	return prefer_huge(memory + before + page_bytes(), size);
}

/* A small piece as the allocator gave it: not where large ones stand. */
static void *
settled(void *piece, size_t size)
{
	void *other;

	if (!is_large(piece))
		return piece;
	other = settled(xmalloc(size), size);
	memcpy(other, piece, size);
	free(piece);
	return other;
}

void *
xpiece(size_t size)
{
	return size < XMEM_LARGE_BYTES ? settled(xmalloc(size), size) : large_piece(size);
}

/* Give back the pages behind so many bytes of it. */
static void
cut(void *piece, size_t size)
{
	struct piece_head *head = head_of(piece);
	size_t mapped = mapped_bytes(size);

	if (mapped < head->mapped)
		xunmap((uint8_t *)head + mapped, head->mapped - mapped);
	head->mapped = mapped;
}

void *
xpiece_resize(void *piece, size_t used, size_t size)
{
	void *other;

	if (!is_large(piece) && size < XMEM_LARGE_BYTES)
		return settled(xrealloc(piece, size), size);
	if (is_large(piece) && size >= XMEM_LARGE_BYTES &&
	    mapped_bytes(size) <= head_of(piece)->mapped) {
		cut(piece, size);
		return piece;
	}
	/* By hand: memory that the system moves keeps its small pages. */
	other = xpiece(size);
	if (piece != NULL)
		memcpy(other, piece, MIN_OF(used, size));
	xpiece_free(piece);
	return other;
}

void
xpiece_free(void *piece)
{
	if (is_large(piece))
		xunmap(head_of(piece), head_of(piece)->mapped);
	else
		free(piece);
}
#endif
