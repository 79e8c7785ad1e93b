#include "ctl/arguments.h"

#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

static char *
no_environment(const char *name UNUSED)
{
	return NULL;
}

static char *
some_environment(const char *name)
{
	static char debug[] = "yes", wide[] = "0", output[] = "json", peers[] = "a:1", empty[] = "";

	if (strcmp(name, "ETCDCTL_DEBUG") == 0)
		return debug;
	if (strcmp(name, "ETCDCTL_WIDE") == 0)
		return wide;
	if (strcmp(name, "ETCDCTL_OUTPUT") == 0)
		return output;
	if (strcmp(name, "ETCDCTL_PEERS") == 0)
		return peers;
	return strcmp(name, "ETCDCTL_TIMEOUT") == 0 ? empty : NULL;
}

static char *
bad_environment(const char *name)
{
	static char word[] = "xml";

	return strcmp(name, "ETCDCTL_OUTPUT") == 0 ? word : NULL;
}

#define READ(...) read_words((char *[]){ __VA_ARGS__, NULL }, no_environment, NULL)

/* The problem must hold the words; NULL: there is none. */
static struct ctl_arguments
read_words(char **words, char *(*environment)(const char *name), const char *problem_holds)
{
	struct ctl_arguments arguments;
	char *problem = NULL;
	int count = 0;
	enum err err;

	while (words[count] != NULL)
		count++;
	err = ctl_arguments_read(&arguments, &ctl_grammar_v2, count, words, environment, &problem);
	if (problem_holds == NULL) {
		if (problem != NULL)
			fail_msg("%s", problem);
		assert_int_equal(err, ERR_NONE);
	} else {
		assert_int_equal(err, ERR_INVALID);
		assert_non_null(problem);
		if (strstr(problem, problem_holds) == NULL)
			fail_msg("\"%s\" does not hold \"%s\"", problem, problem_holds);
	}
	free(problem);
	return arguments;
}

static void
refused(const char *problem_holds, char **words)
{
	struct ctl_arguments arguments = read_words(words, no_environment, problem_holds);

	ctl_arguments_free(&arguments);
}

#define REFUSED(holds, ...) refused(holds, (char *[]){ __VA_ARGS__, NULL })

TEST(four_spellings_of_an_option_are_one)
{
	static char *spellings[][5] = { { "set", "-ttl", "5", "/a", "v" },
		{ "set", "--ttl", "5", "/a", "v" }, { "set", "-ttl=5", "/a", "v", NULL },
		{ "set", "--ttl=5", "/a", "v", NULL } };

	for (size_t i = 0; i < ARRAY_COUNT(spellings); i++) {
		char *words[6] = { NULL };
		struct ctl_arguments arguments;

		memcpy(words, spellings[i], sizeof(spellings[i]));
		arguments = read_words(words, no_environment, NULL);
		assert_string_equal(arguments.command->name, "set");
		assert_int_equal(ctl_arguments_number(&arguments, OPT_TTL), 5);
		assert_int_equal(arguments.word_count, 2);
		ctl_arguments_free(&arguments);
	}
}

TEST(options_may_stand_before_between_and_behind_the_words)
{
	struct ctl_arguments arguments = READ("-o", "json", "set", "/a", "--ttl", "7", "v",
	    "--debug");

	assert_string_equal(ctl_arguments_text(&arguments, OPT_OUTPUT), "json");
	assert_int_equal(ctl_arguments_number(&arguments, OPT_TTL), 7);
	assert_true(ctl_arguments_flag(&arguments, OPT_DEBUG));
	assert_string_equal(arguments.words[0], "/a");
	assert_string_equal(arguments.words[1], "v");
	ctl_arguments_free(&arguments);
}

TEST(two_dashes_end_the_options)
{
	struct ctl_arguments arguments = READ("set", "--", "-k", "--ttl");

	assert_int_equal(arguments.word_count, 2);
	assert_string_equal(arguments.words[0], "-k");
	assert_string_equal(arguments.words[1], "--ttl");
	ctl_arguments_free(&arguments);
}

TEST(a_command_line_of_somebody_else_is_left_as_it_is)
{
	struct ctl_arguments arguments = READ("exec-watch", "/k", "--recursive", "sh", "--forever",
	    "--");

	assert_true(ctl_arguments_flag(&arguments, OPT_RECURSIVE_WATCH));
	assert_int_equal(arguments.word_count, 4);
	assert_string_equal(arguments.words[1], "sh");
	assert_string_equal(arguments.words[2], "--forever");
	assert_string_equal(arguments.words[3], "--");
	ctl_arguments_free(&arguments);
}

