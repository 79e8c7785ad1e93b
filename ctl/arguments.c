/*
 * arguments.c - words to a command and option values, by the two tables.
 */
#include "ctl/arguments.h"

#include "common/nearest.h"
#include "common/xmem.h"
#include "ctl/ctl.h"
#include "ctl/v3/v3.h"

#include <stdlib.h>

#define DURATION_MS_MAX (UINT64_C(10) * 365 * 24 * 3600 * 1000)

static const struct ctl_command commands_v2[] = {
#define COMMAND(name, group, function, arguments, least, most, kind, help) \
	{ name, GROUP_##group, function, NULL, arguments, least, most, COMMAND_##kind, NULL, help },
#include "ctl/command_table.h"
};

static const struct ctl_command commands_v3[] = {
#define COMMAND(name, group, function, arguments, least, most, kind, miscounted, help) \
	{ name, GROUP_##group, NULL, function, arguments, least, most, COMMAND_##kind, miscounted, \
	    help },
#include "ctl/v3/command_table.h"
};

const struct ctl_option options[CTL_OPTION_COUNT] = {
#define CTL_OPTION(tag, commands, name, letter, kind, argument, environment, initial, help) \
	[OPT_##tag] = { commands, name, letter, OPTION_##kind, argument, environment, initial, \
	    help },
#include "ctl/option_table.h"
#define CTL_OPTION(tag, commands, name, letter, kind, argument, environment, initial, help) \
	[OPT_##tag] = { commands, name, letter, OPTION_##kind, argument, environment, initial, \
	    help },
#include "ctl/v3/option_table.h"
};

const struct ctl_grammar ctl_grammar_v2 = {
	.prefix = "",
	.commands = commands_v2,
	.command_count = ARRAY_COUNT(commands_v2),
	.option_end = CTL_OPTIONS_V2_COUNT,
	.synonyms = true,
	.synchronises = true,
	.help = OPT_HELP,
	.endpoints = OPT_ENDPOINTS,
	.discovery = OPT_DISCOVERY_SRV,
	.debug = OPT_DEBUG,
	.connect_time = OPT_TIMEOUT,
	.total_time = OPT_TOTAL_TIMEOUT,
	.cert = OPT_CERT_FILE,
	.key = OPT_KEY_FILE,
	.ca = OPT_CA_FILE,
};

const struct ctl_grammar ctl_grammar_v3 = {
	.prefix = "v3 ",
	.commands = commands_v3,
	.command_count = ARRAY_COUNT(commands_v3),
	.first_option = CTL_OPTIONS_V2_COUNT,
	.option_end = CTL_OPTION_COUNT,
	.help = OPT_V3_HELP,
	.endpoints = OPT_V3_ENDPOINTS,
	.discovery = OPT_V3_DISCOVERY_SRV,
	.debug = OPT_V3_DEBUG,
	.connect_time = OPT_V3_DIAL_TIMEOUT,
	.total_time = OPT_V3_COMMAND_TIMEOUT,
	.cert = OPT_V3_CERT,
	.key = OPT_V3_KEY,
	.ca = OPT_V3_CACERT,
};

/* ---- the tables ------------------------------------------------------------ */

const struct ctl_command *
ctl_command_find(const struct ctl_grammar *grammar, const char *name)
{
	for (size_t i = 0; i < grammar->command_count; i++) {
		if (strcmp(grammar->commands[i].name, name) == 0)
			return &grammar->commands[i];
	}
	return NULL;
}

bool
ctl_command_is_family(const struct ctl_grammar *grammar, const char *word)
{
	size_t length = strlen(word);

	for (size_t i = 0; i < grammar->command_count; i++) {
		const char *name = grammar->commands[i].name;

		if (strncmp(name, word, length) == 0 && name[length] == ' ')
			return true;
	}
	return false;
}

/* Is one of the names of a list "a,b c" equal to name or to its first word? */
bool
ctl_option_is_for(const struct ctl_option *option, const char *command)
{
	size_t family = strcspn(command, " ");
	const char *at = option->commands;

	if (strcmp(at, "*") == 0)
		return true;
	while (*at != '\0') {
		size_t length = strcspn(at, ",");

		if ((length == strlen(command) || length == family) &&
		    strncmp(at, command, length) == 0)
			return true;
		at += length + (at[length] == ',');
	}
	return false;
}

/* For a family whose second word has not come yet: of any of its commands. */
static bool
option_is_in_family(const struct ctl_grammar *grammar, const struct ctl_option *option,
    const char *family)
{
	size_t length = strlen(family);

	for (size_t i = 0; i < grammar->command_count; i++) {
		const char *name = grammar->commands[i].name;

		if (strncmp(name, family, length) == 0 && name[length] == ' ' &&
		    ctl_option_is_for(option, name))
			return true;
	}
	return false;
}

/* ---- suggestions ------------------------------------------------------------- */

static const struct {
	const char *word, *command, *remark;
} synonyms[] = {
#define SYNONYM(word, command, remark) { word, command, remark },
#include "ctl/synonym_table.h"
};

/* NULL: it is no known other name of a command. */
static char *
other_name(const char *word)
{
	for (size_t i = 0; i < ARRAY_COUNT(synonyms); i++)
		if (strcmp(synonyms[i].word, word) == 0)
			return xasprintf("no command \"%s\"; it is \"%s\" here%s", word,
			    synonyms[i].command, synonyms[i].remark);
	return NULL;
}

/* behind: the word behind it, which may be a part of the name; NULL: none. */
static char *
no_command(const struct ctl_grammar *grammar, const char *word, const char *behind)
{
	struct nearest nearest = nearest_to(word);
	char *both = behind == NULL ? NULL : xasprintf("%s %s", word, behind);
	char *other = both == NULL || !grammar->synonyms ? NULL : other_name(both);

	free(both);
	if (other == NULL && grammar->synonyms)
		other = other_name(word);
	if (other != NULL)
		return other;
	for (size_t i = 0; i < grammar->command_count; i++)
		nearest_try(&nearest, grammar->commands[i].name);
	if (nearest.word != NULL)
		return xasprintf("no command \"%s%s\"; did you mean \"%s%s\"?", grammar->prefix,
		    word, grammar->prefix, nearest.word);
	return xasprintf("no command \"%s%s\"", grammar->prefix, word);
}

static char *
no_option(const struct ctl_grammar *grammar, const char *word, const char *command)
{
	struct nearest nearest = nearest_to(word + strspn(word, "-"));

	for (size_t i = grammar->first_option; i < grammar->option_end; i++) {
		if (ctl_option_is_for(&options[i], command == NULL ? "" : command))
			nearest_try(&nearest, options[i].name);
	}
	if (nearest.word != NULL)
		return xasprintf("no option %s; did you mean --%s?", word, nearest.word);
	if (command == NULL)
		return xasprintf("no option %s before the command", word);
	return xasprintf("%s has no option %s; write -- before a word that begins with a dash",
	    command, word);
}

/* ---- values ------------------------------------------------------------------ */

static bool
read_number(const char *text, uint64_t *number)
{
	uint64_t sum = 0;

	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		unsigned digit = (unsigned)(*text - '0');

		if (*text < '0' || *text > '9' || sum > (UINT64_MAX - digit) / 10)
			return false;
		sum = sum * 10 + digit;
	}
	*number = sum;
	return true;
}

