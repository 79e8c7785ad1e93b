/*
 * address_list.c - nodes that an operator has named (see address_list.h).
 */
#include "httpd/peer/address_list.h"

#include "common/diag.h"
#include "common/xmem.h"

#include <stdlib.h>
#include <string.h>

static void
add(struct address_list *list, const struct peer_address *own, struct slice item)
{
	struct peer_address address;

	if (item.size == 0 || list->count == ADDRESS_LIST_MAX)
		return;
	if (peer_address_parse(item, true, &address) != ERR_NONE) {
		diag_warn("peer", "left out of the peers, not HOST:PORT: %.*s", SLICE_ARGS(item));
		return;
	}
	if (!peer_address_equal(&address, own))
		list->items[list->count++] = address;
}

struct address_list
address_list_read(const char *text, const char *own)
{
	struct address_list list = { NULL, 0 };
	struct peer_address own_address;
	size_t items = 1;

	if (peer_address_parse(slice_text(own), true, &own_address) != ERR_NONE)
		memset(&own_address, 0, sizeof(own_address));
	for (const char *comma = text; (comma = strchr(comma, ',')) != NULL; comma++)
		items++;
	list.items = xzalloc(MIN_OF(items, (size_t)ADDRESS_LIST_MAX) * sizeof(*list.items));
	while (*text != '\0') {
		size_t size = strcspn(text, ",");

		add(&list, &own_address, slice_of(text, size));
		text += size + (text[size] == ',');
	}
	return list;
}

void
address_list_free(struct address_list *list)
{
	free(list->items);
	*list = (struct address_list){ NULL, 0 };
}
