/*
 * setup.h - what the options mean together: checks, and what is worked out.
 *
 * After setup_check the configuration is complete but for the name, the data
 * directory (directory.h) and the two URLs, which need the bound ports.
 * Source: docs/operations.md, "Addresses".
 */
#ifndef MOOTHALL_SUPERVISOR_SETUP_H
#define MOOTHALL_SUPERVISOR_SETUP_H

#include "supervisor/arguments.h"

/*
 * Check everything that needs no other process, and fill in
 *	bind_addr, peer_bind_addr	host:port, always
 *	peers		-peers-file's items if there is one; without scheme, without us
 *	log_level	from -v and its like
 *	retry_interval	drawn if it was not given
 *	origin_check	true if -cors was given and it was not
 *	paths		absolute
 *
 * NULL, or what is wrong: "SOURCE: PROBLEM", freed by the caller; exit 2.
 */
char *setup_check(struct arguments *arguments) MUST_CHECK;

/* Warn of options that were given and have no effect. */
void setup_tell_ineffective(const struct arguments *arguments);

/* How many client workers; -workers has been checked. */
unsigned setup_workers(const struct config *config);

/* path from the working directory if it is relative and there is one; freed by
 * the caller. */
char *setup_absolute(const char *path);

/* Replace a text of the configuration that the supervisor works out. */
void setup_text(struct config *config, enum option_id id, const char *text);

#endif
