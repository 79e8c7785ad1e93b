/*
 * replica.h - the applied state: what the log makes of nothing, the same on every node
 * at the same applied index.
 *
 * It is what effects, the disk, snapshots and backups hold, as records of state.h,
 * each of which belongs to one of its parts. Knows neither consensus nor the world;
 * apply.c changes it, an installed snapshot replaces it (compact.c).
 *
 *	init ---> loading	replica_load for each record	[replica_init]
 *	loading -> whole	what was loaded fits together	[replica_loaded]
 */
#ifndef MOOTHALL_RAFTD_REPLICA_H
#define MOOTHALL_RAFTD_REPLICA_H

#include "common/buf.h"
#include "raftd/config_state.h"
#include "raftd/member.h"
#include "raftd/requests.h"
#include "raftd/store/store.h"

struct replica {
	struct store *store;
	struct requests *requests;
	struct members members;
	struct cluster_config config;
	uint64_t applied_ns;		/* stamp of the last applied entry, never falls */
};

/* An empty one. seed: of hash tables. */
void replica_init(struct replica *replica, uint64_t seed);
/* Of one that is zeroed, too, and leaves it so. */
void replica_clear(struct replica *replica);
/* Hand the store what it has to know of the configuration, which was set or changed.
 * effects NULL: while loading. */
void replica_configure(struct replica *replica, struct buf *effects);
/* Give a state record to whom it belongs. */
enum err replica_load(struct replica *replica, struct slice key, struct slice value) MUST_CHECK;
/* All were given: ERR_CORRUPT with *where (static) if they do not fit together. */
enum err replica_loaded(struct replica *replica, const char **where) MUST_CHECK;
/* Append the stamp of what was applied last. */
void replica_stamp(const struct replica *replica, struct buf *effects);
/* CRC32C over all of it. Walks everything: tests and checks only. */
uint32_t replica_hash(const struct replica *replica);

#endif
