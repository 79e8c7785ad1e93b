/*
 * usage.c - help, made from the tables.
 */
#include "ctl/usage.h"

#include "common/program.h"
#include "config.h"
#include "ctl/ctl.h"

#include <stdio.h>

static const char *const group_titles[] = {
	[GROUP_KEYS] = "Keys",
	[GROUP_CLUSTER] = "Cluster",
	[GROUP_NODE] = "Node on this machine",
	[GROUP_TOOLS] = "Tools",
	[GROUP_SELF] = "This program",
	[GROUP_LEASES] = "Leases, locks",
	[GROUP_USERS] = "Users",
	[GROUP_MAINTENANCE] = "Maintenance",
};

#define NAME_COLUMNS 16
#define OPTION_COLUMNS 26
#define LINE_COLUMNS 80

static void
print_command(const struct output *out, const struct ctl_command *command)
{
	output_print(out, "  %-*s %s\n", NAME_COLUMNS, command->name, command->help);
}

/* "-C, --peers URL,..." */
static int
print_option_name(const struct output *out, const struct ctl_option *option)
{
	char text[80];
	int length;

	length = snprintf(text, sizeof(text), "%s%s%s--%s%s%s", option->letter == NULL ? "" : "-",
	    option->letter == NULL ? "" : option->letter, option->letter == NULL ? "" : ", ",
	    option->name, option->argument == NULL ? "" : " ",
	    option->argument == NULL ? "" : option->argument);
	output_print(out, "  %s", text);
	return length;
}

/* Words from that column on, in lines of 80. */
static void
print_wrapped(const struct output *out, const char *text, size_t column)
{
	size_t at = column;

	while (*text != '\0') {
		size_t size = strcspn(text, " ");

		if (at > column && at + 1 + size > LINE_COLUMNS) {
			output_print(out, "\n%*s", (int)column, "");
			at = column;
		} else if (at > column) {
			output_print(out, " ");
			at++;
		}
		output_print(out, "%.*s", (int)size, text);
		at += size;
		text += size + strspn(text + size, " ");
	}
	output_print(out, "\n");
}

static void
print_option(const struct output *out, const struct ctl_option *option)
{
	bool shown = option->initial != NULL && strcmp(option->initial, "0") != 0;
	int length = print_option_name(out, option);
	char text[256];

	if (length > OPTION_COLUMNS)
		output_print(out, "\n  %*s", OPTION_COLUMNS, "");
	else
		output_print(out, "%*s", OPTION_COLUMNS - length, "");
	snprintf(text, sizeof(text), "%s%s%s%s", option->help, shown ? " (" : "",
	    shown ? option->initial : "", shown ? ")" : "");
	output_print(out, "  ");
	print_wrapped(out, text, OPTION_COLUMNS + 4);
}

static void
print_options(const struct output *out, const struct ctl_grammar *grammar, const char *command,
    bool global)
{
	for (size_t i = grammar->first_option; i < grammar->option_end; i++) {
		bool is_global = strcmp(options[i].commands, "*") == 0;

		if (is_global == global && ctl_option_is_for(&options[i], command))
			print_option(out, &options[i]);
	}
}

static bool
has_options(const struct ctl_grammar *grammar, const char *command)
{
	for (size_t i = grammar->first_option; i < grammar->option_end; i++) {
		if (strcmp(options[i].commands, "*") != 0 && ctl_option_is_for(&options[i],
		    command))
			return true;
	}
	return false;
}

static void
print_examples(const struct output *out, const struct ctl_grammar *grammar)
{
	const char *own = program_own();

	if (grammar == &ctl_grammar_v2)
		output_print(out, "Options of all commands: --endpoints, -o, ...: %s --help=all\n"
		    "Examples\n"
		    "  %s set /message Hello\n"
		    "  %s --endpoints http://10.0.0.1:4001,http://10.0.0.2:4001 ls -r /\n"
		    "  %s control -data-dir machine1.etcd status\n",
		    own, own, own, own);
	else
		output_print(out, "Options of all commands: --endpoints, -w, ...: "
		    "%s v3 --help=all\n"
		    "Examples, with ETCDCTL_API=3 also without the word v3\n"
		    "  %s v3 put message Hello\n"
		    "  %s v3 get --prefix m\n"
		    "  %s v3 watch message\n",
		    own, own, own, own);
}

