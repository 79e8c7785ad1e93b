/*
 * arguments.h - the command line of etcdctl, read by the tables of a grammar. Pure: the
 * environment comes through a function.
 *
 * There are two grammars: that of the v2 commands (command_table.h, option_table.h), and that
 * of the v3 commands (v3/command_table.h, v3/option_table.h). Options of both have one enum,
 * so that whoever needs a setting asks the grammar for its tag.
 */
#ifndef MOOTHALL_CTL_ARGUMENTS_H
#define MOOTHALL_CTL_ARGUMENTS_H

#include "common/err.h"

struct ctl;
struct ctl3;

enum ctl_command_group {
	GROUP_KEYS, GROUP_LEASES, GROUP_CLUSTER, GROUP_USERS, GROUP_NODE, GROUP_TOOLS,
	GROUP_MAINTENANCE, GROUP_SELF
};

enum ctl_command_kind {
	COMMAND_PLAIN, COMMAND_TAIL, COMMAND_MAY_TAIL, COMMAND_REST, COMMAND_FAMILY
};

struct ctl_command {
	const char *name;
	enum ctl_command_group group;
	int (*run)(struct ctl *ctl);	/* NULL: a family, or of the other grammar */
	int (*run_v3)(struct ctl3 *v3);
	const char *arguments;
	int least;
	int most;		/* -1: any number */
	enum ctl_command_kind kind;
	const char *miscounted;	/* what is said to another number of words; NULL: made */
	const char *help;
};

enum ctl_option_kind {
	OPTION_FLAG, OPTION_TEXT, OPTION_NUMBER, OPTION_DURATION, OPTION_CHOICE, OPTION_FILE
};

enum ctl_option_tag {
#define CTL_OPTION(tag, ...) OPT_##tag,
#include "ctl/option_table.h"
	CTL_OPTIONS_V2_COUNT,
	CTL_OPTIONS_V2_LAST = CTL_OPTIONS_V2_COUNT - 1,
#define CTL_OPTION(tag, ...) OPT_##tag,
#include "ctl/v3/option_table.h"
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

struct ctl_grammar {
	const char *prefix;		/* a word before the command, with a blank; may be empty */
	const struct ctl_command *commands;
	size_t command_count;
	size_t first_option, option_end;	/* of options[] */
	bool synonyms;			/* words of other programs are answered (synonym_table.h) */
	bool synchronises;		/* a client asks the cluster for its other members */
	/* Which options are these: */
	enum ctl_option_tag help, endpoints, discovery, debug, connect_time, total_time, cert, key,
	    ca;
};

extern const struct ctl_grammar ctl_grammar_v2, ctl_grammar_v3;

enum ctl_option_source { SOURCE_NONE, SOURCE_INITIAL, SOURCE_ENVIRONMENT, SOURCE_FLAG };

struct ctl_option_value {
	enum ctl_option_source source;
	const char *text;	/* borrowed from the command line, environment or table */
	uint64_t number;	/* NUMBER; DURATION: milliseconds; FLAG: 0 or 1 */
};

#define CTL_NO_DASHES SIZE_MAX

struct ctl_arguments {
	const struct ctl_grammar *grammar;
	const struct ctl_command *command;	/* NULL: none was given */
	struct ctl_option_value values[CTL_OPTION_COUNT];
	const char **words;	/* behind the command and without options; owned array */
	size_t word_count;
	size_t dashes_at;	/* words before "--"; CTL_NO_DASHES: there was none */
	bool miscounted;	/* the problem is the number of words */
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
enum err ctl_arguments_read(struct ctl_arguments *arguments, const struct ctl_grammar *grammar,
    int argc, char **argv, char *(*environment)(const char *name), char **problem) MUST_CHECK;
void ctl_arguments_free(struct ctl_arguments *arguments);

/* The command of that name ("member list"); NULL: none. */
const struct ctl_command *ctl_command_find(const struct ctl_grammar *grammar, const char *name);
/* True if a command of two words begins with that one. */
bool ctl_command_is_family(const struct ctl_grammar *grammar, const char *word);
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
