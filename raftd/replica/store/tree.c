/*
 * tree.c - the nodes: files with a value, directories with ordered children.
 *
 * Owns the nodes. Walks keep what is left to visit on a stack of their own.
 */
#include "raftd/replica/store/tree.h"

#include "common/ipc/wire.h"
#include "common/pool.h"
#include "common/xmem.h"
#include "raftd/replica/store/path.h"

#include <stdlib.h>

#define MARK_MASK 0x7ffffu	/* the width of name_link's mark */

_Static_assert(offsetof(struct tree_node, name) == 64 || sizeof(void *) != 8,
    "what tree.h says of a node's size");
_Static_assert(KEY_NAMES_MAX < NODE_DEPTH_MAX, "a depth fits its bits");
_Static_assert(NODE_DEPTH_MAX << NODE_MARK_DEPTH_SHIFT <= MARK_MASK, "and its bits the mark");

struct tree_node *
tree_child(const struct tree_node *node, struct slice name)
{
	struct name_link *link;

	if (!tree_is_dir(node))
		return NULL;
	link = names_find(node->children, name);
	return link == NULL ? NULL : tree_node_of_name(link);
}

struct node_record
tree_describe(const struct tree_node *node, struct slice path, size_t depth)
{
	bool expires = node->expiry != NULL;

	return (struct node_record){
		.flags = (uint8_t)((tree_is_dir(node) ? NODE_DIR : NODE_VALUE) |
		    (expires ? NODE_EXPIRES : 0)),
		.depth = (uint16_t)depth,
		.key = path,
		.value = tree_value(node),
		.modified = tree_is_dir(node) ? node->created : node->modified,
		.created = node->created,
		.expire_at_ns = expires ? node->expiry->at_ns : 0,
	};
}

static struct tree_node *
node_new(struct tree *tree, struct tree_node *parent, struct slice name, bool is_dir,
    uint64_t store_index, size_t depth)
{
	struct tree_node *node = pool_take(tree->pool, sizeof(*node) + name.size);
	unsigned place = (unsigned)depth << NODE_MARK_DEPTH_SHIFT & MARK_MASK;

	name_init(&node->link, tree->seed, offsetof(struct tree_node, name), name);
	if (name.size > 0)
		memcpy(node->name, name.data, name.size);
	ASSERT(depth <= NODE_DEPTH_MAX);
	node->parent = parent;
	node->link.mark = (place | (is_dir ? NODE_MARK_DIR : 0u)) & MARK_MASK;
	if (is_dir) {
		node->children = NULL;
	} else {
		node->value = NULL;
	}
	node->created = store_index;
	if (is_dir)
		node->last_below = store_index;
	else
		node->modified = store_index;
	node->expiry = NULL;
	return node;
}

/* Its own memory, and its reference on the value. */
static void
node_free(struct tree_node *node)
{
	if (!tree_is_dir(node))
		blob_unref(&node->value);
	pool_give(node, sizeof(*node) + node->link.size);
}

static size_t
node_bytes(const struct tree_node *node)
{
	return sizeof(*node) + node->link.size + tree_value(node).size;
}

/* Put a link's node on a stack that is chained through the parent pointers,
 * which nobody needs any more. */
static void
doom(struct name_link *link, struct tree_node **doomed)
{
	struct tree_node *node;

	if (link == NULL)
		return;
	node = tree_node_of_name(link);
	node->parent = *doomed;
	*doomed = node;
}

/* Free node, which is in no directory, with all below. */
static void
free_all(struct tree *tree, struct tree_node *node)
{
	struct tree_node *doomed = NULL;

	doom(&node->link, &doomed);
	while ((node = doomed) != NULL) {
		doomed = node->parent;
		doom(node->link.left, &doomed);
		doom(node->link.right, &doomed);
		if (tree_is_dir(node))
			doom(node->children, &doomed);
		tree->count--;
		tree->bytes -= node_bytes(node);
		node_free(node);
	}
}

void
tree_init(struct tree *tree, uint64_t seed)
{
	tree->seed = seed;
	tree->pool = pool_new();
	tree->root = node_new(tree, NULL, SLICE_EMPTY, true, 0, 0);
	tree->count = 0;
	tree->bytes = 0;
}

void
tree_free(struct tree *tree)
{
	if (tree->root != NULL)
		free_all(tree, tree->root);
	pool_free(&tree->pool);
	tree->root = NULL;
	tree->count = 0;
	tree->bytes = 0;
}

struct tree_search
tree_find(const struct tree *tree, struct slice path)
{
	struct tree_search search = { ERR_NONE, tree->root, 1 };
	struct path_names names = path_names(path);
	struct slice name;

	while (path_next(&names, &name)) {
		struct name_link *link;

		if (!tree_is_dir(search.node)) {
			search.error = ERR_NOT_DIR;
			break;
		}
		search.size = (size_t)(names.at - path.data);
		link = names_find(search.node->children, name);
		if (link == NULL) {
			search.error = ERR_KEY_NOT_FOUND;
			break;
		}
		search.node = tree_node_of_name(link);
	}
	return search;
}

struct tree_node *
tree_make(struct tree *tree, struct tree_node *dir, struct slice name, bool is_dir,
    uint64_t store_index)
{
	struct tree_node *node = node_new(tree, dir, name, is_dir, store_index,
	    tree_depth(dir) + 1);

	ASSERT(tree_is_dir(dir));
	names_insert(&dir->children, &node->link);
	tree->count++;
	tree->bytes += node_bytes(node);
	return node;
}

