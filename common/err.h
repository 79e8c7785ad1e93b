/*
 * err.h - the one error type.
 *
 * Made from error_table.h. A number is stored and sent: never reused. Numbers
 * from 100 on are those of the API (docs/api.md, "Errors"); below are ours and
 * never reach a client.
 */
#ifndef MOOTHALL_COMMON_ERR_H
#define MOOTHALL_COMMON_ERR_H

#include "common/base.h"

enum err {
#define ERROR(tag, number, http_status, text) ERR_##tag = number,
#include "common/error_table.h"
};

/* The error of that number, or ERR_INTERNAL if no row has it. */
enum err err_from_number(uint16_t number);

/* errno of a failed system call as an error; never ERR_NONE. */
enum err err_from_errno(int errno_value);

/* The text that people and clients read; static. */
const char *err_text(enum err err);

/* The HTTP status of an API error; 500 for one of ours that leaked so far. */
unsigned err_http_status(enum err err);

/* True if the error has a code of the API, so a client may see it. */
bool err_is_api(enum err err);

#endif
