/*
 * doomed.h - removed directories, with what was in them, until they are freed.
 *
 *	in the tree --> doomed	removed				[doomed_add]
 *	doomed <--> held	a view still has to show it	[doomed_hold, doomed_release]
 *	doomed --> gone		nobody holds it			[doomed_sweep]
 *
 * Not replicated. Owned by the store.
 */
#ifndef MOOTHALL_RAFTD_STORE_DOOMED_H
#define MOOTHALL_RAFTD_STORE_DOOMED_H

#include "raftd/store/ttl.h"

#include <sys/queue.h>

struct doomed;

struct doomed_list {
	LIST_HEAD(, doomed) all;
};

void doomed_init(struct doomed_list *list);

/* top, which is detached, will be freed with all below; until then nothing of it
 * changes. Returned borrowed: until it is swept, which who holds it keeps off. */
struct doomed *doomed_add(struct doomed_list *list, struct node *top);
/* Counted. */
void doomed_hold(struct doomed_list *list, struct doomed *doomed);
void doomed_release(struct doomed_list *list, struct doomed *doomed);
struct node *doomed_top(const struct doomed *doomed);

/* Free all that nobody holds. */
void doomed_sweep(struct doomed_list *list, struct tree *tree, struct ttl *ttl);

#endif
