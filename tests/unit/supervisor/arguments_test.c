/*
 * arguments_test.c - flags and environment into a configuration.
 */
#include "supervisor/arguments.h"

#include "common/xmem.h"
#include "supervisor/config_file.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS_MAX 8

static char *no_environment[] = { NULL };
static const char *system_file;	/* NULL but in the tests of it */

static enum arguments_next
read_words(struct arguments *arguments, char **environment, char **problem,
    const char *const *words)
{
	char *argv[WORDS_MAX + 1] = { "etcd" };
	int argc = 1;

	while (words[argc - 1] != NULL) {
		argv[argc] = (char *)(uintptr_t)words[argc - 1];
		argc++;
	}
	return arguments_read(arguments, &(struct arguments_input){ .argc = argc, .argv = argv,
	    .environment = environment, .system_file = system_file }, problem);
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
	case OPTION_KIND_SIZE:
		break;
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

static bool
is_number(enum option_kind kind)
{
	return kind == OPTION_KIND_NUMBER || kind == OPTION_KIND_MS ||
	    kind == OPTION_KIND_SECONDS ||
	    kind == OPTION_KIND_SIZE;
}

/* Of numbers one that is within the bounds and not the default; freed by the caller. */
static char *
value_for(const struct option_row *row)
{
	uint64_t unit = row->kind == OPTION_KIND_SECONDS ? 1000 : 1;
	char *value;

	if (!is_number(row->kind))
		return xstrdup(other_value(row));
	value = xasprintf("%llu", (unsigned long long)((row->min + unit - 1) / unit));
	if (strcmp(value, row->initial) == 0) {
		free(value);
		value = xasprintf("%llu", (unsigned long long)((row->min + unit - 1) / unit + 1));
	}
	return value;
}

TEST(every_option_is_set_by_each_of_four_spellings)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option_row *row = &option_rows[i];
		char *value;

		/* -config has to name a file, and tests of its own. */
		if (row->flag == NULL || i == OPTION_config)
			continue;
		value = value_for(row);
		for (int spelling = 0; spelling < 4; spelling++) {
			char *flag = xasprintf("%s%s%s%s", spelling < 2 ? "-" : "--", row->flag,
			    spelling % 2 == 1 ? "=" : "", spelling % 2 == 1 ? value : "");
			struct arguments arguments;
			char *problem = NULL;

			if (spelling % 2 == 1)
				assert_int_equal(READ(&arguments, &problem, flag), ARGUMENTS_RUN);
			else
				assert_int_equal(READ(&arguments, &problem, flag, value),
				    ARGUMENTS_RUN);
			assert_set(&arguments, row, value, OPTION_FROM_FLAG);
			arguments_free(&arguments);
			free(flag);
		}
		free(value);
	}
}

TEST(every_option_is_set_by_its_variable_and_the_flag_wins)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option_row *row = &option_rows[i];
		struct arguments arguments;
		char *environment[2] = { NULL };
		char *problem = NULL;
		char *flag, *value;

		if (row->env == NULL || i == OPTION_config)
			continue;
		value = value_for(row);
		environment[0] = xasprintf("%s= %s ", row->env, value);
		assert_int_equal(read_words(&arguments, environment, &problem,
		    (const char *const[]){ NULL }), ARGUMENTS_RUN);
		assert_set(&arguments, row, value, OPTION_FROM_ENVIRONMENT);
		arguments_free(&arguments);
		if (row->initial[0] != '\0') {
			flag = xasprintf("-%s=%s", row->flag, row->initial);
			assert_int_equal(read_words(&arguments, environment, &problem,
			    (const char *const[]){ flag, NULL }), ARGUMENTS_RUN);
			assert_int_equal(arguments.source[i], OPTION_FROM_FLAG);
			arguments_free(&arguments);
			free(flag);
		}
		free(value);
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

	assert_int_equal(READ(&arguments, &problem, "-snapshot", "false", "-f", "-v"),
	    ARGUMENTS_RUN);
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
	assert_int_equal(READ(&arguments, &problem, "--address", "a:1", "-s", "b:2"),
	    ARGUMENTS_RUN);
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
	static char own[] = "etcd";

	program_invocation_short_name = own;
	ASSERT_WRONG("no option -peer-adr; did you mean -peer-addr? (etcd --help)", "-peer-adr",
	    "x");
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

/* ---- files ---- */

static char folder[] = "/tmp/moothall-config-XXXXXX";
static bool folder_is_made;

