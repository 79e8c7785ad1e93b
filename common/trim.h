/*
 * trim.h - memory that was freed goes back to the system.
 *
 * The allocator keeps what is freed for later. A part that holds much tells how much it is;
 * when that has fallen by a lot, all that can be given back is: after some seconds,
 * since it may be needed again, and sooner the more it is, since it costs time. What
 * only comes and goes costs nothing.
 *
 * One call gives all back, and costs more the more holes there are: of many small
 * things see pool.h.
 */
#ifndef MOOTHALL_COMMON_TRIM_H
#define MOOTHALL_COMMON_TRIM_H

#include "common/loop.h"

struct trim;

struct trim *trim_new(struct loop *loop);
/* Accepts NULL in *trim. */
void trim_free(struct trim **trim);
/* So many bytes are held now. Cheap. */
void trim_held(struct trim *trim, size_t bytes);
/* How often memory was given back; for tests. */
size_t trim_count(const struct trim *trim);

#endif
