/*
 * allocator_test.c - what children read of the allocator in their environment.
 */
#include "supervisor/allocator.h"

#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

#define ALL "glibc.malloc.mmap_threshold=4194304:glibc.malloc.trim_threshold=8388608:" \
	"glibc.malloc.hugetlb=1"

static void
assert_tuned(const char *before, const char *after)
{
	if (before == NULL)
		unsetenv("GLIBC_TUNABLES");
	else
		setenv("GLIBC_TUNABLES", before, 1);
	allocator_tune();
	assert_string_equal(getenv("GLIBC_TUNABLES"), after);
	/* A program that took over from another one says nothing twice. */
	allocator_tune();
	assert_string_equal(getenv("GLIBC_TUNABLES"), after);
}

TEST(children_are_told)
{
	assert_tuned(NULL, ALL);
	assert_tuned("", ALL);
}

TEST(what_the_operator_set_stays)
{
	assert_tuned("glibc.malloc.check=3", "glibc.malloc.check=3:" ALL);
	assert_tuned("glibc.malloc.hugetlb=0:glibc.malloc.mmap_threshold=1",
	    "glibc.malloc.hugetlb=0:glibc.malloc.mmap_threshold=1:"
	    "glibc.malloc.trim_threshold=8388608");
}
