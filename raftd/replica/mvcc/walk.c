/*
 * walk.c - walks over the keys in their order, both ways: see keys.h.
 */
#include "raftd/replica/mvcc/keys_priv.h"

/* How many keys before it is looked at a walk asks for a key's change. */
#define AHEAD 6

/* Of a leaf's places those that the walk stops at. */
static uint32_t
stops_of(const struct mvcc_walk *walk, const struct mvcc_node *leaf)
{
	return bits_below(leaf->count) & (walk->living ? leaf->living : UINT32_MAX);
}

static bool
child_counts(const struct mvcc_walk *walk, const struct mvcc_inner *inner, unsigned place)
{
	return !walk->living || inner->living[place] > 0;
}

/* Keys lie anywhere in memory, and so do their changes: both are asked for before they are
 * needed. */
static void
enter(const struct mvcc_node *node)
{
	for (unsigned i = 0; i < node->count; i++)
		prefetch(leaf_of(node)->keys[i], CACHE_LINE_BYTES);
}

/* The walk goes on in steps of 1 or -1. */
static struct mvcc_key *
stop(struct mvcc_walk *walk, unsigned place, int step)
{
	unsigned depth = walk->tree->depth;
	const struct mvcc_leaf *leaf = leaf_of(walk->nodes[depth]);
	unsigned ahead = (unsigned)((int)place + step * AHEAD);

	walk->places[depth] = place;
	if (ahead < leaf->node.count)
		prefetch(mvcc_key_first_touched(leaf->keys[ahead]), CACHE_LINE_BYTES);
	return leaf->keys[place];
}

/* The first stop at or behind a place of the leaf that it stands in; from there on. */
static struct mvcc_key *
forward(struct mvcc_walk *walk, unsigned place)
{
	unsigned level = walk->tree->depth;

	for (;;) {
		if (level == walk->tree->depth) {
			uint32_t stops = stops_of(walk, walk->nodes[level]) & ~bits_below(place);

			if (stops != 0)
				return stop(walk, (unsigned)__builtin_ctz(stops), 1);
		} else {
			const struct mvcc_inner *inner = inner_of(walk->nodes[level]);

			while (place < inner->node.count && !child_counts(walk, inner, place))
				place++;
			if (place < inner->node.count) {
				walk->places[level] = place;
				walk->nodes[++level] = inner->children[place];
				place = 0;
				if (level == walk->tree->depth)
					enter(walk->nodes[level]);
				continue;
			}
		}
		if (level == 0)
			return NULL;
		place = walk->places[--level] + 1;
	}
}

/* The last stop before a place of the node at that level; so on towards the front. */
static struct mvcc_key *
backward(struct mvcc_walk *walk, unsigned level, unsigned place)
{
	for (;;) {
		if (level == walk->tree->depth) {
			uint32_t stops = stops_of(walk, walk->nodes[level]) & bits_below(place);

			if (stops != 0)
				return stop(walk, 31u - (unsigned)__builtin_clz(stops), -1);
		} else {
			const struct mvcc_inner *inner = inner_of(walk->nodes[level]);

			while (place > 0 && !child_counts(walk, inner, place - 1))
				place--;
			if (place > 0) {
				walk->places[level] = place - 1;
				walk->nodes[level + 1] = inner->children[place - 1];
				place = walk->nodes[++level]->count;
				if (level == walk->tree->depth)
					enter(walk->nodes[level]);
				continue;
			}
		}
		if (level == 0)
			return NULL;
		place = walk->places[--level];
	}
}

/* Where name is or would be. */
static unsigned
stand(struct mvcc_walk *walk, const struct mvcc_keys *tree, bool living, struct slice name)
{
	struct node_path path;

	walk->tree = tree;
	walk->living = living;
	mvcc_keys_descend(tree, name, &path);
	memcpy(walk->nodes, path.nodes, (tree->depth + 1) * sizeof(path.nodes[0]));
	memcpy(walk->places, path.places, (tree->depth + 1) * sizeof(path.places[0]));
	return path.places[tree->depth];
}

struct mvcc_key *
mvcc_walk_from(struct mvcc_walk *walk, const struct mvcc_keys *tree, bool living, struct slice name,
    bool behind)
{
	const struct mvcc_leaf *leaf;
	unsigned place;

	if (tree->root == NULL)
		return NULL;
	place = stand(walk, tree, living, name);
	leaf = leaf_of(walk->nodes[tree->depth]);
	if (behind && place < leaf->node.count &&
	    slice_equal(mvcc_key_name(leaf->keys[place]), name))
		place++;
	return forward(walk, place);
}

struct mvcc_key *
mvcc_walk_before(struct mvcc_walk *walk, const struct mvcc_keys *tree, bool living,
    const struct slice *name)
{
	if (tree->root == NULL)
		return NULL;
	if (name != NULL) {
		unsigned place = stand(walk, tree, living, *name);

		return backward(walk, tree->depth, place);
	}
	walk->tree = tree;
	walk->living = living;
	walk->nodes[0] = tree->root;
	return backward(walk, 0, tree->root->count);
}

struct mvcc_key *
mvcc_walk_next(struct mvcc_walk *walk)
{
	return forward(walk, walk->places[walk->tree->depth] + 1);
}

struct mvcc_key *
mvcc_walk_previous(struct mvcc_walk *walk)
{
	unsigned depth = walk->tree->depth;

	return backward(walk, depth, walk->places[depth]);
}
