/*
 * event_json.c - events and nodes as JSON (see event_json.h).
 *
 * A listing comes in pre-order with depths, and a directory's indexes stand
 * behind its "nodes", so the open directories are kept on a stack: as deep as
 * the tree, but on the heap.
 *
 * In pieces, the fields come one after the other (message_table.h):
 *
 *	HEAD --> NODE			action, flags, indexes, length of the nodes
 *	NODE --> KEY			flags, depth, length of the key
 *	KEY --> VALUE_SIZE --> VALUE	texts go out as they come
 *	VALUE --> TAIL --> NODE		modified, created, expiration
 *
 * Fields of a fixed size are gathered until they are whole. If not every node is shown a key is
 * gathered as well, and of a node that is not the rest is passed over.
 *
 * The first series (V1) knows one object for one node, the names of its members are
 * those of the event and of the node together, and a directory is a list of such
 * objects, one level of it.
 */
#include "httpd/client/event_json.h"
#include "common/clock.h"
#include "common/ipc/wire.h"
#include "common/json_put.h"
#include "common/json_text.h"
#include "common/limits.h"
#include "common/xmem.h"

#include <stdlib.h>

/* Names, quotes and numbers around keys and values of two nodes. */
#define JSON_AROUND_BYTES 512

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

static const char *
action_name(uint8_t action, enum event_form form)
{
	if (form == EVENT_FORM_V1 &&
	    (action == ACTION_CREATE || action == ACTION_COMPARE_AND_SWAP))
		return "testAndSet";
	return action_names[action];
}

const char *
event_json_type(enum event_form form)
{
	return form == EVENT_FORM_V1 ? "text/plain; charset=utf-8" : "application/json";
}

/* A node whose end is not written yet. */
struct open_node {
	uint64_t modified, created;
	bool listing;			/* its "nodes" are open */
};

struct listing {
	struct open_node *open;		/* of depth 0, 1, ... */
	size_t count, capacity;
};

/* Up to the key. */
static void
begin_node(struct json_put *json, struct listing *listing)
{
	listing->open = xgrow(listing->open, &listing->capacity, listing->count + 1,
	    sizeof(listing->open[0]));
	listing->open[listing->count++] = (struct open_node){ 0, 0, false };
	json_put_open(json, NULL, '{');
	json_put_name(json, "key");
}

static void
put_expiry(struct json_put *json, const struct node_record *node, uint64_t now_ns)
{
	char text[CLOCK_TEXT_BYTES];

	if ((node->flags & NODE_EXPIRES) == 0)
		return;
	clock_format(node->expire_at_ns, 9, true, text);
	json_put_text(json, "expiration", slice_text(text));
	if (node->expire_at_ns <= now_ns)
		return;
	json_put_number(json, "ttl", (node->expire_at_ns - now_ns - 1) / NS_PER_SECOND + 1);
}

/* What stands behind key and value. */
static void
put_kind(struct json_put *json, struct listing *listing, const struct node_record *node,
    uint64_t now_ns)
{
	listing->open[listing->count - 1].modified = node->modified;
	listing->open[listing->count - 1].created = node->created;
	if ((node->flags & NODE_DIR) != 0)
		json_put_bool(json, "dir", true);
	put_expiry(json, node, now_ns);
}

static void
end_node(struct json_put *json, struct listing *listing)
{
	const struct open_node *node = &listing->open[--listing->count];

	if (node->listing)
		json_put_close(json, ']');
	if (node->modified != 0)
		json_put_number(json, "modifiedIndex", node->modified);
	if (node->created != 0)
		json_put_number(json, "createdIndex", node->created);
	json_put_close(json, '}');
}

/* End what is open down to depth, and let a node there begin. */
static void
end_above(struct json_put *json, struct listing *listing, size_t depth)
{
	while (listing->count > depth)
		end_node(json, listing);
	if (depth == 0 || listing->open[depth - 1].listing)
		return;
	json_put_open(json, "nodes", '[');
	listing->open[depth - 1].listing = true;
}

static bool
is_shown(const struct event_json_filter *filter, const struct node_record *node)
{
	return filter->shows == NULL ||
	    filter->shows(filter->argument, node->key, (node->flags & NODE_DIR) != 0);
}

