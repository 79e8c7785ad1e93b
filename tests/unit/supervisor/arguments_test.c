/*
 * arguments_test.c - flags and environment into a configuration.
 */
#include "supervisor/arguments.h"

#include "common/xmem.h"
#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 8

static char *no_environment[] = { NULL };

static enum arguments_next
read_words(struct arguments *arguments, char **environment, char **problem, const char *const *words)
{
	char *argv[WORDS_MAX + 1] = { "etcd" };
	int argc = 1;

	while (words[argc - 1] != NULL) {
		argv[argc] = (char *)(uintptr_t)words[argc - 1];
		argc++;
	}
	return arguments_read(arguments, argc, argv, environment, problem);
}

#define READ(arguments, problem, ...) \
	read_words(arguments, no_environment, problem, (const char *const[]){ __VA_ARGS__, NULL })

static void
assert_wrong(const char *expected, const char *const *words)
{
	struct arguments arguments;
	char *problem = NULL;

	assert_int_equal(read_words(&arguments, no_environment, &problem, words), ARGUMENTS_WRONG);
	assert_string_equal(problem, expected);
	free(problem);
}

#define ASSERT_WRONG(expected, ...) \
	assert_wrong(expected, (const char *const[]){ __VA_ARGS__, NULL })

/* A value of that option which is not its default. */
static const char *
other_value(const struct option_row *row)
{
	switch (row->kind) {
	case OPTION_KIND_TEXT:
	case OPTION_KIND_PATH:
		return "other";
	case OPTION_KIND_ADDRESS:
		return "other:1";
	case OPTION_KIND_LIST:
		return "a:1,b:2";
	case OPTION_KIND_BOOL:
		return strcmp(row->initial, "true") == 0 ? "false" : "true";
	case OPTION_KIND_NUMBER:
	case OPTION_KIND_MS:
	case OPTION_KIND_SECONDS:
		return "77";
	case OPTION_KIND_SIZE:
		return "70000";
	}
	return NULL;
}

static void
assert_set(const struct arguments *arguments, const struct option_row *row, const char *value,
    enum option_source source)
{
	enum option_id id = (enum option_id)(row - option_rows);
	struct buf out = BUF_INIT;

	config_print(&arguments->config, id, &out);
	assert_true(slice_equal(buf_slice(&out), slice_text(value)));
	assert_int_equal(arguments->source[id], source);
	buf_free(&out);
}

/* The sizes of the table that do not take 70000 have another bound. */
static const char *
value_for(const struct option_row *row)
{
	return row->kind == OPTION_KIND_SIZE && row->max < 70000 ? "2048" : other_value(row);
}

TEST(every_option_is_set_by_each_of_four_spellings)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option_row *row = &option_rows[i];
		const char *value = value_for(row);

		if (row->flag == NULL)
			continue;
		for (int spelling = 0; spelling < 4; spelling++) {
			char *flag = xasprintf("%s%s%s%s", spelling < 2 ? "-" : "--", row->flag,
			    spelling % 2 == 1 ? "=" : "", spelling % 2 == 1 ? value : "");
			struct arguments arguments;
			char *problem = NULL;

			if (spelling % 2 == 1)
				assert_int_equal(READ(&arguments, &problem, flag), ARGUMENTS_RUN);
			else
				assert_int_equal(READ(&arguments, &problem, flag, value), ARGUMENTS_RUN);
			assert_set(&arguments, row, value, OPTION_FROM_FLAG);
			arguments_free(&arguments);
			free(flag);
		}
	}
}

TEST(every_option_is_set_by_its_variable_and_the_flag_wins)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option_row *row = &option_rows[i];
		const char *value = value_for(row);
		struct arguments arguments;
		char *environment[2] = { NULL };
		char *problem = NULL;
		char *flag;

		if (row->env == NULL)
			continue;
		environment[0] = xasprintf("%s= %s ", row->env, value);
		assert_int_equal(read_words(&arguments, environment, &problem,
		    (const char *const[]){ NULL }), ARGUMENTS_RUN);
		assert_set(&arguments, row, value, OPTION_FROM_ENVIRONMENT);
		arguments_free(&arguments);
		if (row->initial[0] != '\0') {
			struct buf expected = BUF_INIT;
			struct config defaults;

			config_init(&defaults);
			config_print(&defaults, (enum option_id)i, &expected);
			flag = xasprintf("-%s=%s", row->flag, row->initial);
			assert_int_equal(read_words(&arguments, environment, &problem,
			    (const char *const[]){ flag, NULL }), ARGUMENTS_RUN);
			assert_int_equal(arguments.source[i], OPTION_FROM_FLAG);
			arguments_free(&arguments);
			config_free(&defaults);
			buf_free(&expected);
			free(flag);
		}
		free(environment[0]);
	}
}

