/*
 * etcd_snapshot.h - what is in a file of etcd 3: of "etcdctl snapshot save", or the file "db" of
 * a member that was stopped.
 *
 * Read are the newest value of each key, and leases with their TTL. Not read: revisions of
 * before, members, and users with their roles, whose passwords another server cannot check in
 * the same way; how many there are is said. Pure; the bytes of the file are the caller's, and
 * what is found points into them.
 */
#ifndef MOOTHALL_CTL_ETCD_SNAPSHOT_H
#define MOOTHALL_CTL_ETCD_SNAPSHOT_H

#include "common/err.h"
#include "common/slice.h"

struct etcd_snapshot_key {
	struct slice name, value;
	uint64_t lease;			/* id; 0: none */
	uint64_t revision, sub;		/* of its last change, and its number in that */
};

struct etcd_snapshot_lease {
	uint64_t id;
	uint64_t ttl_s;
};

struct etcd_snapshot {
	struct etcd_snapshot_key *keys;	/* by name, each once */
	size_t key_count, key_capacity;
	struct etcd_snapshot_lease *leases; /* by id */
	size_t lease_count, lease_capacity;
	uint64_t revision;		/* the highest there is */
	size_t users, roles;		/* that are left out */
	bool unchecked;			/* it ends without a checksum of the whole */
};

/* ERR_MALFORMED: *sentence (owned) says what is wrong; the snapshot is empty then. */
enum err etcd_snapshot_read(struct slice file, struct etcd_snapshot *snapshot,
    char **sentence) MUST_CHECK;
void etcd_snapshot_free(struct etcd_snapshot *snapshot);

#endif
