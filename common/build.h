/*
 * build.h - which build a program is of: its version and what its sources and configure's
 * choices add up to. Programs of one build are made for each other; those of two are so
 * by WIRE_PROTOCOL only, and an operator is told of them.
 *
 * In a library of its own, which only etcd, raftd and httpd are linked with: whatever else
 * has a use for it is given the text.
 */
#ifndef MOOTHALL_COMMON_BUILD_H
#define MOOTHALL_COMMON_BUILD_H

/* "0.1.0+2891336453"; at most BUILD_TEXT_BYTES_MAX. */
extern const char build_text[];

#define BUILD_TEXT_BYTES_MAX 64

#endif
