/*
 * event.c - an event: what a write or an expiry did, encoded once.
 *
 * Pure functions over bytes.
 */
#include "raftd/replica/store/event.h"

#include "raftd/replica/store/path.h"

size_t
event_begin(struct buf *out, enum event_action action, unsigned flags, uint64_t store_index,
    uint64_t now_ns)
{
	struct event_record head = {
		.action = (uint8_t)action,
		.flags = (uint8_t)flags,
		.store_index = store_index,
		.now_ns = now_ns,
	};

	event_record_put(out, &head);
	return out->size;
}

void
event_end(struct buf *out, size_t begun)
{
	/* The nodes are the record's last field, so what was appended behind
	 * the empty field becomes its content once the length says so. */
	codec_set_length(out, begun, out->size - begun);
}

bool
event_parse(struct blob *record, struct event *event)
{
	struct reader in = reader_of(blob_slice(record));
	struct reader nodes;
	struct event_record head;
	struct node_record node, previous;

	if (!event_record_get(&in, &head) || !reader_done(&in))
		return false;
	if (head.action <= ACTION_GET || head.action > ACTION_EXPIRE)
		return false;
	nodes = reader_of(head.nodes);
	if (!node_record_get(&nodes, &node) || !path_is_canonical(node.key))
		return false;
	if ((head.flags & EVENT_PREVIOUS) != 0 && !node_record_get(&nodes, &previous))
		return false;
	if (!reader_done(&nodes))
		return false;
	*event = (struct event){
		.record = record,
		.key = node.key,
		.store_index = head.store_index,
		.action = head.action,
		.flags = head.flags,
		.dir = (node.flags & NODE_DIR) != 0,
	};
	return true;
}

bool
event_fits_past(const struct event *event, struct slice key, bool recursive)
{
	if (event_is_refresh(event))
		return false;
	if (slice_equal(event->key, key))
		return true;
	if (recursive && path_is_below(event->key, key))
		return true;
	return event_removes_dir(event) && path_is_below(key, event->key);
}