/* A file of that name and text in the tests' folder; its path, freed by the caller. */
static char *
make_file(const char *name, const char *text)
{
	char *path;
	FILE *file;

	if (!folder_is_made)
		assert_non_null(mkdtemp(folder));
	folder_is_made = true;
	path = xasprintf("%s/%s", folder, name);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	return path;
}

static void
remove_file(char *path)
{
	assert_int_equal(unlink(path), 0);
	free(path);
	assert_int_equal(rmdir(folder), 0);
	memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
	folder_is_made = false;
}

/* What reading that text says is wrong, without the path before the line. */
static void
assert_file_wrong(const char *text, const char *expected)
{
	char *path = make_file("etcd.conf", text);
	struct arguments arguments;
	char *problem = NULL;

	assert_int_equal(READ(&arguments, &problem, "-config", path), ARGUMENTS_WRONG);
	assert_memory_equal(problem, path, strlen(path));
	assert_string_equal(problem + strlen(path), expected);
	free(problem);
	remove_file(path);
}

/* As it stands in a file: quoted where its kind wants it. */
static char *
file_value(const struct option_row *row, const char *value)
{
	if (row->kind == OPTION_KIND_LIST)
		return xstrdup("[ \"a:1\", \"b:2\" ]");
	if (row->kind == OPTION_KIND_BOOL || is_number(row->kind))
		return xstrdup(value);
	return xasprintf("\"%s\"", value);
}

static void
assert_from_file(const struct option_row *row, const char *key, const char *flag)
{
	const char *dot = strrchr(key, '.');
	char *value = value_for(row);
	char *quoted = file_value(row, value);
	char *text = dot == NULL ? xasprintf("%s = %s\n", key, quoted) :
	    xasprintf("[%.*s]\n%s = %s\n", (int)(dot - key), key, dot + 1, quoted);
	char *path = make_file("etcd.conf", text);
	struct arguments arguments;
	char *problem = NULL;

	if (flag != NULL)
		assert_int_equal(READ(&arguments, &problem, "-config", path, flag), ARGUMENTS_RUN);
	else
		assert_int_equal(READ(&arguments, &problem, "-config", path), ARGUMENTS_RUN);
	if (flag == NULL) {
		char *source = arguments_source(&arguments, arguments_row_id(row));
		char *expected = xasprintf("%s:%d: %s", path, dot == NULL ? 1 : 2, row->file_key);

		assert_set(&arguments, row, value, OPTION_FROM_FILE);
		assert_string_equal(source, expected);
		free(expected);
		free(source);
	} else {
		assert_int_equal(arguments.source[arguments_row_id(row)], OPTION_FROM_FLAG);
	}
	arguments_free(&arguments);
	remove_file(path);
	free(text);
	free(quoted);
	free(value);
}

TEST(every_file_key_sets_its_option_and_the_flag_wins)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option_row *row = &option_rows[i];

		if (row->file_key == NULL)
			continue;
		assert_from_file(row, row->file_key, NULL);
		if (row->initial[0] != '\0') {
			char *flag = xasprintf("-%s=%s", row->flag, row->initial);

			assert_from_file(row, row->file_key, flag);
			free(flag);
		}
	}
	assert_from_file(&option_rows[OPTION_cluster_active_size], "max_cluster_size", NULL);
}

TEST(later_sources_win)
{
	char *path = make_file("etcd.conf", "name = \"file\"\naddr = \"f:1\"\npeers = [\"f:2\"]\n");
	char *system_path = make_file("system.conf", "name = \"system\"\naddr = \"s:1\"\n"
	    "peers = [\"s:2\"]\nsnapshot_count = 5\n");
	char *environment[] = { xasprintf("ETCD_CONFIG= %s ", path), "ETCD_ADDR=e:1",
		"ETCD_PEERS=e:2", NULL };
	struct arguments arguments;
	char *problem = NULL;

	system_file = system_path;
	assert_int_equal(read_words(&arguments, environment, &problem,
	    (const char *const[]){ "-peers", "a:2", NULL }), ARGUMENTS_RUN);
	assert_int_equal(arguments.config.snapshot_count, 5);
	assert_int_equal(arguments.source[OPTION_snapshot_count], OPTION_FROM_SYSTEM_FILE);
	assert_string_equal(arguments.config.name, "file");
	assert_int_equal(arguments.source[OPTION_name], OPTION_FROM_FILE);
	assert_string_equal(arguments.config.addr, "e:1");
	assert_string_equal(arguments.config.peers, "a:2");
	arguments_free(&arguments);

	/* -config of the command line, not that of the environment, and not both. */
	assert_int_equal(read_words(&arguments, environment, &problem,
	    (const char *const[]){ "-config", system_path, NULL }), ARGUMENTS_RUN);
	assert_string_equal(arguments.config.name, "system");
	arguments_free(&arguments);
	system_file = NULL;
	assert_int_equal(unlink(system_path), 0);
	free(system_path);
	free(environment[0]);
	remove_file(path);
}

