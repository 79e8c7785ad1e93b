/*
 * replay.h - an applied state without a node: what was loaded is checked and brought up to
 * the end of its log, and made into that of a new cluster of one.
 *
 * For directories of stopped nodes and for backups: a replica and a log, without the
 * conductor and without Raft. What is in the log is applied as it is, whether a quorum had it
 * or not, because nobody is left who could tell.
 *
 *	replay_new ---> loading		replay_load_state, replay_load_entry
 *	loading ------> current		what was loaded fits, the log is applied	[replay_run]
 *	current ------> another one's	it has one member		[replay_recreate_cluster]
 *
 * The new cluster's first member comes by the same entries as always: the old
 * ones are removed, one joins. So members, registry keys, events and indexes
 * change as they would in a running cluster, and the store index goes on.
 */
#ifndef MOOTHALL_RAFTD_REBUILD_REPLAY_H
#define MOOTHALL_RAFTD_REBUILD_REPLAY_H

#include "common/buf.h"
#include "common/err.h"
#include "raftd/raft/types.h"
#include "raftd/replica/replica.h"

struct replay;

/* applied: of which entry the records are the state. */
struct replay *replay_new(struct raft_position applied);
/* Accepts NULL. */
void replay_free(struct replay **replay);

/* First every record of the applied state, in the order of their keys, then the log. What of it
 * is applied already is not kept. ERR_CORRUPT: no node can have written that. */
enum err replay_load_state(struct replay *replay, struct slice key,
    struct slice value) MUST_CHECK;
enum err replay_load_entry(struct replay *replay, const struct raft_entry *entry) MUST_CHECK;

/* Who gets what was changed: lists of state_record, borrowed. An empty value deletes. */
struct replay_effects {
	void (*take)(void *argument, struct slice records);
	void *argument;
};

/* ERR_CORRUPT with *where (static): what was loaded does not fit together. */
enum err replay_run(struct replay *replay, const struct replay_effects *effects,
    const char **where) MUST_CHECK;
/* Give what was loaded of records of before as those of today: replica_renew. */
void replay_renew(struct replay *replay, const struct replay_effects *effects);

/* The only member of a new cluster. */
struct replay_first_member {
	uint64_t node_id, cluster_id;	/* new, not 0 */
	struct slice name, peer_url, client_url;
};
/* It is the only member from now on. Returns what the state is of then: some entries later, in
 * the same term. */
struct raft_position replay_recreate_cluster(struct replay *replay,
    const struct replay_first_member *first, const struct replay_effects *effects);

const struct replica *replay_replica(const struct replay *replay);

#endif
