/*
 * help.h - what -help prints: the options that a first node and a first cluster
 * need; and what -help=all prints: all of them. Both from the option table.
 */
#ifndef MOOTHALL_SUPERVISOR_HELP_H
#define MOOTHALL_SUPERVISOR_HELP_H

/* To standard output; fewer than 40 lines. */
void help_print(void);
void help_print_all(void);

#endif