/* One node with all that follows below it; *in is left behind that. */
static enum err
put_tree(struct json_put *json, struct listing *listing, struct reader *in, uint64_t now_ns,
    const struct event_json_filter *filter)
{
	struct node_record node;
	struct reader ahead;

	do {
		if (!node_record_get(in, &node))
			return ERR_MALFORMED;
		ahead = *in;
		if (!is_shown(filter, &node)) {
			if (node.depth == 0)
				return ERR_DENIED;
			continue;
		}
		if (node.depth > listing->count)
			return ERR_MALFORMED;
		end_above(json, listing, node.depth);
		begin_node(json, listing);
		json_put_text(json, NULL, node.key);
		if ((node.flags & NODE_VALUE) != 0)
			json_put_text(json, "value", node.value);
		put_kind(json, listing, &node, now_ns);
	} while (!reader_done(in) && node_record_get(&ahead, &node) && node.depth > 0);
	while (listing->count > 0)
		end_node(json, listing);
	return ERR_NONE;
}

static void
put_action(struct json_put *json, uint8_t action, enum event_form form)
{
	json_put_open(json, NULL, '{');
	json_put_text(json, "action", slice_text(action_name(action, form)));
}

/* ---- whole --------------------------------------------------------------------------- */

static enum err
put_v2(struct json_put *json, const struct event_record *record, struct reader *in,
    const struct event_json_filter *filter)
{
	struct listing listing = { NULL, 0, 0 };
	enum err err;

	put_action(json, record->action, EVENT_FORM_V2);
	json_put_name(json, "node");
	err = put_tree(json, &listing, in, record->now_ns, filter);
	if (err == ERR_NONE && (record->flags & EVENT_PREVIOUS) != 0) {
		json_put_name(json, "prevNode");
		err = put_tree(json, &listing, in, record->now_ns, filter);
	}
	json_put_close(json, '}');
	buf_append_byte(json->out, '\n');
	free(listing.open);
	return err;
}

/* What stands behind key and values. The index is the event's, of a read the store's. */
static void
end_v1(struct json_put *json, const struct event_record *record, const struct node_record *node,
    bool listed)
{
	if ((node->flags & NODE_DIR) != 0)
		json_put_bool(json, "dir", true);
	if (!listed)
		put_expiry(json, node, record->now_ns);
	if ((record->flags & EVENT_CREATED) != 0)
		json_put_bool(json, "newKey", true);
	json_put_number(json, "index", record->store_index);
	json_put_close(json, '}');
}

static void
put_node_v1(struct json_put *json, const struct event_record *record,
    const struct node_record *node, const struct node_record *previous, bool listed)
{
	put_action(json, record->action, EVENT_FORM_V1);
	json_put_text(json, "key", node->key);
	if (previous != NULL && (previous->flags & NODE_VALUE) != 0)
		json_put_text(json, "prevValue", previous->value);
	if ((node->flags & NODE_VALUE) != 0)
		json_put_text(json, "value", node->value);
	end_v1(json, record, node, listed);
}

static bool
is_listing(const struct event_record *record, const struct node_record *node)
{
	return record->action == ACTION_GET && (record->flags & EVENT_PREVIOUS) == 0 &&
	    (node->flags & NODE_DIR) != 0;
}

static enum err
put_v1(struct json_put *json, const struct event_record *record, struct reader *in)
{
	struct node_record node, previous;
	bool has_previous = (record->flags & EVENT_PREVIOUS) != 0;

	if (!node_record_get(in, &node) || node.depth != 0)
		return ERR_MALFORMED;
	if (!is_listing(record, &node)) {
		if (has_previous && (!node_record_get(in, &previous) || previous.depth != 0))
			return ERR_MALFORMED;
		put_node_v1(json, record, &node, has_previous ? &previous : NULL, false);
		return ERR_NONE;
	}
	json_put_open(json, NULL, '[');
	while (!reader_done(in)) {
		if (!node_record_get(in, &node) || node.depth != 1)
			return ERR_MALFORMED;
		put_node_v1(json, record, &node, NULL, true);
	}
	json_put_close(json, ']');
	return ERR_NONE;
}

/* The client knows what it has written. */
static bool
is_bare(uint8_t action)
{
	return action == ACTION_SET || action == ACTION_CREATE || action == ACTION_UPDATE ||
	    action == ACTION_COMPARE_AND_SWAP;
}

