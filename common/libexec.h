/*
 * libexec.h - where the programs are that are not in PATH.
 */
#ifndef MOOTHALL_COMMON_LIBEXEC_H
#define MOOTHALL_COMMON_LIBEXEC_H

#include "common/base.h"

/* The directory libexec/ beside the running program: there in a build tree.
 * Freed by the caller. */
char *libexec_beside(void);
/* That program: in libexec_beside, else where it is installed. Freed by the
 * caller; it may not be there. */
char *libexec_program(const char *name);

#endif
