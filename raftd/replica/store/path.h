/*
 * path.h - keys: canonical form, names in them, what is below and hidden.
 *
 * A canonical key is "/" or "/" and names joined by "/": no empty name, no
 * "." or "..", no slash at the end. Any other byte may stand in a name.
 *
 * Source: docs/api.md, "Keys" and, for hidden names, "Operations".
 */
#ifndef MOOTHALL_RAFTD_REPLICA_STORE_PATH_H
#define MOOTHALL_RAFTD_REPLICA_STORE_PATH_H

#include "common/buf.h"
#include "common/limits.h"

/* The longest key that can be in the tree: it may come from a backup of before. */
#define PATH_BYTES_MAX (KEY_BYTES_BEFORE + 1 + KEY_ORDER_DIGITS)

/* May it stand between two slashes? It holds none. */
bool path_name_is_canonical(struct slice name);
/* Is it a canonical key of at most PATH_BYTES_MAX bytes? */
bool path_is_canonical(struct slice path);

static inline bool
path_is_root(struct slice path)
{
	return path.size == 1;
}

/* The names of a canonical path, from the top. */
struct path_names {
	const uint8_t *at;	/* the slash before the next name, or end */
	const uint8_t *end;
};

struct path_names path_names(struct slice path);
/* The next name; false at the end. Borrowed from the path. */
bool path_next(struct path_names *names, struct slice *name);

/* Is path below top, name by name? "/d" does not cover "/dd"; nothing is below itself. */
bool path_is_below(struct slice path, struct slice top);
bool path_is_at_or_below(struct slice path, struct slice top);

static inline bool
path_name_is_hidden(struct slice name)
{
	return name.size > 0 && name.data[0] == '_';
}

/* Offset of the last hidden name in path; 0: none is hidden. */
size_t path_last_hidden(struct slice path);

/* The last name of a canonical key that is not the root; borrowed. */
struct slice path_last(struct slice path);

/*
 * The path of a place in a tree of names, built in path; borrowed from there.
 *
 *	above	gives a place's name and what it is in; NULL for the root
 */
struct slice path_build(struct buf *path, const void *place,
    const void *(*above)(const void *place, struct slice *name));

/* Append "/name" to a path under construction, in which the root is empty. */
void path_push(struct buf *path, struct slice name);

#endif
