/*
 * load.c - rebuilding the store from its records, and its checksum.
 *
 * Records come in the order of their keys, so a directory comes before what is
 * in it; while loading, a table leads from the id of each to its node. Bytes are
 * the disk's or another node's: whatever they are, the answer is a store or
 * ERR_CORRUPT.
 */
#include "raftd/replica/store/store_priv.h"

#include "common/crc32c.h"
#include "common/xmem.h"
#include "raftd/replica/store/path.h"

#include <stdlib.h>

/* A directory that was loaded, live or doomed. */
struct loaded_dir {
	struct hash_link link;
	TAILQ_ENTRY(loaded_dir) order;
	struct effect_dir id;
	struct tree_node *node;
};

static struct slice
id_slice(const struct effect_dir *id)
{
	return slice_of(id->bytes, sizeof(id->bytes));
}

static bool
dir_match(const struct hash_link *link, struct slice key)
{
	return slice_equal(id_slice(&CONTAINER_OF(link, struct loaded_dir, link)->id), key);
}

void
load_init(struct store *store, uint64_t seed)
{
	hash_init(&store->loaded_dirs, seed, dir_match);
	TAILQ_INIT(&store->loaded_order);
}

void
load_free(struct store *store)
{
	struct hash_link *link;

	while ((link = hash_pop(&store->loaded_dirs)) != NULL)
		free(CONTAINER_OF(link, struct loaded_dir, link));
	hash_free(&store->loaded_dirs);
	TAILQ_INIT(&store->loaded_order);
}

/* Of data from before there were bounds: which directories things were removed from, nobody
 * has written down. */
static struct effect_bounds
bounds_of_old(uint64_t store_index, uint64_t first)
{
	return (struct effect_bounds){ .store_index = store_index, .first = first,
		.known_from = store_index };
}

static bool
read_old_bounds(struct slice value, struct effect_bounds *bounds)
{
	struct reader in = reader_of(value);
	struct stored_window window;
	struct stored_index old;

	if (stored_window_get(&in, &window)) {
		*bounds = bounds_of_old(window.store_index, window.first);
		return reader_done(&in) && window.version == EFFECT_WINDOW_VERSION;
	}
	in = reader_of(value);
	if (!stored_index_get(&in, &old) || !reader_done(&in) || old.version != EFFECT_VERSION)
		return false;
	*bounds = bounds_of_old(old.store_index, history_first_by_count(old.store_index));
	return true;
}

static bool
read_bounds(struct slice value, struct effect_bounds *bounds)
{
	struct reader in = reader_of(value);
	struct stored_bounds stored;

	if (!stored_bounds_get(&in, &stored))
		return read_old_bounds(value, bounds);
	*bounds = (struct effect_bounds){ .store_index = stored.store_index,
		.first = stored.first, .last_below = stored.last_below,
		.known_from = stored.known_from, .agreed = stored.agreed != 0 };
	return reader_done(&in) && stored.version == EFFECT_BOUNDS_VERSION &&
	    stored.last_below <= stored.store_index &&
	    stored.known_from <= stored.store_index && stored.agreed <= 1;
}

bool
store_record_index(struct slice key, struct slice value, uint64_t *index)
{
	struct effect_bounds bounds;

	if (key.size != 1 || key.data[0] != EFFECT_INDEX || !read_bounds(value, &bounds))
		return false;
	*index = bounds.store_index;
	return true;
}

static struct tree_node *
dir_find(struct store *store, const struct effect_dir *id)
{
	static const struct effect_dir root = { { 0 } };
	struct hash_link *link;

	if (slice_equal(id_slice(id), id_slice(&root)))
		return store->tree.root;
	link = hash_find(&store->loaded_dirs, id_slice(id));
	return link == NULL ? NULL : CONTAINER_OF(link, struct loaded_dir, link)->node;
}

/* False: there is one of that id. */
static bool
dir_add(struct store *store, struct tree_node *node)
{
	struct effect_dir id = effect_dir_of(node);
	struct loaded_dir *dir;

	if (dir_find(store, &id) != NULL)
		return false;
	dir = xmalloc(sizeof(*dir));
	*dir = (struct loaded_dir){ .id = id, .node = node };
	hash_insert(&store->loaded_dirs, &dir->link, id_slice(&dir->id));
	TAILQ_INSERT_TAIL(&store->loaded_order, dir, order);
	return true;
}

