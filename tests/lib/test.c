/*
 * test.c - main() of every unit test: runs what TEST registered, in the order
 * of the file, and reports as TAP.
 *
 * An argument is a pattern of names to run ("*snapshot*").
 */
#include "tests/lib/test.h"

#include "common/limits.h"

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

size_t
test_writable_bytes(void)
{
	FILE *status = fopen("/proc/self/status", "r");
	unsigned long kib = 0;
	char line[256];

	assert_non_null(status);
	while (kib == 0 && fgets(line, sizeof(line), status) != NULL)
		(void)sscanf(line, "VmData: %lu", &kib);
	fclose(status);
	assert_true(kib > 0);
	return kib * KIB;
}

int
main(int argc, char **argv)
{
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return _cmocka_run_group_tests(argv[0], tests, test_count, NULL, NULL) == 0 ? 0 : 1;
}
