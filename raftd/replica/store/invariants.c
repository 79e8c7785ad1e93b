/*
 * invariants.c - what always holds between entries, asserted: the tree, its expiries, the
 * history and what is kept of it agree. Walks everything.
 */
#include "raftd/replica/store/store_priv.h"

#include <stdlib.h>

static void
check_node(const struct store *store, struct tree_node *node)
{
	const struct tree_node *parent = node->parent;

	ASSERT(node->expiry == NULL || node->expiry->node == node);
	if (tree_is_dir(node)) {
		ASSERT(node->created <= node->last_below);
		ASSERT(node->last_below <= store->index);
	} else {
		ASSERT(node->created <= node->modified);
		ASSERT(node->modified <= store->index);
	}
	if (parent == NULL) {
		ASSERT(node == store->tree.root);
		return;
	}
	ASSERT(tree_child(parent, name_of(&node->link)) == node);
	ASSERT(tree_depth(node) == tree_depth(parent) + 1);
	if (tree_is_dir(node))
		ASSERT(parent->last_below >= node->last_below);
	else
		ASSERT(parent->last_below >= node->modified || tree_is_refreshed(node));
}

static void
check_tree(const struct store *store)
{
	struct tree_walk walk = { 0 };
	size_t count = 0, expiries = 0;
	struct tree_node *node;

	tree_walk_begin(&walk, store->tree.root, SLICE_LITERAL("/"));
	while ((node = tree_walk_next(&walk)) != NULL) {
		check_node(store, node);
		count += node->parent != NULL;
		expiries += node->expiry != NULL;
		if (tree_is_dir(node))
			tree_walk_enter(&walk);
	}
	tree_walk_free(&walk);
	ASSERT(count <= store->tree.count);
	ASSERT(expiries <= store->ttl.heap.count);
	if (TAILQ_EMPTY(&store->doomed.waiting) && TAILQ_EMPTY(&store->doomed.held)) {
		ASSERT(count == store->tree.count);
		ASSERT(expiries == store->ttl.heap.count);
	}
}

size_t
store_invariants(const struct store *store)
{
	const struct history *history = &store->history;
	uint64_t first = history_first(history), before = 0;
	size_t bytes = 0, count, retained = 0;
	uint64_t *kept = history_kept(history, &count);

	check_tree(store);
	ASSERT(history->last == store->index);
	for (uint64_t at = first; at <= history->last; at++) {
		const struct event *event = history_at(history, at);

		ASSERT(event->record != NULL && event->store_index == at);
		bytes += event->record->size;
		retained += history_retained(history, at);
	}
	ASSERT(bytes == history->bytes);
	ASSERT(!history_is_above(history) || history->shedding);
	for (size_t i = 0; i < count; i++) {
		ASSERT(kept[i] > before && kept[i] < first);
		ASSERT(history_retained(history, kept[i]) > 0);
		before = kept[i];
		retained += history_retained(history, kept[i]);
	}
	free(kept);
	return retained;
}
