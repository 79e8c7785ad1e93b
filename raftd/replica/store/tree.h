/*
 * tree.h - the nodes: files with a value, directories with ordered children.
 *
 * A node is one piece of memory: 64 bytes and its name. It knows its own name only,
 * the full key is never stored; a key is found by walking down its names, each
 * found in its directory's treap (names.h). A table of full paths would cost
 * another 16 bytes and the whole path for each key, and save a get about a
 * microsecond. A file's value is a blob of its own, an expiry an entry of
 * ttl.h that only nodes with a TTL have. So a key costs about 130 bytes with
 * the allocator's share, plus what its name and value exceed a few bytes.
 *
 * A node's place is its directory and its name, and a directory is known by its id:
 * the store index that made it, and its depth. Of one write all nodes lie on one
 * path, so no two have the same id, also not later: an id names one directory for
 * good, while its path may be that of another one tomorrow. A directory's id is
 * above that of the one it is in.
 *
 * A directory's modified index, as clients see it, is that of its making for good. So
 * where a file keeps its own, a directory has room for last_below: the store index of
 * the newest event at or below it, removals too, refreshes not. Of a removed node it is the
 * directories above that remember the removal.
 *
 * Owns the nodes; knows nothing of expiry, events, effects. Loops only: the depth of
 * the tree is a client's choice, within KEY_NAMES_MAX.
 *
 * Source: docs/api.md, "Keys".
 */
#ifndef MOOTHALL_RAFTD_REPLICA_STORE_TREE_H
#define MOOTHALL_RAFTD_REPLICA_STORE_TREE_H

#include "common/blob.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/heap.h"
#include "common/ipc/message.h"
#include "raftd/replica/store/names.h"

#include <sys/queue.h>

struct tree_node;
struct pool;

/* A node's expiry; ttl.h's. */
struct ttl_entry {
	struct heap_link link;		/* in no heap: it is put aside */
	TAILQ_ENTRY(ttl_entry) aside;
	struct tree_node *node;
	uint64_t at_ns;			/* wall time */
};

/* Bits of name_link.mark. */
#define NODE_MARK_DIR 0x01u
#define NODE_MARK_REFRESHED 0x02u /* a file's modified is of a refresh, which is no event */
#define NODE_MARK_DEPTH_SHIFT 8	/* from here on: how many names lead to it */
#define NODE_DEPTH_MAX 2047u

struct tree_node {
	struct name_link link;		/* in the parent's children */
	struct tree_node *parent;		/* NULL: the root, or detached */
	union {
		struct blob *value;	/* a file's; NULL: empty */
		struct name_link *children; /* a directory's */
	};
	uint64_t created;		/* store index; 0 for the root */
	union {
		uint64_t modified;	/* store index; a file's */
		uint64_t last_below;	/* a directory's: of the newest event at or below it */
	};
	struct ttl_entry *expiry;	/* ttl.h's; NULL: permanent */
	uint8_t name[];
};

struct tree {
	struct tree_node *root;
	uint64_t seed;
	struct pool *pool;		/* of nodes and values; others may have memory of it, too */
	size_t count;			/* nodes, detached ones too, without the root */
	size_t bytes;			/* of them, with their names and values */
};

static inline bool
tree_is_dir(const struct tree_node *node)
{
	return (node->link.mark & NODE_MARK_DIR) != 0;
}

static inline struct slice
tree_value(const struct tree_node *node)
{
	return tree_is_dir(node) ? SLICE_EMPTY : blob_slice(node->value);
}

static inline size_t
tree_depth(const struct tree_node *node)
{
	return node->link.mark >> NODE_MARK_DEPTH_SHIFT;
}

static inline bool
tree_is_refreshed(const struct tree_node *node)
{
	return (node->link.mark & NODE_MARK_REFRESHED) != 0;
}

static inline struct tree_node *
tree_node_of_name(struct name_link *link)
{
	return CONTAINER_OF(link, struct tree_node, link);
}

/* The child of that name, or NULL; NULL too if node is a file. */
struct tree_node *tree_child(const struct tree_node *node, struct slice name);

/* The node as clients see it. Key and value are borrowed from path and node. */
struct node_record tree_describe(const struct tree_node *node, struct slice path, size_t depth);

