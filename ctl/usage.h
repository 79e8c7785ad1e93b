/*
 * usage.h - help, to standard output.
 */
#ifndef MOOTHALL_CTL_USAGE_H
#define MOOTHALL_CTL_USAGE_H

#include "ctl/output.h"

/* Under 40 lines: the commands in groups, three examples. */
void usage_print(const struct output *out, const struct ctl_grammar *grammar);
/* One command, or a family of them, with its options. */
void usage_print_command(const struct output *out, const struct ctl_grammar *grammar,
    const struct ctl_command *command);
/* Every command with its options, and the options of all. */
void usage_print_all(const struct output *out, const struct ctl_grammar *grammar);
/* The command that these words name, or all; returns the exit code. */
int usage_help(const struct output *out, const struct ctl_arguments *arguments);

#endif
