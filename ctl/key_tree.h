/*
 * key_tree.h - all keys of a cluster below one key, and what has to be written and removed
 * to make another tree the same. Pure but for key_tree_read.
 */
#ifndef MOOTHALL_CTL_KEY_TREE_H
#define MOOTHALL_CTL_KEY_TREE_H

#include "ctl/api.h"

struct key_tree_entry {
	struct slice key, value;	/* of the document */
	bool dir;
	bool empty;		/* a directory without anything in it that is listed */
	uint64_t ttl_s;		/* 0: does not expire */
};

struct key_tree {
	struct json_doc doc;
	struct key_tree_entry *entries;	/* sorted by key; without the root itself */
	size_t count, capacity;
	uint64_t index;		/* X-Etcd-Index when it was read */
};

/* Read by a quorum. A missing key is an empty tree. CTL_DONE, or the sentence was said. */
int key_tree_read(struct client *client, const struct output *out, struct slice root,
    struct key_tree *tree) MUST_CHECK;
/* From a listing; takes the document. */
void key_tree_from(struct json_doc *doc, struct key_tree *tree);
void key_tree_free(struct key_tree *tree);

/* The entry of that key; NULL: none. */
const struct key_tree_entry *key_tree_find(const struct key_tree *tree, struct slice key);

/* Below, or at, the directory of that name. */
bool key_tree_is_below(struct slice key, struct slice directory);
/* Does a name in it, behind the first `skip` bytes, begin with '_'? */
bool key_tree_is_hidden(struct slice key, size_t skip);
/* Keys that belong to the cluster itself, not to its users. */
bool key_tree_is_registry(struct slice key);

/*
 * What must become of an entry of the source, as the target has it (NULL: not at all).
 * Times of expiry may differ by two seconds, which reading takes.
 */
enum key_tree_change { TREE_SAME, TREE_WRITE, TREE_REPLACE };
enum key_tree_change key_tree_change_of(const struct key_tree_entry *source,
    const struct key_tree_entry *target);

#endif
