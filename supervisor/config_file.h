/*
 * config_file.h - options from a file (toml.h), and as a file.
 *
 * An empty text or array takes back what an earlier source said.
 * Source: docs/operations.md, "Where options come from".
 */
#ifndef MOOTHALL_SUPERVISOR_CONFIG_FILE_H
#define MOOTHALL_SUPERVISOR_CONFIG_FILE_H

#include "supervisor/arguments.h"

/*
 * Set what the file sets. source: OPTION_FROM_SYSTEM_FILE, whose file need not
 * exist, or OPTION_FROM_FILE.
 *
 *	problem	out: "FILE:LINE: KEY: PROBLEM", freed by the caller
 *
 * ERR_NONE, or ERR_INVALID: some options may be set. Says keys and tables that
 * nobody knows on standard error.
 */
enum err config_file_read(struct arguments *arguments, const char *path,
    enum option_source source, char **problem) MUST_CHECK;

/* All values as a file that can be read back, with where each came from. */
void config_file_print(const struct arguments *arguments, struct buf *out);

/* The sample: every key with its default and help, as comments. */
void config_file_sample(struct buf *out);

#endif
