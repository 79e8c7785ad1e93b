/*
 * field_list.h - values of header fields as lists: "text/plain;q=0.5, text/html".
 *
 * Pure. Source: RFC 9110, 5.6.1 (lists), 5.6.6 (parameters).
 */
#ifndef MOOTHALL_COMMON_FIELD_LIST_H
#define MOOTHALL_COMMON_FIELD_LIST_H

#include "common/slice.h"

/* What is before the first mark, without blanks around it; *rest is what is behind the mark, or
 * empty. */
struct slice field_list_next(struct slice *rest, char mark);

#endif
