/*
 * names.h - the ordered names of one directory.
 *
 * A treap, intrusive: a member embeds struct name_link and carries its name in
 * the same allocation. It was chosen over the others because
 * - a link is 24 bytes and has neither a parent nor a balance to keep;
 * - order by bytes comes for free, so a sorted listing costs no sort;
 * - inserting and removing are two short loops, logarithmic with 100000 names
 *   as with ten; no table to grow in one long step.
 * Its shape is random by a seeded hash of the names, so no choice of names
 * makes it deep. Nothing but speed depends on the shape.
 */
#ifndef MOOTHALL_RAFTD_REPLICA_STORE_NAMES_H
#define MOOTHALL_RAFTD_REPLICA_STORE_NAMES_H

#include "common/slice.h"

struct name_link {
	struct name_link *left, *right;
	uint64_t priority : 21;		/* never above that of the link over it */
	uint64_t mark : 19;		/* the member's own bits */
	uint64_t size : 16;		/* of the name */
	uint64_t at : 8;		/* where the name begins, counted from the link */
};

static inline struct slice
name_of(const struct name_link *link)
{
	return slice_of((const uint8_t *)link + link->at, link->size);
}

/* Prepare a link whose name is (or will be) at that offset behind it. */
void name_init(struct name_link *link, uint64_t seed, size_t at, struct slice name);

/* The member of that name, or NULL. */
struct name_link *names_find(struct name_link *root, struct slice name);
/* The member that comes next after that name, which need not be there, or NULL. */
struct name_link *names_after(struct name_link *root, struct slice name);
/* The name must not be there. */
void names_insert(struct name_link **root, struct name_link *link);
/* The link must be there. */
void names_remove(struct name_link **root, struct name_link *link);

#endif