/* Bytes of the key of that name in a directory. */
static size_t
key_size(const struct tree_node *dir, struct slice name)
{
	size_t size = 1 + name.size;

	for (; dir != NULL && dir->link.size > 0; dir = dir->parent)
		size += 1 + dir->link.size;
	return size;
}

/* As a stored_node, whose modified is last_below then. */
static bool
read_dir(struct slice value, struct stored_node *stored)
{
	struct reader in = reader_of(value);
	struct stored_dir dir;

	if (!stored_dir_get(&in, &dir) || !reader_done(&in))
		return false;
	*stored = (struct stored_node){ .flags = dir.flags, .created = dir.created,
		.modified = dir.last_below, .expire_at_ns = dir.expire_at_ns };
	return (dir.flags & ~NODE_EXPIRES) == NODE_DIR;
}

static bool
read_node(struct slice value, struct stored_node *stored)
{
	struct reader in = reader_of(value);
	unsigned kind;

	if (value.size > 0 && value.data[0] == EFFECT_DIR_VERSION)
		return read_dir(value, stored);
	if (!stored_node_get(&in, stored) || !reader_done(&in) ||
	    stored->version != EFFECT_VERSION)
		return false;
	kind = stored->flags & ~(NODE_EXPIRES | EFFECT_REFRESHED);
	return kind == NODE_VALUE || (kind == NODE_DIR && stored->value.size == 0 &&
	    (stored->flags & EFFECT_REFRESHED) == 0);
}

/* What of a file counts for the last_below of its directory (effect.h). */
static void
add_file(struct store *store, struct tree_node *file, const struct stored_node *stored)
{
	struct tree_node *dir = file->parent;

	file->modified = stored->modified;
	tree_set_value(&store->tree, file, stored->value);
	tree_mark_refreshed(file, (stored->flags & EFFECT_REFRESHED) != 0);
	if (!tree_is_refreshed(file))
		dir->last_below = MAX_OF(dir->last_below, stored->modified);
}

/* Of an old record the directory's id is not known to be right: it is not asked. */
static enum err
add_node(struct store *store, struct tree_node *dir, struct slice name,
    const struct stored_node *stored, bool old)
{
	bool is_dir = (stored->flags & NODE_DIR) != 0;
	struct tree_node *node;

	if (dir == NULL || !tree_is_dir(dir) || !path_name_is_canonical(name) ||
	    tree_child(dir, name) != NULL || tree_depth(dir) >= KEY_NAMES_MAX ||
	    key_size(dir, name) > PATH_BYTES_MAX)
		return ERR_CORRUPT;
	if (!old && stored->created < dir->created)
		return ERR_CORRUPT;
	node = tree_make(&store->tree, dir, name, is_dir, stored->created);
	if (!is_dir)
		add_file(store, node, stored);
	else if (dir_add(store, node))
		node->last_below = stored->modified;
	else
		return ERR_CORRUPT;
	if ((stored->flags & NODE_EXPIRES) != 0 && tree_has(&store->tree, node))
		ttl_set(&store->ttl, node, stored->expire_at_ns);
	return ERR_NONE;
}

static enum err
load_node(struct store *store, struct slice key, struct slice value)
{
	struct stored_node stored;
	struct effect_dir dir;
	struct slice name;

	if (!effect_node_key(key, &dir, &name) || !read_node(value, &stored))
		return ERR_CORRUPT;
	return add_node(store, dir_find(store, &dir), name, &stored, false);
}

static enum err
load_old_node(struct store *store, struct slice path, struct slice value)
{
	struct stored_node stored;
	struct tree_search search;

	if (!path_is_canonical(path) || path_is_root(path) || !read_node(value, &stored))
		return ERR_CORRUPT;
	search = tree_find(&store->tree, path);
	if (search.error != ERR_KEY_NOT_FOUND || search.size != path.size)
		return ERR_CORRUPT;
	return add_node(store, search.node, path_last(path), &stored, true);
}

