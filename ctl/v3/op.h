/*
 * op.h - put, get and del of a command line as messages: of a command, and of a line in a
 * transaction.
 */
#ifndef MOOTHALL_CTL_V3_OP_H
#define MOOTHALL_CTL_V3_OP_H

#include "common/json_put.h"
#include "ctl/v3/v3.h"

/*
 * Write the message of that command line as an object. Each says what is wrong
 * ("Error: ...") and returns the exit code, or CTL3_DONE.
 */
int ctl3_op_put(const struct ctl_arguments *arguments, struct json_put *json);
int ctl3_op_get(const struct ctl_arguments *arguments, struct json_put *json);
int ctl3_op_del(const struct ctl_arguments *arguments, struct json_put *json);

/* Numbers of a command line; false: text is none, *problem is as Go says it, freed by the
 * caller. */
bool ctl3_read_i64(const char *text, int64_t *number, char **problem) MUST_CHECK;
bool ctl3_read_hex(const char *text, const char *function, uint64_t *number, char **problem)
    MUST_CHECK;
/* All of standard input, appended; the exit code. */
int ctl3_read_input(struct buf *text);

#endif
