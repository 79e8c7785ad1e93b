/*
 * sim_compare.c - answers and events held against the model.
 */
#include "common/ipc/wire.h"
#include "common/xmem.h"
#include "tests/sim/sim_model_priv.h"

#include <stdlib.h>

static const char *
compare_node(const struct node_record *record, const struct model_node *node, bool removed)
{
	bool shows_value = !node->dir && !removed;

	if (!removed && ((record->flags & NODE_DIR) != 0) != node->dir)
		return "dir";
	if (((record->flags & NODE_VALUE) != 0) != shows_value)
		return "whether there is a value";
	if (shows_value && !slice_equal(record->value, blob_slice(node->value)))
		return "value";
	if (record->modified != node->modified)
		return "modifiedIndex";
	if (record->created != node->created)
		return "createdIndex";
	if (((record->flags & NODE_EXPIRES) != 0) != (node->expire_at_ns != 0))
		return "whether it expires";
	if (node->expire_at_ns != 0 && record->expire_at_ns != node->expire_at_ns)
		return "expiration";
	return NULL;
}

const char *
model_compare_event(const struct sim_model *model, struct slice bytes)
{
	struct reader in = reader_of(bytes), nodes;
	const struct model_event *expected;
	struct event_record event;
	struct node_record record;
	const char *differs;

	if (!event_record_get(&in, &event) || !reader_done(&in))
		return "encoding";
	expected = model_event(model, event.store_index);
	if (expected == NULL)
		return "an index that nothing committed has";
	if (event.action != expected->action)
		return "action";
	if (((event.flags & EVENT_PREVIOUS) != 0) != expected->has_previous)
		return "whether there is a previous node";
	if (((event.flags & EVENT_REFRESH) != 0) != expected->refresh)
		return "whether it is a refresh";
	if (((event.flags & EVENT_CREATED) != 0) != expected->created)
		return "whether it is new";
	nodes = reader_of(event.nodes);
	if (!node_record_get(&nodes, &record))
		return "encoding of the node";
	if (!slice_equal(record.key, expected->key))
		return "key";
	differs = compare_node(&record, &expected->node, expected->removed);
	if (differs != NULL || !expected->has_previous)
		return differs != NULL || reader_done(&nodes) ? differs : "bytes behind the node";
	if (!node_record_get(&nodes, &record) || !reader_done(&nodes))
		return "encoding of the previous node";
	return compare_node(&record, &expected->previous, false);
}

/* ---- reads ------------------------------------------------------------------------ */

static unsigned
component_count(struct slice key)
{
	unsigned count = 0;

	for (size_t i = 0; i < key.size; i++)
		count += key.data[i] == '/';
	return key.size == 1 ? 0 : count;
}

/* Has key a hidden name behind dir? */
static bool
is_hidden_below(struct slice key, struct slice dir)
{
	for (size_t i = dir.size == 1 ? 0 : dir.size; i + 1 < key.size; i++)
		if (key.data[i] == '/' && key.data[i + 1] == '_')
			return true;
	return false;
}

/* Why there is no node, as the walk from the root finds it. */
static enum err
missing_error(const struct sim_model *model, struct slice key, uint64_t store_index)
{
	for (size_t i = 1; i < key.size; i++) {
		const struct model_node *node;

		if (key.data[i] != '/')
			continue;
		node = model_node(model, slice_of(key.data, i), store_index);
		if (node == NULL)
			return ERR_KEY_NOT_FOUND;
		if (!node->dir)
			return ERR_NOT_DIR;
	}
	return ERR_KEY_NOT_FOUND;
}

static int
by_key(const void *a, const void *b)
{
	return slice_compare(((const struct node_record *)a)->key,
	    ((const struct node_record *)b)->key);
}

/* In the order of a walk: what is below a name comes before names that go on from it. */
static bool
comes_before(struct slice a, struct slice b)
{
	size_t i = 0;

	while (i < a.size && i < b.size && a.data[i] == b.data[i])
		i++;
	if (i == a.size || i == b.size)
		return i == a.size && i < b.size;
	return b.data[i] != '/' && (a.data[i] == '/' || a.data[i] < b.data[i]);
}

