/*
 * allocator.h - how the C library of our children keeps large pieces of memory.
 *
 * A value may have 10 MiB, and raftd holds several copies of it for a moment. By its
 * defaults the C library learns from the first one that goes to keep them all, with
 * holes between them, and faults each small page of the next one in by itself.
 */
#ifndef MOOTHALL_SUPERVISOR_ALLOCATOR_H
#define MOOTHALL_SUPERVISOR_ALLOCATOR_H

/* Say so in the environment, from which children take it at their start. What the operator
 * has set there stays, and wins. Before the first child. */
void allocator_tune(void);

#endif
