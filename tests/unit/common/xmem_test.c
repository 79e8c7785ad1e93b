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

TEST(a_large_piece_asks_for_huge_pages)
{
	uint8_t *piece = xpiece(10 * MIB);

	if (knows_huge_pages()) {
		assert_true(is_marked(piece));
		assert_true(is_marked(piece + 10 * MIB - 1));
	}
	xpiece_free(piece);
}

TEST(a_piece_at_the_limit_is_large_and_one_below_is_not)
{
	uint8_t *large = xpiece(XMEM_LARGE_BYTES), *small = xpiece(XMEM_LARGE_BYTES - 1);

	if (knows_huge_pages()) {
		assert_true(is_marked(large));
		assert_false(is_marked(small + XMEM_LARGE_BYTES / 2));
	}
	xpiece_free(large);
	xpiece_free(small);
}

TEST(a_piece_that_changes_its_size_keeps_what_it_holds)
{
	static const size_t SIZES[] = { 1, 100, MIB, XMEM_LARGE_BYTES - 1, XMEM_LARGE_BYTES,
	    XMEM_LARGE_BYTES + 1, 16 * MIB, 9 * MIB, XMEM_LARGE_BYTES, XMEM_LARGE_BYTES - 1, 7 };
	uint8_t *piece = NULL;
	size_t used = 0;

	for (size_t i = 0; i < ARRAY_COUNT(SIZES); i++) {
		piece = xpiece_resize(piece, used, SIZES[i]);
		for (size_t at = 0; at < MIN_OF(used, SIZES[i]); at++)
			assert_int_equal(piece[at], (uint8_t)(at % 251));
		for (size_t at = used; at < SIZES[i]; at++)
			piece[at] = (uint8_t)(at % 251);
		used = SIZES[i];
	}
	xpiece_free(piece);
	xpiece_free(NULL);
}

TEST(an_array_that_grows_keeps_what_it_holds_and_asks_for_huge_pages)
{
	size_t capacity = 0, count = 3 * MIB / sizeof(uint32_t);
	uint32_t *array = NULL;

	for (size_t i = 0; i < count; i++) {
		array = xgrow(array, &capacity, i + 1, sizeof(*array));
		array[i] = (uint32_t)i;
	}
	for (size_t i = 0; i < count; i++)
		assert_int_equal(array[i], i);
	if (knows_huge_pages())
		assert_true(is_marked((uint8_t *)array + XMEM_LARGE_BYTES));
	free(array);
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

TEST(a_large_piece_begins_with_a_huge_page_and_takes_no_more_than_it_needs)
{
	size_t before = test_writable_bytes(), size = 2 * MIB + 1;
	uint8_t *pieces[20];

	for (size_t i = 0; i < ARRAY_COUNT(pieces); i++) {
		pieces[i] = xpiece(size);
		assert_int_equal((uintptr_t)pieces[i] % XMEM_LARGE_BYTES, 0);
		pieces[i][0] = pieces[i][size - 1] = 1;
	}
	assert_in_range(test_writable_bytes(), before + 40 * MIB, before + 41 * MIB);
	for (size_t i = 0; i < ARRAY_COUNT(pieces); i++) {
		pieces[i] = xpiece_resize(pieces[i], 4 * KIB, 8 * MIB);
		pieces[i] = xpiece_resize(pieces[i], 4 * KIB, 3 * MIB);
	}
	assert_in_range(test_writable_bytes(), before + 60 * MIB, before + 61 * MIB);
	for (size_t i = 0; i < ARRAY_COUNT(pieces); i++)
		xpiece_free(pieces[i]);
	assert_in_range(test_writable_bytes(), 0, before + MIB);
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
		uint8_t *piece = xpiece(10 * MIB);

		touch(piece, 10 * MIB);
		with = held_bytes();
		assert_in_range(with, before + 9 * MIB, before + 16 * MIB);
		xpiece_free(piece);
		assert_in_range(held_bytes(), 0, before + MIB);
	}
}
#endif
