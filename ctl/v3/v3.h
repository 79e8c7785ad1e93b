/*
 * v3.h - what every v3 command of etcdctl gets, and how it ends.
 *
 * These commands are those of etcdctl 3.4: same flags, same output, same exit codes. They
 * speak to the JSON gateway (/v3/...), so any etcd from 3.4 on understands them. Data goes to
 * standard output, talk to standard error.
 */
#ifndef MOOTHALL_CTL_V3_V3_H
#define MOOTHALL_CTL_V3_V3_H

#include "ctl/client.h"
#include "ctl/output.h"

/* As of etcdctl 3.4. */
enum ctl3_exit {
	CTL3_DONE = 0,
	CTL3_ERROR = 1,
	CTL3_BAD_CONNECTION = 2,
	CTL3_INVALID_INPUT = 3,
	CTL3_BAD_FEATURE = 4,	/* this form of output is not there */
	CTL3_INTERRUPTED = 5,
	CTL3_IO = 6,
	CTL3_BAD_ARGS = 128,
};

enum ctl3_format { CTL3_SIMPLE, CTL3_FIELDS, CTL3_JSON, CTL3_TABLE };

struct ctl3 {
	const struct ctl_arguments *arguments;
	struct output out;
	enum ctl3_format format;
	bool hex;
	struct client *client;	/* NULL until the first request */
	char *user, *password;	/* NULL: none */
	char *token;		/* NULL: none yet */
};

/* Run what the words behind the program's name, or behind "v3", say; returns the exit code. */
int ctl3_main(int argc, char **argv);

/* The functions of command_table.h. */
#define COMMAND(name, group, function, arguments, least, most, kind, miscounted, help) \
	CTL3_DECLARE_##kind(function)
#define CTL3_DECLARE_PLAIN(function) int function(struct ctl3 *v3);
#define CTL3_DECLARE_MAY_TAIL(function) int function(struct ctl3 *v3);
#define CTL3_DECLARE_FAMILY(function)
#include "ctl/v3/command_table.h"

#endif
