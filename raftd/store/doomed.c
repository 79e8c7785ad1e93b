/*
 * doomed.c - removed directories until they are freed (see doomed.h).
 */
#include "raftd/store/doomed.h"

#include "common/xmem.h"

#include <stdlib.h>

struct doomed {
	LIST_ENTRY(doomed) link;
	struct node *top;
	unsigned holds;
};

void
doomed_init(struct doomed_list *list)
{
	LIST_INIT(&list->all);
}

struct doomed *
doomed_add(struct doomed_list *list, struct node *top)
{
	struct doomed *doomed = xzalloc(sizeof(*doomed));

	doomed->top = top;
	LIST_INSERT_HEAD(&list->all, doomed, link);
	return doomed;
}

void
doomed_hold(struct doomed_list *list UNUSED, struct doomed *doomed)
{
	doomed->holds++;
}

void
doomed_release(struct doomed_list *list UNUSED, struct doomed *doomed)
{
	ASSERT(doomed->holds > 0);
	doomed->holds--;
}

struct node *
doomed_top(const struct doomed *doomed)
{
	return doomed->top;
}

static void
clear_expiries(struct ttl *ttl, struct node *top)
{
	struct tree_walk walk = { 0 };
	struct node *node;

	tree_walk_begin(&walk, top, SLICE_LITERAL("/"));
	while ((node = tree_walk_next(&walk)) != NULL) {
		ttl_clear(ttl, node);
		if (node_is_dir(node))
			tree_walk_enter(&walk);
	}
	tree_walk_free(&walk);
}

void
doomed_sweep(struct doomed_list *list, struct tree *tree, struct ttl *ttl)
{
	struct doomed *doomed, *next;

	for (doomed = LIST_FIRST(&list->all); doomed != NULL; doomed = next) {
		next = LIST_NEXT(doomed, link);
		if (doomed->holds > 0)
			continue;
		LIST_REMOVE(doomed, link);
		clear_expiries(ttl, doomed->top);
		tree_free_detached(tree, doomed->top);
		free(doomed);
	}
}
