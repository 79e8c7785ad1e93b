/*
 * arguments.c - flags in their four spellings, environment, help.
 *
 * The command line is read twice: first for -config alone, because the file
 * comes before the flags that win over it.
 */
#include "supervisor/arguments.h"

#include "common/diag.h"
#include "common/program.h"
#include "common/xmem.h"
#include "supervisor/config_file.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ENVIRONMENT_PREFIX "ETCD_"

enum err
arguments_set(struct arguments *arguments, const struct option_row *row, const char *text,
    enum option_source source, const char *written, char **problem)
{
	enum option_id id = arguments_row_id(row);
	char *wrong;
	enum err err = config_set(&arguments->config, id, text, &wrong);

	if (err != ERR_NONE) {
		*problem = xasprintf("%s: %s", written, wrong);
		free(wrong);
		return err;
	}
	arguments->source[id] = source;
	return ERR_NONE;
}

static char *
trimmed(const char *text)
{
	char *copy;
	size_t size;

	while (isspace((unsigned char)*text))
		text++;
	copy = xstrdup(text);
	size = strlen(copy);
	while (size > 0 && isspace((unsigned char)copy[size - 1]))
		copy[--size] = '\0';
	return copy;
}

/* One NAME=value. Empty is as if not set; every bool but 0 and false is true. */
static enum err
read_variable(struct arguments *arguments, const char *variable, bool quiet, char **problem)
{
	const char *equals = strchr(variable, '=');
	const struct option_row *row;
	enum err err = ERR_NONE;
	char *name, *value;

	if (equals == NULL ||
	    strncmp(variable, ENVIRONMENT_PREFIX, strlen(ENVIRONMENT_PREFIX)) != 0)
		return ERR_NONE;
	name = xasprintf("%.*s", (int)(equals - variable), variable);
	value = trimmed(equals + 1);
	row = option_by_environment(name);
	if (row == NULL && etcd3_by_environment(name) != ETCD3_FLAGS) {
		etcd3_give(&arguments->etcd3, etcd3_by_environment(name), value, true);
	} else if (row == NULL) {
		if (!quiet)
			diag_say("%s: %s: no such option, ignored", program_own(), name);
	} else if (value[0] != '\0' && row->kind == OPTION_KIND_BOOL) {
		err = arguments_set(arguments, row,
		    strcmp(value, "0") == 0 || strcmp(value, "false") == 0 ? "false" : "true",
		    OPTION_FROM_ENVIRONMENT, name, problem);
	} else if (value[0] != '\0') {
		err = arguments_set(arguments, row, value, OPTION_FROM_ENVIRONMENT, name, problem);
	}
	free(name);
	free(value);
	return err;
}

static bool
is_bool_word(const char *word)
{
	static const char *const words[] = { "1", "0", "t", "f", "true", "false", "TRUE", "FALSE",
		"True", "False" };

	for (size_t i = 0; word != NULL && i < ARRAY_COUNT(words); i++) {
		if (strcmp(word, words[i]) == 0)
			return true;
	}
	return false;
}

static char *
unknown_option(const char *flag)
{
	const char *nearest = option_nearest(flag);

	if (nearest == NULL)
		return xasprintf("no option -%s (%s --help)", flag, program_own());
	return xasprintf("no option -%s; did you mean -%s? (%s --help)", flag, nearest,
	    program_own());
}

/* The value of a flag, which may be the next word; *taken: how many words it is. NULL: it is
 * missing. */
static const char *
value_of(const char *value, const char *next, bool is_bool, int *taken)
{
	*taken = 1;
	if (value != NULL)
		return value;
	/* "-snapshot" alone is true; only a word of truth belongs to it. */
	if (is_bool && !is_bool_word(next))
		return "true";
	*taken = 2;
	return next;
}

/*
 * One flag; *taken is how many words it is. name is without dashes and without
 * "=value", value what stood behind the "=" or NULL.
 */
static enum err
read_flag(struct arguments *arguments, const char *name, const char *value, const char *next,
    bool quiet, int *taken, char **problem)
{
	const struct option_row *row = option_by_flag(name);
	enum etcd3_flag theirs = row == NULL ? etcd3_by_flag(name) : ETCD3_FLAGS;
	char *written;
	enum err err;

	*taken = 1;
	if (row == NULL && theirs == ETCD3_FLAGS) {
		*problem = unknown_option(name);
		return ERR_INVALID;
	}
	if (row != NULL && option_flag_deprecated(name) && !quiet)
		diag_say("[deprecated] use -%s, not -%s", row->flag, name);
	value = value_of(value, next,
	    row != NULL ? row->kind == OPTION_KIND_BOOL : etcd3_is_bool(theirs), taken);
	if (value == NULL) {
		*problem = xasprintf("-%s: a value is missing", name);
		return ERR_INVALID;
	}
	if (row == NULL) {
		etcd3_give(&arguments->etcd3, theirs, value, false);
		return ERR_NONE;
	}
	written = xasprintf("-%s", name);
	err = arguments_set(arguments, row, value, OPTION_FROM_FLAG, written, problem);
	free(written);
	return err;
}

