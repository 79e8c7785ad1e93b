/*
 * trim.h - memory that was freed goes back to the system.
 *
 * The allocator keeps what is freed for later. Who frees much says so; some seconds
 * after it has become a lot, all that can be given back is: not at once, since it may
 * be needed again, and not often, since it costs time.
 */
#ifndef MOOTHALL_COMMON_TRIM_H
#define MOOTHALL_COMMON_TRIM_H

#include "common/loop.h"

struct trim;

struct trim *trim_new(struct loop *loop);
/* Accepts NULL in *trim. */
void trim_free(struct trim **trim);
/* So many bytes were freed, or will be in this turn. Cheap. */
void trim_freed(struct trim *trim, size_t bytes);

#endif
