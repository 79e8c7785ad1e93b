/*
 * target.h - a new data directory of a new cluster of one, in the making.
 *
 * Owns the directory from its first byte to its last: refuses one that holds
 * data, marks it as unfinished, receives records as a snapshot into an empty
 * LevelDB, and takes the mark away when all is synced. A directory that is left
 * before that is not started by raftd, and is made anew by the next try.
 */
#ifndef MOOTHALL_RAFTD_REBUILD_TARGET_H
#define MOOTHALL_RAFTD_REBUILD_TARGET_H

#include "common/err.h"
#include "common/slice.h"
#include "raftd/raft/types.h"

struct target;

struct target_options {
	const char *data_dir;
	const char *name;	/* of the node it is for */
	bool held;		/* the caller made the directory and holds its lock */
};

/* ERR_NONE; ERR_INVALID: it holds data; ERR_BUSY: its lock is held; or what the disk
 * said. Then *sentence is for the operator, owned by the caller. */
enum err target_open(const struct target_options *options, struct target **target,
    char **sentence) MUST_CHECK;
/* Closes; what was not finished stays unfinished. Accepts NULL. */
void target_close(struct target **target);
/* Id of the node that it will be. */
uint64_t target_node_id(const struct target *target);
/* A list of state_record that can be decoded; an empty value deletes. Waits for the
 * disk now and then. */
enum err target_put(struct target *target, struct slice records, char **sentence) MUST_CHECK;
/* All records were put, and are the state at position. */
enum err target_finish(struct target *target, struct raft_position position,
    uint64_t cluster_id, char **sentence) MUST_CHECK;

#endif