static enum arguments_next
read_flags(struct arguments *arguments, const struct arguments_input *input, bool quiet,
    char **problem)
{
	for (int i = 1; i < input->argc;) {
		const char *word = input->argv[i];
		const char *name = word + strspn(word, "-");
		const char *equals = strchr(name, '=');
		enum err err;
		char *flag;
		int taken;

		if (word[0] != '-' || name - word > 2 || name[0] == '\0' || name[0] == '=') {
			*problem = xasprintf("unexpected argument \"%s\"", word);
			return ARGUMENTS_WRONG;
		}
		if (strcmp(name, "h") == 0 || strcmp(name, "help") == 0)
			return ARGUMENTS_HELP;
		if (strcmp(name, "help=all") == 0)
			return ARGUMENTS_HELP_ALL;
		if (strcmp(name, "version") == 0)
			return ARGUMENTS_VERSION;
		flag = equals == NULL ? xstrdup(name) :
		    xasprintf("%.*s", (int)(equals - name), name);
		err = read_flag(arguments, flag, equals == NULL ? NULL : equals + 1,
		    i + 1 < input->argc ? input->argv[i + 1] : NULL, quiet, &taken, problem);
		free(flag);
		if (err != ERR_NONE)
			return ARGUMENTS_WRONG;
		i += taken;
	}
	return ARGUMENTS_RUN;
}

static enum err
read_environment(struct arguments *arguments, const struct arguments_input *input, bool quiet,
    char **problem)
{
	for (char *const *variable = input->environment; *variable != NULL; variable++) {
		if (read_variable(arguments, *variable, quiet, problem) != ERR_NONE)
			return ERR_INVALID;
	}
	return ERR_NONE;
}

/*
 * Read environment and flags for -config, -help and mistakes of the command
 * line only. The file's name and how it was given are left in arguments.
 */
static enum arguments_next
find_file(struct arguments *arguments, const struct arguments_input *input, char **problem)
{
	const char *variable = option_rows[OPTION_config].env;
	size_t length = strlen(variable);
	char *name;

	for (char *const *text = input->environment; *text != NULL; text++) {
		if (strncmp(*text, variable, length) != 0 || (*text)[length] != '=')
			continue;
		name = trimmed(*text + length + 1);
		if (name[0] != '\0' && arguments_set(arguments, &option_rows[OPTION_config], name,
		    OPTION_FROM_ENVIRONMENT, variable, problem) != ERR_NONE) {
			free(name);
			return ARGUMENTS_WRONG;
		}
		free(name);
	}
	return read_flags(arguments, input, true, problem);
}

static enum err
read_files(struct arguments *arguments, const struct arguments_input *input,
    const struct arguments *found, char **problem)
{
	const char *file = found->config.config;
	enum err err = ERR_NONE;

	if (input->system_file != NULL)
		err = config_file_read(arguments, input->system_file, OPTION_FROM_SYSTEM_FILE,
		    problem);
	if (err != ERR_NONE || file[0] == '\0')
		return err;
	if (access(file, R_OK) == -1) {
		char *source = arguments_source(found, OPTION_config);

		*problem = xasprintf("%s: cannot read %s: %s", source, file, strerror(errno));
		free(source);
		return ERR_INVALID;
	}
	return config_file_read(arguments, file, OPTION_FROM_FILE, problem);
}

static void
keep_given(struct arguments *arguments)
{
	for (enum option_id id = 0; id < OPTION_COUNT; id++)
		config_copy(&arguments->given, &arguments->config, id);
}

static void
arguments_init(struct arguments *arguments)
{
	memset(arguments, 0, sizeof(*arguments));
	config_init(&arguments->config);
	config_init(&arguments->given);
}

enum arguments_next
arguments_read(struct arguments *arguments, const struct arguments_input *input, char **problem)
{
	struct arguments found;
	enum arguments_next next;

	arguments_init(&found);
	arguments_init(arguments);
	next = find_file(&found, input, problem);
	if (next == ARGUMENTS_RUN &&
	    (read_files(arguments, input, &found, problem) != ERR_NONE ||
	    read_environment(arguments, input, input->quiet, problem) != ERR_NONE))
		next = ARGUMENTS_WRONG;
	if (next == ARGUMENTS_RUN)
		next = read_flags(arguments, input, input->quiet, problem);
	arguments_free(&found);
	if (next == ARGUMENTS_RUN)
		keep_given(arguments);
	else
		arguments_free(arguments);
	return next;
}

void
arguments_free(struct arguments *arguments)
{
	config_free(&arguments->config);
	config_free(&arguments->given);
	etcd3_given_free(&arguments->etcd3);
	free(arguments->system_file);
	free(arguments->file);
	arguments->system_file = NULL;
	arguments->file = NULL;
}

char *
arguments_source(const struct arguments *arguments, enum option_id id)
{
	const struct option_row *row = &option_rows[id];

	switch (arguments->source[id]) {
	case OPTION_FROM_SYSTEM_FILE:
		return xasprintf("%s:%u: %s", arguments->system_file, arguments->line[id],
		    row->file_key);
	case OPTION_FROM_FILE:
		return xasprintf("%s:%u: %s", arguments->file, arguments->line[id], row->file_key);
	case OPTION_FROM_ENVIRONMENT:
		return xstrdup(row->env);
	case OPTION_FROM_DEFAULT:
	case OPTION_FROM_FLAG:
	case OPTION_FROM_SUPERVISOR:
		break;
	}
	return xasprintf("-%s", row->flag);
}

char *
arguments_problem(const struct arguments *arguments, enum option_id id, char *problem)
{
	char *source = arguments_source(arguments, id);
	char *sentence = xasprintf("%s: %s", source, problem);

	free(source);
	free(problem);
	return sentence;
}
