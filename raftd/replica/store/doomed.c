/*
 * doomed.c - removed directories that are still to be freed (see doomed.h).
 *
 * Sweeping goes down by the names that are left until there is nothing below,
 * frees that node and goes back up; the place it has come to is all it remembers.
 */
#include "raftd/replica/store/doomed.h"

#include "common/limits.h"
#include "common/xmem.h"

#include <stdlib.h>

struct doomed {
	TAILQ_ENTRY(doomed) link;
	struct tree_node *top;
	struct tree_node *at;		/* where the sweep goes on: top or below */
	unsigned holds;
};

void
doomed_init(struct doomed_list *list)
{
	TAILQ_INIT(&list->waiting);
	TAILQ_INIT(&list->held);
}

static void
free_queue(struct doomed_queue *queue, struct tree *tree)
{
	struct doomed *doomed;

	while ((doomed = TAILQ_FIRST(queue)) != NULL) {
		TAILQ_REMOVE(queue, doomed, link);
		tree_free_detached(tree, doomed->top);
		free(doomed);
	}
}

void
doomed_free(struct doomed_list *list, struct tree *tree)
{
	free_queue(&list->waiting, tree);
	free_queue(&list->held, tree);
}

struct doomed *
doomed_add(struct doomed_list *list, struct tree_node *top)
{
	struct doomed *doomed = xzalloc(sizeof(*doomed));

	doomed->top = top;
	doomed->at = top;
	TAILQ_INSERT_TAIL(&list->waiting, doomed, link);
	return doomed;
}

void
doomed_hold(struct doomed_list *list, struct doomed *doomed)
{
	/* A sweep that has begun has freed some of what is to be shown. */
	ASSERT(doomed->at == doomed->top);
	if (doomed->holds++ > 0)
		return;
	TAILQ_REMOVE(&list->waiting, doomed, link);
	TAILQ_INSERT_TAIL(&list->held, doomed, link);
}

void
doomed_release(struct doomed_list *list, struct doomed *doomed)
{
	ASSERT(doomed->holds > 0);
	if (--doomed->holds > 0)
		return;
	TAILQ_REMOVE(&list->held, doomed, link);
	TAILQ_INSERT_TAIL(&list->waiting, doomed, link);
}

struct tree_node *
doomed_top(const struct doomed *doomed)
{
	return doomed->top;
}

bool
doomed_waits(const struct doomed_list *list)
{
	return !TAILQ_EMPTY(&list->waiting);
}

/* Down to a node with nothing below; true if that is the top itself. */
static bool
descend(struct doomed *doomed)
{
	while (tree_is_dir(doomed->at) && doomed->at->children != NULL)
		doomed->at = tree_node_of_name(doomed->at->children);
	return doomed->at == doomed->top;
}

void
doomed_sweep(struct doomed_list *list, struct tree *tree, struct ttl *ttl,
    struct effects *effects, size_t nodes_max)
{
	size_t least = tree->bytes - MIN_OF(tree->bytes, SWEEP_BYTES_MAX);
	struct doomed *doomed;

	while (nodes_max-- > 0 && tree->bytes >= least &&
	    (doomed = TAILQ_FIRST(&list->waiting)) != NULL) {
		bool last = descend(doomed);
		struct tree_node *node = doomed->at;

		doomed->at = node->parent;
		ttl_clear(ttl, node);
		if (!last)
			effects_node_gone(effects, node);
		else if (tree_is_dir(node))
			effects_doomed_gone(effects, node);
		tree_drop(tree, node);
		if (!last)
			continue;
		TAILQ_REMOVE(&list->waiting, doomed, link);
		free(doomed);
	}
}
