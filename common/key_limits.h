/*
 * key_limits.h - how many names and bytes a key may have.
 *
 * The limits of the cluster (max_key_names, max_key_bytes of
 * common/cluster_config_table.h) hold for what may make a node, and are asked
 * three times, with the same answer: by the worker, so that a client hears it at
 * once; by raftd's session, for the maximum only, since nothing else is certain
 * there; and when the entry is applied, which decides. All else (a read, a watch,
 * a delete, a change of what is there) is bounded by the maximum, so that what was
 * made under other limits can be read and removed.
 * Pure.
 */
#ifndef MOOTHALL_COMMON_KEY_LIMITS_H
#define MOOTHALL_COMMON_KEY_LIMITS_H

#include "common/limits.h"
#include "common/slice.h"

struct key_limits {
	uint64_t names, bytes;
};

#define KEY_LIMITS_MAX ((struct key_limits){ KEY_NAMES_MAX, KEY_BYTES_MAX })
#define KEY_LIMITS_DEFAULT ((struct key_limits){ KEY_NAMES_DEFAULT, KEY_BYTES_DEFAULT })

/* Room for a cause with its NUL. */
#define KEY_CAUSE_BYTES 96

/* Can a write of that write_op make a node? */
bool key_is_made_by(unsigned write_op);

/*
 * May the key be written (read, watched) under these limits?
 *
 *	key	canonical; bytes as they are stored
 *	op	the write_op; of those that make a name in order, it that is added counts,
 *		too. 0: no write
 *	cause	out: if not, what there is too much of, how much, and the limit
 */
bool key_limits_allow(const struct key_limits *limits, struct slice key, unsigned op,
    char cause[KEY_CAUSE_BYTES]);

/* The same with what the operation asks for: the cluster's limits if it can make a
 * node, else the maximum. */
bool key_allowed(const struct key_limits *cluster, struct slice key, unsigned op,
    char cause[KEY_CAUSE_BYTES]);

#endif
