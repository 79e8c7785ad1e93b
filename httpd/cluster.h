/*
 * cluster.h - the last status that raftd pushed: leader, members, indexes.
 *
 * Owned by the worker, filled by backend.c, read by handlers. Before the first
 * status the phase is PHASE_RECOVERING and there are no members.
 */
#ifndef MOOTHALL_HTTPD_CLUSTER_H
#define MOOTHALL_HTTPD_CLUSTER_H

#include "common/buf.h"
#include "common/cluster_config.h"
#include "common/ipc/message.h"
#include "common/ipc/wire.h"
#include "common/limits.h"

struct cluster_member {
	uint64_t id;			/* Raft's: of its data directory */
	uint64_t shown_id;		/* clients know it by: of the place it took, else id */
	int role;			/* MEMBER_VOTER or MEMBER_LEARNER */
	const char *name;
	const char *peer_url;
	const char *client_url;
};

/* A place that nobody has taken yet. */
struct cluster_place {
	uint64_t id;
	const char *peer_urls;		/* separated by commas */
};

struct cluster {
	int phase;			/* PHASE_* */
	uint64_t node_id, cluster_id;
	int role;			/* NODE_ROLE_* */
	uint64_t term, commit, applied, store_index;
	uint64_t leader_id, leader_since_ns, started_ns;
	size_t member_count;
	const struct cluster_member *members;	/* in order of joining */
	size_t place_count;
	const struct cluster_place *places;	/* in order of making */
	struct cluster_config config;
	char standby_url[URL_BYTES_MAX + 1]; /* PHASE_STANDBY: the leader's for clients, or "" */
	const char *rejoin;		/* one who was removed: peers to ask, with commas; or "" */
	uint64_t rejoin_wait_ms;	/* and when */
	const char *refuses;		/* why clients' writes are refused, a sentence; or "" */
};

struct cluster *cluster_new(void);
void cluster_free(struct cluster **cluster);
/* Take a pushed status. ERR_MALFORMED: nothing changed. */
enum err cluster_update(struct cluster *cluster, const struct msg_status *status) MUST_CHECK;
/* raftd is gone: nothing is known to be current any more, ids and members stay. */
void cluster_stale(struct cluster *cluster);
/* The member of that id or name; NULL if there is none. */
const struct cluster_member *cluster_member(const struct cluster *cluster, uint64_t id);
const struct cluster_member *cluster_member_named(const struct cluster *cluster, struct slice name);
/* Is that why writes are refused? */
bool cluster_disk_is_full(const struct cluster *cluster);

#endif
