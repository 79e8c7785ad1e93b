/*
 * doomed.h - removed directories that are still to be freed, bit by bit.
 *
 * Removing a directory takes it out of the tree at once, whatever is below it:
 * nobody can find that any more. What is below is freed, in memory and on the
 * disk, in bounded steps later, each node after what is below it. So on the disk
 * what is left always hangs together, and the record of the doomed directory
 * (effect.h) says at the next start that it is garbage.
 *
 *	in the tree --> doomed	removed				[doomed_add]
 *	doomed <--> held	a view still has to show it	[doomed_hold, doomed_release]
 *	doomed --> gone		its last node was freed		[doomed_sweep]
 *
 * Not replicated: every node frees at its own pace, and what is doomed is not part
 * of the state that nodes compare. Owned by the store.
 */
#ifndef MOOTHALL_RAFTD_REPLICA_STORE_DOOMED_H
#define MOOTHALL_RAFTD_REPLICA_STORE_DOOMED_H

#include "raftd/replica/store/effect.h"
#include "raftd/replica/store/ttl.h"

#include <sys/queue.h>

struct doomed;

TAILQ_HEAD(doomed_queue, doomed);

struct doomed_list {
	struct doomed_queue waiting;	/* to be freed */
	struct doomed_queue held;
};

void doomed_init(struct doomed_list *list);
/* Free everything, held or not, but nothing of it on the disk; no expiry is left. */
void doomed_free(struct doomed_list *list, struct tree *tree);

/* top, which is detached, will be freed with all below; until then nothing of it
 * changes. Returned borrowed: until it is swept, which who holds it keeps off. */
struct doomed *doomed_add(struct doomed_list *list, struct tree_node *top);
/* Counted. */
void doomed_hold(struct doomed_list *list, struct doomed *doomed);
void doomed_release(struct doomed_list *list, struct doomed *doomed);
struct tree_node *doomed_top(const struct doomed *doomed);

/* Something may be swept now. */
bool doomed_waits(const struct doomed_list *list);
/* Free up to that many nodes, with their effects, and about SWEEP_BYTES_MAX. */
void doomed_sweep(struct doomed_list *list, struct tree *tree, struct ttl *ttl,
    struct effects *effects, size_t nodes_max);

#endif