void
usage_print(const struct output *out, const struct ctl_grammar *grammar)
{
	const char *title = NULL;

	output_print(out, "usage: %s %s[OPTION...] COMMAND [ARGUMENT...]\n", program_own(),
	    grammar->prefix);
	for (size_t i = 0; i < grammar->command_count; i++) {
		const struct ctl_command *command = &grammar->commands[i];

		if (strchr(command->name, ' ') != NULL)
			continue;
		if (title != group_titles[command->group]) {
			title = group_titles[command->group];
			output_print(out, "%s\n", title);
		}
		print_command(out, command);
	}
	print_examples(out, grammar);
}

static void
print_command_usage(const struct output *out, const struct ctl_grammar *grammar,
    const struct ctl_command *command)
{
	if (command->kind == COMMAND_FAMILY)
		return;
	output_print(out, "usage: %s %s%s%s%s%s\n", program_own(), grammar->prefix, command->name,
	    has_options(grammar, command->name) ? " [OPTION...]" : "",
	    command->arguments[0] == '\0' ? "" : " ", command->arguments);
}

void
usage_print_command(const struct output *out, const struct ctl_grammar *grammar,
    const struct ctl_command *command)
{
	size_t length = strlen(command->name);

	print_command_usage(out, grammar, command);
	output_print(out, "%s\n", command->help);
	if (ctl_command_is_family(grammar, command->name)) {
		output_print(out, "\nCommands\n");
		for (size_t i = 0; i < grammar->command_count; i++) {
			const struct ctl_command *member = &grammar->commands[i];

			if (strncmp(member->name, command->name, length) == 0 &&
			    member->name[length] == ' ')
				print_command(out, member);
		}
	}
	if (has_options(grammar, command->name)) {
		output_print(out, "\nOptions\n");
		print_options(out, grammar, command->name, false);
	}
	output_print(out, "\nAnd those of all commands: %s %s--help=all\n", program_own(),
	    grammar->prefix);
}

void
usage_print_all(const struct output *out, const struct ctl_grammar *grammar)
{
	for (size_t i = 0; i < grammar->command_count; i++) {
		print_command_usage(out, grammar, &grammar->commands[i]);
		output_print(out, "  %s\n", grammar->commands[i].help);
		print_options(out, grammar, grammar->commands[i].name, false);
	}
	output_print(out, "\nOptions of all commands\n");
	print_options(out, grammar, "", true);
}

int
usage_help(const struct output *out, const struct ctl_arguments *arguments)
{
	const struct ctl_grammar *grammar = arguments->grammar;
	const struct ctl_command *command;
	char name[64];

	if (arguments->word_count == 0) {
		usage_print(out, grammar);
		return CTL_DONE;
	}
	snprintf(name, sizeof(name), "%s%s%s", arguments->words[0],
	    arguments->word_count > 1 ? " " : "",
	    arguments->word_count > 1 ? arguments->words[1] : "");
	command = ctl_command_find(grammar, name);
	if (command == NULL)
		return output_fail(CTL_BAD_ARGUMENTS, "no command \"%s%s\"; try '%s %shelp'",
		    grammar->prefix, name, program_own(), grammar->prefix);
	usage_print_command(out, grammar, command);
	return CTL_DONE;
}

int
ctl_help(struct ctl *ctl)
{
	return usage_help(&ctl->out, ctl->arguments);
}

int
ctl_version(struct ctl *ctl)
{
	output_print(&ctl->out, "%s version %s\n", program_own(), PACKAGE_VERSION);
	return CTL_DONE;
}
