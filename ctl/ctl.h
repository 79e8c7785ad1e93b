/*
 * ctl.h - what every command of etcdctl gets, and how it ends.
 *
 * Data goes to standard output, talk to standard error. A command is a function
 * that takes a struct ctl and returns the exit code; it waits as long as it has
 * to, there is no loop.
 */
#ifndef MOOTHALL_CTL_CTL_H
#define MOOTHALL_CTL_CTL_H

#include "ctl/arguments.h"
#include "ctl/output.h"

/* Exit codes: 0 to 4 are those of the 0.4 series. 130: interrupted. */
enum ctl_exit {
	CTL_DONE = 0,
	CTL_BAD_ARGUMENTS = 1,
	CTL_NO_HOST = 2,		/* no endpoint can be reached */
	CTL_NOT_AUTHORISED = 3,
	CTL_SERVER_ERROR = 4,
	CTL_UNKNOWN_OUTCOME = 5,	/* timed out: may or may not have been carried out */
	CTL_DIFFERENT = 5,		/* who was asked is of different clusters */
	CTL_BAD_FILE = 6,		/* damaged or incomplete */
};

struct ctl {
	const struct ctl_arguments *arguments;
	struct output out;
};

/*
 * The functions of command_table.h. Each gets a command line that fits its row
 * and returns the exit code of the program.
 */
#define COMMAND(name, group, function, arguments, least, most, kind, help) \
	COMMAND_DECLARE_##kind(function)
#define COMMAND_DECLARE_PLAIN(function) int function(struct ctl *ctl);
#define COMMAND_DECLARE_TAIL(function) int function(struct ctl *ctl);
#define COMMAND_DECLARE_MAY_TAIL(function) int function(struct ctl *ctl);
#define COMMAND_DECLARE_REST(function) int function(struct ctl *ctl);
#define COMMAND_DECLARE_FAMILY(function)
#include "ctl/command_table.h"

#endif
