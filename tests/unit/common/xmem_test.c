/* Tests of common/xmem.c. */
#include "tests/lib/test.h"

#include "common/limits.h"
#include "common/xmem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* May this kernel give huge pages to who asks? */
static bool
knows_huge_pages(void)
{
	char text[64] = "";
	FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");

	if (file == NULL)
		return false;
	assert_non_null(fgets(text, sizeof(text), file));
	fclose(file);
	return strstr(text, "[never]") == NULL;
}

/* Is what stands at that address marked for huge pages ("hg")? */
static bool
is_marked(const void *address)
{
	FILE *file = fopen("/proc/self/smaps", "r");
	char line[512];
	bool here = false, marked = false;

	assert_non_null(file);
	while (!marked && fgets(line, sizeof(line), file) != NULL) {
		char *rest;
		uintptr_t begin = strtoul(line, &rest, 16);

		if (*rest == '-')
			here = begin <= (uintptr_t)address &&
			    (uintptr_t)address < strtoul(rest + 1, NULL, 16);
		else if (here && strncmp(line, "VmFlags:", 8) == 0)
			marked = strstr(line, " hg") != NULL;
	}
	fclose(file);
	return marked;
}

TEST(a_large_piece_asks_for_huge_pages_and_begins_with_one)
{
	uint8_t *piece = xmalloc(10 * MIB);

	assert_int_equal((uintptr_t)piece % XMEM_LARGE_BYTES, 0);
	if (knows_huge_pages()) {
		assert_true(is_marked(piece));
		assert_true(is_marked(piece + 10 * MIB - 1));
	}
	free(piece);
}

TEST(a_piece_at_the_limit_is_large_and_one_below_is_not)
{
	uint8_t *large = xmalloc(XMEM_LARGE_BYTES), *small = xmalloc(XMEM_LARGE_BYTES - 1);

	if (knows_huge_pages()) {
		assert_true(is_marked(large));
		assert_false(is_marked(small + XMEM_LARGE_BYTES / 2));
	}
	free(large);
	free(small);
}

TEST(a_piece_that_grows_keeps_what_it_holds_and_becomes_large)
{
	uint8_t *piece = NULL;

	for (size_t size = 1; size <= 16 * MIB; size *= 2) {
		piece = xextend(piece, size / 2, size);
		piece[size - 1] = (uint8_t)(size % 251);
	}
	for (size_t size = 1; size <= 16 * MIB; size *= 2)
		assert_int_equal(piece[size - 1], size % 251);
	if (knows_huge_pages())
		assert_true(is_marked(piece + 8 * MIB));
	free(piece);
}

#ifndef WITH_SANITIZERS	/* which keep it, to find those who use it still */
static size_t
held_bytes(void)
{
	unsigned long total, resident;
	FILE *file = fopen("/proc/self/statm", "r");

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%lu %lu", &total, &resident), 2);
	fclose(file);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* Write to every page of it, whatever a compiler thinks of it. */
static void
touch(volatile uint8_t *piece, size_t size)
{
	for (size_t at = 0; at < size; at += 4096)
		piece[at] = 1;
}

TEST(what_a_large_piece_held_goes_back_when_it_is_freed)
{
	size_t before, with;

	xmem_start();
	before = held_bytes();
	for (size_t i = 0; i < 3; i++) {
		uint8_t *piece = xmalloc(10 * MIB);

		touch(piece, 10 * MIB);
		with = held_bytes();
		assert_in_range(with, before + 9 * MIB, before + 16 * MIB);
		free(piece);
		assert_in_range(held_bytes(), 0, before + MIB);
	}
}
#endif
