/*
 * url_list.h - where a member is reached: URLs with commas between them, the first one
 * preferred. One URL alone is such a list.
 *
 * Pure; results are views of what was given. Records of members and places, options and
 * messages have addresses in this form (docs/formats.md, "Lists of URLs").
 */
#ifndef MOOTHALL_COMMON_URL_LIST_H
#define MOOTHALL_COMMON_URL_LIST_H

#include "common/slice.h"

/* Take the next one off rest; false: there is none. */
bool url_list_next(struct slice *rest, struct slice *url);
/* For who takes one only; empty if there is none. */
struct slice url_list_first(struct slice list);
/* Is that the first one? Hosts have no case. */
bool url_list_first_is(struct slice list, struct slice url);
/* Is any URL in both? */
bool url_list_shares(struct slice one, struct slice other);
/* Is every URL of each in the other, whatever the order is? */
bool url_list_same(struct slice one, struct slice other);

#endif
