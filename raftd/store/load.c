/*
 * load.c - rebuilding the store from its records, and its checksum.
 *
 * Records come in any order, so a node may come before the directories above
 * it: those are made as missing and become real with their own record. Bytes
 * are the disk's or another node's: whatever they are, the answer is a store
 * or ERR_CORRUPT.
 */
#include "raftd/store/store_priv.h"

#include "common/crc32c.h"
#include "raftd/store/path.h"

#include <stdlib.h>

bool
store_owns(struct slice key)
{
	return key.size > 0 && (key.data[0] == EFFECT_NODE || key.data[0] == EFFECT_EVENT ||
	    key.data[0] == EFFECT_INDEX);
}

bool
store_record_index(struct slice key, struct slice value, uint64_t *index)
{
	struct reader in = reader_of(value);
	struct stored_index stored;

	if (key.size != 1 || key.data[0] != EFFECT_INDEX || !stored_index_get(&in, &stored) ||
	    !reader_done(&in))
		return false;
	*index = stored.store_index;
	return true;
}

/* The node of a path, made as missing with all above it if it is not there;
 * NULL if a file is in the way. */
static struct node *
find_or_make(struct store *store, struct slice path)
{
	struct tree_search search = tree_find(&store->tree, path);
	struct path_names names = path_names(path);
	struct node *node = search.node;
	struct slice name;

	if (search.error == ERR_NONE)
		return node;
	if (search.error == ERR_NOT_DIR || !node_is_dir(node))
		return NULL;
	while (path_next(&names, &name)) {
		if ((size_t)(names.at - path.data) < search.size)
			continue;
		node = tree_make(&store->tree, node, name, true, 0);
		node->link.mark |= NODE_MARK_MISSING;
		store->missing++;
	}
	return node;
}

static enum err
load_node(struct store *store, struct slice path, struct slice value)
{
	struct reader in = reader_of(value);
	struct stored_node stored;
	struct node *node;
	unsigned kind;

	if (!stored_node_get(&in, &stored) || !reader_done(&in) ||
	    stored.version != EFFECT_VERSION)
		return ERR_CORRUPT;
	kind = stored.flags & (NODE_DIR | NODE_VALUE);
	if ((stored.flags & ~(NODE_DIR | NODE_VALUE | NODE_EXPIRES)) != 0 ||
	    (kind != NODE_DIR && kind != NODE_VALUE) ||
	    (kind == NODE_DIR && stored.value.size > 0))
		return ERR_CORRUPT;
	if (!path_is_canonical(path) || path_is_root(path))
		return ERR_CORRUPT;
	node = find_or_make(store, path);
	if (node == NULL || (node->link.mark & NODE_MARK_MISSING) == 0)
		return ERR_CORRUPT;
	if (kind == NODE_VALUE) {
		if (node->children != NULL)
			return ERR_CORRUPT;
		node->link.mark = 0;
		node->value = NULL;
		tree_set_value(&store->tree, node, stored.value);
	} else {
		node->link.mark = NODE_MARK_DIR;
	}
	store->missing--;
	node->created = stored.created;
	node->modified = stored.modified;
	if ((stored.flags & NODE_EXPIRES) != 0)
		ttl_set(&store->ttl, node, stored.expire_at_ns);
	return ERR_NONE;
}

static enum err
load_event(struct store *store, struct slice key, struct slice value)
{
	struct reader in = reader_of(value);
	struct stored_event stored;
	uint64_t index;
	size_t part;

	if (!effect_event_key(key, &index, &part) || !stored_event_get(&in, &stored) ||
	    !reader_done(&in) || stored.version != EFFECT_VERSION)
		return ERR_CORRUPT;
	return history_load(&store->history, index, part, &stored);
}

static enum err
load_index(struct store *store, struct slice key, struct slice value)
{
	struct reader in = reader_of(value);
	struct stored_index stored;

	if (key.size != 1 || store->index_loaded || !stored_index_get(&in, &stored) ||
	    !reader_done(&in) || stored.version != EFFECT_VERSION ||
	    stored.store_index > INT64_MAX)
		return ERR_CORRUPT;
	store->index = stored.store_index;
	store->index_loaded = true;
	return ERR_NONE;
}

enum err
store_load(struct store *store, struct slice key, struct slice value)
{
	if (key.size == 0)
		return ERR_CORRUPT;
	switch (key.data[0]) {
	case EFFECT_NODE:
		return load_node(store, slice_of(key.data + 1, key.size - 1), value);
	case EFFECT_EVENT:
		return load_event(store, key, value);
	case EFFECT_INDEX:
		return load_index(store, key, value);
	default:
		return ERR_CORRUPT;
	}
}

enum err
store_loaded(struct store *store, const char **where)
{
	if (store->missing > 0) {
		*where = "a key exists whose directory does not";
		return ERR_CORRUPT;
	}
	if (!store->index_loaded && (store->tree.count > 0 || store->history.kept.count > 0)) {
		*where = "the store index is missing";
		return ERR_CORRUPT;
	}
	return history_loaded(&store->history, store->index, where) ? ERR_NONE : ERR_CORRUPT;
}

/* ---- checksum ---------------------------------------------------------------------- */

/* Add the records built in out to the checksum. */
static uint32_t
add(uint32_t crc, struct buf *out)
{
	crc = crc32c(crc, buf_slice(out));
	buf_clear(out);
	return crc;
}

static uint32_t
add_event(uint32_t crc, struct effects *effects, const struct event *event)
{
	effects_event(effects, event->store_index, blob_slice(event->record));
	return add(crc, effects->out);
}

uint32_t
store_hash(const struct store *store)
{
	/* What a store is, is what its records are: so hash them, sorted. */
	struct buf out = BUF_INIT;
	struct effects effects = { .out = &out };
	struct tree_walk walk = { 0 };
	uint64_t at, *kept;
	size_t count, i;
	struct node *node;
	uint32_t crc;

	effects_index(&effects, store->index);
	crc = add(0, &out);
	tree_walk_begin(&walk, store->tree.root, SLICE_LITERAL("/"));
	while ((node = tree_walk_next(&walk)) != NULL) {
		effects_node(&effects, tree_walk_path(&walk), node);
		crc = add(crc, &out);
		if (node_is_dir(node))
			tree_walk_enter(&walk);
	}
	kept = history_kept(&store->history, &count);
	for (i = 0; i < count; i++)
		crc = add_event(crc, &effects, history_find(&store->history, kept[i]));
	for (at = history_first(&store->history); at <= store->history.last; at++)
		crc = add_event(crc, &effects, history_at(&store->history, at));
	free(kept);
	tree_walk_free(&walk);
	effects_free(&effects);
	buf_free(&out);
	return crc;
}
