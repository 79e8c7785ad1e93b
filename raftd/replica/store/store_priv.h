/*
 * store_priv.h - the store's own parts, for store.c, write.c and load.c only.
 */
#ifndef MOOTHALL_RAFTD_REPLICA_STORE_STORE_PRIV_H
#define MOOTHALL_RAFTD_REPLICA_STORE_STORE_PRIV_H

#include "raftd/replica/store/doomed.h"
#include "raftd/replica/store/effect.h"
#include "raftd/replica/store/history.h"
#include "raftd/replica/store/stats.h"
#include "raftd/replica/store/store.h"
#include "raftd/replica/store/tree.h"
#include "raftd/replica/store/ttl.h"
#include "raftd/replica/store/view.h"
#include "raftd/replica/store/watch.h"

#include <sys/queue.h>

struct store {
	uint64_t index;			/* the store index */
	uint64_t known_from;		/* directories know of all removals after it */
	bool agreed;			/* known_from is the same on all nodes */
	struct key_limits limits;	/* of what makes a node */
	struct tree tree;
	struct ttl ttl;			/* of the tree's nodes */
	struct doomed_list doomed;	/* taken out of the tree, not freed yet */
	TAILQ_HEAD(, store_view) views;	/* that can be read on, oldest first */
	size_t views_base;		/* bytes of the tree when the first of them held some */
	struct history history;		/* history.last == index, but while loading */
	struct watch watch;
	size_t looks;			/* that store_watch has left until store_catch_up */
	struct stats stats;
	struct hash loaded_dirs;	/* while loading: by id, struct loaded_dir of load.c */
	TAILQ_HEAD(loaded_dir_queue, loaded_dir) loaded_order; /* the same, as they came */
	uint64_t window_first;		/* while loading: where the window begins */
	bool index_loaded;
	/* Room to work in, empty between calls. */
	struct effects effects;
	struct buf event;		/* an event under construction */
	struct buf path;		/* a key under construction */
	struct buf view_key;		/* of view.c */
	struct tree_walk walk;
};

/* load.c: the table of what is being loaded. */
void load_init(struct store *store, uint64_t seed);
void load_free(struct store *store);
/* The record of the store index and the window. */
void store_put_bounds(struct store *store);
/* The entry of the node in the tree that expires first, or NULL. Those of doomed nodes
 * are put aside. */
const struct ttl_entry *store_first_expiry(struct store *store);
/* The cause of a failed search: the first name missing, or the file in the way. */
struct blob *store_search_cause(struct slice path, const struct tree_search *search);

#endif