void
tree_set_value(struct tree *tree, struct tree_node *node, struct slice value)
{
	ASSERT(!tree_is_dir(node));
	tree->bytes += value.size - tree_value(node).size;
	blob_unref(&node->value);
	node->value = value.size == 0 ? NULL : blob_new_in(tree->pool, value);
}

void
tree_make_dir(struct tree *tree, struct tree_node *node)
{
	ASSERT(!tree_is_dir(node));
	tree->bytes -= tree_value(node).size;
	blob_unref(&node->value);
	tree_mark_refreshed(node, false);
	node->link.mark |= NODE_MARK_DIR;
	node->children = NULL;
}

void
tree_mark_refreshed(struct tree_node *node, bool refreshed)
{
	ASSERT(!tree_is_dir(node));
	if (refreshed)
		node->link.mark |= NODE_MARK_REFRESHED;
	else
		node->link.mark &= MARK_MASK & ~NODE_MARK_REFRESHED;
}

void
tree_touch(struct tree_node *dir, uint64_t store_index)
{
	for (; dir != NULL; dir = dir->parent)
		dir->last_below = store_index;
}

uint64_t
tree_last_event(const struct tree_search *search)
{
	return tree_is_dir(search->node) ? search->node->last_below : search->node->modified;
}

void
tree_detach(struct tree *tree UNUSED, struct tree_node *node)
{
	ASSERT(node->parent != NULL);
	names_remove(&node->parent->children, &node->link);
	node->parent = NULL;
}

struct tree_node *
tree_make_detached(struct tree *tree, uint64_t store_index, size_t depth)
{
	struct tree_node *node = node_new(tree, NULL, SLICE_EMPTY, true, store_index, depth);

	tree->count++;
	tree->bytes += node_bytes(node);
	return node;
}

bool
tree_has(const struct tree *tree, const struct tree_node *node)
{
	while (node->parent != NULL)
		node = node->parent;
	return node == tree->root;
}

void
tree_drop(struct tree *tree, struct tree_node *node)
{
	ASSERT(node != tree->root);
	ASSERT(node->expiry == NULL);
	if (node->parent != NULL)
		names_remove(&node->parent->children, &node->link);
	tree->count--;
	tree->bytes -= node_bytes(node);
	if (tree_is_dir(node))
		ASSERT(node->children == NULL);
	node_free(node);
}

void
tree_free_detached(struct tree *tree, struct tree_node *node)
{
	ASSERT(node->parent == NULL);
	ASSERT(node != tree->root);
	free_all(tree, node);
}

void
tree_walk_free(struct tree_walk *walk)
{
	free(walk->steps);
	buf_free(&walk->path);
	memset(walk, 0, sizeof(*walk));
}

static void
walk_push(struct tree_walk *walk, struct tree_node *node, uint32_t depth, uint32_t path_size)
{
	walk->steps = xgrow(walk->steps, &walk->capacity, walk->count + 1,
	    sizeof(*walk->steps));
	walk->steps[walk->count++] = (struct tree_step){ node, depth, path_size };
}

/* A treap's smallest name and what leads to it; each brings its right half
 * when its turn comes. */
static void
walk_push_names(struct tree_walk *walk, struct name_link *link, uint32_t depth,
    uint32_t path_size)
{
	for (; link != NULL; link = link->left)
		walk_push(walk, tree_node_of_name(link), depth, path_size);
}

void
tree_walk_clear(struct tree_walk *walk)
{
	walk->count = 0;
}

void
tree_walk_stand(struct tree_walk *walk, struct slice path, uint32_t depth)
{
	buf_clear(&walk->path);
	if (!path_is_root(path))
		buf_append_slice(&walk->path, path);
	walk->current = (struct tree_step){ NULL, depth, 0 };
}

void
tree_walk_begin(struct tree_walk *walk, struct tree_node *node, struct slice path)
{
	tree_walk_clear(walk);
	tree_walk_stand(walk, path, 0);
	walk_push(walk, node, 0, 0);
}

void
tree_walk_add(struct tree_walk *walk, const struct tree_node *dir, struct slice after,
    uint32_t depth, uint32_t path_size)
{
	struct name_link *link = dir->children;

	ASSERT(tree_is_dir(dir));
	while (link != NULL) {
		if (slice_compare(after, name_of(link)) < 0) {
			walk_push(walk, tree_node_of_name(link), depth, path_size);
			link = link->left;
		} else {
			link = link->right;
		}
	}
}

struct tree_node *
tree_walk_next(struct tree_walk *walk)
{
	struct tree_step step;

	if (walk->count == 0)
		return NULL;
	step = walk->steps[--walk->count];
	walk->current = step;
	if (step.depth > 0) {
		walk_push_names(walk, step.node->link.right, step.depth, step.path_size);
		walk->path.size = step.path_size;
		path_push(&walk->path, name_of(&step.node->link));
	}
	return step.node;
}

void
tree_walk_enter(struct tree_walk *walk)
{
	ASSERT(tree_is_dir(walk->current.node));
	walk_push_names(walk, walk->current.node->children, walk->current.depth + 1,
	    (uint32_t)walk->path.size);
}

struct slice
tree_walk_path(const struct tree_walk *walk)
{
	return walk->path.size == 0 ? SLICE_LITERAL("/") : buf_slice(&walk->path);
}