/* The unit at the start of text in milliseconds, and its length; 0: none. */
static size_t
read_unit(const char *text, double *unit_ms)
{
	static const struct {
		const char *name;
		double ms;
	} units[] = { { "ms", 1 }, { "us", 0.001 }, { "ns", 0.000001 }, { "s", 1000 },
		{ "m", 60000 }, { "h", 3600000 } };

	for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
		if (strncmp(text, units[i].name, strlen(units[i].name)) == 0) {
			*unit_ms = units[i].ms;
			return strlen(units[i].name);
		}
	}
	return 0;
}

static bool
read_duration(const char *text, uint64_t *ms)
{
	double sum = 0;

	if (*text == '\0')
		return false;
	while (*text != '\0') {
		size_t digits = strspn(text, "0123456789.");
		double unit_ms = 1000;
		double number;
		char *end;

		if (digits == 0 || digits > 20)
			return false;
		number = strtod(text, &end);
		if (end != text + digits)
			return false;
		text = end;
		if (*text != '\0' || sum > 0) {
			size_t length = read_unit(text, &unit_ms);

			if (length == 0)
				return false;
			text += length;
		}
		sum += number * unit_ms;
		if (sum > (double)DURATION_MS_MAX)
			return false;
	}
	*ms = (uint64_t)(sum + 0.5);
	return true;
}