TEST(a_missing_file_is_an_error_but_for_the_systems)
{
	char *environment[] = { "ETCD_CONFIG=/nonexistent/e", NULL };
	struct arguments arguments;
	char *problem = NULL;

	system_file = "/nonexistent/etcd.conf";
	assert_int_equal(READ(&arguments, &problem, "-v"), ARGUMENTS_RUN);
	arguments_free(&arguments);
	system_file = NULL;
	ASSERT_WRONG("-config: cannot read /nonexistent/f: No such file or directory",
	    "-config=/nonexistent/f");
	assert_int_equal(read_words(&arguments, environment, &problem,
	    (const char *const[]){ NULL }), ARGUMENTS_WRONG);
	assert_string_equal(problem,
	    "ETCD_CONFIG: cannot read /nonexistent/e: No such file or directory");
	free(problem);
}

TEST(values_of_a_wrong_kind_are_told_with_file_line_and_key)
{
	assert_file_wrong("\n\naddr = 4001\n", ":3: addr: a text is expected, this is a number");
	assert_file_wrong("addr = true", ":1: addr: a text is expected, this is true or false");
	assert_file_wrong("name = [\"a\"]", ":1: name: a text is expected, this is an array");
	assert_file_wrong("[name]", ":1: name: a text is expected, this is a table");
	assert_file_wrong("peers = \"a:1\"",
	    ":1: peers: an array of texts is expected, this is a text");
	assert_file_wrong("cors = [1]",
	    ":1: cors: an array of texts is expected, this is an array");
	assert_file_wrong("peers = [\"a:1,b:1\"]",
	    ":1: peers: \"a:1,b:1\": an item cannot have a comma in it");
	assert_file_wrong("snapshot = \"true\"",
	    ":1: snapshot: true or false is expected, this is a text");
	assert_file_wrong("snapshot_count = 1.5",
	    ":1: snapshot_count: a whole number is expected, this is a number with a fraction");
	assert_file_wrong("http_read_timeout = \"1\"",
	    ":1: http_read_timeout: a number is expected, this is a text");
	assert_file_wrong("[storage]\ncache = 1.5",
	    ":2: storage.cache: a number, or a text as \"64K\", is expected, this is a number with "
	    "a "
	    "fraction");
}

TEST(values_out_of_bounds_and_syntax_are_told_with_file_and_line)
{
	assert_file_wrong("snapshot_count = -5", ":1: snapshot_count: -5 is below the minimum 1");
	assert_file_wrong("addr = \"x\"", ":1: addr: \"x\": no port; write host:port");
	assert_file_wrong("[limits]\nmax_body_bytes = \"11M\"",
	    ":2: limits.max_body_bytes: 11M is above the maximum 10485760");
	assert_file_wrong("a = 1\nb", ":2: a = is missing behind b");
}

/* As 0.4 ships it, with its old keys; integers stand where it has floats. */
TEST(the_sample_of_the_0_4_series_is_read)
{
	char *path = make_file("etcd.conf",
	    "addr = \"127.0.0.1:4001\"\nbind_addr = \"127.0.0.1:4001\"\nca_file = \"\"\n"
	    "cert_file = \"\"\ncors = []\ncpu_profile_file = \"\"\ndata_dir = \".\"\n"
	    "discovery = \"\"\nhttp_read_timeout = 10\nhttp_write_timeout = 10.5\nkey_file = \"\"\n"
	    "peers = []\npeers_file = \"\"\nmax_cluster_size = 9\nmax_result_buffer = 1024\n"
	    "max_retry_attempts = 3\nname = \"default-name\"\nsnapshot = false\nverbose = false\n"
	    "very_verbose = false\n\n[peer]\naddr = \"127.0.0.1:7001\"\nbind_addr = "
	    "\"127.0.0.1:7001\"\nca_file = \"\"\ncert_file = \"\"\nkey_file = \"\"\n\n[cluster]\n"
	    "remove_delay = 1.8e3\nsync_interval = 5.0\n");
	struct arguments arguments;
	char *problem = NULL;

	assert_int_equal(READ(&arguments, &problem, "-config", path), ARGUMENTS_RUN);
	assert_string_equal(arguments.config.name, "default-name");
	assert_int_equal(arguments.config.http_read_timeout, 10000);
	assert_int_equal(arguments.config.http_write_timeout, 10500);
	assert_int_equal(arguments.config.cluster_remove_delay, 1800000);
	assert_int_equal(arguments.source[OPTION_cert_file], OPTION_FROM_DEFAULT);
	arguments_free(&arguments);
	remove_file(path);
}

