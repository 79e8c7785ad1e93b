/*
 * arguments.c - flags in their four spellings, environment, help.
 *
 * Called by main before anything else exists; all text is borrowed from the
 * process's own arguments.
 */
#include "supervisor/arguments.h"

#include "common/diag.h"
#include "common/xmem.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define ENVIRONMENT_PREFIX "ETCD_"

static enum option_id
id_of(const struct option_row *row)
{
	return (enum option_id)(row - option_rows);
}

static enum err
set(struct arguments *arguments, const struct option_row *row, const char *text,
    enum option_source source, const char *written, char **problem)
{
	char *wrong;
	enum err err = config_set(&arguments->config, id_of(row), text, &wrong);

	if (err != ERR_NONE) {
		*problem = xasprintf("%s: %s", written, wrong);
		free(wrong);
		return err;
	}
	arguments->source[id_of(row)] = source;
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
read_variable(struct arguments *arguments, const char *variable, char **problem)
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
	if (row == NULL)
		diag_say("etcd: %s: no such option, ignored", name);
	else if (value[0] != '\0' && row->kind == OPTION_KIND_BOOL)
		err = set(arguments, row,
		    strcmp(value, "0") == 0 || strcmp(value, "false") == 0 ? "false" : "true",
		    OPTION_FROM_ENVIRONMENT, name, problem);
	else if (value[0] != '\0')
		err = set(arguments, row, value, OPTION_FROM_ENVIRONMENT, name, problem);
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
		return xasprintf("no option -%s (etcd --help)", flag);
	return xasprintf("no option -%s; did you mean -%s? (etcd --help)", flag, nearest);
}

/*
 * One flag; *taken is how many words it is. name is without dashes and without
 * "=value", value what stood behind the "=" or NULL.
 */
static enum err
read_flag(struct arguments *arguments, const char *name, const char *value, const char *next,
    int *taken, char **problem)
{
	const struct option_row *row = option_by_flag(name);
	char *written;
	enum err err;

	*taken = 1;
	if (row == NULL) {
		*problem = unknown_option(name);
		return ERR_INVALID;
	}
	if (option_flag_deprecated(name))
		diag_say("[deprecated] use -%s, not -%s", row->flag, name);
	if (value == NULL && row->kind == OPTION_KIND_BOOL) {
		/* "-snapshot" alone is true; only a word of truth belongs to it. */
		if (is_bool_word(next)) {
			value = next;
			*taken = 2;
		} else {
			value = "true";
		}
	} else if (value == NULL) {
		if (next == NULL) {
			*problem = xasprintf("-%s: a value is missing", name);
			return ERR_INVALID;
		}
		value = next;
		*taken = 2;
	}
	written = xasprintf("-%s", name);
	err = set(arguments, row, value, OPTION_FROM_FLAG, written, problem);
	free(written);
	return err;
}

static enum arguments_next
read_flags(struct arguments *arguments, int argc, char **argv, char **problem)
{
	for (int i = 1; i < argc;) {
		const char *word = argv[i];
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
		if (strcmp(name, "version") == 0)
			return ARGUMENTS_VERSION;
		flag = equals == NULL ? xstrdup(name) : xasprintf("%.*s", (int)(equals - name), name);
		err = read_flag(arguments, flag, equals == NULL ? NULL : equals + 1,
		    i + 1 < argc ? argv[i + 1] : NULL, &taken, problem);
		free(flag);
		if (err != ERR_NONE)
			return ARGUMENTS_WRONG;
		i += taken;
	}
	return ARGUMENTS_RUN;
}

enum arguments_next
arguments_read(struct arguments *arguments, int argc, char **argv, char **environment,
    char **problem)
{
	enum arguments_next next;

	memset(arguments, 0, sizeof(*arguments));
	config_init(&arguments->config);
	for (char **variable = environment; *variable != NULL; variable++) {
		if (read_variable(arguments, *variable, problem) != ERR_NONE) {
			arguments_free(arguments);
			return ARGUMENTS_WRONG;
		}
	}
	next = read_flags(arguments, argc, argv, problem);
	if (next != ARGUMENTS_RUN)
		arguments_free(arguments);
	return next;
}

void
arguments_free(struct arguments *arguments)
{
	config_free(&arguments->config);
}

char *
arguments_source(const struct arguments *arguments, enum option_id id)
{
	if (arguments->source[id] == OPTION_FROM_ENVIRONMENT)
		return xstrdup(option_rows[id].env);
	return xasprintf("-%s", option_rows[id].flag);
}

void
arguments_print_help(void)
{
	printf("usage: etcd [-OPTION VALUE | -OPTION=VALUE] ...\n\n"
	       "Without any option: a new one-node cluster on 127.0.0.1:4001 and 7001.\n\n");
	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		const struct option_row *row = &option_rows[id];

		if (row->flag == NULL)
			continue;
		printf("  -%s %s\n        %s", row->flag, row->argument, row->help);
		if (row->initial[0] != '\0' && strstr(row->help, "default:") == NULL)
			printf(" (default: %s)", row->initial);
		printf("\n");
	}
	printf("  -help, -version\n\n"
	       "Each option can be given as ETCD_OPTION in the environment too.\n"
	       "Running node: etcdctl control -data-dir DIR status\n");
}
