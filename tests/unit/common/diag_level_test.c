/* Tests of common/diag_level.c. */
#include "tests/lib/test.h"

#include "common/diag_level.h"

#include <stdlib.h>
#include <string.h>

static void
assert_problem(const char *text, const char *expected)
{
	struct diag_levels levels = { .most = DIAG_TRACE };
	char *problem = diag_levels_parse(text, &levels);

	assert_non_null(problem);
	assert_true(strncmp(problem, expected, strlen(expected)) == 0);
	assert_int_equal(levels.most, DIAG_TRACE);
	free(problem);
}

TEST(a_part_without_a_level_of_its_own_has_the_general_one)
{
	struct diag_levels levels;

	assert_null(diag_levels_parse(" raft = debug , warn,peer=error,", &levels));
	assert_int_equal(diag_levels_of(&levels, "raft"), DIAG_DEBUG);
	assert_int_equal(diag_levels_of(&levels, "peer"), DIAG_ERROR);
	assert_int_equal(diag_levels_of(&levels, "http"), DIAG_WARN);
	assert_int_equal(levels.most, DIAG_DEBUG);
	assert_null(diag_levels_parse("tls=trace", &levels));
	assert_int_equal(diag_levels_of(&levels, "http"), DIAG_INFO);
}

TEST(frames_are_told_only_to_who_asks_for_them)
{
	struct diag_levels levels;

	assert_null(diag_levels_parse("trace", &levels));
	assert_int_equal(diag_levels_of(&levels, "raft"), DIAG_TRACE);
	assert_int_equal(diag_levels_of(&levels, "ipc"), DIAG_DEBUG);
	assert_null(diag_levels_parse("error", &levels));
	assert_int_equal(diag_levels_of(&levels, "ipc"), DIAG_ERROR);
	assert_null(diag_levels_parse("error,ipc=trace", &levels));
	assert_int_equal(diag_levels_of(&levels, "ipc"), DIAG_TRACE);
	diag_levels_all(&levels, DIAG_TRACE);
	assert_int_equal(diag_levels_of(&levels, "ipc"), DIAG_DEBUG);
}

TEST(the_last_item_for_a_part_counts)
{
	struct diag_levels levels;

	assert_null(diag_levels_parse("raft=debug,raft=error,debug,info", &levels));
	assert_int_equal(diag_levels_of(&levels, "raft"), DIAG_ERROR);
	assert_int_equal(diag_levels_of(&levels, "http"), DIAG_INFO);
}

TEST(what_is_no_level_is_named_with_those_that_are)
{
	assert_problem("loud", "\"loud\" is none of error, warn, info, debug, trace");
	assert_problem("raft=loud", "\"loud\" is none of error, warn");
	assert_problem("rfat=debug", "\"rfat\" is no part; there are backend, control,");
	assert_problem("raft=", "\"\" is none of error");
	assert_problem("", "\"\" is none of error");
	assert_problem("=debug", "\"\" is no part");
}
