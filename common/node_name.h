/*
 * node_name.h - what a node may be called. Pure.
 *
 * One rule for what is given on a command line, what a joiner sends and what a directory
 * is made for: a name is an item of a path, of a URL and of the registry's keys.
 */
#ifndef MOOTHALL_COMMON_NODE_NAME_H
#define MOOTHALL_COMMON_NODE_NAME_H

#include "common/slice.h"

/* 1 to NAME_BYTES_MAX bytes of [A-Za-z0-9._-], not beginning with "_" or ".". */
bool node_name_valid(struct slice name);
/* NULL: it is valid; else why not, with the name and what is allowed, owned by the caller. */
char *node_name_problem(const char *name);

#endif