static bool
is_choice(const char *words, const char *text)
{
	size_t length = strlen(text);

	while (length > 0 && *words != '\0') {
		size_t size = strcspn(words, "|");

		if (size == length && strncmp(words, text, size) == 0)
			return true;
		words += size + (words[size] == '|');
	}
	return false;
}

static bool
read_truth(const struct ctl_option *option, const char *text, uint64_t *truth)
{
	if ((option == &options[OPT_HELP] || option == &options[OPT_V3_HELP]) &&
	    strcmp(text, "all") == 0)
		*truth = 1;
	else if (strcmp(text, "true") == 0 || strcmp(text, "1") == 0)
		*truth = 1;
	else if (strcmp(text, "false") == 0 || strcmp(text, "0") == 0)
		*truth = 0;
	else
		return false;
	return true;
}

/* NULL, or what would be allowed. */
static const char *
read_value(const struct ctl_option *option, struct ctl_option_value *value)
{
	switch (option->kind) {
	case OPTION_FLAG:
		return read_truth(option, value->text, &value->number) ? NULL : "true or false";
	case OPTION_NUMBER:
		return read_number(value->text, &value->number) ? NULL : "a whole number from 0";
	case OPTION_DURATION:
		return read_duration(value->text, &value->number) ? NULL :
		    "a time such as 2s, 500ms or 1m30s";
	case OPTION_CHOICE:
		return is_choice(option->argument, value->text) ? NULL : option->argument;
	case OPTION_TEXT:
	case OPTION_FILE:
		return NULL;
	}
	return NULL;
}

static enum err
set_value(struct ctl_arguments *arguments, const struct ctl_option *option,
    enum ctl_option_source source, const char *text, char **problem)
{
	struct ctl_option_value value = { .source = source, .text = text };
	const char *allowed = read_value(option, &value);

	if (allowed != NULL) {
		*problem = xasprintf("%s%s: \"%s\" is not allowed; write %s",
		    source == SOURCE_ENVIRONMENT ? "" : "--",
		    source == SOURCE_ENVIRONMENT ? option->environment : option->name, text,
		    allowed);
		return ERR_INVALID;
	}
	arguments->values[option - options] = value;
	return ERR_NONE;
}

/* In a variable everything but "0" and "false" sets a flag. */
static const char *
truth_of_variable(const char *text)
{
	return strcmp(text, "0") == 0 || strcmp(text, "false") == 0 ? "false" : "true";
}

static enum err
set_defaults(struct ctl_arguments *arguments, char *(*environment)(const char *name),
    char **problem)
{
	const struct ctl_grammar *grammar = arguments->grammar;

	for (size_t i = grammar->first_option; i < grammar->option_end; i++) {
		const struct ctl_option *option = &options[i];
		const char *text = option->environment == NULL ? NULL :
		    environment(option->environment);
		enum err err = ERR_NONE;

		if (text != NULL && text[0] != '\0')
			err = set_value(arguments, option, SOURCE_ENVIRONMENT,
			    option->kind == OPTION_FLAG ? truth_of_variable(text) : text, problem);
		else if (option->initial != NULL)
			err = set_value(arguments, option, SOURCE_INITIAL, option->initial,
			    problem);
		if (err != ERR_NONE)
			return err;
	}
	return ERR_NONE;
}

/* ---- the words ----------------------------------------------------------------- */

