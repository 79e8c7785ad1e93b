/*
 * member_name.h - what a machine of a cluster may be called.
 */
#ifndef MOOTHALL_COMMON_MEMBER_NAME_H
#define MOOTHALL_COMMON_MEMBER_NAME_H

#include "common/slice.h"

/*
 * 1 to NAME_BYTES_MAX of A-Z a-z 0-9 . _ - and neither "." nor "_" at the beginning: a name
 * is part of a key and of a line for people. Asked wherever a machine comes in from outside.
 */
bool member_name_valid(struct slice name);

#endif
