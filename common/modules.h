/*
 * modules.h - what a node serves beside the keys, if it is told to (-modules).
 */
#ifndef MOOTHALL_COMMON_MODULES_H
#define MOOTHALL_COMMON_MODULES_H

#include "common/slice.h"

#define MODULE_LOCK 0x01u
#define MODULE_LEADER 0x02u

/*
 * The MODULE_* of a list with commas; names may have blanks around them, and may be there
 * twice.
 *
 *	unknown	out: the first name that is none of theirs, borrowed; or empty
 */
unsigned modules_read(const char *list, struct slice *unknown);

#endif
