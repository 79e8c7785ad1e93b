#include "common/node_name.h"

#include "tests/lib/test.h"

#include "common/limits.h"

#include <stdlib.h>

static void
assert_problem(const char *name, const char *words)
{
	char *problem = node_name_problem(name);

	assert_non_null(problem);
	assert_non_null(strstr(problem, words));
	assert_false(node_name_valid(slice_text(name)));
	free(problem);
}

TEST(a_name_that_is_refused_is_told_why_and_what_is_allowed)
{
	char name[NAME_BYTES_MAX + 2];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_problem("", "is empty");
	assert_problem("_a", "may not start with \"_\"");
	assert_problem(".a", "may not start with \".\"");
	assert_problem("a/b", "\"a/b\" has a character that is not allowed; allowed are letters "
	    "A-Z and a-z, digits, \".\", \"_\" and \"-\"");
	assert_problem("a b", "allowed are");
	assert_problem("caf\xc3\xa9", "allowed are");
	assert_problem(name, "longer than 255 bytes");
	name[NAME_BYTES_MAX] = '\0';
	assert_null(node_name_problem(name));
	assert_null(node_name_problem("Machine-1.example_x"));
}

TEST(a_byte_of_zero_is_not_the_end_of_a_name)
{
	assert_false(node_name_valid(SLICE_LITERAL("a\0b")));
	assert_true(node_name_valid(SLICE_LITERAL("ab")));
}
