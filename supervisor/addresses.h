/*
 * addresses.h - where a node listens and which addresses it tells: lists of HOST:PORT,
 * completed and checked.
 *
 * A list is text with commas between its items, as options have it. Reads options only:
 * nothing is looked up or opened (listeners.h does that).
 * Source: docs/operations.md, "Addresses".
 */
#ifndef MOOTHALL_SUPERVISOR_ADDRESSES_H
#define MOOTHALL_SUPERVISOR_ADDRESSES_H

#include "common/limits.h"
#include "supervisor/arguments.h"

/* The items of a list, without the blanks around them and without empty ones. */
struct addresses {
	char *items[LISTEN_MAX];
	size_t count;
};

/* False: there are more than LISTEN_MAX, and the list is empty. */
bool addresses_read(const char *text, struct addresses *list) MUST_CHECK;
void addresses_free(struct addresses *list);

/*
 * Fill in bind_addr and peer_bind_addr: HOST:PORT,... always; with the port of the
 * advertised address where none was given, and that address where nothing was.
 *
 * NULL, or what is wrong: "SOURCE: PROBLEM", freed by the caller.
 */
char *addresses_check(struct arguments *arguments) MUST_CHECK;

#endif
