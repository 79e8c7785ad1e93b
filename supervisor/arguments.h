/*
 * arguments.h - options from the command line and the environment, all through
 * the option table.
 *
 * Later wins: default < environment < command line. Nothing is looked at here
 * but the text of each value; what values mean together is setup.h's.
 * Source: spec configuration.md, sources and precedence.
 */
#ifndef MOOTHALL_SUPERVISOR_ARGUMENTS_H
#define MOOTHALL_SUPERVISOR_ARGUMENTS_H

#include "common/option.h"

struct arguments {
	struct config config;
	enum option_source source[OPTION_COUNT];
};

enum arguments_next {
	ARGUMENTS_RUN,
	ARGUMENTS_HELP,		/* print the help and end */
	ARGUMENTS_VERSION,
	ARGUMENTS_WRONG,	/* *problem is set */
};

/*
 * All options. environment: as environ; arguments after argv[0].
 *
 *	problem	out: "SOURCE: PROBLEM", freed by the caller
 *
 * Says deprecated names and unknown ETCD_ variables on standard error.
 */
enum arguments_next arguments_read(struct arguments *arguments, int argc, char **argv,
    char **environment, char **problem) MUST_CHECK;
void arguments_free(struct arguments *arguments);

/* Where an option's value was written, "-addr" or "ETCD_ADDR"; freed by the caller. */
char *arguments_source(const struct arguments *arguments, enum option_id id);

/* The help, on standard output. */
void arguments_print_help(void);

#endif
