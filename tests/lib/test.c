/*
 * test.c - main() of every unit test: runs what TEST registered, in the order
 * of the file, and reports as TAP.
 *
 * An argument is a pattern of names to run ("*snapshot*").
 */
#include "tests/lib/test.h"

#include <stdio.h>

#define TESTS_MAX 256

static struct CMUnitTest tests[TESTS_MAX];
static size_t test_count;

void
test_register(const char *name, void (*run)(void **state))
{
	ASSERT(test_count < TESTS_MAX);
	tests[test_count++] = (struct CMUnitTest){ .name = name, .test_func = run };
}

int
main(int argc, char **argv)
{
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return _cmocka_run_group_tests(argv[0], tests, test_count, NULL, NULL) == 0 ? 0 : 1;
}