struct word_reading {
	struct ctl_arguments *arguments;
	char **argv;
	int argc;
	int at;
	const char *family;	/* its second word has not come yet */
	bool plain;		/* behind "--", or in somebody else's command line */
	char **problem;
};

static bool
option_fits(const struct word_reading *reading, const struct ctl_option *option)
{
	if (reading->arguments->command != NULL)
		return ctl_option_is_for(option, reading->arguments->command->name);
	if (reading->family != NULL)
		return ctl_option_is_for(option, reading->family) ||
		    option_is_in_family(reading->arguments->grammar, option, reading->family);
	return ctl_option_is_for(option, "");
}

static const struct ctl_option *
find_option(const struct word_reading *reading, const char *name, size_t length)
{
	const struct ctl_grammar *grammar = reading->arguments->grammar;

	for (size_t i = grammar->first_option; i < grammar->option_end; i++) {
		const struct ctl_option *option = &options[i];
		bool is_name = strlen(option->name) == length &&
		    strncmp(option->name, name, length) == 0;
		bool is_letter = option->letter != NULL && length == 1 &&
		    option->letter[0] == name[0];

		if ((is_name || is_letter) && option_fits(reading, option))
			return option;
	}
	return NULL;
}

static enum err
take_option(struct word_reading *reading)
{
	const char *word = reading->argv[reading->at++];
	const char *name = word + (word[1] == '-' ? 2 : 1);
	size_t length = strcspn(name, "=");
	const struct ctl_option *option = find_option(reading, name, length);
	const char *text;

	if (option == NULL) {
		*reading->problem = no_option(reading->arguments->grammar, word,
		    reading->arguments->command != NULL ? reading->arguments->command->name :
							  reading->family);
		return ERR_INVALID;
	}
	if (name[length] == '=') {
		text = name + length + 1;
	} else if (option->kind == OPTION_FLAG) {
		text = "true";
	} else if (reading->at < reading->argc) {
		text = reading->argv[reading->at++];
	} else {
		*reading->problem = xasprintf("--%s needs a value: %s", option->name,
		    option->argument);
		return ERR_INVALID;
	}
	return set_value(reading->arguments, option, SOURCE_FLAG, text, reading->problem);
}

static void
add_word(struct ctl_arguments *arguments, const char *word)
{
	arguments->words = xrealloc(arguments->words,
	    (arguments->word_count + 1) * sizeof(*arguments->words));
	arguments->words[arguments->word_count++] = word;
}

/* The second word of a family; one that it does not know may still be for the row of its name. */
static enum err
take_member(struct word_reading *reading, const char *word)
{
	char *name = xasprintf("%s %s", reading->family, word);
	struct ctl_arguments *arguments = reading->arguments;

	arguments->command = ctl_command_find(arguments->grammar, name);
	if (arguments->command == NULL) {
		arguments->command = ctl_command_find(arguments->grammar, reading->family);
		if (arguments->command != NULL && arguments->command->kind != COMMAND_FAMILY) {
			add_word(arguments, word);
		} else {
			arguments->command = NULL;
			*reading->problem = no_command(arguments->grammar, name, NULL);
		}
	}
	free(name);
	reading->family = NULL;
	return arguments->command == NULL ? ERR_INVALID : ERR_NONE;
}

static enum err
take_word(struct word_reading *reading)
{
	const char *word = reading->argv[reading->at++];
	struct ctl_arguments *arguments = reading->arguments;
	const struct ctl_command *command = arguments->command;

	if (reading->family != NULL)
		return take_member(reading, word);
	if (command == NULL && ctl_command_is_family(arguments->grammar, word)) {
		reading->family = word;
		return ERR_NONE;
	}
	if (command == NULL) {
		arguments->command = ctl_command_find(arguments->grammar, word);
		if (arguments->command == NULL) {
			*reading->problem = no_command(arguments->grammar, word,
			    reading->at < reading->argc ? reading->argv[reading->at] : NULL);
			return ERR_INVALID;
		}
		reading->plain = arguments->command->kind == COMMAND_REST;
		return ERR_NONE;
	}
	if (command->kind == COMMAND_TAIL && arguments->word_count + 1 >= (size_t)command->least)
		reading->plain = true;
	if (command->kind == COMMAND_MAY_TAIL && arguments->word_count >= (size_t)command->least)
		reading->plain = true;
	add_word(arguments, word);
	return ERR_NONE;
}

