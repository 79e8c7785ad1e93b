/*
 * joined.h - a list of records with what its tails hold in its place, as the disk gets it.
 */
#ifndef MOOTHALL_TESTS_LIB_JOINED_H
#define MOOTHALL_TESTS_LIB_JOINED_H

#include "common/tails.h"

/* tails may be NULL; returned owned. NULL: the list is malformed, or a tail is of no record. */
struct blob *joined(struct slice records, const struct tails *tails);

#endif