static enum err
load_doomed(struct store *store, struct slice key, struct slice value)
{
	struct reader in = reader_of(value);
	struct stored_doomed stored;
	struct effect_dir id;
	struct tree_node *node;

	if (!effect_doomed_key(key, &id) || !stored_doomed_get(&in, &stored) ||
	    !reader_done(&in) || stored.version != EFFECT_VERSION ||
	    effect_dir_depth(&id) == 0 || effect_dir_depth(&id) > KEY_NAMES_MAX)
		return ERR_CORRUPT;
	node = tree_make_detached(&store->tree, effect_dir_created(&id), effect_dir_depth(&id));
	doomed_add(&store->doomed, node);
	return dir_add(store, node) ? ERR_NONE : ERR_CORRUPT;
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
	struct tree_node *root = store->tree.root;
	struct effect_bounds bounds;

	if (key.size != 1 || store->index_loaded || !read_bounds(value, &bounds) ||
	    bounds.store_index > INT64_MAX)
		return ERR_CORRUPT;
	store->index = bounds.store_index;
	store->window_first = bounds.first;
	store->known_from = bounds.known_from;
	store->agreed = bounds.agreed;
	root->last_below = MAX_OF(root->last_below, bounds.last_below);
	store->index_loaded = true;
	return ERR_NONE;
}

enum err
store_load(struct store *store, struct slice key, struct slice value)
{
	if (key.size == 0)
		return ERR_CORRUPT;
	switch (key.data[0]) {
	case EFFECT_EVENT:
		return load_event(store, key, value);
	case EFFECT_DOOMED:
		return load_doomed(store, key, value);
	case EFFECT_NODE:
		return load_node(store, key, value);
	case EFFECT_INDEX:
		return load_index(store, key, value);
	case EFFECT_OLD_NODE:
		return load_old_node(store, slice_of(key.data + 1, key.size - 1), value);
	default:
		return ERR_CORRUPT;
	}
}

/* What is in them was loaded after them: so the last one goes first, and what each says to
 * the one it is in is all there is. False: one says more than there can be. */
static bool
gather_last_below(struct store *store)
{
	struct loaded_dir *dir;

	TAILQ_FOREACH_REVERSE(dir, &store->loaded_order, loaded_dir_queue, order) {
		struct tree_node *above = dir->node->parent;

		if (above != NULL)
			above->last_below = MAX_OF(above->last_below, dir->node->last_below);
	}
	return store->tree.root->last_below <= store->index;
}

enum err
store_loaded(struct store *store, const char **where)
{
	bool fits = gather_last_below(store);

	load_free(store);
	if (!store->index_loaded && (store->tree.count > 0 || store->history.kept.count > 0)) {
		*where = "the store index is missing";
		return ERR_CORRUPT;
	}
	if (!fits) {
		*where = "a node was changed beyond the store index";
		return ERR_CORRUPT;
	}
	return history_loaded(&store->history, store->window_first, store->index, where) ?
	    ERR_NONE : ERR_CORRUPT;
}

/* ---- saving -------------------------------------------------------------------------- */

static void
put_bounds(const struct store *store, struct effects *effects)
{
	effects_bounds(effects, &(struct effect_bounds){ .store_index = store->index,
	    .first = history_first(&store->history),
	    .last_below = MAX_OF(store->tree.root->last_below, effects->plain_to),
	    .known_from = store->known_from, .agreed = store->agreed });
}

void
store_put_bounds(struct store *store)
{
	put_bounds(store, &store->effects);
}

void
store_save_nodes(struct store *store, void (*take)(void *argument, struct slice records),
    void *argument)
{
	struct tree_walk *walk = &store->walk;
	struct buf records = BUF_INIT;
	struct tree_node *node;

	store->effects.out = &records;
	tree_walk_begin(walk, store->tree.root, SLICE_LITERAL("/"));
	while ((node = tree_walk_next(walk)) != NULL) {
		if (tree_is_dir(node))
			tree_walk_enter(walk);
		if (node->parent == NULL)
			continue;
		effects_node(&store->effects, node);
		take(argument, buf_slice(&records));
		buf_recycle(&records, 64 * KIB);
	}
	buf_free(&records);
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
	effects_event(effects, event->store_index, event->record);
	return add(crc, effects->out);
}

uint32_t
store_hash(const struct store *store)
{
	/* What a store is, is what its records are: so hash them, sorted. Of what was before
	 * known_from, nodes that were upgraded at different times know different things. */
	struct buf out = BUF_INIT;
	struct effects effects = { .out = &out, .plain_to = store->known_from };
	struct tree_walk walk = { 0 };
	uint64_t at, *kept;
	size_t count, i;
	struct tree_node *node;
	uint32_t crc;

	put_bounds(store, &effects);
	crc = add(0, &out);
	tree_walk_begin(&walk, store->tree.root, SLICE_LITERAL("/"));
	while ((node = tree_walk_next(&walk)) != NULL) {
		if (node->parent != NULL)
			effects_node(&effects, node);
		crc = add(crc, &out);
		if (tree_is_dir(node))
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
