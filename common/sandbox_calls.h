/*
 * sandbox_calls.h - what sandbox.c asks the part about system calls.
 */
#ifndef MOOTHALL_COMMON_SANDBOX_CALLS_H
#define MOOTHALL_COMMON_SANDBOX_CALLS_H

/* Why system calls cannot be filtered here, static; NULL: they can. */
const char *sandbox_calls_missing(void);

#endif
