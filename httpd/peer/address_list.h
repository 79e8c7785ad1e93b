/*
 * address_list.h - nodes that an operator, or a node of old, has named.
 *
 * "host:port,host:port", as -peers has it. Used by who asks to join (join.c) and by
 * who wants to know what cluster they are of (others.c).
 */
#ifndef MOOTHALL_HTTPD_PEER_ADDRESS_LIST_H
#define MOOTHALL_HTTPD_PEER_ADDRESS_LIST_H

#include "common/limits.h"
#include "httpd/peer/identity.h"

#include <stddef.h>

struct address_list {
	struct peer_address *items;
	size_t count;
};

/*
 * Take a list apart; what cannot be an address is said and left out, as is our own.
 *
 *	text	items by commas; some may be empty
 *	own	host:port of this node; what is no address is nobody's
 *
 * The list is the caller's: address_list_free.
 */
struct address_list address_list_read(const char *text, const char *own);
void address_list_free(struct address_list *list);

#endif