void tree_init(struct tree *tree, uint64_t seed);
void tree_free(struct tree *tree);

struct tree_search {
	enum err error;		/* ERR_NONE, ERR_KEY_NOT_FOUND, ERR_NOT_DIR: a file is in the way */
	struct tree_node *node;	/* the one found; else the last there is on the way */
	size_t size;		/* bytes of path up to the end of the name found, the
				 * first missing name, or the file in the way */
};

/* path is canonical. */
struct tree_search tree_find(const struct tree *tree, struct slice path);

/* A new child; dir must be a directory without that name, less than NODE_DEPTH_MAX
 * deep. A file starts empty. */
struct tree_node *tree_make(struct tree *tree, struct tree_node *dir, struct slice name,
    bool is_dir, uint64_t store_index);
/* Replace a file's value. */
void tree_set_value(struct tree *tree, struct tree_node *node, struct slice value);
/* Make an empty directory of a file. */
void tree_make_dir(struct tree *tree, struct tree_node *node);
/* Of a file: is its modified index that of a refresh? */
void tree_mark_refreshed(struct tree_node *node, bool refreshed);
/* There was an event at or below dir, which may be NULL: dir and all above remember it. */
void tree_touch(struct tree_node *dir, uint64_t store_index);
/* The newest event that can have been for who watches what that search was for, or a newer
 * index: of the node found, and if there is none, of the last on the way. */
uint64_t tree_last_event(const struct tree_search *search);
/* Take node out of its directory, with all below, which stays as it is. Not the root. */
void tree_detach(struct tree *tree, struct tree_node *node);
/* A directory that is detached from the beginning: what is left of one that was. */
struct tree_node *tree_make_detached(struct tree *tree, uint64_t store_index, size_t depth);
/* Does a way lead to node from the root? */
bool tree_has(const struct tree *tree, const struct tree_node *node);
/* Free one node, detached or in its directory, that has nothing below and no expiry. */
void tree_drop(struct tree *tree, struct tree_node *node);
/* Free a detached node with all below, however much that is. */
void tree_free_detached(struct tree *tree, struct tree_node *node);

/*
 * Nodes below one, itself first, each directory before its children, children
 * in byte order:
 *	tree_walk_begin(&walk, node, path);
 *	while ((node = tree_walk_next(&walk)) != NULL)
 *		if (tree_is_dir(node))
 *			tree_walk_enter(&walk);
 * The tree may not change meanwhile.
 */
struct tree_step {
	struct tree_node *node;
	uint32_t depth;			/* 0: where the walk began */
	uint32_t path_size;		/* of the directory above */
};

struct tree_walk {
	struct tree_step *steps;	/* what is left to visit, next one last */
	size_t count, capacity;
	struct tree_step current;
	struct buf path;		/* of the current node; the root's is empty */
};

/* A zeroed struct is a walk that has not begun. */
void tree_walk_free(struct tree_walk *walk);
/* path is node's; copied. */
void tree_walk_begin(struct tree_walk *walk, struct tree_node *node, struct slice path);
struct tree_node *tree_walk_next(struct tree_walk *walk);
/* Visit the children of the node that was returned last, before all else. */
void tree_walk_enter(struct tree_walk *walk);
/* Of the node returned last; borrowed until the next step. */
struct slice tree_walk_path(const struct tree_walk *walk);

/*
 * A walk that is taken up again where another one stopped, at a path of which only
 * the names are known: tree_walk_stand on an empty walk, then for each directory on
 * the way, from the top, tree_walk_add with the name that the way goes on with.
 */
/* Nothing is left to visit. */
void tree_walk_clear(struct tree_walk *walk);
/* As if the node of that path had been returned last. What is left to visit stays,
 * and lies below directories that are above path. */
void tree_walk_stand(struct tree_walk *walk, struct slice path, uint32_t depth);
/* Visit the children of dir whose names come after that one, before all else that is
 * left: at that depth, below the first path_size bytes of the walk's path. */
void tree_walk_add(struct tree_walk *walk, const struct tree_node *dir, struct slice after,
    uint32_t depth, uint32_t path_size);

#endif