TEST(an_empty_variable_is_as_if_not_set)
{
	char *environment[] = { "ETCD_ADDR=", "ETCD_SNAPSHOT= ", "ETCD_NAME", NULL };
	struct arguments arguments;
	char *problem = NULL;

	assert_int_equal(read_words(&arguments, environment, &problem,
	    (const char *const[]){ NULL }), ARGUMENTS_RUN);
	assert_string_equal(arguments.config.addr, "127.0.0.1:4001");
	assert_int_equal(arguments.source[OPTION_addr], OPTION_FROM_DEFAULT);
	arguments_free(&arguments);
}

TEST(a_bool_variable_is_true_but_for_0_and_false)
{
	static const struct {
		char *variable;
		bool truth;
	} cases[] = { { "ETCD_SNAPSHOT=0", false }, { "ETCD_SNAPSHOT=false", false },
		{ "ETCD_SNAPSHOT=no", true }, { "ETCD_SNAPSHOT=1", true } };

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char *environment[] = { cases[i].variable, NULL };
		struct arguments arguments;
		char *problem = NULL;

		assert_int_equal(read_words(&arguments, environment, &problem,
		    (const char *const[]){ NULL }), ARGUMENTS_RUN);
		assert_int_equal(arguments.config.snapshot, cases[i].truth);
		arguments_free(&arguments);
	}
}

TEST(a_bool_flag_takes_only_a_word_of_truth)
{
	struct arguments arguments;
	char *problem = NULL;

	assert_int_equal(READ(&arguments, &problem, "-snapshot", "false", "-f", "-v"), ARGUMENTS_RUN);
	assert_false(arguments.config.snapshot);
	assert_true(arguments.config.force);
	assert_true(arguments.config.verbose);
	arguments_free(&arguments);
	ASSERT_WRONG("unexpected argument \"maybe\"", "-snapshot", "maybe");
}

TEST(the_last_of_two_wins_and_old_names_work)
{
	struct arguments arguments;
	char *problem = NULL;

	assert_int_equal(READ(&arguments, &problem, "-n", "one", "-name", "two"), ARGUMENTS_RUN);
	assert_string_equal(arguments.config.name, "two");
	arguments_free(&arguments);
	assert_int_equal(READ(&arguments, &problem, "--address", "a:1", "-s", "b:2"), ARGUMENTS_RUN);
	assert_string_equal(arguments.config.addr, "a:1");
	assert_string_equal(arguments.config.peer_addr, "b:2");
	arguments_free(&arguments);
}

TEST(help_and_version_end_the_reading)
{
	struct arguments arguments;
	char *problem = NULL;

	assert_int_equal(READ(&arguments, &problem, "-h"), ARGUMENTS_HELP);
	assert_int_equal(READ(&arguments, &problem, "--help", "-nonsense"), ARGUMENTS_HELP);
	assert_int_equal(READ(&arguments, &problem, "-version"), ARGUMENTS_VERSION);
}

TEST(wrong_words_are_told_exactly)
{
	ASSERT_WRONG("no option -peer-adr; did you mean -peer-addr? (etcd --help)", "-peer-adr", "x");
	ASSERT_WRONG("no option -qqqqqq (etcd --help)", "--qqqqqq");
	ASSERT_WRONG("-name: a value is missing", "-name");
	ASSERT_WRONG("unexpected argument \"word\"", "word");
	ASSERT_WRONG("unexpected argument \"-\"", "-");
	ASSERT_WRONG("unexpected argument \"--\"", "--");
	ASSERT_WRONG("unexpected argument \"---name\"", "---name");
	ASSERT_WRONG("-addr: \"127.0.0.1\": no port; write host:port", "-addr", "127.0.0.1");
	ASSERT_WRONG("-snapshot-count: -5 is below the minimum 1", "-snapshot-count=-5");
	ASSERT_WRONG("-snapshot: \"maybe\" is neither true nor false", "-snapshot=maybe");
}

TEST(a_wrong_variable_is_named)
{
	char *environment[] = { "ETCD_SNAPSHOT_COUNT=x", NULL };
	struct arguments arguments;
	char *problem = NULL;

	assert_int_equal(read_words(&arguments, environment, &problem,
	    (const char *const[]){ NULL }), ARGUMENTS_WRONG);
	assert_string_equal(problem, "ETCD_SNAPSHOT_COUNT: \"x\" is not a whole number");
	free(problem);
}