static const char *
compare_list(const struct sim_model *model, struct slice key, bool recursive,
    uint64_t store_index, const struct node_record *records, size_t count)
{
	size_t at = 0;

	for (size_t i = model_place(model, key); i < model->path_count; i++) {
		struct slice path = model->paths[i]->key;
		const struct model_node *node;
		unsigned depth = component_count(path) - component_count(key);
		const char *differs;

		if (!slice_starts_with(path, key))
			break;
		if (!model_is_below(path, key) || is_hidden_below(path, key) ||
		    (!recursive && depth > 1))
			continue;
		node = model_version(model->paths[i], store_index);
		if (node == NULL)
			continue;
		if (at == count || !slice_equal(records[at].key, path))
			return "names in the listing";
		if (records[at].depth != depth)
			return "depth in the listing";
		differs = compare_node(&records[at++], node, false);
		if (differs != NULL)
			return differs;
	}
	return at == count ? NULL : "names in the listing: too many";
}

static const char *
compare_answer(const struct sim_model *model, struct slice key, unsigned flags,
    uint64_t store_index, const struct model_node *node, const struct event_record *event)
{
	struct reader nodes = reader_of(event->nodes);
	struct node_record record, *records = NULL;
	size_t count = 0, capacity = 0;
	const char *differs;

	if (event->action != ACTION_GET)
		return "action";
	if (event->store_index != store_index)
		return "index in the event";
	if (!node_record_get(&nodes, &record) || !slice_equal(record.key, key))
		return "key";
	differs = compare_node(&record, node, false);
	if (differs != NULL)
		return differs;
	while (!reader_done(&nodes)) {
		records = xgrow(records, &capacity, count + 1, sizeof(*records));
		if (!node_record_get(&nodes, &records[count])) {
			free(records);
			return "encoding of the listing";
		}
		if ((flags & READ_FLAG_SORTED) != 0 && count > 0 &&
		    !comes_before(records[count - 1].key, records[count].key))
			differs = "order of the listing";
		count++;
	}
	if (count > 0)
		qsort(records, count, sizeof(*records), by_key);
	if (differs == NULL && node->dir)
		differs = compare_list(model, key, (flags & READ_FLAG_RECURSIVE) != 0,
		    store_index, records, count);
	free(records);
	return differs;
}

const char *
model_compare_get(const struct sim_model *model, struct slice key, unsigned flags,
    uint64_t store_index, enum err error, struct slice bytes)
{
	static const struct model_node root = { .present = true, .dir = true };
	const struct model_node *node = key.size == 1 ? &root :
	    model_node(model, key, store_index);
	struct reader in = reader_of(bytes);
	struct event_record event;

	if (store_index > model->index)
		return "an index that nothing committed has";
	if (node == NULL)
		return error == missing_error(model, key, store_index) ? NULL :
		    "it is not there at that index";
	if (error != ERR_NONE)
		return "it is there at that index";
	if (!event_record_get(&in, &event) || !reader_done(&in))
		return "encoding";
	return compare_answer(model, key, flags, store_index, node, &event);
}

/* ---- watches ------------------------------------------------------------------------- */

/*
 * A watch that was there sees hidden names and removals above it otherwise
 * than one that looks back: then both are right.
 */
enum model_want
model_wants(const struct sim_model *model, struct slice key, unsigned flags, uint64_t store_index)
{
	const struct model_event *event = model_event(model, store_index);
	struct slice at;

	ASSERT(event != NULL);
	at = event->key;
	if (event->refresh)
		return WANT_NEVER;
	if (slice_equal(at, key))
		return WANT_ALWAYS;
	if ((flags & WATCH_FLAG_RECURSIVE) != 0 && model_is_below(at, key))
		return is_hidden_below(at, key) ? WANT_MAYBE : WANT_ALWAYS;
	if (event->removed && event->previous.dir && model_is_below(key, at))
		return model_node(model, key, store_index - 1) != NULL ? WANT_ALWAYS : WANT_MAYBE;
	return WANT_NEVER;
}
