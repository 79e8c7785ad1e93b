/*
 * test.h - unit tests over cmocka: a TEST registers itself.
 *
 *	TEST(vote_is_denied_to_a_shorter_log)
 *	{
 *		assert_true(...);
 *	}
 *
 * The name is the promise. main() is in test.c; output is TAP.
 */
#ifndef MOOTHALL_TESTS_LIB_TEST_H
#define MOOTHALL_TESTS_LIB_TEST_H

#include "common/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* Called by constructors before main; at most 256 tests in one program. */
void test_register(const char *name, void (*run)(void **state));
/* Bytes that this process may write to, touched or not: what RLIMIT_DATA counts. */
size_t test_writable_bytes(void);

/* Leave a test that cannot run here, and say why: skip() of cmocka is a failure to TAP. */
#define TEST_LEAVE(why) \
	do { \
		printf("# %s does not run here: %s\n", __func__, why); \
		return; \
	} while (0)

#define TEST(name) \
	static void name(void **state); \
	__attribute__((constructor)) static void name##_register(void) \
	{ \
		test_register(#name, name); \
	} \
	static void name(void **state UNUSED)

#endif