static enum err
check_count(struct ctl_arguments *arguments, char **problem)
{
	const struct ctl_command *command = arguments->command;
	bool few, many;

	if (command == NULL || ctl_arguments_flag(arguments, arguments->grammar->help) ||
	    ctl_arguments_flag(arguments, OPT_VERSION))
		return ERR_NONE;
	few = arguments->word_count < (size_t)command->least;
	many = command->most >= 0 && arguments->word_count > (size_t)command->most;
	arguments->miscounted = few || many;
	if ((few || many) && command->miscounted != NULL) {
		*problem = xstrdup(command->miscounted);
		return ERR_INVALID;
	}
	if (few) {
		*problem = xasprintf("%s needs %s", command->name, command->arguments);
		return ERR_INVALID;
	}
	if (many) {
		*problem = xasprintf("%s: \"%s\" is one word too many", command->name,
		    arguments->words[command->most]);
		return ERR_INVALID;
	}
	return ERR_NONE;
}

/* What was taken for a family must fit the command that came. */
static enum err
check_options(const struct ctl_arguments *arguments, char **problem)
{
	const struct ctl_grammar *grammar = arguments->grammar;

	if (arguments->command == NULL)
		return ERR_NONE;
	for (size_t i = grammar->first_option; i < grammar->option_end; i++) {
		if (arguments->values[i].source == SOURCE_FLAG &&
		    !ctl_option_is_for(&options[i], arguments->command->name)) {
			*problem = xasprintf("%s has no option --%s", arguments->command->name,
			    options[i].name);
			return ERR_INVALID;
		}
	}
	return ERR_NONE;
}

enum err
ctl_arguments_read(struct ctl_arguments *arguments, const struct ctl_grammar *grammar, int argc,
    char **argv, char *(*environment)(const char *name), char **problem)
{
	struct word_reading reading = { .arguments = arguments, .argv = argv, .argc = argc,
		.problem = problem };
	enum err err;

	*arguments = (struct ctl_arguments){ .grammar = grammar, .dashes_at = CTL_NO_DASHES };
	err = set_defaults(arguments, environment, problem);
	while (err == ERR_NONE && reading.at < argc) {
		const char *word = argv[reading.at];

		if (!reading.plain && strcmp(word, "--") == 0) {
			reading.plain = true;
			arguments->dashes_at = arguments->word_count;
			reading.at++;
		} else if (!reading.plain && word[0] == '-' && word[1] != '\0') {
			err = take_option(&reading);
		} else {
			err = take_word(&reading);
		}
	}
	if (err == ERR_NONE && reading.family != NULL) {
		arguments->command = ctl_command_find(grammar, reading.family);
		if (!ctl_arguments_flag(arguments, grammar->help)) {
			*problem = xasprintf("%s: say which of its commands", reading.family);
			err = ERR_INVALID;
		}
	}
	if (err == ERR_NONE)
		err = check_options(arguments, problem);
	if (err == ERR_NONE)
		err = check_count(arguments, problem);
	return err;
}

void
ctl_arguments_free(struct ctl_arguments *arguments)
{
	free(arguments->words);
	*arguments = (struct ctl_arguments){ 0 };
}

bool
ctl_arguments_flag(const struct ctl_arguments *arguments, enum ctl_option_tag tag)
{
	return arguments->values[tag].number != 0;
}

const char *
ctl_arguments_text(const struct ctl_arguments *arguments, enum ctl_option_tag tag)
{
	return arguments->values[tag].text;
}

uint64_t
ctl_arguments_number(const struct ctl_arguments *arguments, enum ctl_option_tag tag)
{
	return arguments->values[tag].number;
}

bool
ctl_arguments_given(const struct ctl_arguments *arguments, enum ctl_option_tag tag)
{
	return arguments->values[tag].source >= SOURCE_ENVIRONMENT;
}