static enum err
put_event(struct buf *out, enum event_form form, struct slice event,
    const struct event_json_filter *filter, bool *created)
{
	struct json_put json = json_put_into(out);
	struct reader in = reader_of(event);
	struct event_record record;
	enum err err;

	if (!event_record_get(&in, &record) || !reader_done(&in) ||
	    record.action >= ARRAY_COUNT(action_names))
		return ERR_MALFORMED;
	if (created != NULL)
		*created = (record.flags & EVENT_CREATED) != 0;
	if (form == EVENT_FORM_BARE && is_bare(record.action)) {
		put_action(&json, record.action, form);
		json_put_close(&json, '}');
		buf_append_byte(out, '\n');
		return ERR_NONE;
	}
	in = reader_of(record.nodes);
	/* About what it takes, if little is escaped. */
	(void)buf_reserve(out, event.size + JSON_AROUND_BYTES);
	err = form == EVENT_FORM_V1 ? put_v1(&json, &record, &in) :
	    put_v2(&json, &record, &in, filter);
	if (err == ERR_NONE && !reader_done(&in))
		err = ERR_MALFORMED;
	return err;
}

enum err
event_json_put(struct buf *out, enum event_form form, struct slice event, bool *created)
{
	return put_event(out, form, event, &(struct event_json_filter){ NULL, NULL }, created);
}

enum err
event_json_put_shown(struct buf *out, struct slice event,
    const struct event_json_filter *filter)
{
	return put_event(out, EVENT_FORM_V2, event, filter, NULL);
}

/* ---- in pieces -------------------------------------------------------------------- */

#define HEAD_BYTES 22		/* action, flags, store index, time, length of the nodes */
#define NODE_BYTES 7		/* flags, depth, length of the key */
#define SIZE_BYTES 4
#define TAIL_BYTES 24		/* modified, created, expiration */

enum event_json_step {
	STEP_HEAD,
	STEP_NODE,
	STEP_KEY,
	STEP_VALUE_SIZE,
	STEP_VALUE,
	STEP_TAIL,
};

struct event_json {
	enum event_form form;
	enum event_json_step step;
	uint8_t field[HEAD_BYTES + 2];	/* what there is of the step's fields */
	size_t gathered;
	bool comma;			/* as struct json_put has it */
	struct listing listing;
	struct event_record head;
	bool bounded;			/* the length of the nodes is known: */
	uint64_t nodes_left;		/* bytes of them to come */
	struct node_record node;	/* key and value are empty */
	uint32_t text_left;		/* bytes of the key or value to come */
	struct json_text text;
	unsigned trees;			/* begun: node, previous node */
	bool listed;			/* V1: the node asked for is a directory, */
	bool shown;			/* and this node is an element of the list */
	struct event_json_filter filter;
	struct buf key;			/* with a filter: what there is of the node's key */
	bool hidden;			/* the node is not shown */
};

_Static_assert(sizeof(((struct event_json *)0)->field) >= TAIL_BYTES,
    "the fields of each step fit");

struct event_json *
event_json_new(enum event_form form)
{
	struct event_json *event = xzalloc(sizeof(*event));

	ASSERT(form != EVENT_FORM_BARE);
	event->form = form;
	event->shown = true;
	return event;
}

void
event_json_free(struct event_json **event)
{
	if (*event == NULL)
		return;
	free((*event)->listing.open);
	buf_free(&(*event)->key);
	free(*event);
	*event = NULL;
}

void
event_json_show(struct event_json *event, struct event_json_filter filter)
{
	ASSERT(event->step == STEP_HEAD && event->form == EVENT_FORM_V2);
	event->filter = filter;
}

/* Take bytes of the step's fields. True once they are all there. */
static bool
gather(struct event_json *event, struct slice *bytes, size_t wanted)
{
	size_t size = MIN_OF(wanted - event->gathered, bytes->size);

	memcpy(event->field + event->gathered, bytes->data, size);
	event->gathered += size;
	*bytes = slice_of(bytes->data + size, bytes->size - size);
	if (event->gathered < wanted)
		return false;
	event->gathered = 0;
	return true;
}

