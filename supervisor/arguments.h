/*
 * arguments.h - options from files, environment and command line, all through
 * the option table.
 *
 * Later wins: default < system file < file of -config < environment < command
 * line. Nothing is looked at here but the text of each value; what values mean
 * together is setup.h's.
 * Source: docs/operations.md, "Where options come from".
 */
#ifndef MOOTHALL_SUPERVISOR_ARGUMENTS_H
#define MOOTHALL_SUPERVISOR_ARGUMENTS_H

#include "common/option.h"
#include "supervisor/etcd3_flags.h"

/* Where options are read from; all borrowed. */
struct arguments_input {
	int argc;
	char *const *argv;
	char *const *environment;	/* as environ */
	const char *system_file;	/* need not exist; NULL: none */
	bool quiet;			/* say nothing of flags and environment: it was said */
};

struct arguments {
	struct config config;
	enum option_source source[OPTION_COUNT];
	unsigned line[OPTION_COUNT];	/* of those from a file */
	char *system_file, *file;	/* those that were read; NULL: none */
	/* The values as they were read, before anything was worked out of them. */
	struct config given;
	struct etcd3_given etcd3;	/* flags of etcd 3 that no option is like */
};

enum arguments_next {
	ARGUMENTS_RUN,
	ARGUMENTS_HELP,		/* print the help and end */
	ARGUMENTS_HELP_ALL,	/* the long one */
	ARGUMENTS_VERSION,
	ARGUMENTS_WRONG,	/* *problem is set */
};

/*
 * All options.
 *
 *	arguments	out: to be freed by arguments_free, if ARGUMENTS_RUN
 *	problem		out: "SOURCE: PROBLEM", freed by the caller
 *
 * Says deprecated names, unknown ETCD_ variables and unknown keys of files on
 * standard error.
 */
enum arguments_next arguments_read(struct arguments *arguments,
    const struct arguments_input *input, char **problem) MUST_CHECK;
void arguments_free(struct arguments *arguments);

/* Where an option's value was written, "-addr", "ETCD_ADDR" or "FILE:3: addr";
 * freed by the caller. */
char *arguments_source(const struct arguments *arguments, enum option_id id);
/* The same with what is wrong with it, "-addr: PROBLEM"; takes problem, freed by the caller. */
char *arguments_problem(const struct arguments *arguments, enum option_id id, char *problem);

/*
 * Set one option. written: how a message calls the place.
 * ERR_NONE, or ERR_INVALID with *problem "WRITTEN: PROBLEM".
 */
enum err arguments_set(struct arguments *arguments, const struct option_row *row,
    const char *text, enum option_source source, const char *written, char **problem) MUST_CHECK;

static inline enum option_id
arguments_row_id(const struct option_row *row)
{
	return (enum option_id)(row - option_rows);
}

#endif