TEST(a_family_takes_its_options_before_its_second_word)
{
	struct ctl_arguments arguments = READ("control", "-run-dir", "/d", "status", "-json");

	assert_string_equal(arguments.command->name, "control status");
	assert_string_equal(ctl_arguments_text(&arguments, OPT_RUN_DIR), "/d");
	assert_true(ctl_arguments_flag(&arguments, OPT_JSON));
	assert_int_equal(arguments.word_count, 0);
	ctl_arguments_free(&arguments);
	REFUSED("control stop has no option --json", "control", "-json", "stop");
	REFUSED("say which", "control");
}

TEST(a_word_that_control_does_not_know_is_for_the_node)
{
	struct ctl_arguments arguments = READ("control", "polish", "1");

	assert_string_equal(arguments.command->name, "control");
	assert_int_equal(arguments.word_count, 2);
	assert_string_equal(arguments.words[0], "polish");
	ctl_arguments_free(&arguments);
}

TEST(what_is_not_there_names_the_nearest)
{
	REFUSED("did you mean \"update\"", "updat", "/a", "v");
	REFUSED("did you mean --recursive", "ls", "--recurse");
	REFUSED("no command \"frobnicate\"", "frobnicate");
	REFUSED("before the command", "--sort", "ls");
	REFUSED("get has no option --ttl", "get", "--ttl", "5", "/a");
}

TEST(values_at_their_bounds)
{
	struct ctl_arguments arguments = READ("set", "--ttl", "18446744073709551615", "/a", "v");

	assert_true(ctl_arguments_number(&arguments, OPT_TTL) == UINT64_MAX);
	ctl_arguments_free(&arguments);
	REFUSED("--ttl", "set", "--ttl", "18446744073709551616", "/a", "v");
	REFUSED("--ttl", "set", "--ttl", "-1", "/a", "v");
	REFUSED("--ttl", "set", "--ttl", "", "/a", "v");
	REFUSED("--ttl", "set", "--ttl", "1 ", "/a", "v");
	REFUSED("--ttl needs a value", "set", "/a", "v", "--ttl");
	REFUSED("true or false", "ls", "--sort=maybe");
}

TEST(times_have_units_and_bare_numbers_are_seconds)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} good[] = { { "2s", 2000 }, { "500ms", 500 }, { "1m30s", 90000 }, { "1.5s", 1500 },
		{ "3", 3000 }, { "0.25", 250 }, { "1h", 3600000 }, { "0", 0 } };
	static const char *const bad[] = { "", "s", "-1s", "1x", "1..2s", "1s5", "1e9s",
		"99999999h" };

	for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
		char *word = strdup(good[i].text);
		struct ctl_arguments arguments = READ("--timeout", word, "ls");

		assert_int_equal(ctl_arguments_number(&arguments, OPT_TIMEOUT), good[i].ms);
		ctl_arguments_free(&arguments);
		free(word);
	}
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		char *word = strdup(bad[i]);

		REFUSED("--timeout", "--timeout", word, "ls");
		free(word);
	}
}

TEST(the_command_line_is_stronger_than_the_environment)
{
	char *words[] = { "-o", "simple", "ls", NULL };
	struct ctl_arguments arguments = read_words(words, some_environment, NULL);

	assert_string_equal(ctl_arguments_text(&arguments, OPT_OUTPUT), "simple");
	assert_true(ctl_arguments_flag(&arguments, OPT_DEBUG));
	assert_false(ctl_arguments_flag(&arguments, OPT_WIDE));
	assert_true(ctl_arguments_given(&arguments, OPT_PEERS));
	assert_false(ctl_arguments_given(&arguments, OPT_ENDPOINTS));
	assert_int_equal(ctl_arguments_number(&arguments, OPT_TIMEOUT), 2000);
	ctl_arguments_free(&arguments);
	arguments = read_words((char *[]){ "ls", NULL }, bad_environment, "ETCDCTL_OUTPUT");
	ctl_arguments_free(&arguments);
}

TEST(the_number_of_words_is_that_of_the_table)
{
	REFUSED("get needs KEY", "get");
	REFUSED("\"/b\" is one word too many", "get", "/a", "/b");
	REFUSED("exec-watch needs", "exec-watch", "/a");
}

static void
check_tables(const struct ctl_grammar *grammar)
{
	const struct ctl_command *commands = grammar->commands;

	for (size_t i = 0; i < grammar->command_count; i++) {
		assert_ptr_equal(ctl_command_find(grammar, commands[i].name), &commands[i]);
		assert_true(commands[i].most == -1 || commands[i].most >= commands[i].least);
		assert_true(strlen(commands[i].help) <= 60);
		/* Help says what is needed and what is not; etcdctl 3.4 passes words over. */
		assert_true((commands[i].arguments[0] == '\0') == (commands[i].most == 0) ||
		    (grammar == &ctl_grammar_v3 && commands[i].least == 0));
		/* Everything behind the title of a group belongs to it. */
		assert_true(i == 0 || commands[i].group >= commands[i - 1].group);
	}
	for (size_t i = grammar->first_option; i < grammar->option_end; i++) {
		bool used = strcmp(options[i].commands, "*") == 0;

		for (size_t j = 0; j < grammar->command_count; j++)
			used = used || ctl_option_is_for(&options[i], commands[j].name);
		assert_true(used);
		assert_int_equal(options[i].argument == NULL, options[i].kind == OPTION_FLAG);
	}
}