static enum err
take_head(struct event_json *event, struct json_put *json)
{
	struct reader in = reader_of(slice_of(event->field, HEAD_BYTES));
	uint32_t size;

	if (!codec_get_u8(&in, &event->head.action) || !codec_get_u8(&in, &event->head.flags) ||
	    !codec_get_u64(&in, &event->head.store_index) ||
	    !codec_get_u64(&in, &event->head.now_ns) || !codec_get_u32(&in, &size) ||
	    event->head.action >= ARRAY_COUNT(action_names))
		return ERR_MALFORMED;
	event->bounded = size != UINT32_MAX;
	event->nodes_left = size;
	event->step = STEP_NODE;
	if (event->form == EVENT_FORM_V1)
		return event->head.action == ACTION_GET &&
		    (event->head.flags & EVENT_PREVIOUS) == 0 ? ERR_NONE : ERR_MALFORMED;
	put_action(json, event->head.action, event->form);
	json_put_name(json, "node");
	return ERR_NONE;
}

/* Its key comes. */
static enum err
begin_node_v1(struct event_json *event, struct json_put *json)
{
	const struct node_record *node = &event->node;

	if (node->depth > 1 || (node->depth == 0) != (event->trees == 0) ||
	    (node->depth == 1 && !event->listed))
		return ERR_MALFORMED;
	event->shown = true;
	if (node->depth == 0) {
		event->trees = 1;
		event->listed = is_listing(&event->head, node);
		event->shown = !event->listed;
	}
	if (!event->shown) {
		json_put_open(json, NULL, '[');
		return ERR_NONE;
	}
	put_action(json, event->head.action, EVENT_FORM_V1);
	json_put_raw(json, "key", "\"");
	return ERR_NONE;
}

/* Up to the node's key. */
static enum err
begin_shown(struct event_json *event, struct json_put *json)
{
	struct listing *listing = &event->listing;
	const struct node_record *node = &event->node;

	if (node->depth > listing->count)
		return ERR_MALFORMED;
	if (node->depth == 0 && event->trees > 0) {
		if (event->trees == 2 || (event->head.flags & EVENT_PREVIOUS) == 0)
			return ERR_MALFORMED;
		while (listing->count > 0)
			end_node(json, listing);
		json_put_name(json, "prevNode");
	}
	if (node->depth == 0)
		event->trees++;
	end_above(json, listing, node->depth);
	begin_node(json, listing);
	json_put_raw(json, NULL, "\"");
	return ERR_NONE;
}

static enum err
take_node(struct event_json *event, struct json_put *json)
{
	struct reader in = reader_of(slice_of(event->field, NODE_BYTES));
	struct node_record *node = &event->node;

	if (!codec_get_u8(&in, &node->flags) || !codec_get_u16(&in, &node->depth) ||
	    !codec_get_u32(&in, &event->text_left))
		return ERR_MALFORMED;
	event->step = STEP_KEY;
	if (event->form == EVENT_FORM_V1)
		return begin_node_v1(event, json);
	if (event->filter.shows == NULL)
		return begin_shown(event, json);
	if (event->text_left > KEY_BYTES_BEFORE)
		return ERR_MALFORMED;
	buf_clear(&event->key);
	return ERR_NONE;
}

/* The next bytes of a key, or of a value that is shown. True at its end. */
static bool
take_text(struct event_json *event, struct json_put *json, struct slice *bytes, bool shown)
{
	size_t size = MIN_OF((size_t)event->text_left, bytes->size);
	bool last = size == event->text_left;

	if (shown)
		json_text_part(&event->text, json->out, slice_of(bytes->data, size), last);
	if (shown && last)
		buf_append_byte(json->out, '"');
	event->text_left -= (uint32_t)size;
	*bytes = slice_of(bytes->data + size, bytes->size - size);
	return last;
}

static bool
shows_value(const struct event_json *event)
{
	return event->shown && !event->hidden && (event->node.flags & NODE_VALUE) != 0;
}

