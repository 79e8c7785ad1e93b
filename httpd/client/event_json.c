/*
 * event_json.c - events and nodes as JSON (see event_json.h).
 *
 * A listing comes in pre-order with depths, and a directory's indexes stand
 * behind its "nodes", so the open directories are kept on a stack: as deep as
 * the tree, but on the heap.
 */
#include "httpd/client/event_json.h"
#include "common/clock.h"
#include "common/ipc/wire.h"
#include "common/xmem.h"
#include "httpd/json.h"

#include <stdlib.h>

static const char *const action_names[] = {
	[ACTION_GET] = "get",
	[ACTION_SET] = "set",
	[ACTION_CREATE] = "create",
	[ACTION_UPDATE] = "update",
	[ACTION_COMPARE_AND_SWAP] = "compareAndSwap",
	[ACTION_DELETE] = "delete",
	[ACTION_COMPARE_AND_DELETE] = "compareAndDelete",
	[ACTION_EXPIRE] = "expire",
};

/* A node whose end is not written yet. */
struct open_node {
	uint64_t modified, created;
	bool listing;			/* its "nodes" are open */
};

struct listing {
	struct open_node *open;		/* of depth 0, 1, ... */
	size_t count, capacity;
};

static void
begin_node(struct json *json, struct listing *listing, const struct node_record *node,
    uint64_t now_ns)
{
	char text[CLOCK_TEXT_BYTES];

	listing->open = xgrow(listing->open, &listing->capacity, listing->count + 1,
	    sizeof(listing->open[0]));
	listing->open[listing->count++] = (struct open_node){ node->modified, node->created,
	    false };
	json_open(json, '{');
	json_name(json, "key");
	json_text(json, node->key);
	if ((node->flags & NODE_VALUE) != 0) {
		json_name(json, "value");
		json_text(json, node->value);
	}
	if ((node->flags & NODE_DIR) != 0) {
		json_name(json, "dir");
		json_bool(json, true);
	}
	if ((node->flags & NODE_EXPIRES) == 0)
		return;
	clock_format(node->expire_at_ns, 9, true, text);
	json_name(json, "expiration");
	json_text(json, slice_text(text));
	if (node->expire_at_ns <= now_ns)
		return;
	json_name(json, "ttl");
	json_number(json, (node->expire_at_ns - now_ns - 1) / NS_PER_SECOND + 1);
}

static void
end_node(struct json *json, struct listing *listing)
{
	const struct open_node *node = &listing->open[--listing->count];

	if (node->listing)
		json_close(json, ']');
	if (node->modified != 0) {
		json_name(json, "modifiedIndex");
		json_number(json, node->modified);
	}
	if (node->created != 0) {
		json_name(json, "createdIndex");
		json_number(json, node->created);
	}
	json_close(json, '}');
}

/* One node with all that follows below it; *in is left behind that. */
static enum err
put_tree(struct json *json, struct listing *listing, struct reader *in, uint64_t now_ns)
{
	struct node_record node;
	struct reader ahead;

	do {
		if (!node_record_get(in, &node) || node.depth > listing->count)
			return ERR_MALFORMED;
		while (listing->count > node.depth)
			end_node(json, listing);
		if (node.depth > 0 && !listing->open[node.depth - 1].listing) {
			json_name(json, "nodes");
			json_open(json, '[');
			listing->open[node.depth - 1].listing = true;
		}
		begin_node(json, listing, &node, now_ns);
		ahead = *in;
	} while (!reader_done(in) && node_record_get(&ahead, &node) && node.depth > 0);
	while (listing->count > 0)
		end_node(json, listing);
	return ERR_NONE;
}

enum err
event_json_put(struct buf *out, struct slice event, bool *created)
{
	struct listing listing = { NULL, 0, 0 };
	struct json json = json_into(out);
	struct reader in = reader_of(event);
	struct event_record record;
	enum err err;

	if (!event_record_get(&in, &record) || !reader_done(&in) ||
	    record.action >= ARRAY_COUNT(action_names))
		return ERR_MALFORMED;
	in = reader_of(record.nodes);
	json_open(&json, '{');
	json_name(&json, "action");
	json_text(&json, slice_text(action_names[record.action]));
	json_name(&json, "node");
	err = put_tree(&json, &listing, &in, record.now_ns);
	if (err == ERR_NONE && (record.flags & EVENT_PREVIOUS) != 0) {
		json_name(&json, "prevNode");
		err = put_tree(&json, &listing, &in, record.now_ns);
	}
	json_close(&json, '}');
	buf_append_byte(out, '\n');
	free(listing.open);
	if (err == ERR_NONE && !reader_done(&in))
		err = ERR_MALFORMED;
	if (created != NULL)
		*created = (record.flags & EVENT_CREATED) != 0;
	return err;
}