TEST(the_tables_hold_together)
{
	check_tables(&ctl_grammar_v2);
	check_tables(&ctl_grammar_v3);
}

static void
check_names(const struct ctl_grammar *grammar, const char *command)
{
	for (size_t i = grammar->first_option; i < grammar->option_end; i++) {
		for (size_t j = i + 1; j < grammar->option_end; j++) {
			if (!ctl_option_is_for(&options[i], command) ||
			    !ctl_option_is_for(&options[j], command))
				continue;
			assert_string_not_equal(options[i].name, options[j].name);
			assert_true(options[i].letter == NULL || options[j].letter == NULL ||
			    strcmp(options[i].letter, options[j].letter) != 0);
		}
	}
}

/* Two options of one name for one command: one of them could never be given. */
TEST(no_command_has_two_options_of_one_name)
{
	for (size_t i = 0; i < ctl_grammar_v2.command_count; i++)
		check_names(&ctl_grammar_v2, ctl_grammar_v2.commands[i].name);
	for (size_t i = 0; i < ctl_grammar_v3.command_count; i++)
		check_names(&ctl_grammar_v3, ctl_grammar_v3.commands[i].name);
}

/* ---- the v3 commands -------------------------------------------------------------- */

static struct ctl_arguments
read_v3(char **words, const char *problem_is)
{
	struct ctl_arguments arguments;
	char *problem = NULL;
	int count = 0;
	enum err err;

	while (words[count] != NULL)
		count++;
	err = ctl_arguments_read(&arguments, &ctl_grammar_v3, count, words, no_environment,
	    &problem);
	if (problem_is == NULL) {
		assert_int_equal(err, ERR_NONE);
		assert_null(problem);
	} else {
		assert_int_equal(err, ERR_INVALID);
		assert_string_equal(problem, problem_is);
	}
	free(problem);
	return arguments;
}

#define READ_V3(...) read_v3((char *[]){ __VA_ARGS__, NULL }, NULL)

TEST(each_grammar_has_options_of_its_own)
{
	struct ctl_arguments arguments = READ_V3("get", "-w", "json", "a", "--prefix");

	assert_string_equal(arguments.command->name, "get");
	assert_non_null(arguments.command->run_v3);
	assert_true(ctl_arguments_flag(&arguments, OPT_V3_PREFIX));
	assert_string_equal(ctl_arguments_text(&arguments, OPT_V3_WRITE_OUT), "json");
	assert_null(ctl_arguments_text(&arguments, OPT_ENDPOINTS));
	ctl_arguments_free(&arguments);
	refused("get has no option --prefix", (char *[]){ "get", "--prefix", "/a", NULL });
	arguments = read_v3((char *[]){ "ls", NULL }, "no command \"v3 ls\"");
	ctl_arguments_free(&arguments);
}

TEST(words_behind_v3_are_of_the_other_grammar)
{
	struct ctl_arguments arguments = READ("v3", "--prefix", "get", "-w", "json");

	assert_string_equal(arguments.command->name, "v3");
	assert_int_equal(arguments.word_count, 4);
	assert_string_equal(arguments.words[0], "--prefix");
	ctl_arguments_free(&arguments);
}

TEST(options_may_stand_between_a_lock_and_its_command)
{
	struct ctl_arguments arguments = READ_V3("lock", "name", "--ttl", "5", "sh", "-c", "true");

	assert_int_equal(ctl_arguments_number(&arguments, OPT_V3_TTL), 5);
	assert_int_equal(arguments.word_count, 4);
	assert_string_equal(arguments.words[2], "-c");
	assert_true(arguments.dashes_at == CTL_NO_DASHES);
	ctl_arguments_free(&arguments);
}

TEST(it_is_known_where_the_dashes_were)
{
	struct ctl_arguments arguments = READ_V3("watch", "a", "--rev=3", "--", "echo", "--rev");

	assert_int_equal(arguments.dashes_at, 1);
	assert_int_equal(arguments.word_count, 3);
	assert_int_equal(ctl_arguments_number(&arguments, OPT_V3_REV), 3);
	ctl_arguments_free(&arguments);
}

TEST(a_wrong_number_of_words_has_the_sentence_of_its_row)
{
	struct ctl_arguments arguments = read_v3((char *[]){ "lease", "grant", NULL },
	    "lease grant command needs TTL argument");

	assert_true(arguments.miscounted);
	ctl_arguments_free(&arguments);
}