TEST(an_empty_text_in_a_file_takes_back_what_came_before)
{
	char *path = make_file("etcd.conf", "name = \"\"\naddr = \"\"\npeers = []\n");
	char *system_path = make_file("system.conf",
	    "name = \"s\"\naddr = \"s:1\"\npeers = [\"s:2\"]");
	struct arguments arguments;
	char *problem = NULL;

	system_file = system_path;
	assert_int_equal(READ(&arguments, &problem, "-config", path), ARGUMENTS_RUN);
	assert_string_equal(arguments.config.name, "");
	assert_string_equal(arguments.config.addr, "127.0.0.1:4001");
	assert_string_equal(arguments.config.peers, "");
	assert_int_equal(arguments.source[OPTION_addr], OPTION_FROM_DEFAULT);
	arguments_free(&arguments);
	system_file = NULL;
	assert_int_equal(unlink(system_path), 0);
	free(system_path);
	remove_file(path);
}

TEST(workers_can_be_a_number_in_a_file)
{
	char *path = make_file("etcd.conf", "[server]\nworkers = 3\n");
	struct arguments arguments;
	char *problem = NULL;

	assert_int_equal(READ(&arguments, &problem, "-config", path), ARGUMENTS_RUN);
	assert_string_equal(arguments.config.workers, "3");
	arguments_free(&arguments);
	remove_file(path);
}

/* Values that need quotes, lists, fractions: all come back as they were. */
TEST(what_print_config_writes_is_read_back_alike)
{
	struct arguments arguments, again;
	struct buf text = BUF_INIT;
	char *problem = NULL;
	char *path, *printed;

	assert_int_equal(READ(&arguments, &problem, "-name", "a\"\\\tb", "-peers", "a:1,b:2",
	    "-retry-interval=2.25", "-snapshot=false"), ARGUMENTS_RUN);
	config_file_print(&arguments, &text);
	printed = xasprintf("%.*s", SLICE_ARGS(buf_slice(&text)));
	path = make_file("etcd.conf", printed);
	assert_int_equal(READ(&again, &problem, "-config", path), ARGUMENTS_RUN);
	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		char *one = config_value(&arguments.config, id);
		char *other = config_value(&again.config, id);

		if (id != OPTION_config)
			assert_string_equal(one, other);
		free(one);
		free(other);
	}
	arguments_free(&arguments);
	arguments_free(&again);
	buf_free(&text);
	free(printed);
	remove_file(path);
}

TEST(the_sample_without_its_comment_marks_sets_the_defaults)
{
	struct arguments arguments;
	struct buf text = BUF_INIT;
	struct config defaults;
	char *problem = NULL;
	char *path, *sample;

	config_file_sample(&text);
	sample = xasprintf("%.*s", SLICE_ARGS(buf_slice(&text)));
	for (char *at = sample; *at != '\0'; at++) {
		if (*at == '#' && (at == sample || at[-1] == '\n') && at[1] != ' ' && at[1] != '\n')
			*at = ' ';
	}
	path = make_file("etcd.conf", sample);
	assert_int_equal(READ(&arguments, &problem, "-config", path), ARGUMENTS_RUN);
	config_init(&defaults);
	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		char *one = config_value(&arguments.config, id);
		char *other = config_value(&defaults, id);

		if (id != OPTION_config)
			assert_string_equal(one, other);
		if (option_rows[id].file_key != NULL)
			assert_int_equal(arguments.line[id] != 0, 1);
		free(one);
		free(other);
	}
	arguments_free(&arguments);
	config_free(&defaults);
	buf_free(&text);
	free(sample);
	remove_file(path);
}
