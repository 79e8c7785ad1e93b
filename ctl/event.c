/*
 * event.c - events rendered (see event.h).
 *
 * A listing may be as deep as keys are, so nothing here recurses: a node knows
 * the list that it is in, and that list its node.
 */
#include "ctl/event.h"

#include "common/json_text.h"
#include "common/printable.h"

static const struct json *
first_child(const struct json *node)
{
	const struct json *nodes = json_member(node, "nodes");

	return nodes != NULL && nodes->type == JSON_ARRAY ? nodes->first : NULL;
}

const struct json *
api_event_next(const struct json *root, const struct json *node)
{
	const struct json *next = first_child(node);

	if (next != NULL)
		return next;
	while (node != root && node->next == NULL)
		node = node->parent->parent;
	return node == root ? NULL : node->next;
}

/* ---- JSON -------------------------------------------------------------------- */

static void
put_text(struct buf *text, const char *before, struct slice value)
{
	buf_append_text(text, before);
	json_text_put(text, value);
}

static void
node_begins(const struct json *node, struct buf *text)
{
	put_text(text, "{\"key\":", json_string(node, "key"));
	if (json_true(node, "dir"))
		buf_append_text(text, ",\"dir\":true");
	put_text(text, ",\"value\":", json_string(node, "value"));
	buf_append_text(text, first_child(node) == NULL ? ",\"nodes\":null" : ",\"nodes\":[");
}

static void
node_ends(const struct json *node, struct buf *text)
{
	const struct json *ttl = json_member(node, "ttl");

	if (first_child(node) != NULL)
		buf_append_byte(text, ']');
	buf_append_text(text, ",\"createdIndex\":");
	buf_append_u64(text, json_u64(node, "createdIndex"));
	buf_append_text(text, ",\"modifiedIndex\":");
	buf_append_u64(text, json_u64(node, "modifiedIndex"));
	if (json_member(node, "expiration") != NULL)
		put_text(text, ",\"expiration\":", json_string(node, "expiration"));
	if (ttl != NULL && ttl->type == JSON_NUMBER) {
		buf_append_text(text, ",\"ttl\":");
		buf_append_slice(text, ttl->text);
	}
	buf_append_byte(text, '}');
}

static void
put_node(const struct json *root, struct buf *text)
{
	const struct json *node = root;

	if (root == NULL) {
		buf_append_text(text, "null");
		return;
	}
	for (;;) {
		node_begins(node, text);
		if (first_child(node) != NULL) {
			node = first_child(node);
			continue;
		}
		node_ends(node, text);
		while (node != root && node->next == NULL) {
			node = node->parent->parent;
			node_ends(node, text);
		}
		if (node == root)
			return;
		buf_append_byte(text, ',');
		node = node->next;
	}
}

/* The form of the 2.x clients, members in their order, without a newline. */
static void
render_json(const struct json *event, struct buf *text)
{
	put_text(text, "{\"action\":", json_string(event, "action"));
	buf_append_text(text, ",\"node\":");
	put_node(json_member(event, "node"), text);
	buf_append_text(text, ",\"prevNode\":");
	put_node(json_member(event, "prevNode"), text);
	buf_append_byte(text, '}');
}

/* ---- for people ---------------------------------------------------------------- */

static bool
is_deletion(const struct json *event)
{
	return slice_equal(json_string(event, "action"), SLICE_LITERAL("delete"));
}

static void
put_line(struct buf *text, const char *before, struct slice value)
{
	buf_append_text(text, before);
	buf_append_slice(text, value);
	buf_append_byte(text, '\n');
}

static void
put_extended(const struct json *event, uint64_t index, bool shown, struct buf *text)
{
	bool deleted = is_deletion(event);
	const struct json *node = json_member(event, "node");
	const struct json *before = json_member(event, "prevNode");

	if (shown) {
		buf_append_text(text, "Key: ");
		printable_put(text, json_string(node, "key"));
		buf_append_byte(text, '\n');
	} else {
		put_line(text, "Key: ", json_string(node, "key"));
	}
	buf_printf(text, "Created-Index: %llu\n",
	    (unsigned long long)json_u64(node, "createdIndex"));
	buf_printf(text, "Modified-Index: %llu\n",
	    (unsigned long long)json_u64(node, "modifiedIndex"));
	if (before != NULL)
		put_line(text, "PrevNode.Value: ", json_string(before, "value"));
	buf_printf(text, "TTL: %llu\nIndex: %llu\n", (unsigned long long)json_u64(node, "ttl"),
	    (unsigned long long)index);
	if (!deleted)
		put_line(text, "\n", json_string(node, "value"));
}

void
api_event_render(const struct json *event, uint64_t index, enum output_format format, bool shown,
    struct buf *text)
{
	switch (format) {
	case FORMAT_SIMPLE:
		if (is_deletion(event))
			put_line(text, "PrevNode.Value: ",
			    json_string(json_member(event, "prevNode"), "value"));
		else
			put_line(text, "", json_string(json_member(event, "node"), "value"));
		break;
	case FORMAT_EXTENDED:
		put_extended(event, index, shown, text);
		break;
	case FORMAT_JSON:
		render_json(event, text);
		buf_append_byte(text, '\n');
		break;
	}
}

void
api_event_print(const struct output *out, const struct json *event, uint64_t index)
{
	struct buf text = BUF_INIT;

	api_event_render(event, index, out->format, out->out_is_terminal, &text);
	if (out->format == FORMAT_JSON)
		output_json(out, buf_slice(&text));
	else
		output_text(out, buf_slice(&text));
	buf_free(&text);
}
