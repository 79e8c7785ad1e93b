/*
 * arguments.h - the command line of etcdctl, read by command_table.h and
 * option_table.h. Pure: the environment comes through a function.
 */
#ifndef MOOTHALL_CTL_ARGUMENTS_H
#define MOOTHALL_CTL_ARGUMENTS_H

#include "common/err.h"

struct ctl;

enum ctl_command_group {
	GROUP_KEYS, GROUP_CLUSTER, GROUP_NODE, GROUP_TOOLS, GROUP_SELF
};

enum ctl_command_kind { COMMAND_PLAIN, COMMAND_TAIL, COMMAND_FAMILY };

struct ctl_command {
	const char *name;
	enum ctl_command_group group;
	int (*run)(struct ctl *ctl);
	const char *arguments;
	int least;
	int most;		/* -1: any number */
	enum ctl_command_kind kind;
	const char *help;
};

extern const struct ctl_command commands[];
extern const size_t command_count;

enum ctl_option_kind {
	OPTION_FLAG, OPTION_TEXT, OPTION_NUMBER, OPTION_DURATION, OPTION_CHOICE, OPTION_FILE
};

enum ctl_option_tag {
#define CTL_OPTION(tag, ...) OPT_##tag,
#include "ctl/option_table.h"
	CTL_OPTION_COUNT
};

struct ctl_option {
	const char *commands;
	const char *name;
	const char *letter;	/* NULL: none */
	enum ctl_option_kind kind;
	const char *argument;	/* NULL: a flag */
	const char *environment;	/* NULL: none */
	const char *initial;	/* NULL: none */
	const char *help;
};

extern const struct ctl_option options[CTL_OPTION_COUNT];

enum ctl_option_source { SOURCE_NONE, SOURCE_INITIAL, SOURCE_ENVIRONMENT, SOURCE_FLAG };

struct ctl_option_value {
	enum ctl_option_source source;
	const char *text;	/* borrowed from the command line, environment or table */
	uint64_t number;	/* NUMBER; DURATION: milliseconds; FLAG: 0 or 1 */
};

struct ctl_arguments {
	const struct ctl_command *command;	/* NULL: none was given */
	struct ctl_option_value values[CTL_OPTION_COUNT];
	const char **words;	/* behind the command and without options; owned array */
	size_t word_count;
};

/*
 * Read the words of a command line (without the program's name).
 *
 *	environment	as getenv
 *	problem		out: one sentence, owned by the caller; set on failure only
 *
 * ERR_NONE, or ERR_INVALID. Either way ctl_arguments_free. With --help or --version
 * the number of words is not checked.
 */
enum err ctl_arguments_read(struct ctl_arguments *arguments, int argc, char **argv,
    char *(*environment)(const char *name), char **problem) MUST_CHECK;
void ctl_arguments_free(struct ctl_arguments *arguments);

/* The command of that name ("member list"); NULL: none. */
const struct ctl_command *ctl_command_find(const char *name);
/* True if a command of two words begins with that one. */
bool ctl_command_is_family(const char *word);
/* Does that option belong to that command? "*" options belong to all. */
bool ctl_option_is_for(const struct ctl_option *option, const char *command);

/* True if a flag is set. */
bool ctl_arguments_flag(const struct ctl_arguments *arguments, enum ctl_option_tag tag);
/* NULL if nobody gave it and it has no initial value. */
const char *ctl_arguments_text(const struct ctl_arguments *arguments, enum ctl_option_tag tag);
uint64_t ctl_arguments_number(const struct ctl_arguments *arguments, enum ctl_option_tag tag);
/* True if it was given by a flag or the environment. */
bool ctl_arguments_given(const struct ctl_arguments *arguments, enum ctl_option_tag tag);

#endif
