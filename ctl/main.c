/*
 * main.c - the program "etcdctl": finds the command in the table.
 */
#include "common/base.h"
#include "config.h"
#include "ctl/command.h"

#include <stdio.h>
#include <string.h>

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *usage;
	const char *help;
} commands[] = {
#define COMMAND(name, function, usage, help) { name, function, usage, help },
#include "ctl/command_table.h"
};

int
ctl_help(int argc UNUSED, char **argv UNUSED)
{
	printf("usage: etcdctl COMMAND ...\n\n");
	for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
		printf("  %s\n      %s\n", commands[i].usage, commands[i].help);
	return EXIT_STOPPED;
}

int
ctl_version(int argc UNUSED, char **argv UNUSED)
{
	printf("etcdctl version %s\n", PACKAGE_VERSION);
	return EXIT_STOPPED;
}

int
main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] + strspn(argv[1], "-") : "";

	for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
		if (strcmp(commands[i].name, name) == 0)
			return commands[i].run(argc - 2, argv + 2);
	}
	if (strcmp(name, "h") == 0)
		return ctl_help(0, NULL);
	if (name[0] == '\0')
		fprintf(stderr, "etcdctl: a command is missing\n");
	else
		fprintf(stderr, "etcdctl: no command \"%s\"\n", name);
	fprintf(stderr, "try 'etcdctl help'\n");
	return EXIT_USAGE;
}
