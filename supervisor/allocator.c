/*
 * allocator.c - see allocator.h. Another C library than GNU's takes no notice.
 * Source: ld.so(8), "GLIBC_TUNABLES"; the C library's manual, "Memory Allocation Tunables".
 */
#include "supervisor/allocator.h"

#include "common/xmem.h"

#include <stdlib.h>
#include <string.h>

#define VARIABLE "GLIBC_TUNABLES"

static const struct {
	const char *name;
	const char *value;
} tunables[] = {
	/* From 4 MiB on each piece is the system's: it grows where it is, and goes whole. */
	{ "glibc.malloc.mmap_threshold", "4194304" },
	/* The first line ends what the library would learn of this: what goes at the heap's
	 * end is soon asked for again. */
	{ "glibc.malloc.trim_threshold", "8388608" },
	/* Large pages for large pieces, where the system has them for who asks. */
	{ "glibc.malloc.hugetlb", "1" },
};

void
allocator_tune(void)
{
	for (size_t i = 0; i < ARRAY_COUNT(tunables); i++) {
		const char *set = getenv(VARIABLE);
		char *text;

		if (set != NULL && strstr(set, tunables[i].name) != NULL)
			continue;
		text = xasprintf("%s%s%s=%s", set == NULL ? "" : set,
		    set == NULL || set[0] == '\0' ? "" : ":", tunables[i].name,
		    tunables[i].value);
		(void)setenv(VARIABLE, text, 1);
		free(text);
	}
}
