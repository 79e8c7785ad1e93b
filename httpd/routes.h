/*
 * routes.h - the endpoints by number, as a request has it and as people know them.
 *
 * A number is of one program: what another worker is told of is the name.
 */
#ifndef MOOTHALL_HTTPD_ROUTES_H
#define MOOTHALL_HTTPD_ROUTES_H

#include "common/slice.h"

/* How many numbers there are: 0 is none of route_table.h, the others are its rows. */
size_t route_count(void);
/* The path that a row matches; "other" for 0. */
const char *route_name(unsigned route);
/* The first number of that name; 0 if there is none. */
unsigned route_named(struct slice name);

#endif