/* With a filter: the key is gathered, and shown or not. */
static enum err
take_hidden_key(struct event_json *event, struct json_put *json, struct slice *bytes)
{
	size_t size = MIN_OF((size_t)event->text_left, bytes->size);
	enum err err;

	buf_append(&event->key, bytes->data, size);
	event->text_left -= (uint32_t)size;
	*bytes = slice_of(bytes->data + size, bytes->size - size);
	if (event->text_left > 0)
		return ERR_NONE;
	event->step = STEP_VALUE_SIZE;
	event->node.key = buf_slice(&event->key);
	event->hidden = !is_shown(&event->filter, &event->node);
	event->node.key = SLICE_EMPTY;
	if (event->hidden)
		return event->node.depth == 0 ? ERR_DENIED : ERR_NONE;
	err = begin_shown(event, json);
	if (err == ERR_NONE) {
		json_text_part(&event->text, json->out, buf_slice(&event->key), true);
		buf_append_byte(json->out, '"');
	}
	return err;
}

static enum err
take_value_size(struct event_json *event, struct json_put *json)
{
	struct reader in = reader_of(slice_of(event->field, SIZE_BYTES));

	if (!codec_get_u32(&in, &event->text_left))
		return ERR_MALFORMED;
	if (shows_value(event))
		json_put_raw(json, "value", "\"");
	event->step = STEP_VALUE;
	return ERR_NONE;
}

static enum err
take_tail(struct event_json *event, struct json_put *json)
{
	struct reader in = reader_of(slice_of(event->field, TAIL_BYTES));
	struct node_record *node = &event->node;

	if (!codec_get_u64(&in, &node->modified) || !codec_get_u64(&in, &node->created) ||
	    !codec_get_u64(&in, &node->expire_at_ns))
		return ERR_MALFORMED;
	event->step = STEP_NODE;
	if (event->form == EVENT_FORM_V1 && event->shown)
		end_v1(json, &event->head, node, event->listed);
	else if (event->form == EVENT_FORM_V2 && !event->hidden)
		put_kind(json, &event->listing, node, event->head.now_ns);
	return ERR_NONE;
}

/* One step, or as much of it as there is. */
static enum err
take_step(struct event_json *event, struct json_put *json, struct slice *bytes)
{
	switch (event->step) {
	case STEP_HEAD:
		return gather(event, bytes, HEAD_BYTES) ? take_head(event, json) : ERR_NONE;
	case STEP_NODE:
		return gather(event, bytes, NODE_BYTES) ? take_node(event, json) : ERR_NONE;
	case STEP_KEY:
		if (event->filter.shows != NULL)
			return take_hidden_key(event, json, bytes);
		if (take_text(event, json, bytes, event->shown))
			event->step = STEP_VALUE_SIZE;
		return ERR_NONE;
	case STEP_VALUE_SIZE:
		return gather(event, bytes, SIZE_BYTES) ? take_value_size(event, json) : ERR_NONE;
	case STEP_VALUE:
		if (take_text(event, json, bytes, shows_value(event)))
			event->step = STEP_TAIL;
		return ERR_NONE;
	case STEP_TAIL:
		return gather(event, bytes, TAIL_BYTES) ? take_tail(event, json) : ERR_NONE;
	}
	return ERR_MALFORMED;
}

enum err
event_json_feed(struct event_json *event, struct slice bytes, struct buf *out)
{
	struct json_put json = { out, event->comma };
	enum err err = ERR_NONE;

	while (err == ERR_NONE && bytes.size > 0) {
		bool counted = event->step != STEP_HEAD && event->bounded;
		size_t before = bytes.size;

		err = take_step(event, &json, &bytes);
		if (!counted)
			continue;
		if (before - bytes.size > event->nodes_left)
			err = ERR_MALFORMED;
		else
			event->nodes_left -= before - bytes.size;
	}
	event->comma = json.comma;
	return err;
}

enum err
event_json_end(struct event_json *event, struct buf *out)
{
	struct json_put json = { out, event->comma };
	unsigned trees = (event->head.flags & EVENT_PREVIOUS) != 0 ? 2 : 1;

	if (event->step != STEP_NODE || event->gathered > 0 || event->trees != trees ||
	    (event->bounded && event->nodes_left > 0))
		return ERR_MALFORMED;
	if (event->form == EVENT_FORM_V1) {
		if (event->listed)
			json_put_close(&json, ']');
		return ERR_NONE;
	}
	while (event->listing.count > 0)
		end_node(&json, &event->listing);
	json_put_close(&json, '}');
	buf_append_byte(out, '\n');
	return ERR_NONE;
}
